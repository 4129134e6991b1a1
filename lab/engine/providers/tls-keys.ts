// tls:index:PrivateKey: keys in all the formats that the real provider gives.
import * as crypto from "node:crypto";
import { equal, Unknown, ValueMap } from "../values";
import { ResourceProvider } from "./types";

const CURVES: Record<string, string> = { P224: "secp224r1", P256: "prime256v1", P384: "secp384r1", P521: "secp521r1" };
const SSH_CURVES: Record<string, string> = { "P-256": "nistp256", "P-384": "nistp384", "P-521": "nistp521" };
const DEFAULTS: ValueMap = { ecdsaCurve: "P224", rsaBits: 2048 };
const META = '{"schema_version":"1"}';

export const sha1 = (data: Buffer | string) => crypto.createHash("sha1").update(data).digest("hex");

/** Replaces on any change; the real provider gives no detailed diff. */
export function replaceOnChange(defaults: ValueMap, inPlace: string[] = []): ResourceProvider["diff"] {
    return (old, inputs) => {
        const keys = new Set([...Object.keys(old.inputs), ...Object.keys(inputs)]);
        const value = (map: ValueMap, key: string) => map[key] ?? defaults[key];
        const changed = [...keys].filter((key) => !equal(value(old.inputs, key), value(inputs, key)));
        const renewal = old.outputs.readyForRenewal === true ? ["readyForRenewal"] : [];
        const replace = changed.filter((key) => !inPlace.includes(key));
        return { changed: [...changed, ...renewal], replace: [...replace, ...renewal] };
    };
}

function generate(inputs: ValueMap): crypto.KeyObject {
    switch (inputs.algorithm) {
        case "RSA":
            return crypto.generateKeyPairSync("rsa", { modulusLength: Number(inputs.rsaBits ?? DEFAULTS.rsaBits) })
                .privateKey;
        case "ECDSA": {
            const namedCurve = CURVES[String(inputs.ecdsaCurve ?? DEFAULTS.ecdsaCurve)];
            if (!namedCurve) throw new Error(`unsupported ecdsaCurve '${inputs.ecdsaCurve}'`);
            return crypto.generateKeyPairSync("ec", { namedCurve }).privateKey;
        }
        case "ED25519":
            return crypto.generateKeyPairSync("ed25519").privateKey;
        default:
            throw new Error(`unsupported algorithm '${inputs.algorithm}'`);
    }
}

const sshString = (data: Buffer | string) => {
    const bytes = Buffer.from(data as Buffer);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
};

/** A non-negative integer: no leading zeros, but one where the first bit is set. */
function sshInteger(base64url: string): Buffer {
    let bytes = Buffer.from(base64url, "base64url");
    while (bytes.length > 1 && bytes[0] === 0) bytes = bytes.subarray(1);
    return sshString(bytes[0] & 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes);
}

interface SshParts {
    type: string;
    /** The fields after the type, of the public key and of the private one. */
    public: Buffer[];
    private: Buffer[];
}

/** Undefined for keys that OpenSSH does not know (P-224). */
function sshParts(key: crypto.KeyObject): SshParts | undefined {
    const jwk =
        key.asymmetricKeyType === "ec" && !isSshCurve(key)
            ? undefined
            : (key.export({ format: "jwk" }) as Record<string, string>);
    if (!jwk) return undefined;
    const bytes = (name: string) => Buffer.from(jwk[name], "base64url");
    if (jwk.kty === "RSA") {
        const integers = (...names: string[]) => names.map((name) => sshInteger(jwk[name]));
        return { type: "ssh-rsa", public: integers("e", "n"), private: integers("n", "e", "d", "qi", "p", "q") };
    }
    if (jwk.kty === "OKP") {
        const publicKey = sshString(bytes("x"));
        const both = sshString(Buffer.concat([bytes("d"), bytes("x")]));
        return { type: "ssh-ed25519", public: [publicKey], private: [publicKey, both] };
    }
    const curve = SSH_CURVES[jwk.crv];
    const point = [sshString(curve), sshString(Buffer.concat([Buffer.from([4]), bytes("x"), bytes("y")]))];
    return { type: `ecdsa-sha2-${curve}`, public: point, private: [...point, sshInteger(jwk.d)] };
}

const isSshCurve = (key: crypto.KeyObject) => key.asymmetricKeyDetails?.namedCurve !== CURVES.P224;

function opensshPrivateKey({ type, public: publicParts, private: privateParts }: SshParts): string {
    const publicBlob = Buffer.concat([sshString(type), ...publicParts]);
    const check = crypto.randomBytes(4);
    let secrets = Buffer.concat([check, check, sshString(type), ...privateParts, sshString("")]);
    for (let pad = 1; secrets.length % 8 !== 0; pad++) secrets = Buffer.concat([secrets, Buffer.from([pad])]);
    const one = Buffer.from([0, 0, 0, 1]);
    const header = [Buffer.from("openssh-key-v1\0"), sshString("none"), sshString("none"), sshString(""), one];
    const body = Buffer.concat([...header, sshString(publicBlob), sshString(secrets)]).toString("base64");
    const lines = body.match(/.{1,70}/g)!.join("\n");
    const label = "OPENSSH PRIVATE KEY";
    return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

/** What follows from a private key, named as in the resource's outputs. */
function forms(key: crypto.KeyObject): ValueMap {
    const publicKey = crypto.createPublicKey(key);
    const traditional = { rsa: "pkcs1", ec: "sec1" }[key.asymmetricKeyType as string] ?? "pkcs8";
    const ssh = sshParts(key);
    const blob = ssh && Buffer.concat([sshString(ssh.type), ...ssh.public]);
    const md5 = blob && crypto.createHash("md5").update(blob).digest("hex").match(/../g)!.join(":");
    const sha256 = blob && crypto.createHash("sha256").update(blob).digest("base64").replace(/=+$/, "");
    return {
        id: sha1(publicKey.export({ type: "spki", format: "der" })),
        privateKeyPem: key.export({ type: traditional as "pkcs8", format: "pem" }) as string,
        privateKeyPemPkcs8: key.export({ type: "pkcs8", format: "pem" }) as string,
        privateKeyOpenssh: ssh ? opensshPrivateKey(ssh) : "",
        publicKeyPem: publicKey.export({ type: "spki", format: "pem" }) as string,
        publicKeyOpenssh: ssh && blob ? `${ssh.type} ${blob.toString("base64")}\n` : "",
        publicKeyFingerprintMd5: md5 ?? "",
        publicKeyFingerprintSha256: sha256 ? `SHA256:${sha256}` : "",
    };
}

const COMPUTED = [
    "id",
    "privateKeyPem",
    "privateKeyPemPkcs8",
    "privateKeyOpenssh",
    "publicKeyPem",
    "publicKeyOpenssh",
    "publicKeyFingerprintMd5",
    "publicKeyFingerprintSha256",
];

export const unknowns = (keys: string[]): ValueMap => Object.fromEntries(keys.map((key) => [key, Unknown.value]));

export const privateKey: ResourceProvider = {
    diff: replaceOnChange(DEFAULTS),
    async create(inputs, { preview }) {
        if (preview) return { id: "", outputs: { ...DEFAULTS, ...inputs, ...unknowns(COMPUTED) } };
        const outputs = forms(generate(inputs));
        return { id: String(outputs.id), outputs: { __meta: META, ...DEFAULTS, ...inputs, ...outputs } };
    },
    update: async (old) => old.outputs,
};
