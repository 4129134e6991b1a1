import { Purpose } from "../../components/certificates";
import { certificates } from "../../components/pem";
import { lasts } from "../../components/renewal";
import { Values } from "../../components/settings/keys";
import { span } from "../format";
import type { Finding } from "./model";

/** What a certificate is for; `ca`: whom the node believes. */
export type Use = Purpose | "ca";

/** When certificates end, ISO 8601; undefined: there is none, or it cannot be read. */
export type CertificateEnds = Partial<Record<Use, string>>;

/** Where a node has its certificates. Pure. */
export function certificateFiles(v: Values): { use: Use; path: string }[] {
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

/** When what a file has ends. A leaf comes before those that it was signed by; of several CAs the newest one signs. Pure. */
export function endOf(use: Use, pem: string): string | undefined {
    const ends = (certificates(pem) ?? []).map(({ validTo }) => Date.parse(validTo));
    if (ends.length === 0) return undefined;
    return new Date(use === "ca" ? Math.max(...ends) : ends[0]!).toISOString();
}

/** Time in which somebody should think of another CA. */
const CA_NOTICE = "365d";

const SAID: Record<Use, string> = {
    clients: "the certificate that clients see",
    peer: "the certificate that the other node sees",
    objectStore: "the certificate of the object store",
    ca: "the CA",
};

/** What is wrong with the certificates of a node, and what to do. Pure. */
export function certificateFindings(name: string, v: Values, found: CertificateEnds, now: number): Finding[] {
    return certificateFiles(v).flatMap(({ use }): Finding[] => {
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

function remedy(use: Use, { tls }: Values): string {
    if (tls === "provided")
        return use === "ca"
            ? "give a new tlsCaCertificate and what it signs, then run otel-ha up"
            : "give a new tlsCertificate, then run otel-ha up";
    return use === "ca" ? "every certificate ends with it, so replace it before that" : "run otel-ha up";
}
