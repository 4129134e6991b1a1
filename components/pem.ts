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
