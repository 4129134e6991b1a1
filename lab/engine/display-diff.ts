// `--diff`: what changes in a resource, property by property; changed text line by line.
import { diffMaps, DetailedDiff, ChangeKind } from "./diff";
import { StepMetadata } from "./events";
import { isMap, Secret, Unknown, Value, ValueMap } from "./values";

const CONTEXT_LINES = 2;

/** The value at a path of a diff. Inside a secret everything is secret. */
export function valueAt(map: ValueMap | undefined, path: string): Value | undefined {
    const keys = [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)];
    let value: Value | undefined = map;
    for (const [, quoted, index, name] of keys) {
        if (value instanceof Secret) return value;
        if (Array.isArray(value)) value = value[Number(index)];
        else value = isMap(value) ? value[quoted ?? name ?? index] : undefined;
    }
    return value;
}

type Line = { sign: " " | "-" | "+"; text: string };

/** The shortest edit script, by longest common subsequence: config files are small. */
export function diffLines(before: string, after: string): Line[] {
    const [a, b] = [before.split("\n"), after.split("\n")];
    const common = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
    for (let i = a.length - 1; i >= 0; i--) {
        for (let j = b.length - 1; j >= 0; j--) {
            common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
        }
    }
    const lines: Line[] = [];
    let [i, j] = [0, 0];
    while (i < a.length || j < b.length) {
        if (i < a.length && j < b.length && a[i] === b[j]) {
            lines.push({ sign: " ", text: a[i++] });
            j++;
        } else if (j >= b.length || (i < a.length && common[i + 1][j] >= common[i][j + 1])) {
            lines.push({ sign: "-", text: a[i++] });
        } else {
            lines.push({ sign: "+", text: b[j++] });
        }
    }
    return lines;
}

/** Changed lines with a little around them. */
export function renderTextDiff(before: string, after: string): string[] {
    const lines = diffLines(before, after);
    const changed = lines.flatMap((line, index) => (line.sign === " " ? [] : [index]));
    const near = (index: number) => changed.some((at) => Math.abs(at - index) <= CONTEXT_LINES);
    const shown: string[] = [];
    let skipped = false;
    lines.forEach(({ sign, text }, index) => {
        if (near(index)) {
            if (skipped && shown.length > 0) shown.push("  ...");
            shown.push(`${sign} ${text}`);
        }
        skipped = !near(index);
    });
    return shown;
}

/** JSON, with marks where there is nothing to show and without notes for the engine. */
export function shown(value: Value | undefined): string {
    if (value === undefined) return "";
    if (value instanceof Secret) return "[secret]";
    if (value instanceof Unknown) return "[unknown]";
    if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
    if (!isMap(value)) return JSON.stringify(value);
    const fields = Object.entries(value).filter(([key]) => !key.startsWith("__"));
    return `{${fields.map(([key, item]) => `${key}: ${shown(item)}`).join(", ")}}`;
}

function propertyLines(path: string, kind: ChangeKind, before: Value | undefined, after: Value | undefined): string[] {
    if (kind === "add") return [`+ ${path}: ${shown(after)}`];
    if (kind === "delete") return [`- ${path}: ${shown(before)}`];
    const isText = (value: unknown): value is string => typeof value === "string" && value.includes("\n");
    if (typeof before === "string" && typeof after === "string" && (isText(before) || isText(after))) {
        return [`~ ${path}:`, ...renderTextDiff(before, after).map((line) => `    ${line}`)];
    }
    return [`~ ${path}: ${shown(before)} => ${shown(after)}`];
}

export function printResourceDiff(metadata: StepMetadata, write: (line: string) => void): void {
    const { old, new: next, op } = metadata;
    write(`      [urn=${metadata.urn}]`);
    if (op === "delete" || op === "read" || op === "same") return;
    const created = op === "create" || !old;
    const changes: Map<string, ChangeKind> | DetailedDiff = created
        ? diffMaps({}, next?.inputs ?? {})
        : (metadata.detailedDiff ?? diffMaps(old.inputs, next?.inputs ?? {}));
    for (const [path, kind] of changes) {
        if (path.startsWith("__")) continue;
        const change = kind.replace("-replace", "") as ChangeKind;
        // Providers compare with what they read back where inputs say nothing.
        const before = valueAt(old?.inputs, path) ?? valueAt(old?.outputs, path);
        for (const line of propertyLines(path, change, created ? undefined : before, valueAt(next?.inputs, path))) {
            write(`      ${line}`);
        }
    }
}
