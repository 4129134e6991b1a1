import { createPrivateKey, KeyObject, X509Certificate } from "crypto";

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----/g;

/** The text as it goes into files: lines end with a line feed, the last one too; "" stays "". Pure. */
export function normalPem(text: string): string {
    const lines = text.replace(/\r\n?/g, "\n").trim();
    return lines === "" ? "" : `${lines}\n`;
}

/** The certificates in a text, in their order; undefined when there is none, something else, or one that cannot be read. Pure. */
export function certificates(text: string): X509Certificate[] | undefined {
    const blocks = [...text.matchAll(BLOCK)];
    if (blocks.length === 0 || text.replace(BLOCK, "").trim() !== "") return undefined;
    if (blocks.some(([, label]) => label !== "CERTIFICATE")) return undefined;
    try {
        return blocks.map(([block]) => new X509Certificate(block));
    } catch {
        return undefined;
    }
}

/** The private key in a text; undefined when it cannot be read, or needs a passphrase. Pure. */
export function privateKey(text: string): KeyObject | undefined {
    try {
        return createPrivateKey(text);
    } catch {
        return undefined;
    }
}

/**
 * A certificate with the one, of those that are believed, that issued it. The one alone: Java takes only the first certificate of a file as believed, and
 * refuses to send a chain whose members do not follow each other. Errors: none of them issued it. Pure.
 */
export function withIssuer(certificate: string, trusted: string): X509Certificate[] {
    const [leaf, ...rest] = certificates(certificate) ?? [];
    if (!leaf) throw new Error("this is no certificate, PEM");
    const issuer = certificates(trusted)?.find((ca) => leaf.checkIssued(ca) && leaf.verify(ca.publicKey));
    if (!issuer && rest.length === 0)
        throw new Error(`no certificate that is believed has issued that of ${leaf.subject.replace(/\n/g, ", ")}`);
    return issuer ? [leaf, issuer] : [leaf, ...rest];
}
