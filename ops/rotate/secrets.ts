/** What can be rotated, and what that means to people. Pure. */
import { SECRET_NAMES, SECRET_OF, SecretName } from "../../components/generations";
import { CredentialName } from "../../components/credentials";
import { Values } from "../../components/settings/keys";
import { UserError } from "../errors";

/** What a secret is called, and what its rotation does. */
interface Explanation {
    what: string;
    /** While it goes on, and afterwards. */
    effect: string;
}

const BUCKET_USER = "each node gets a user of its own beside the old one, which is removed when both have moved";
const OTHERS_HOLD = "old and new are accepted until --finish";

export const EXPLANATIONS: Record<SecretName, Explanation> = {
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

/** Keys that give a secret. @example givenBy("lokiUser") → ["lokiObjectStoreSecret"] */
export const givenBy = (name: SecretName): CredentialName[] =>
    (Object.keys(SECRET_OF) as CredentialName[]).filter((key) => SECRET_OF[key] === name);

/** Why there is no such secret to rotate here; undefined when there is. */
export function notHere(name: SecretName, v: Values, given: string[]): string | undefined {
    const key = givenBy(name).find((one) => given.includes(one));
    if (key) return `it is given: pulumi config set --secret ${key}, and then otel-ha up`;
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

/** Which secrets are meant: all that there are, when none is named. Errors: an unknown name, or one that cannot be rotated here. */
export function chosenSecrets(words: string[], v: Values, given: string[]): SecretName[] {
    if (words.length === 0) return SECRET_NAMES.filter((name) => notHere(name, v, given) === undefined);
    return [...new Set(words)].map((word) => {
        const name = SECRET_NAMES.find((one) => one === word);
        if (!name) throw new UserError(`there is no secret "${word}" to rotate; there are: ${SECRET_NAMES.join(", ")}`);
        const why = notHere(name, v, given);
        if (why) throw new UserError(`${name} cannot be rotated here: ${why}`);
        return name;
    });
}
