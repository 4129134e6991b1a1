// What the program gets: the stack's values over the project's defaults, decrypted, as strings, checked against the
// schema.
import { Crypter } from "./crypto";
import { UserError } from "./errors";
import { ConfigKeySchema, Project } from "./project";
import { ConfigValue, hasSecure, isSecure, StackConfigFile } from "./stack-config";

export interface ResolvedConfig {
    values: Map<string, string>;
    secretKeys: Set<string>;
}

/** `key` belongs to the project, `namespace:key` to a package. */
export const qualify = (project: Project, key: string) => (key.includes(":") ? key : `${project.name}:${key}`);

export function decryptAll(value: ConfigValue, decrypt: (ciphertext: string) => string): ConfigValue {
    if (isSecure(value)) return decrypt(value.secure);
    if (Array.isArray(value)) return value.map((item) => decryptAll(item, decrypt));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, decryptAll(item, decrypt)]));
}

export const asText = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

function matchesType(value: unknown, type: string): boolean {
    const text = asText(value);
    switch (type) {
        case "string":
            return typeof value !== "object";
        case "integer":
            return /^-?\d+$/.test(text);
        case "boolean":
            return text === "true" || text === "false";
        case "array":
            return Array.isArray(value) || /^\s*\[/.test(text);
        case "object":
            return (typeof value === "object" && !Array.isArray(value)) || /^\s*\{/.test(text);
        default:
            return true;
    }
}

function missingKeysError(stack: string, missing: string[]): UserError {
    const quoted = missing.map((key) => `'${key}'`);
    const list = quoted.length > 1 ? `${quoted.slice(0, -1).join(", ")} and ${quoted.at(-1)}` : quoted[0];
    return new UserError(`Stack '${stack}' is missing configuration ${quoted.length > 1 ? "values" : "value"} ${list}`);
}

function addDefaults(project: Project, stack: string, config: Map<string, ConfigValue>, secretKeys: Set<string>): void {
    const missing: string[] = [];
    for (const [key, schema] of project.config) {
        const shown = key.startsWith(`${project.name}:`) ? key.slice(project.name.length + 1) : key;
        const fallback = schema.value ?? schema.default;
        if (!config.has(key)) {
            if (fallback === undefined) missing.push(shown);
            else config.set(key, fallback as ConfigValue);
        }
        checkType(stack, shown, schema, config.get(key));
        if (schema.secret) secretKeys.add(key);
    }
    if (missing.length > 0) throw missingKeysError(stack, missing);
}

function checkType(stack: string, key: string, schema: ConfigKeySchema, value: ConfigValue | undefined): void {
    if (value === undefined || !schema.type || isSecure(value) || matchesType(value, schema.type)) return;
    throw new UserError(`Stack '${stack}' with configuration key '${key}' must be of type '${schema.type}'`);
}

export function resolveConfig(
    project: Project,
    stack: string,
    file: StackConfigFile,
    crypter?: Crypter,
): ResolvedConfig {
    const config = new Map(file.entries().map(([key, value]) => [qualify(project, key), value]));
    const secretKeys = new Set([...config].filter(([, value]) => hasSecure(value)).map(([key]) => key));
    addDefaults(project, stack, config, secretKeys);
    const decrypt = (ciphertext: string) => {
        if (!crypter) throw new UserError(`stack '${stack}' has encrypted configuration but no 'encryptionsalt'`);
        return crypter.decrypt(ciphertext);
    };
    return {
        values: new Map([...config].map(([key, value]) => [key, asText(decryptAll(value, decrypt))])),
        secretKeys,
    };
}
