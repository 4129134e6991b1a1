import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { CertificateGenerations, FIRST_GENERATIONS } from "./ca-rotation";
import { OPENSEARCH_ADMIN } from "./opensearch";
import { normalPem } from "./pem";
import { Identity } from "./tls";
import { Duration, seconds } from "./units";

/** What signs certificates. */
export interface Authority {
    /** Of the CA that signs, PEM. */
    certificate: pulumi.Output<string>;
    /** Its key, PEM, a secret. */
    key: pulumi.Output<string>;
    /** All CA certificates that are to be believed, PEM: this one, and others while a CA is replaced. */
    trusted: pulumi.Output<string>;
    /** Which ones these are. */
    generations: pulumi.Output<CertificateGenerations>;
}

/** Arguments of {@link CertificateAuthority}. */
export interface CertificateAuthorityArgs {
    /** How long it is valid, in whole hours; counts when it is made. @example "3650d" */
    lifetime: Duration;
    /** Which ones there are, and which one signs. @default the first one, alone */
    generations?: CertificateGenerations;
}

const KEY = { algorithm: "ECDSA", ecdsaCurve: "P256" };

// Whole hours are what the provider counts in, and what the settings allow.
const hours = (lifetime: Duration): number => seconds(lifetime) / 3600;

/**
 * The CA of a system, with the one that takes its place, while that is done. One stack owns it; the others get the key to sign with.
 * A CA is replaced in three steps, each on all stacks: a new one is believed beside the old one, then it signs, then the old one is gone.
 */
export class CertificateAuthority extends pulumi.ComponentResource implements Authority {
    readonly certificate: pulumi.Output<string>;
    readonly key: pulumi.Output<string>;
    readonly trusted: pulumi.Output<string>;
    readonly generations: pulumi.Output<CertificateGenerations>;

    constructor(name: string, args: CertificateAuthorityArgs, opts?: pulumi.ComponentResourceOptions) {
        super("otel-ha:index:CertificateAuthority", name, {}, opts);
        const generations = args.generations ?? FIRST_GENERATIONS;
        const all = generations.accepted.map((generation) => this.createGeneration(name, generation, args));
        const signing = all[generations.accepted.indexOf(generations.issuing)]!;
        this.certificate = signing.certificate;
        this.key = signing.key;
        this.trusted = pulumi.all(all.map(({ certificate }) => certificate)).apply((pems) => bundle(pems));
        this.generations = pulumi.output(generations);
        this.registerOutputs({ certificate: this.certificate, trusted: this.trusted });
    }

    // Each generation has resources and a name of its own: it may stand beside the one that it replaces.
    private createGeneration(
        name: string,
        generation: number,
        args: CertificateAuthorityArgs,
    ): { certificate: pulumi.Output<string>; key: pulumi.Output<string> } {
        const key = new tls.PrivateKey(`${name}-${generation}-key`, KEY, { parent: this });
        const certificate = new tls.SelfSignedCert(
            `${name}-${generation}`,
            {
                privateKeyPem: key.privateKeyPemPkcs8,
                subject: { commonName: `otel-ha CA ${generation}` },
                isCaCertificate: true,
                setSubjectKeyId: true,
                validityPeriodHours: hours(args.lifetime),
                allowedUses: ["cert_signing", "crl_signing"],
            },
            // Another length is no reason to replace what everybody trusts.
            { parent: this, ignoreChanges: ["validityPeriodHours"] },
        );
        return { certificate: certificate.certPem, key: key.privateKeyPemPkcs8 };
    }
}

// One alone is as the provider made it: files that hold it stay as they are.
const bundle = (pems: string[]): string => (pems.length === 1 ? pems[0]! : pems.map(normalPem).join(""));

/** What a certificate of the two-host platform is for. */
export type PairPurpose = "clients" | "peer" | "objectStore";

export const PURPOSES: PairPurpose[] = ["clients", "peer", "objectStore"];

/** What a certificate of Container APM is for. */
export type ApmPurpose = "opensearch" | "opensearchAdmin" | "dataPrepper" | "dashboards" | "collector";

export const APM_PURPOSES: ApmPurpose[] = ["opensearch", "opensearchAdmin", "dataPrepper", "dashboards", "collector"];

/** What a certificate is for. */
export type Purpose = PairPurpose | ApmPurpose;

/** What a node is called and where it is reached. */
export interface NodeNames {
    /** @example "mid-1" */
    node: string;
    /** @default none @example "ish-otel-mid-1.novalocal" */
    hostName?: string;
    /** IP address. */
    address: string;
    /** The virtual IP. @default none */
    vip?: string;
}

