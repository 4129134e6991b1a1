import { X509Certificate } from "crypto";
import * as pulumi from "@pulumi/pulumi";
import { Authority, NodeCertificates, Purpose, PURPOSES } from "./certificates";
import { certificates } from "./pem";
import { CertificateRecord, CertificateRecords, generations, lasts } from "./renewal";
import { Values } from "./settings/keys";
import { publishedOutputs } from "./stack-outputs";
import { Identity, NodeTls } from "./tls";

/** TLS of one stack. */
export interface StackTls {
    /** For the node's parts. */
    node: NodeTls;
    /** What the stack publishes of it; no secret. */
    outputs: {
        /** Whom clients believe, PEM. */
        caCertificate: pulumi.Input<string>;
        /** When certificates end: the next run reads it to renew them in time. */
        certificates: Partial<Record<Purpose, pulumi.Input<CertificateRecord>>>;
    };
}

/** Keys, certificates and what is known of them, as `tls` wants them; undefined with "off". Errors: the stack's own outputs cannot be read. */
export async function stackTls(settings: Values, authority?: Authority): Promise<StackTls | undefined> {
    switch (settings.tls) {
        case "off":
            return undefined;
        case "provided":
            return providedTls(settings);
        case "internal":
            if (!authority) throw new Error('tls "internal" needs a CA to sign with');
            return internalTls(settings, authority, await lastRecords());
    }
}

const purposesOf = ({ objectStore }: Values): Purpose[] =>
    PURPOSES.filter((purpose) => purpose !== "objectStore" || objectStore !== "external");

function providedTls(settings: Values): StackTls {
    const identity = { certificate: settings.tlsCertificate, key: pulumi.secret(settings.tlsKey) };
    const notAfter = endOf(certificates(settings.tlsCertificate)![0]);
    const each = <T>(value: T): Partial<Record<Purpose, T>> =>
        Object.fromEntries(purposesOf(settings).map((purpose) => [purpose, value]));
    return {
        node: { trusted: settings.tlsCaCertificate, ...(each(identity) as Identities) },
        outputs: { caCertificate: settings.tlsCaCertificate, certificates: each({ notAfter }) },
    };
}

type Identities = { clients: Identity; peer: Identity; objectStore?: Identity };

function internalTls(v: Values, authority: Authority, last: CertificateRecords): StackTls {
    const next = generations(last, v.certificateRenewBefore, Date.now());
    const purposes = purposesOf(v);
    const { leaves } = new NodeCertificates(`${v.nodeName}-certificate`, {
        authority,
        names: { node: v.nodeName, hostName: v.hostName, address: v.nodeAddress, vip: v.vip },
        purposes,
        lifetime: v.certificateLifetime,
        generations: next,
    });
    authority.certificate.apply(warnOfItsEnd);
    const record = (purpose: Purpose): pulumi.Output<CertificateRecord> =>
        leaves[purpose]!.notAfter.apply((notAfter) => {
            if (next[purpose] !== (last[purpose]?.generation ?? 1)) sayIfOld(purpose, notAfter, last[purpose]);
            return { notAfter, generation: next[purpose] };
        });
    return {
        node: { trusted: authority.trusted, ...(leaves as Identities) },
        outputs: {
            caCertificate: authority.trusted,
            certificates: Object.fromEntries(purposes.map((purpose) => [purpose, record(purpose)])),
        },
    };
}

// A run that says another stack's state is at fault would be wrong: it is this one's.
async function lastRecords(): Promise<CertificateRecords> {
    try {
        return ((await publishedOutputs(pulumi.getStack())).certificates ?? {}) as CertificateRecords;
    } catch (error) {
        throw new pulumi.RunError(
            `the outputs of stack "${pulumi.getStack()}", which say when its certificates end, cannot be read: ${(error as Error).message}`,
        );
    }
}

const endOf = (certificate: X509Certificate): string => new Date(certificate.validTo).toISOString();

/** Time in which somebody should think of another CA. */
const CA_NOTICE = "365d";

function warnOfItsEnd(pem: string): void {
    const end = endOf(new X509Certificate(pem));
    if (!lasts(end, CA_NOTICE, Date.now()))
        void pulumi.log.warn(
            `the CA ends on ${end.slice(0, 10)}, and every certificate with it: replace it before that`,
        );
}

// A run with --target may leave it out, and a CLI from before 2026 does not know what replaces it.
function sayIfOld(purpose: Purpose, notAfter: string, last: CertificateRecord | undefined): void {
    if (pulumi.runtime.isDryRun() || notAfter !== last?.notAfter) return;
    void pulumi.log.warn(
        `the certificate "${purpose}" ends on ${notAfter} and was not renewed: run "pulumi up" without --target, and with a pulumi that is as new as package.json's`,
    );
}
