import { X509Certificate } from "crypto";
import * as pulumi from "@pulumi/pulumi";
import { CertificateGenerations, certificateGenerations, FIRST_GENERATIONS, tooFar } from "./ca-rotation";
import { APM_PURPOSES, Authority, NodeCertificates, Purpose, PURPOSES } from "./certificates";
import { certificates } from "./pem";
import { CertificateRecord, CertificateRecords, generations, lasts } from "./renewal";
import { AnyValues, ApmValues, Values } from "./settings/keys";
import { publishedOutputs } from "./stack-outputs";
import { ApmTls, NodeTls } from "./tls";

/** TLS of one stack, whose node gets T. */
export interface StackTls<T = NodeTls> {
    /** For the node's parts. */
    node: T;
    /** What the stack publishes of it; no secret. */
    outputs: {
        /** Whom clients believe, PEM. */
        caCertificate: pulumi.Input<string>;
        /** When certificates end: the next run reads it to renew them in time. */
        certificates: Partial<Record<Purpose, pulumi.Input<CertificateRecord>>>;
        /** Which CAs its node believes, and which one signed its certificates; only with "internal". The next run goes on from there. */
        certificateGenerations?: pulumi.Input<CertificateGenerations>;
    };
}

/** Keys, certificates and what is known of them, as `tls` wants them; undefined with "off". Errors: the stack's own outputs cannot be read. */
export function stackTls(settings: Values, authority?: Authority): Promise<StackTls | undefined>;
export function stackTls(settings: ApmValues, authority?: Authority): Promise<StackTls<ApmTls> | undefined>;
export async function stackTls(
    settings: AnyValues,
    authority?: Authority,
): Promise<StackTls<NodeTls | ApmTls> | undefined> {
    if (settings.tls === "off") return undefined;
    if (settings.tls === "provided" && settings.system === "otel-ha") return providedTls(settings);
    if (!authority) throw new Error('tls "internal" needs a CA to sign with');
    return internalTls(settings, authority, await lastOutputs());
}

/** Which certificates a node has. */
function purposesOf(v: AnyValues): Purpose[] {
    if (v.system === "otel-ha")
        return PURPOSES.filter((purpose) => purpose !== "objectStore" || v.objectStore !== "external");
    const left: Purpose[] = [
        ...(v.apm.ingest === "direct" ? (["dataPrepper"] as const) : []),
        // The way to them is on every node.
        ...(v.dashboardsCopies === 0 ? (["dashboards"] as const) : []),
    ];
    return APM_PURPOSES.filter((purpose) => !left.includes(purpose));
}

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

// Of the purposes that the node's system has.
type Identities = Omit<NodeTls, "trusted"> & Omit<ApmTls, "trusted">;

function internalTls(v: AnyValues, authority: Authority, published: LastOutputs): StackTls<NodeTls & ApmTls> {
    refuseToGoTooFar(v, published);
    const last = published.certificates ?? {};
    const purposes = purposesOf(v);
    const next = generations(last, v.certificateRenewBefore, Date.now(), purposes);
    const { leaves } = new NodeCertificates(`${v.nodeName}-certificate`, {
        authority,
        names: {
            node: v.nodeName,
            hostName: v.hostName,
            address: v.nodeAddress,
            vip: v.system === "otel-ha" ? v.vip : undefined,
        },
        purposes,
        lifetime: v.certificateLifetime,
        generations: next,
    });
    authority.trusted.apply(warnOfItsEnd);
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
            certificateGenerations: authority.generations,
        },
    };
}

/** What the last run of a stack has published of its certificates. */
interface LastOutputs {
    certificates?: CertificateRecords;
    certificateGenerations?: CertificateGenerations;
}

// The owner goes first, and the other stack gets what it has: that one may have to catch up, and nobody is helped by a refusal.
function refuseToGoTooFar(v: AnyValues, last: LastOutputs): void {
    const made = Object.values(last.certificates ?? {}).some(({ generation }) => generation !== undefined);
    if (v.credentialsStack !== "" || !made) return;
    const stacks = v.system === "otel-ha" ? "both stacks" : "all stacks";
    const why = tooFar(last.certificateGenerations ?? FIRST_GENERATIONS, certificateGenerations(v), stacks);
    if (why)
        throw new pulumi.RunError(
            `a setting of stack "${pulumi.getStack()}" comes too early; nothing was touched:\n  ${why}`,
        );
}

// A run that says another stack's state is at fault would be wrong: it is this one's.
async function lastOutputs(): Promise<LastOutputs> {
    try {
        return await publishedOutputs(pulumi.getStack());
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
    // While a CA is replaced, the newest one counts: the others are about to go.
    const end = (certificates(pem) ?? []).map(endOf).sort().at(-1);
    if (end !== undefined && !lasts(end, CA_NOTICE, Date.now()))
        void pulumi.log.warn(
            `the CA ends on ${end.slice(0, 10)}, and every certificate with it: replace it before that, with otel-ha rotate ca`,
        );
}

// A run with --target may leave it out, and a CLI from before 2026 does not know what replaces it.
function sayIfOld(purpose: Purpose, notAfter: string, last: CertificateRecord | undefined): void {
    if (pulumi.runtime.isDryRun() || notAfter !== last?.notAfter) return;
    void pulumi.log.warn(
        `the certificate "${purpose}" ends on ${notAfter} and was not renewed: run "pulumi up" without --target, and with a pulumi that is as new as package.json's`,
    );
}
