import * as fs from "fs";
import Mustache from "mustache";
import * as path from "path";

// The compiled program lives one level below the project, as the sources do.
const ROOT = path.join(__dirname, "..", "templates");

/** The text of a file below `templates/`, as it is. @example templateText("scripts/put-file.sh") */
export function templateText(file: string): string {
    return fs.readFileSync(path.join(ROOT, file), "utf8");
}

/**
 * Renders `templates/<file>.mustache`. A name that the view does not have is an error rather than an empty string: a
 * configuration with a hole in it often still parses.
 */
export function render(file: string, view: object): string {
    const template = templateText(`${file}.mustache`);
    checkNames(file, Mustache.parse(template) as Token[], [view as Record<string, unknown>]);
    return Mustache.render(template, view, {}, { escape: (value: unknown) => String(value) });
}

type Token = [type: string, name: string, start: number, end: number, children?: Token[]];

function checkNames(file: string, tokens: Token[], scopes: Record<string, unknown>[]): void {
    for (const [type, name, , , children] of tokens) {
        if (!["name", "&", "{", "#", "^"].includes(type) || name === ".") continue;
        const scope = scopes.find(
            (candidate) => typeof candidate === "object" && candidate !== null && name in candidate,
        );
        if (!scope) throw new Error(`template ${file}: the view has no "${name}"`);
        const value = scope[name];
        const items = Array.isArray(value) ? value : value && typeof value === "object" ? [value] : value ? [{}] : [];
        if (type === "#" && children)
            for (const item of items) checkNames(file, children, [item as Record<string, unknown>, ...scopes]);
        if (type === "^" && children && items.length === 0) checkNames(file, children, scopes);
    }
}
