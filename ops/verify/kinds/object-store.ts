import { shellWords, shellQuote } from "../../../components/shell";
import { Finding, Inquiry, Judgement, NOTHING, Sections } from "../model";
import { inputOf, lineOf, StateResource } from "../state";

/** The resources that make buckets, users and policies. Pure. */
export const storeSetups = (resources: StateResource[]): StateResource[] =>
    resources.filter((resource) => /^(sudo -n )?\S+\/setup-object-store /.test(lineOf(resource)));

/** Those that take users away when no node needs them any more. Pure. */
export const userRetirements = (resources: StateResource[]): StateResource[] =>
    resources.filter((resource) => /^(sudo -n )?\S+\/retire-object-store-users /.test(lineOf(resource)));

/** Buckets, users and policies of the node's object store. What they have to be is what the script that makes them says. Pure. */
export function objectStore(resources: StateResource[]): Inquiry {
    const setup = storeSetups(resources)[0];
    if (!setup) return { settings: { STORE: "", CLIENTS: "" }, judge: () => NOTHING };
    const words = shellWords(lineOf(setup)).filter((word, at) => at > 1 || !["sudo", "-n"].includes(word));
    return {
        settings: { STORE: [...words, "--check", "true"].map(shellQuote).join(" "), CLIENTS: inputOf(setup) },
        judge: (said) => compare(readStore(said), setup.urn),
    };
}

interface Store {
    /** Ended well: all was told. */
    whole: boolean;
    complaint: string;
    buckets: string[];
    users: Record<string, { policies: string[]; groups: string[]; enabled: boolean } | undefined>;
    /** The group of the node's users; "" without one. */
    group: string;
    policies: Record<string, string | undefined>;
    clients: { user: string; bucket: string; policy: string }[];
    /** Policies as they have to be. */
    wanted: Record<string, string>;
    /** Users whose secret is another one. */
    otherSecret: string[];
}

interface Told {
    status?: string;
    type?: string;
    key?: string;
    accessKey?: string;
    policyName?: string;
    memberOf?: { name: string }[];
    userStatus?: string;
    policyInfo?: { PolicyName: string; Policy: unknown };
    error?: { message?: string; cause?: { message?: string } };
}

function readStore(said: Sections): Store {
    const lines = said["object-store"] ?? [];
    const store: Store = {
        whole: lines.at(-1) === "told",
        complaint: (said["object-store-complaint"] ?? []).at(-1) ?? "",
        buckets: [],
        users: {},
        group: "",
        policies: {},
        clients: [],
        wanted: {},
        otherSecret: [],
    };
    for (const line of lines) {
        const [word, a = "", b = "", c = ""] = line.split(" ");
        if (line.startsWith("{")) readTold(JSON.parse(line) as Told, store);
        else if (word === "group") store.group = a;
        else if (word === "client") store.clients.push({ user: a, bucket: b, policy: c });
        else if (word === "want") store.wanted[a] = policyText(JSON.parse(line.slice(`want ${a} `.length)));
        else if (word === "other-secret") store.otherSecret.push(a);
    }
    return store;
}

function readTold(
    { status, type, key, accessKey, policyName, memberOf, userStatus, policyInfo, error }: Told,
    store: Store,
): void {
    if (status !== "success") store.complaint ||= error?.cause?.message ?? error?.message ?? "";
    if (status !== "success") return;
    if (type === "folder" && key) store.buckets.push(key.replace(/\/$/, ""));
    if (accessKey)
        store.users[accessKey] = {
            policies: (policyName ?? "").split(",").filter(Boolean),
            groups: (memberOf ?? []).map(({ name }) => name),
            enabled: userStatus === "enabled",
        };
    if (policyInfo) store.policies[policyInfo.PolicyName] = policyText(policyInfo.Policy);
}

