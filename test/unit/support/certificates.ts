// CAs and certificates as @pulumi/tls makes them, by the small engine's provider.
import { NodeTls } from "../../../components";
import { tlsPackage } from "../../../lab/engine/providers/tls";
import { Unknown, ValueMap } from "../../../lab/engine/values";

/** What the provider computes for a resource; in a preview, as far as it is known. @example made("tls:index/privateKey:PrivateKey", { algorithm: "ECDSA" }) */
export async function made(type: string, inputs: object, preview = false): Promise<ValueMap> {
    const provider = tlsPackage.configure({} as never).resource(type.replace(/\/\w+:/, ":"))!;
    const { outputs } = await provider.create(inputs as ValueMap, { name: "", preview } as never);
    return Object.fromEntries(Object.entries(outputs).filter(([, value]) => value !== Unknown.value));
}

const IDENTITY = { certificate: "CERTIFICATE\n", key: "SECRET-key\n" };

/** What a node is given while `tls` is not off, where nobody reads certificates. */
export const NODE_TLS: NodeTls = { trusted: "CA\n", clients: IDENTITY, peer: IDENTITY, objectStore: IDENTITY };

export interface Made {
    certificate: string;
    key: string;
}

const text = (value: unknown): string => value as string;
const newKey = async (): Promise<string> =>
    text((await made("tls:index:PrivateKey", { algorithm: "ECDSA", ecdsaCurve: "P256" })).privateKeyPemPkcs8);

/** A CA of its own. */
export async function newCa(commonName = "Test CA", hours = 87_600): Promise<Made> {
    const key = await newKey();
    const { certPem } = await made("tls:index:SelfSignedCert", {
        privateKeyPem: key,
        subject: { commonName },
        isCaCertificate: true,
        setSubjectKeyId: true,
        validityPeriodHours: hours,
        allowedUses: ["cert_signing", "crl_signing"],
    });
    return { certificate: text(certPem), key };
}

export interface LeafOptions {
    commonName?: string;
    dnsNames?: string[];
    ipAddresses?: string[];
    uses?: string[];
    hours?: number;
    /** An intermediate CA rather than a leaf. */
    ca?: boolean;
}

/** A certificate signed by a CA; unless told otherwise, one for node1 of the shipped stacks and all that it does. */
export async function newLeaf(ca: Made, options: LeafOptions = {}): Promise<Made> {
    const key = await newKey();
    const { certRequestPem } = await made("tls:index:CertRequest", {
        privateKeyPem: key,
        subject: { commonName: options.commonName ?? "mid-1" },
        dnsNames: options.dnsNames ?? ["mid-1"],
        ipAddresses: options.ipAddresses ?? ["192.168.110.214", "192.168.110.140", "127.0.0.1"],
    });
    const { certPem } = await made("tls:index:LocallySignedCert", {
        certRequestPem,
        caCertPem: ca.certificate,
        caPrivateKeyPem: ca.key,
        isCaCertificate: options.ca ?? false,
        setSubjectKeyId: options.ca ?? false,
        validityPeriodHours: options.hours ?? 2160,
        allowedUses: options.ca
            ? ["cert_signing"]
            : ["digital_signature", ...(options.uses ?? ["server_auth", "client_auth"])],
    });
    return { certificate: text(certPem), key };
}
