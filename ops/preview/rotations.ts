/** What people notice, or have to do, when secrets and certificates are others. Pure. */
import { AnyValues, ApmValues, Values } from "../../components/settings/keys";
import type { Consequence } from "./consequences";
import { BY_ANOTHER_CA, Change, NodePlan } from "./plan";

/** Sentences about a plan; none for a first deployment, of which nobody knows anything yet. */
export function ofRotations(plan: NodePlan, v: AnyValues): Consequence[] {
    if (plan.first) return [];
    const logins = v.system === "apm" ? apmPasswords(plan, v) : passwords(plan, v);
    const nodes = v.system === "apm" ? "all nodes" : "both nodes";
    return [...logins, ...tokens(plan), ...authorities(plan, nodes), ...signers(plan)].map((text) => ({
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

function apmPasswords(plan: NodePlan, v: ApmValues): string[] {
    const beside = (role: string): string =>
        `another user "${role}" is made beside the old one, which is removed when no node needs it any more`;
    const said: Record<string, string> = {
        opensearchAdminPassword:
            "the password of OpenSearch's administrator is another one, and the old one is refused at once (pulumi stack output opensearchAdminPassword --show-secrets)",
        opensearchReaderPassword: `${beside("reader")}: who searches needs it (pulumi stack output opensearchReaderPassword --show-secrets)`,
        opensearchWriterPassword: beside("writer"),
        opensearchDashboardsPassword: beside("dashboards"),
        opensearchMonitorPassword: beside("monitor"),
        ...(v.apm.ingest === "direct"
            ? {}
            : {
                  dataPrepperPassword:
                      "the password for Data Prepper is another one: until a node's collector has it, what it sends waits in its queue",
              }),
        dashboardsCookieSecret: "sessions of OpenSearch Dashboards end, and people have to log in again",
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

function authorities({ changes }: NodePlan, nodes: string): string[] {
    // With the last certificate goes TLS itself.
    if (changes.some(({ op, what }) => op === "delete" && what.startsWith("certificate "))) return [];
    return changes.flatMap(({ op, what }) => {
        if (!/^CA \d+$/.test(what)) return [];
        if (op === "create")
            return [
                `${nodes} believe ${what}, too; clients need it beside what they have (pulumi stack output caCertificate) before it signs`,
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
