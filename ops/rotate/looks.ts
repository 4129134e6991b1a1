/** Whether what was valid before a rotation is refused now, and what is valid is taken: the one without the other would prove nothing. */
import { X509Certificate } from "node:crypto";
import { CredentialName } from "../../components/credentials";
import { SECRET_OF, SecretName } from "../../components/generations";
import { userOf } from "../../components/object-store-users";
import { certificates } from "../../components/pem";
import { shellQuote } from "../../components/shell";
import { DeployedNode, Deployment } from "../deployment";
import { Answer, ask, Shown } from "./connection";
import { certificatesNow, Former, peerIdentity, Shared, sharedNow } from "./former";

/** What became of an old value. */
export interface Look {
    name: SecretName;
    /** @example "mid-1" */
    where: string;
    /** gone: it is no longer shown, but cannot be refused; unknown: it could not be looked at. */
    state: "refused" | "gone" | "accepted" | "unknown";
    /** What was seen. */
    seen: string;
}

/** Looks at every node. Does not throw: what cannot be looked at is unknown. */
export async function lookAtFormer(deployment: Deployment, names: SecretName[], before: Former): Promise<Look[]> {
    const now = await sharedNow(deployment);
    const looks = names.flatMap((name) =>
        deployment.nodes.map((node) => ({ name, where: node.name, look: LOOKS[name](node, before, now, name) })),
    );
    return Promise.all(
        looks.map(async ({ name, where, look }): Promise<Look> => {
            const { state, seen } = await look.catch(
                (error: Error): Seen => ({ state: "unknown", seen: error.message }),
            );
            return { name, where, state, seen };
        }),
    );
}

/** Looks that leave a rotation unproven. What another run began nobody can look at, and that run was told so. Pure. */
export const unprovenLooks = (looks: Look[], interrupted: boolean): Look[] =>
    looks.filter(({ state }) => state === "accepted" || (state === "unknown" && !interrupted));

type Seen = Pick<Look, "state" | "seen">;
type Looker = (node: DeployedNode, before: Former, now: Shared, name: SecretName) => Promise<Seen>;

const credentialOf = (name: SecretName): CredentialName =>
    (Object.keys(SECRET_OF) as CredentialName[]).find((key) => SECRET_OF[key] === name)!;

const basic = (user: string, password: string): string =>
    `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

const words = (answer: Answer): string =>
    "status" in answer ? `HTTP ${answer.status}` : `the connection ended: ${answer.notBelieved}`;
const isRefusal = (answer: Answer): boolean =>
    "notBelieved" in answer || answer.status === 401 || answer.status === 403;
const isTaken = (answer: Answer): boolean => "status" in answer && answer.status >= 200 && answer.status < 300;

/** The old one and the new one, at the same door. */
async function compared(url: string, old: Shown, current: Shown): Promise<Seen> {
    const [refused, taken] = [await ask(url, old), await ask(url, current)];
    const seen = `old: ${words(refused)}, new: ${words(taken)}`;
    if (isTaken(refused)) return { state: "accepted", seen };
    return { state: isRefusal(refused) && isTaken(taken) ? "refused" : "unknown", seen };
}

const at = ({ address, values }: DeployedNode, port: number, path: string): string =>
    `${values.tls === "off" ? "http" : "https"}://${address}:${port}${path}`;

const password =
    (user: (node: DeployedNode) => string, port: (node: DeployedNode) => number, path: string): Looker =>
    (node, before, now, name) => {
        const key = credentialOf(name);
        const shown = (shared: Shared): Shown => ({
            ca: now.caCertificate,
            authorization: basic(user(node), shared.credentials[key]),
        });
        return compared(at(node, port(node), path), shown(before.shared), shown(now));
    };

const tokens: Looker = async (node, before, now) => {
    const [name, tokens] = Object.entries(before.shared.otlpTokens).find(([one]) => one in now.otlpTokens) ?? [];
    if (name === undefined) return { state: "unknown", seen: "no sender had a token before and has one now" };
    const current = now.otlpTokens[name]!;
    const old = tokens!.find((token) => !current.includes(token));
    if (old === undefined) return { state: "accepted", seen: `every token of ${name} is one that it had before` };
    const shown = (token: string): Shown => ({
        ...{ ca: now.caCertificate, authorization: `Bearer ${token}` },
        ...{ method: "POST", headers: { "content-type": "application/json" }, body: "{}" },
    });
    return compared(at(node, node.values.otlpHttpPort, "/v1/logs"), shown(old), shown(current[0]!));
};

/** Codes with which an S3 store refuses a user, or a secret. */
const REFUSALS = ["InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied"];

// An error's code, or "taken". Both pairs come by standard input.
const STORE_LOOK = `set -eu
export MC_CONFIG_DIR=/tmp/.mc
while read -r user secret bucket; do
    export MC_HOST_look="$OTEL_HA_SCHEME://$user:$secret@127.0.0.1:$OTEL_HA_PORT"
    out=$(mc --json ls "look/$bucket" 2>&1 </dev/null) && { echo taken; continue; }
    code=$(printf '%s' "$out" | grep -oE '${REFUSALS.join("|")}' | head -n 1)
    echo "\${code:-no answer}"
done`;

