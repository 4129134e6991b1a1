// Pulumi.STACK.yaml: read and written in place, so that comments, order and formatting survive.
import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "yaml";
import { UserError } from "./errors";

/** A config value as the file has it: a scalar, `{ secure: ciphertext }`, or an object or list of those. */
export type ConfigValue = string | number | boolean | null | ConfigValue[] | { [key: string]: ConfigValue };

export const isSecure = (value: unknown): value is { secure: string } =>
    typeof value === "object" && value !== null && typeof (value as { secure?: unknown }).secure === "string";

export const hasSecure = (value: unknown): boolean =>
    isSecure(value) || (typeof value === "object" && value !== null && Object.values(value).some(hasSecure));

export class StackConfigFile {
    private readonly document: yaml.Document;

    constructor(readonly file: string) {
        this.document = yaml.parseDocument(fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "");
        if (this.document.errors.length > 0) {
            throw new UserError(`could not load ${file}: ${this.document.errors[0].message}`);
        }
        if (!yaml.isMap(this.document.contents)) this.document.contents = new yaml.YAMLMap() as never;
    }

    static of(root: string, stack: string): StackConfigFile {
        return new StackConfigFile(path.join(root, `Pulumi.${stack}.yaml`));
    }

    get salt(): string | undefined {
        return this.document.get("encryptionsalt") as string | undefined;
    }

    set salt(salt: string) {
        this.document.set("encryptionsalt", salt);
    }

    entries(): [string, ConfigValue][] {
        return Object.entries((this.document.toJS()?.config ?? {}) as Record<string, ConfigValue>);
    }

    get(keys: (string | number)[]): ConfigValue | undefined {
        let value: ConfigValue | undefined = Object.fromEntries(this.entries());
        for (const key of keys) {
            if (typeof value !== "object" || value === null || isSecure(value)) return undefined;
            value = (value as Record<string, ConfigValue>)[key];
        }
        return value;
    }

    set(keys: (string | number)[], value: ConfigValue): void {
        const existing = this.document.getIn(["config", ...keys], true);
        if (yaml.isScalar(existing) && (typeof value !== "object" || value === null)) {
            existing.value = value;
            return;
        }
        if (!yaml.isMap(this.document.get("config", true))) this.document.set("config", new yaml.YAMLMap());
        this.createParents(keys);
        this.document.setIn(["config", ...keys], this.document.createNode(value));
    }

    delete(keys: (string | number)[]): boolean {
        return this.document.deleteIn(["config", ...keys]);
    }

    save(): void {
        const empty = yaml.isMap(this.document.contents) && this.document.contents.items.length === 0;
        fs.writeFileSync(this.file, empty ? "" : this.document.toString({ lineWidth: 0 }));
    }

    /** A number in a path means a list, a name means a map: setIn alone would guess. */
    private createParents(keys: (string | number)[]): void {
        for (let depth = 1; depth < keys.length; depth++) {
            const at = ["config", ...keys.slice(0, depth)];
            if (!yaml.isCollection(this.document.getIn(at, true))) {
                this.document.setIn(at, typeof keys[depth] === "number" ? new yaml.YAMLSeq() : new yaml.YAMLMap());
            }
        }
    }
}

/** `a.b[0]["c.d"]` as `["a", "b", 0, "c.d"]`. */
export function parsePath(text: string): (string | number)[] {
    const keys: (string | number)[] = [];
    const token = /\.?([^.[\]"]+)|\[(\d+)\]|\[?"((?:[^"\\]|\\.)*)"\]?/gy;
    while (token.lastIndex < text.length) {
        const match = token.exec(text);
        if (!match) throw new UserError(`invalid config key path: ${text}`);
        if (match[2] !== undefined) keys.push(Number(match[2]));
        else keys.push(match[1] ?? match[3].replace(/\\(.)/g, "$1"));
    }
    if (keys.length === 0) throw new UserError("invalid config key path: empty path");
    return keys;
}
