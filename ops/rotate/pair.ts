/** The secrets of the two-host platform. */
import { SECRET_NAMES, SECRET_OF, SecretName } from "../../components/generations";
import { userOf } from "../../components/object-store-users";
import { Values } from "../../components/settings/keys";
import { shellQuote } from "../../components/shell";
import { DeployedNode } from "../deployment";
import { Shared } from "./former";
import { at, login, Looker, oldAuthority, Seen, shownNoMore, tokens } from "./lookers";
import { credentialOf, type Explanation, type RotationSystem } from "./systems";

const BUCKET_USER = "each node gets a user of its own beside the old one, which is removed when both have moved";
const OTHERS_HOLD = "old and new are accepted until --finish";

const EXPLANATIONS: Record<SecretName, Explanation> = {
    objectStoreRoot: {
        what: "root of the object store",
        effect: "each object store starts anew; a pooled one takes no writes until both hosts have it, and Loki and Thanos keep what they have until then",
    },
    lokiUser: { what: "Loki's user of the object store", effect: `Loki starts anew; ${BUCKET_USER}` },
    thanosSidecarUser: { what: "the Thanos sidecar's", effect: `it starts anew; ${BUCKET_USER}` },
    thanosStoreUser: { what: "Thanos Store's", effect: `it starts anew; ${BUCKET_USER}` },
    thanosCompactorUser: { what: "the Thanos compactor's", effect: `it starts anew; ${BUCKET_USER}` },
    vrrp: { what: "the password of VRRP 2", effect: "Keepalived reloads; the virtual IP stays where it is" },
    haproxyStats: {
        what: "the administrator's password",
        effect: "HAProxy reloads; the old password is refused at once, so that who uses it needs: pulumi stack output haproxyStatsPassword --show-secrets",
    },
    query: {
        what: "the password of those who query",
        effect: "HAProxy reloads; the old password is refused at once, so that dashboards need: pulumi stack output queryPassword --show-secrets",
    },
    otlpTokens: { what: "tokens of those who send telemetry", effect: `HAProxy reloads; ${OTHERS_HOLD}` },
    certificates: {
        what: "the nodes' certificates and their keys",
        effect: "HAProxy and the object store take them without a restart; the old ones are shown nowhere, but stay valid until they end (a new CA ends that)",
    },
    ca: {
        what: "the CA",
        effect: `services that cannot read another bundle while they run start anew, one host after the other; ${OTHERS_HOLD}`,
    },
};

/** Why there is no such secret to rotate here; undefined when there is. */
function notHere(name: SecretName, v: Values): string | undefined {
    switch (name) {
        case "objectStoreRoot":
        case "lokiUser":
        case "thanosSidecarUser":
        case "thanosStoreUser":
        case "thanosCompactorUser":
            return v.objectStore === "external" ? 'objectStore is "external"' : undefined;
        case "vrrp":
            return v.vrrpVersion === 2 ? undefined : `vrrpVersion is ${v.vrrpVersion}, which has no password`;
        case "query":
            return v.tls === "off" ? 'tls is "off", without which everybody may query' : undefined;
        case "otlpTokens":
            return v.otlpTokens === "" ? "otlpTokens names nobody" : undefined;
        case "certificates":
        case "ca":
            return v.tls === "internal" ? undefined : `tls is "${v.tls}"`;
        case "haproxyStats":
            return undefined;
    }
}

/** Ports at which each kind of a node's certificates is shown. Pure. */
function certificatePorts(v: Values): Record<string, number> {
    return {
        clients: v.otlpHttpPort,
        administrators: v.prometheusPort,
        "the other node": v.aggregatorGrpcPort,
        ...(v.objectStore === "external" ? {} : { "the object store's clients": v.objectStorePort }),
    };
}

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
    (
        base: (node: DeployedNode) => string,
        bucket: (node: DeployedNode) => string,
        named: typeof userOf,
    ): Looker<Values> =>
    async (node, before, now, name) => {
        const { values } = node;
        const line = ({ credentials }: Shared): string => {
            const secret = credentials[credentialOf(node.values, name)]!;
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
const vrrp: Looker<Values> = async (node, before, now) => {
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

const LOOKS = (): Record<SecretName, Looker<Values>> => ({
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
    haproxyStats: login(
        ({ values }) => values.haproxyStatsUser,
        (v) => v.haproxyStatsPort,
        "/stats",
    ),
    query: login(
        ({ values }) => values.queryUser,
        (v) => v.queryPort,
        "/api/v1/query?query=1",
    ),
    otlpTokens: tokens,
    certificates: shownNoMore,
    ca: oldAuthority,
});

/** What `otel-ha rotate` has to know of them. */
export const pairRotation = (): RotationSystem<SecretName, Values> => ({
    names: SECRET_NAMES,
    secretOf: SECRET_OF,
    explanations: EXPLANATIONS,
    notHere,
    certificatePorts,
    identityFile: ({ configDir }) => `${configDir}/haproxy/tls/peer.pem`,
    identityDoor: (node) => at(node, node.values.prometheusPort, "/-/ready"),
    looks: LOOKS(),
});