const storeUserLook =
    (base: (node: DeployedNode) => string, bucket: (node: DeployedNode) => string, named: typeof userOf): Looker =>
    async (node, before, now, name) => {
        const { values } = node;
        const line = ({ credentials }: Shared): string => {
            const secret = credentials[credentialOf(name)];
            return `${named(base(node), secret)} ${secret} ${bucket(node)}\n`;
        };
        const env = `-e OTEL_HA_PORT=${values.objectStorePort} -e OTEL_HA_SCHEME=${values.tls === "off" ? "http" : "https"}`;
        const { code, stdout, stderr } = await node.exec(
            `docker exec -i ${env} ${shellQuote(node.container("minio"))} /bin/sh -c ${shellQuote(STORE_LOOK)}`,
            { input: line(before.shared) + line(now) },
        );
        if (code !== 0) throw new Error(stderr.trim().split("\n").at(-1) ?? `code ${code}`);
        return storeSeen(stdout);
    };

/** Reads what the store said of the old user and of the new one. Pure. */
export function storeSeen(text: string): Seen {
    const [old = "no answer", current = "no answer"] = text.trim().split("\n");
    const seen = `old: ${old}, new: ${current}`;
    if (old === "taken") return { state: "accepted", seen };
    return { state: REFUSALS.includes(old) && current === "taken" ? "refused" : "unknown", seen };
}

const sameName: typeof userOf = (base) => base;

// Of a password that a host only compares with there is one place: its own file, which Keepalived has read when `up` has ended.
const vrrp: Looker = async (node, before, now) => {
    const file = `${node.values.configDir}/keepalived/authentication.conf`;
    const line = (shared: Shared): string => `auth_pass ${shared.credentials.vrrpPassword}\n`;
    const { code, stdout, stderr } = await node.exec(
        `while read -r line; do sed 's/^ *//' ${shellQuote(file)} | grep -qxF -e "$line" && echo there || echo absent; done`,
        { input: line(before.shared) + line(now) },
    );
    if (code !== 0) throw new Error(stderr.trim());
    const [old, current] = stdout.trim().split("\n");
    const seen = `in ${file}: old ${old}, new ${current}`;
    if (old === "there") return { state: "accepted", seen };
    return { state: old === "absent" && current === "there" ? "refused" : "unknown", seen };
};

const shownNoMore: Looker = async (node, before) => {
    const now = await certificatesNow([node]);
    const still = Object.keys(now).filter((place) => now[place] === before.certificates[place]);
    if (still.length > 0) return { state: "accepted", seen: `the old one is shown by ${still.join("; ")}` };
    return { state: "gone", seen: `shown no more at ${Object.keys(now).length} ports; valid until its end` };
};

/** Who has the old CA's certificate is believed no more, and nobody believes that CA. */
const oldAuthority: Looker = async (node, before, now) => {
    const believed = bundle(now.caCertificate);
    const old = Object.values(before.peers).find((pem) => !isOf(pem, believed));
    const gone = bundle(before.shared.caCertificate).filter((one) => !believed.includes(one));
    if (gone.length === 0) return { state: "accepted", seen: "every CA that was believed before still is" };
    if (old === undefined)
        return {
            state: "gone",
            seen: `${gone.length} CA fewer in ${believed.length + gone.length}; its certificates had been replaced before`,
        };
    const url = at(node, node.values.prometheusPort, "/-/ready");
    return compared(
        url,
        { identity: old, ca: now.caCertificate },
        { identity: await peerIdentity(node), ca: now.caCertificate },
    );
};

const bundle = (pem: string | undefined): string[] => (certificates(pem ?? "") ?? []).map(String);
const isOf = (leaf: string, cas: string[]): boolean => {
    const certificate = new X509Certificate(leaf);
    return cas.some((ca) => certificate.verify(new X509Certificate(ca).publicKey));
};

const LOOKS: Record<SecretName, Looker> = {
    objectStoreRoot: storeUserLook(
        ({ values }) => values.objectStoreRootUser,
        ({ values }) => values.lokiBucket,
        sameName,
    ),
    lokiUser: storeUserLook(
        ({ values }) => values.lokiObjectStoreUser,
        ({ values }) => values.lokiBucket,
        userOf,
    ),
    thanosSidecarUser: storeUserLook(
        ({ values }) => values.thanosSidecarObjectStoreUser,
        ({ values }) => values.thanosBucket,
        userOf,
    ),
    thanosStoreUser: storeUserLook(
        ({ values }) => values.thanosStoreObjectStoreUser,
        ({ values }) => values.thanosBucket,
        userOf,
    ),
    thanosCompactorUser: storeUserLook(
        ({ values }) => values.thanosCompactorObjectStoreUser,
        ({ values }) => values.thanosBucket,
        userOf,
    ),
    vrrp,
    haproxyStats: password(
        ({ values }) => values.haproxyStatsUser,
        ({ values }) => values.haproxyStatsPort,
        "/stats",
    ),
    query: password(
        ({ values }) => values.queryUser,
        ({ values }) => values.queryPort,
        "/api/v1/query?query=1",
    ),
    otlpTokens: tokens,
    certificates: shownNoMore,
    ca: oldAuthority,
};