/** The same text for policies that allow the same. Pure. */
export function policyText(policy: unknown): string {
    const { Statement } = policy as { Statement: Record<string, unknown>[] };
    const list = (value: unknown): string[] => [value].flat().map(String).sort();
    return Statement.map(({ Effect, Action, Resource, ...more }) =>
        JSON.stringify([Effect, list(Action), list(Resource), more]),
    )
        .sort()
        .join("\n");
}

function compare(store: Store, urn: string): Judgement {
    if (!store.whole) {
        const why = store.complaint ? `: ${store.complaint}` : "";
        return { findings: [], unknown: [`the object store does not tell its buckets and users${why}`] };
    }
    const findings = store.clients.flatMap(({ user, bucket, policy }) => [
        ...(store.buckets.includes(bucket)
            ? []
            : [
                  {
                      kind: "bucket" as const,
                      subject: bucket,
                      property: "existence",
                      expected: "a bucket",
                      found: "nothing",
                      urn,
                  },
              ]),
        ...compareUser(store, user, urn),
        ...comparePolicy(store, policy, urn),
    ]);
    findings.push(...compareGroup(store, urn));
    findings.push(...unneeded(store).map((subject): Finding => ({ ...UNNEEDED, subject, urn })));
    // A user may have several buckets.
    const lines = findings.map((finding) => JSON.stringify(finding));
    return { findings: findings.filter((_, at) => lines.indexOf(lines[at]!) === at), unknown: [] };
}

/** A user of ours that the node's services do not need any more. */
const UNNEEDED = { kind: "user" as const, property: "existence", expected: "nothing", found: "a user" };

/** True for a finding that the user may go. Pure. */
export const isUnneeded = ({ kind, property, expected }: Finding): boolean =>
    kind === UNNEEDED.kind && property === UNNEEDED.property && expected === UNNEEDED.expected;

/** Ends of the names of our policies, and what there was before there were roles. */
const ROLES = ["all", "upload", "read", "client"];

// One that people have made has other policies.
function unneeded({ users, clients }: Store): string[] {
    const ours = new Set(clients.flatMap(({ bucket }) => ROLES.map((role) => `${bucket}-${role}`)));
    return Object.entries(users).flatMap(([name, user]) =>
        user?.policies.some((policy) => ours.has(policy)) && !clients.some((client) => client.user === name)
            ? [name]
            : [],
    );
}

function compareUser(store: Store, user: string, urn: string): Finding[] {
    const is = store.users[user];
    const differs = (property: string, expected: string, found: string): Finding => {
        return { kind: "user", subject: user, property, expected, found, urn };
    };
    if (!is) return [differs("existence", "a user", "nothing")];
    const wanted = store.clients.flatMap((client) => (client.user === user ? [client.policy] : []));
    const [should, has] = [wanted, is.policies].map((list) => [...new Set(list)].sort().join(", "));
    return [
        ...(is.enabled ? [] : [differs("state", "enabled", "disabled")]),
        ...(should === has ? [] : [differs("policies", should!, has || "none")]),
        ...(is.enabled && store.otherSecret.includes(user) ? [differs("secret", "[secret]", "another")] : []),
    ];
}

// By its groups the last node to leave a user is known.
function compareGroup({ group, users, clients }: Store, urn: string): Finding[] {
    if (group === "") return [];
    const wanted = [...new Set(clients.map(({ user }) => user))].sort().join(", ");
    const members = Object.keys(users).filter((user) => users[user]!.groups.includes(group));
    const found = members.sort().join(", ");
    if (found === wanted) return [];
    return [{ kind: "group", subject: group, property: "members", expected: wanted, found: found || "nobody", urn }];
}

function comparePolicy(store: Store, policy: string, urn: string): Finding[] {
    const [should, is] = [store.wanted[policy], store.policies[policy]];
    if (should === is) return [];
    const differs = { kind: "policy" as const, subject: policy, urn };
    if (is === undefined) return [{ ...differs, property: "existence", expected: "a policy", found: "nothing" }];
    return [{ ...differs, property: "content", expected: "the deployed one", found: is.split("\n").join("; ") }];
}
