// tls:index:{CertRequest,SelfSignedCert,LocallySignedCert}: X.509 as the real provider makes it.
import * as crypto from "node:crypto";
import type * as X509 from "@peculiar/x509";
import { isMap, ValueMap } from "../values";
import { privateKey, replaceOnChange, sha1, unknowns } from "./tls-keys";
import { Existing, ProviderPackage, ResourceProvider } from "./types";

const HOUR_MS = 3_600_000;

/** Loading it takes a moment: only runs that make certificates do. */
async function loadX509(): Promise<typeof X509> {
    const x509 = await import("@peculiar/x509");
    x509.cryptoProvider.set(crypto.webcrypto as never);
    return x509;
}

const KEY_USAGES: Record<string, number> = {
    digital_signature: 1,
    content_commitment: 2,
    key_encipherment: 4,
    data_encipherment: 8,
    key_agreement: 16,
    cert_signing: 32,
    crl_signing: 64,
    encipher_only: 128,
    decipher_only: 256,
};

const EXTENDED_USAGES: Record<string, string> = {
    any_extended: "2.5.29.37.0",
    server_auth: "1.3.6.1.5.5.7.3.1",
    client_auth: "1.3.6.1.5.5.7.3.2",
    code_signing: "1.3.6.1.5.5.7.3.3",
    email_protection: "1.3.6.1.5.5.7.3.4",
    timestamping: "1.3.6.1.5.5.7.3.8",
    ocsp_signing: "1.3.6.1.5.5.7.3.9",
};

/** In the order in which Go writes a name. */
const SUBJECT_FIELDS: [string, string][] = [
    ["country", "C"],
    ["organization", "O"],
    ["organizationalUnit", "OU"],
    ["locality", "L"],
    ["province", "ST"],
    ["streetAddresses", "2.5.4.9"],
    ["postalCode", "2.5.4.17"],
    ["commonName", "CN"],
    ["serialNumber", "2.5.4.5"],
];

type JsonName = Record<string, string[]>[];

function subjectName(subject: unknown): JsonName {
    const fields = isMap(subject as ValueMap) ? (subject as ValueMap) : {};
    return SUBJECT_FIELDS.flatMap(([field, attribute]) => {
        const value = fields[field];
        if (value === undefined || value === null || value === "") return [];
        return [{ [attribute]: Array.isArray(value) ? value.map(String) : [String(value)] }];
    });
}

interface SigningKey {
    name: string;
    import: { name: string; namedCurve?: string; hash?: string };
    sign: { name: string; hash?: string };
    privateKey: crypto.webcrypto.CryptoKey;
    publicKey: crypto.webcrypto.CryptoKey;
}

function algorithms(key: crypto.KeyObject): Pick<SigningKey, "name" | "import" | "sign"> {
    switch (key.asymmetricKeyType) {
        case "rsa": {
            const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
            return { name: "RSA", import: algorithm, sign: algorithm };
        }
        case "ed25519":
            return { name: "ED25519", import: { name: "Ed25519" }, sign: { name: "Ed25519" } };
        default: {
            const curves: Record<string, [string, string]> = {
                prime256v1: ["P-256", "SHA-256"],
                secp384r1: ["P-384", "SHA-384"],
                secp521r1: ["P-521", "SHA-512"],
            };
            const known = curves[key.asymmetricKeyDetails?.namedCurve ?? ""];
            if (!known) throw new Error("the lab engine signs with RSA, ED25519, and ECDSA keys of P256, P384 or P521");
            const [namedCurve, hash] = known;
            return { name: "ECDSA", import: { name: "ECDSA", namedCurve }, sign: { name: "ECDSA", hash } };
        }
    }
}

async function signingKey(pem: unknown): Promise<SigningKey> {
    const key = crypto.createPrivateKey(String(pem));
    const chosen = algorithms(key);
    const { subtle } = crypto.webcrypto;
    const pkcs8 = key.export({ type: "pkcs8", format: "der" });
    const spki = crypto.createPublicKey(key).export({ type: "spki", format: "der" });
    return {
        ...chosen,
        privateKey: await subtle.importKey("pkcs8", pkcs8, chosen.import, true, ["sign"]),
        publicKey: await subtle.importKey("spki", spki, chosen.import, true, ["verify"]),
    };
}

const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

function alternativeNames(x509: typeof X509, inputs: ValueMap): X509.Extension[] {
    const names: X509.JsonGeneralName[] = [
        ...strings(inputs.dnsNames).map((value) => ({ type: "dns" as const, value })),
        ...strings(inputs.ipAddresses).map((value) => ({ type: "ip" as const, value })),
        ...strings(inputs.uris).map((value) => ({ type: "url" as const, value })),
    ];
    return names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : [];
}

async function usageExtensions(
    x509: typeof X509,
    inputs: ValueMap,
    publicKey: X509.PublicKey | crypto.webcrypto.CryptoKey,
) {
    const uses = strings(inputs.allowedUses);
    const bits = uses.reduce((sum, use) => sum | (KEY_USAGES[use] ?? 0), 0);
    const extended = uses.flatMap((use) => EXTENDED_USAGES[use] ?? []);
    const isCa = inputs.isCaCertificate === true;
    const extensions: X509.Extension[] = [];
    if (bits) extensions.push(new x509.KeyUsagesExtension(bits, true));
    if (extended.length > 0) extensions.push(new x509.ExtendedKeyUsageExtension(extended));
    extensions.push(new x509.BasicConstraintsExtension(isCa, inputs.maxPathLength as number | undefined, true));
    if (isCa || inputs.setSubjectKeyId)
        extensions.push(await x509.SubjectKeyIdentifierExtension.create(publicKey as never));
    return extensions;
}