/** Whom a certificate is for, and what it may be used for. */
export interface Subject {
    commonName: string;
    dnsNames: string[];
    ipAddresses: string[];
    /** @example ["server_auth"] */
    uses: string[];
}

// RFC 1123; a host may call itself otherwise.
const DNS_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

/** What a certificate says. Pure. */
export function subjectOf(purpose: Purpose, { node, hostName, address, vip }: NodeNames): Subject {
    const names = [...new Set([node, ...(hostName && DNS_NAME.test(hostName) ? [hostName] : [])])];
    const virtual = vip ? [vip] : [];
    const common = { commonName: node, dnsNames: names, ipAddresses: [address], uses: ["server_auth"] };
    const local = { dnsNames: [...names, "localhost"], ipAddresses: [address, ...virtual, "127.0.0.1"] };
    switch (purpose) {
        case "clients":
            return { ...common, ipAddresses: [address, ...virtual] };
        case "peer":
            return { ...common, uses: BOTH_ENDS };
        case "objectStore":
            // It listens at the virtual IP, too.
            return { ...common, ...local };
        case "opensearch":
            return { ...common, ...local, uses: BOTH_ENDS };
        case "opensearchAdmin":
            return { commonName: OPENSEARCH_ADMIN, dnsNames: [], ipAddresses: [], uses: ["client_auth"] };
        // OpenSearch takes whoever is called as a node for one: these are not.
        case "dataPrepper":
            return { ...common, ...local, commonName: `data-prepper-${node}`, uses: BOTH_ENDS };
        case "dashboards":
            return { ...common, ...local, commonName: `opensearch-dashboards-${node}` };
        case "collector":
            return { ...common, ...local, commonName: `otel-node-collector-${node}` };
    }
}

const BOTH_ENDS = ["server_auth", "client_auth"];

/** Arguments of {@link NodeCertificates}. */
export interface NodeCertificatesArgs {
    /** Who signs. */
    authority: Authority;
    /** What it is called and where it is reached: whom the certificates are for. */
    names: NodeNames;
    /** Which ones; each is a certificate with a key of its own. */
    purposes: Purpose[];
    /** How long each is valid, in whole hours. @example "90d" */
    lifetime: Duration;
    /** Another number makes a new certificate with a new key, as another one of the authority's `leaves` does for all. @default 1 each */
    generations?: Partial<Record<Purpose, number>>;
}

/** A certificate that was made, and when it ends. */
export interface Leaf extends Identity {
    certificate: pulumi.Output<string>;
    key: pulumi.Output<string>;
    /** ISO 8601. */
    notAfter: pulumi.Output<string>;
}

/** The certificates of one node. */
export class NodeCertificates extends pulumi.ComponentResource {
    readonly leaves: Partial<Record<Purpose, Leaf>> = {};

    constructor(name: string, args: NodeCertificatesArgs, opts?: pulumi.ComponentResourceOptions) {
        super("otel-ha:index:NodeCertificates", name, {}, opts);
        for (const purpose of args.purposes)
            this.leaves[purpose] = this.createLeaf(`${name}-${purpose}`, purpose, args);
        this.registerOutputs({});
    }

    private createLeaf(name: string, purpose: Purpose, args: NodeCertificatesArgs): Leaf {
        const { commonName, dnsNames, ipAddresses, uses } = subjectOf(purpose, args.names);
        // The provider replaces only what has other inputs, and time is none of them.
        const renewal = args.generations?.[purpose] ?? 1;
        const replacementTrigger = args.authority.generations.apply(({ leaves }) =>
            leaves === 1 ? renewal : `${renewal}.${leaves}`,
        );
        const made = { parent: this, replacementTrigger };
        const key = new tls.PrivateKey(`${name}-key`, KEY, made);
        const request = new tls.CertRequest(
            `${name}-request`,
            { privateKeyPem: key.privateKeyPemPkcs8, subject: { commonName }, dnsNames, ipAddresses },
            made,
        );
        const certificate = new tls.LocallySignedCert(
            name,
            {
                certRequestPem: request.certRequestPem,
                caCertPem: args.authority.certificate,
                caPrivateKeyPem: args.authority.key,
                validityPeriodHours: hours(args.lifetime),
                allowedUses: ["digital_signature", ...uses],
            },
            made,
        );
        return {
            certificate: certificate.certPem,
            key: key.privateKeyPemPkcs8,
            notAfter: certificate.validityEndTime,
        };
    }
}
