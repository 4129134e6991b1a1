/** What people notice, or have to do, when secrets and certificates are others. Pure. */
import { Values } from "../../components/settings/keys";
import type { Consequence } from "./consequences";
import { BY_ANOTHER_CA, Change, NodePlan } from "./plan";

/** Sentences about a plan; none for a first deployment, of which nobody knows anything yet. */
export function ofRotations(plan: NodePlan, v: Values): Consequence[] {
    if (plan.first) return [];
    return [...passwords(plan, v), ...tokens(plan), ...authorities(plan), ...signers(plan)].map((text) => ({
        of: "clients",
        text,
    }));
}

const changed = ({ changes }: NodePlan, what: string): boolean =>
    changes.some((change) => change.what === what && (change.op === "replace" || change.op === "update"));

function passwords(plan: NodePlan, v: Values): string[] {
    const refused = (user: string, who: string, output: string): string =>
        `the password of ${user} is another one, and the old one is refused at once: ${who} the new one (pulumi stack output ${output} --show-secrets)`;
    const said: Record<string, string> = {
        queryPassword: refused(v.queryUser, "dashboards need", "queryPassword"),
        haproxyStatsPassword: refused(v.haproxyStatsUser, "who operates the pair needs", "haproxyStatsPassword"),
        vrrpPassword:
            "the nodes get another VRRP password one after the other; the virtual IP stays where it is meanwhile",
    };
    return Object.keys(said).flatMap((name) => (changed(plan, `secret ${name}`) ? [said[name]!] : []));
}

/** Senders whose token, of whatever generation, is made or goes. */
function senders(changes: Change[], op: Change["op"]): Map<string, string[]> {
    const found = new Map<string, string[]>();
    for (const change of changes) {
        const [, name, generation] = /^secret otlpToken-([^.]*)(?:\.g(\d+))?$/.exec(change.what) ?? [];
        if (name !== undefined && change.op === op) found.set(name, [...(found.get(name) ?? []), generation ?? "1"]);
    }
    return found;
}

function tokens({ changes }: NodePlan): string[] {
    const second = [...senders(changes, "create")].filter(([, generations]) => generations.some((one) => one !== "1"));
    const gone = [...senders(changes, "delete")].map(([name]) => name);
    const of = (names: string[]): string => names.sort().join(", ");
    return [
        ...(second.length > 0
            ? [
                  `another token is accepted beside the former one of ${of(second.map(([name]) => name))}; hand it out (pulumi stack output otlpTokens --show-secrets) before oldestGeneration.otlpTokens ends the former one`,
              ]
            : []),
        ...(gone.length > 0 ? [`a token of ${of(gone)} is refused from now on`] : []),
    ];
}

function authorities({ changes }: NodePlan): string[] {
    // With the last certificate goes TLS itself.
    if (changes.some(({ op, what }) => op === "delete" && what.startsWith("certificate "))) return [];
    return changes.flatMap(({ op, what }) => {
        if (!/^CA \d+$/.test(what)) return [];
        if (op === "create")
            return [
                `both nodes believe ${what}, too; clients need it beside what they have (pulumi stack output caCertificate) before it signs`,
            ];
        return op === "delete"
            ? [`${what} is not believed any more: clients that know no other one are cut off, if they were not before`]
            : [];
    });
}

function signers({ changes, name }: NodePlan): string[] {
    if (!changes.some(({ what }) => what.endsWith(BY_ANOTHER_CA))) return [];
    return [`another CA signs the certificates of ${name}: clients that do not believe it yet are cut off`];
}