/** A positive number of 128 bits, and the certificate's id in decimal. */
function serial(): { hex: string; id: string } {
    const bytes = crypto.randomBytes(16);
    bytes[0] &= 0x7f;
    return { hex: bytes.toString("hex"), id: BigInt(`0x${bytes.toString("hex")}`).toString() };
}

function validity(inputs: ValueMap) {
    const notBefore = new Date();
    const notAfter = new Date(notBefore.getTime() + Number(inputs.validityPeriodHours) * HOUR_MS);
    return {
        dates: { notBefore, notAfter },
        outputs: { validityStartTime: notBefore.toISOString(), validityEndTime: notAfter.toISOString() },
    };
}

const pem = (object: { toString(format: "pem"): string }) => `${object.toString("pem").trim()}\n`;

const isDue = (outputs: ValueMap) =>
    Date.now() >= Date.parse(String(outputs.validityEndTime)) - Number(outputs.earlyRenewalHours ?? 0) * HOUR_MS;

/** Only a refresh notices that a certificate wants renewal. */
async function readCertificate(old: Existing): Promise<Omit<Existing, "id">> {
    return { inputs: old.inputs, outputs: { ...old.outputs, readyForRenewal: isDue(old.outputs) } };
}

const certRequest: ResourceProvider = {
    diff: replaceOnChange({}),
    async create(inputs, { preview }) {
        if (preview) return { id: "", outputs: { ...inputs, ...unknowns(["id", "certRequestPem", "keyAlgorithm"]) } };
        const x509 = await loadX509();
        const key = await signingKey(inputs.privateKeyPem);
        const request = await x509.Pkcs10CertificateRequestGenerator.create({
            name: subjectName(inputs.subject),
            keys: key as never,
            signingAlgorithm: key.sign as never,
            extensions: alternativeNames(x509, inputs),
        });
        const id = sha1(Buffer.from(request.rawData));
        return { id, outputs: { ...inputs, id, certRequestPem: pem(request), keyAlgorithm: key.name } };
    },
    update: async (old) => old.outputs,
};

const CERT_COMPUTED = ["id", "certPem", "validityStartTime", "validityEndTime"];

const selfSignedDefaults: ValueMap = {
    earlyRenewalHours: 0,
    isCaCertificate: false,
    setAuthorityKeyId: false,
    setSubjectKeyId: false,
};

const selfSignedCert: ResourceProvider = {
    diff: replaceOnChange(selfSignedDefaults, ["earlyRenewalHours"]),
    async create(inputs, { preview }) {
        const settings = { ...selfSignedDefaults, ...inputs, readyForRenewal: false };
        if (preview) return { id: "", outputs: { ...settings, ...unknowns([...CERT_COMPUTED, "keyAlgorithm"]) } };
        const x509 = await loadX509();
        const key = await signingKey(inputs.privateKeyPem);
        const { hex, id } = serial();
        const { dates, outputs } = validity(inputs);
        const certificate = await x509.X509CertificateGenerator.createSelfSigned({
            serialNumber: hex,
            name: subjectName(inputs.subject),
            ...dates,
            keys: key as never,
            signingAlgorithm: key.sign as never,
            extensions: [...(await usageExtensions(x509, inputs, key.publicKey)), ...alternativeNames(x509, inputs)],
        });
        return { id, outputs: { ...settings, ...outputs, id, certPem: pem(certificate), keyAlgorithm: key.name } };
    },
    update: async (old, inputs) => ({ ...old.outputs, ...selfSignedDefaults, ...inputs }),
    read: readCertificate,
};

const locallySignedDefaults: ValueMap = { earlyRenewalHours: 0, isCaCertificate: false, setSubjectKeyId: false };

const locallySignedCert: ResourceProvider = {
    diff: replaceOnChange(locallySignedDefaults, ["earlyRenewalHours"]),
    async create(inputs, { preview }) {
        const settings = { ...locallySignedDefaults, ...inputs, readyForRenewal: false };
        if (preview) return { id: "", outputs: { ...settings, ...unknowns([...CERT_COMPUTED, "caKeyAlgorithm"]) } };
        const x509 = await loadX509();
        const caKey = await signingKey(inputs.caPrivateKeyPem);
        const ca = new x509.X509Certificate(String(inputs.caCertPem));
        const request = new x509.Pkcs10CertificateRequest(String(inputs.certRequestPem));
        const { hex, id } = serial();
        const { dates, outputs } = validity(inputs);
        const names = request.getExtension("2.5.29.17");
        const caKeyId = ca.getExtension<X509.SubjectKeyIdentifierExtension>("2.5.29.14");
        const certificate = await x509.X509CertificateGenerator.create({
            serialNumber: hex,
            subject: request.subjectName,
            issuer: ca.subjectName,
            ...dates,
            signingKey: caKey.privateKey as never,
            signingAlgorithm: caKey.sign as never,
            publicKey: request.publicKey,
            extensions: [
                ...(await usageExtensions(x509, inputs, request.publicKey)),
                ...(caKeyId ? [new x509.AuthorityKeyIdentifierExtension(caKeyId.keyId)] : []),
                ...(names ? [names] : []),
            ],
        });
        return { id, outputs: { ...settings, ...outputs, id, certPem: pem(certificate), caKeyAlgorithm: caKey.name } };
    },
    update: async (old, inputs) => ({ ...old.outputs, ...locallySignedDefaults, ...inputs }),
    read: readCertificate,
};

const RESOURCES: Record<string, ResourceProvider> = {
    "tls:index:PrivateKey": privateKey,
    "tls:index:CertRequest": certRequest,
    "tls:index:SelfSignedCert": selfSignedCert,
    "tls:index:LocallySignedCert": locallySignedCert,
};

export const tlsPackage: ProviderPackage = { configure: () => ({ resource: (type) => RESOURCES[type] }) };
