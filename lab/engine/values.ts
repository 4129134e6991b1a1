// Property values: what travels between program, engine, providers and state file. Plain JSON values, plus two
// wrappers.

/** A value that must never be shown, and is encrypted in the state file. */
export class Secret {
    constructor(readonly value: Value) {}
}

/** A value that only exists after something has been created (previews). */
export class Unknown {
    static readonly value = new Unknown();
}

export type Value = null | boolean | number | string | Value[] | ValueMap | Secret | Unknown;
export interface ValueMap {
    [key: string]: Value;
}

/** The key that marks an object as "not just an object", and what it marks (constants of the Pulumi wire format). */
export const SIGNATURE = "4dabf18193072939515e22adb298388d";
export const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";
const OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
export const UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const UNKNOWN_STRINGS = new Set([
    UNKNOWN_STRING,
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

export function isMap(value: Value | undefined): value is ValueMap {
    return (
        typeof value === "object" &&
        value !== null &&
        !Array.isArray(value) &&
        !(value instanceof Secret) &&
        !(value instanceof Unknown)
    );
}

/** From the JavaScript form of a google.protobuf.Struct. */
export function decode(raw: unknown): Value {
    if (typeof raw === "string") return UNKNOWN_STRINGS.has(raw) ? Unknown.value : raw;
    if (raw === null || typeof raw !== "object") return (raw ?? null) as Value;
    if (Array.isArray(raw)) return raw.map(decode);
    const object = raw as Record<string, unknown>;
    if (object[SIGNATURE] === SECRET_SIGNATURE) return secret(decode(object["value"]));
    if (object[SIGNATURE] === OUTPUT_SIGNATURE) {
        const value = "value" in object ? decode(object["value"]) : Unknown.value;
        return object["secret"] === true ? secret(value) : value;
    }
    return decodeMap(object);
}

export function decodeMap(raw: object | undefined): ValueMap {
    return Object.fromEntries(Object.entries(raw ?? {}).map(([key, value]) => [key, decode(value)]));
}

/** To the JavaScript form of a google.protobuf.Struct. */
export function encode(value: Value, keepSecrets: boolean): unknown {
    if (value instanceof Unknown) return UNKNOWN_STRING;
    if (value instanceof Secret) {
        const inner = encode(value.value, keepSecrets);
        return keepSecrets ? { [SIGNATURE]: SECRET_SIGNATURE, value: inner } : inner;
    }
    if (Array.isArray(value)) return value.map((item) => encode(item, keepSecrets));
    return isMap(value) ? encodeMap(value, keepSecrets) : value;
}

export function encodeMap(map: ValueMap, keepSecrets: boolean): Record<string, unknown> {
    return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, encode(value, keepSecrets)]));
}

export function secret(value: Value): Secret {
    return value instanceof Secret ? value : new Secret(value);
}

/** Without secret marks: what providers and comparisons work on. */
export function plain(value: Value): Value {
    if (value instanceof Secret) return plain(value.value);
    if (Array.isArray(value)) return value.map(plain);
    return isMap(value) ? plainMap(value) : value;
}

export function plainMap(map: ValueMap): ValueMap {
    return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, plain(value)]));
}

function some(value: Value | undefined, test: (leaf: Value) => boolean): boolean {
    if (value === undefined) return false;
    if (test(value)) return true;
    if (value instanceof Secret) return some(value.value, test);
    if (Array.isArray(value)) return value.some((item) => some(item, test));
    return isMap(value) && Object.values(value).some((item) => some(item, test));
}

export const hasUnknown = (value: Value | undefined) => some(value, (leaf) => leaf instanceof Unknown);
export const hasSecret = (value: Value | undefined) => some(value, (leaf) => leaf instanceof Secret);

/** Equal up to secret marks. An unknown equals nothing, as it may become anything. */
export function equal(a: Value | undefined, b: Value | undefined): boolean {
    if (a instanceof Secret) return equal(a.value, b);
    if (b instanceof Secret) return equal(a, b.value);
    if (a instanceof Unknown || b instanceof Unknown) return false;
    if (Array.isArray(a)) {
        return Array.isArray(b) && a.length === b.length && a.every((item, index) => equal(item, b[index]));
    }
    if (!isMap(a) || !isMap(b)) return a === b;
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].every((key) => key in a && key in b && equal(a[key], b[key]));
}

/** Marks as secret in `outputs` what is secret at the same place in `inputs`: providers return values without marks. */
export function markSecretsLike(outputs: Value, inputs: Value | undefined): Value {
    if (inputs instanceof Secret) return secret(outputs);
    if (outputs instanceof Secret || inputs === undefined) return outputs;
    if (Array.isArray(outputs) && Array.isArray(inputs)) {
        // Providers may sort lists, so a secret element makes the whole list secret.
        return inputs.some(hasSecret) ? secret(outputs) : outputs;
    }
    if (!isMap(outputs) || !isMap(inputs)) return outputs;
    return Object.fromEntries(
        Object.entries(outputs).map(([key, value]) => [key, markSecretsLike(value, inputs[key])]),
    );
}

export function markSecretKeys(outputs: ValueMap, keys: readonly string[]): ValueMap {
    const marked = { ...outputs };
    for (const key of keys) {
        if (marked[key] !== undefined && marked[key] !== null) marked[key] = secret(marked[key]);
    }
    return marked;
}

/** For eyes and logs: secrets as "[secret]". */
export function masked(value: Value): unknown {
    if (value instanceof Secret) return "[secret]";
    if (value instanceof Unknown) return UNKNOWN_STRING;
    if (Array.isArray(value)) return value.map(masked);
    return isMap(value) ? maskedMap(value) : value;
}

export function maskedMap(map: ValueMap): Record<string, unknown> {
    return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, masked(value)]));
}
