/** Keeps secrets out of what is shown of a preview. Pulumi writes `[secret]` in their place; this does not rely on it. Pure. */

/** What stands in the place of a secret, as in Pulumi's own output. */
export const SECRET = "[secret]";

/** The keys that Pulumi marks a value with, and the mark of a secret (constants of its wire format and state files). */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";
const OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4";

const PRIVATE_KEY = /-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----[\s\S]*?(?:-----END \1-----|$)/g;

/** The same value without secrets: what is marked as one, in whatever form, and private keys even where they are not marked. */
export function masked(value: unknown): unknown {
    if (typeof value === "string") return value.replace(PRIVATE_KEY, SECRET);
    if (Array.isArray(value)) return value.map(masked);
    if (value === null || typeof value !== "object") return value;
    const object = value as Record<string, unknown>;
    const mark = object[SIGNATURE];
    if (mark === SECRET_SIGNATURE) return SECRET;
    if (mark === OUTPUT_SIGNATURE) return object.secret === true ? SECRET : masked(object.value ?? null);
    return Object.fromEntries(Object.entries(object).map(([key, item]) => [key, masked(item)]));
}

/** True when a secret is the value or a part of it. */
export function holdsSecret(value: unknown): boolean {
    if (typeof value === "string") return value.includes(SECRET);
    return value !== null && typeof value === "object" && Object.values(value).some(holdsSecret);
}
