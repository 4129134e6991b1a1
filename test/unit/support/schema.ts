// Rendered configurations of programs that cannot run here, against what their documentation says: names and types of options.

/** What a value may be. */
export type Schema =
    | "string"
    | "boolean"
    | "integer"
    | "number"
    | "port"
    /** ISO 8601, or a number with a unit. */
    | "duration"
    /** A number with `b`, `kb`, `mb` or `gb`. */
    | "bytes"
    | "url"
    | "nothing"
    /** Empty text, too. */
    | "text"
    | { oneOf: unknown[] }
    | { list: Schema }
    | { map: Schema; most?: number }
    | { options: Record<string, Schema>; required?: string[] }
    /** One of them, by its name. */
    | { plugin: Record<string, Schema> };

const isMap = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value);

const PLAIN: Record<string, (value: unknown) => boolean> = {
    string: (value) => typeof value === "string" && value !== "",
    text: (value) => typeof value === "string",
    boolean: (value) => typeof value === "boolean",
    integer: (value) => Number.isInteger(value),
    number: (value) => typeof value === "number",
    port: (value) => Number.isInteger(value) && (value as number) > 0 && (value as number) < 65_536,
    duration: (value) => typeof value === "string" && /^(P(?=.).*|\d+(ms|s|m|h|d))$/.test(value),
    bytes: (value) => typeof value === "string" && /^\d+(\.\d+)?(b|kb|mb|gb)$/.test(value),
    url: (value) => typeof value === "string" && /^https?:\/\/[^/\s]+$/.test(value),
    nothing: (value) => value === null,
};

/** What is wrong with a value, by its path; nothing when it is as it should be. */
export function problems(value: unknown, schema: Schema, path = ""): string[] {
    if (typeof schema === "string") return PLAIN[schema](value) ? [] : [`${path}: ${said(value)} is no ${schema}`];
    if ("oneOf" in schema)
        return schema.oneOf.includes(value) ? [] : [`${path}: ${said(value)} is none of ${schema.oneOf.join(", ")}`];
    if ("list" in schema)
        return Array.isArray(value)
            ? value.flatMap((one, index) => problems(one, schema.list, `${path}[${index}]`))
            : [`${path}: ${said(value)} is no list`];
    if (!isMap(value)) return [`${path}: ${said(value)} has no options`];
    if ("map" in schema) {
        const entries = Object.entries(value).flatMap(([key, one]) => problems(one, schema.map, at(path, key)));
        return schema.most && Object.keys(value).length > schema.most ? [`${path}: more than ${schema.most}`] : entries;
    }
    if ("plugin" in schema) {
        const names = Object.keys(value);
        if (names.length !== 1) return [`${path}: one plugin is wanted, not ${names.length}`];
        const found = schema.plugin[names[0]];
        return found ? problems(value[names[0]], found, at(path, names[0])) : [`${at(path, names[0])}: unknown plugin`];
    }
    const missing = (schema.required ?? []).filter((key) => !(key in value)).map((key) => `${at(path, key)}: missing`);
    return [
        ...missing,
        ...Object.entries(value).flatMap(([key, one]) =>
            schema.options[key] ? problems(one, schema.options[key], at(path, key)) : [`${at(path, key)}: unknown`],
        ),
    ];
}

const at = (path: string, key: string): string => (path ? `${path}.${key}` : key);
const said = (value: unknown): string => JSON.stringify(value) ?? "nothing";
