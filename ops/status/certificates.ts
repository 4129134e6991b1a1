import { Purpose } from "../../components/certificates";
import { certificates } from "../../components/pem";
import { lasts } from "../../components/renewal";
import { AnyValues, Values } from "../../components/settings/keys";
import { span } from "../format";
import type { Finding } from "./model";

/** What a certificate is for; `ca`: whom the node believes. */
export type Use = Purpose | "ca";

/** When certificates end, ISO 8601; undefined: there is none, or it cannot be read. */
export type CertificateEnds = Partial<Record<Use, string>>;

/** A certificate on a host. */
export interface CertificateFile {
    use: Use;
    path: string;
}

/** Where a node of the pair has its certificates. Pure. */
export function certificateFiles(v: Values): CertificateFile[] {
    if (v.tls === "off") return [];
    const haproxy = `${v.configDir}/haproxy/tls`;
    return [
        { use: "clients", path: `${haproxy}/clients.pem` },
        { use: "peer", path: `${haproxy}/peer.pem` },
        ...(v.objectStore === "external"
            ? []
            : [{ use: "objectStore" as const, path: `${v.configDir}/minio/certs/public.crt` }]),
        { use: "ca", path: `${haproxy}/trusted.pem` },
    ];
}

/** When what a file has ends. A leaf comes before those that it was signed by. Pure. */
function endOf(pem: string): string | undefined {
    const [leaf] = certificates(pem) ?? [];
    return leaf && new Date(leaf.validTo).toISOString();
}

/** When the CA ends that has signed what the node shows: while one is replaced, the node believes others, too. Pure. */
function endOfSigner(trusted: string, shown: string[]): string | undefined {
    const all = certificates(trusted) ?? [];
    const leaves = shown.flatMap((pem) => (certificates(pem) ?? []).slice(0, 1));
    const signers = all.filter((ca) => leaves.some((leaf) => leaf.checkIssued(ca)));
    const ends = (which: typeof all): number[] => which.map(({ validTo }) => Date.parse(validTo));
    if (all.length === 0) return undefined;
    // With an intermediate CA between, nobody can tell which one it is.
    return new Date(signers.length > 0 ? Math.min(...ends(signers)) : Math.max(...ends(all))).toISOString();
}

/** When each of a node's files ends, by what it is for. Pure. */
export function endsOf(files: Partial<Record<Use, string>>): CertificateEnds {
    const { ca, ...shown } = files;
    const ends = Object.entries(shown).map(([use, pem]) => [use, endOf(pem)]);
    return { ...Object.fromEntries(ends), ...(ca === undefined ? {} : { ca: endOfSigner(ca, Object.values(shown)) }) };
}

/** Time in which somebody should think of another CA. */
const CA_NOTICE = "365d";

const SAID: Record<Use, string> = {
    clients: "the certificate that clients see",
    peer: "the certificate that the other node sees",
    objectStore: "the certificate of the object store",
    opensearch: "the certificate of OpenSearch",
    opensearchAdmin: "the certificate of who sets OpenSearch up",
    dataPrepper: "the certificate of Data Prepper",
    dashboards: "the certificate of OpenSearch Dashboards",
    collector: "the certificate that applications see",
    ca: "the CA",
};

/** What is wrong with the certificates that a node should have, and what to do. Pure. */
export function certificateFindings(
    { nodeName: name, ...v }: Pick<AnyValues, "nodeName" | "tls" | "certificateRenewBefore">,
    wanted: CertificateFile[],
    found: CertificateEnds,
    now: number,
): Finding[] {
    return wanted.flatMap(({ use }): Finding[] => {
        const notAfter = found[use];
        const what = `${SAID[use]} on ${name}`;
        if (notAfter === undefined)
            return [{ severity: "degraded", text: `${what} is not there, or cannot be read; run otel-ha up` }];
        const text = (end: string): string => `${what} ${end}: ${remedy(use, v)}`;
        if (!lasts(notAfter, "0s", now))
            return [{ severity: "broken", text: text(`has ended on ${notAfter}, and nobody believes it`) }];
        if (!lasts(notAfter, v.certificateRenewBefore, now))
            return [{ severity: "degraded", text: text(`ends ${within(notAfter, now)}`) }];
        if (use === "ca" && !lasts(notAfter, CA_NOTICE, now))
            return [{ severity: "note", text: text(`ends ${within(notAfter, now)}`) }];
        return [];
    });
}

const within = (notAfter: string, now: number): string =>
    `in ${span((Date.parse(notAfter) - now) / 1000)}, on ${notAfter.slice(0, 16).replace("T", " ")} UTC`;

function remedy(use: Use, { tls }: Pick<AnyValues, "tls">): string {
    if (tls === "provided")
        return use === "ca"
            ? "give a new tlsCaCertificate and what it signs, then run otel-ha up"
            : "give a new tlsCertificate, then run otel-ha up";
    return use === "ca"
        ? "every certificate ends with it, so replace it before that, with otel-ha rotate ca"
        : "run otel-ha up";
}
