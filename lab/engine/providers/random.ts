// random:index:*: made once, kept until an input changes.
import * as crypto from "node:crypto";
import { equal, Unknown, Value, ValueMap } from "../values";
import { ProviderPackage, ResourceProvider } from "./types";

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const UPPER = LOWER.toUpperCase();
const DIGITS = "0123456789";
const SPECIAL = "!@#$%&*()-_=+[]{}<>:?";

const DEFAULTS: ValueMap = {
    lower: true,
    upper: true,
    numeric: true,
    number: true,
    special: true,
    minLower: 0,
    minUpper: 0,
    minNumeric: 0,
    minSpecial: 0,
};

const pick = (alphabet: string, count: number) =>
    Array.from({ length: count }, () => alphabet[crypto.randomInt(alphabet.length)]);

function shuffle<T>(items: T[]): T[] {
    for (let last = items.length - 1; last > 0; last--) {
        const other = crypto.randomInt(last + 1);
        [items[last], items[other]] = [items[other], items[last]];
    }
    return items;
}

/** Length and character classes as given, at least so many of each. */
function generate(settings: ValueMap): string {
    const special = settings.overrideSpecial ? String(settings.overrideSpecial) : SPECIAL;
    const classes: [Value, string, Value][] = [
        [settings.lower, LOWER, settings.minLower],
        [settings.upper, UPPER, settings.minUpper],
        [settings.numeric, DIGITS, settings.minNumeric],
        [settings.special, special, settings.minSpecial],
    ];
    const alphabet = classes.map(([used, characters]) => (used ? characters : "")).join("");
    if (!alphabet)
        throw new Error("the character set is empty: at least one of lower, upper, numeric, special must be true");
    const required = classes.flatMap(([, characters, minimum]) => pick(characters, Number(minimum)));
    const length = Number(settings.length);
    if (required.length > length) throw new Error(`length (${length}) must be at least the sum of the minimums`);
    return shuffle([...required, ...pick(alphabet, length - required.length)]).join("");
}

/** Whatever changes, there is a new value. The real provider gives no detailed diff. */
function replaceOnAnyChange(defaults: ValueMap): ResourceProvider["diff"] {
    return (old, inputs) => {
        const keys = new Set([...Object.keys(old.inputs), ...Object.keys(inputs)]);
        const value = (map: ValueMap, key: string) => map[key] ?? defaults[key];
        const changed = [...keys].filter((key) => !equal(value(old.inputs, key), value(inputs, key)));
        return { changed, replace: changed };
    };
}

function settingsOf(inputs: ValueMap): ValueMap {
    const settings = { ...DEFAULTS, ...inputs };
    // `number` is the old name of `numeric`.
    const numeric = inputs.numeric ?? inputs.number ?? true;
    return { ...settings, numeric, number: numeric };
}

const META = '{"schema_version":"3"}';

const randomPassword: ResourceProvider = {
    diff: replaceOnAnyChange(DEFAULTS),
    async create(inputs, { preview }) {
        const settings = settingsOf(inputs);
        const id = "none";
        if (preview) return { id, outputs: { ...settings, id, result: Unknown.value, bcryptHash: Unknown.value } };
        const result = generate(settings);
        const { hash } = await import("bcryptjs");
        // bcrypt only looks at 72 bytes.
        const bcryptHash = await hash(Buffer.from(result).subarray(0, 72).toString(), 10);
        return { id, outputs: { __meta: META, ...settings, id, result, bcryptHash } };
    },
    update: async (old) => old.outputs,
};

const randomString: ResourceProvider = {
    diff: replaceOnAnyChange(DEFAULTS),
    async create(inputs, { preview }) {
        const settings = settingsOf(inputs);
        if (preview) return { id: "", outputs: { ...settings, result: Unknown.value, id: Unknown.value } };
        const result = generate(settings);
        return { id: result, outputs: { __meta: '{"schema_version":"2"}', ...settings, id: result, result } };
    },
    update: async (old) => old.outputs,
};

const randomId: ResourceProvider = {
    diff: replaceOnAnyChange({}),
    async create(inputs, { preview }) {
        const computed = ["id", "b64Std", "b64Url", "hex", "dec"];
        if (preview) {
            return {
                id: "",
                outputs: { ...inputs, ...Object.fromEntries(computed.map((key) => [key, Unknown.value])) },
            };
        }
        const bytes = crypto.randomBytes(Number(inputs.byteLength));
        const prefix = inputs.prefix ? String(inputs.prefix) : "";
        const id = bytes.toString("base64url");
        const outputs = {
            ...inputs,
            id,
            b64Std: prefix + bytes.toString("base64"),
            b64Url: prefix + id,
            hex: prefix + bytes.toString("hex"),
            dec: prefix + BigInt(`0x${bytes.toString("hex")}`).toString(),
        };
        return { id, outputs };
    },
    update: async (old) => old.outputs,
};

const RESOURCES: Record<string, ResourceProvider> = {
    "random:index:RandomPassword": randomPassword,
    "random:index:RandomString": randomString,
    "random:index:RandomId": randomId,
};

export const randomPackage: ProviderPackage = { configure: () => ({ resource: (type) => RESOURCES[type] }) };
