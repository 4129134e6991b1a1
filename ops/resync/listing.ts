/** What lies in a bucket. */
export interface Listing {
    /** Time of the last change in ms since 1970, by the object's name. */
    [key: string]: number;
}

/** Loki's note of which cluster it is; each side has its own. */
const OWN_TO_EACH = "loki_cluster_seed.json";

/** Lists a bucket as JSON lines, in the object store's container. Pure. */
export function listScript(bucket: string, port: number): string {
    return [
        "set -eu",
        "set -a",
        '. "$MINIO_CONFIG_ENV_FILE"',
        "set +a",
        // The container of a store with TLS has SSL_CERT_FILE, for mc.
        `export MC_CONFIG_DIR=/tmp/.mc MC_HOST_here="http\${SSL_CERT_FILE:+s}://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@127.0.0.1:${port}"`,
        `mc --json ls --recursive "here/${bucket}"`,
        "",
    ].join("\n");
}

/** Reads what `mc --json ls` printed. Errors: a line that reports one. Pure. */
export function readListing(text: string): Listing {
    const objects = text
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line) as { status: string; key: string; lastModified: string; error?: unknown });
    const failed = objects.find(({ status }) => status !== "success");
    if (failed) throw new Error(JSON.stringify(failed.error ?? failed));
    return Object.fromEntries(objects.map(({ key, lastModified }) => [key, Date.parse(lastModified)]));
}

/** Objects that one side had by that time and the other one does not have. Pure. */
export function missing(there: Listing, here: Listing, untilMs: number): string[] {
    return Object.keys(there).filter((key) => there[key]! <= untilMs && !(key in here) && key !== OWN_TO_EACH);
}
