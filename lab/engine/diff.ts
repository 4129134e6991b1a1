// What changed between two property maps, as paths: `stdin`, `environment.HOME`, `mounts[1].source`.
import { equal, isMap, plain, Secret, secret, Unknown, Value, ValueMap } from "./values";

export type ChangeKind = "add" | "delete" | "update";
export type DiffKind = ChangeKind | `${ChangeKind}-replace`;
export type DetailedDiff = Map<string, DiffKind>;

/** A provider's answer to "what does it take to get from these to those". */
export interface DiffResult {
    /** Top-level keys that differ. */
    changed: string[];
    /** Those of them that need a new resource. */
    replace: string[];
    /** Absent where the real provider gives none. */
    detailed?: DetailedDiff;
    deleteBeforeReplace?: boolean;
}

const joinKey = (path: string, key: string) => {
    const simple = /^[A-Za-z_$][\w$-]*$/.test(key);
    return simple ? (path ? `${path}.${key}` : key) : `${path}["${key}"]`;
};

/** Internal marks of the provider bridges, no settings. */
const isInternal = (key: string) => key === "__defaults" || key === "__internal";

function visit(
    path: string,
    before: Value | undefined,
    after: Value | undefined,
    changes: Map<string, ChangeKind>,
): void {
    if (before === undefined && after === undefined) return;
    if (before === undefined) changes.set(path, "add");
    else if (after === undefined) changes.set(path, "delete");
    else if (isMap(before) && isMap(after)) visitMaps(path, before, after, changes);
    else if (Array.isArray(before) && Array.isArray(after)) {
        for (let index = 0; index < Math.max(before.length, after.length); index++) {
            visit(`${path}[${index}]`, before[index], after[index], changes);
        }
    } else if (after instanceof Unknown || !equal(before, after)) changes.set(path, "update");
}

function visitMaps(path: string, before: ValueMap, after: ValueMap, changes: Map<string, ChangeKind>): void {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
        if (!isInternal(key)) visit(joinKey(path, key), before[key], after[key], changes);
    }
}

export function diffMaps(before: ValueMap, after: ValueMap): Map<string, ChangeKind> {
    const changes = new Map<string, ChangeKind>();
    visitMaps("", plain(before) as ValueMap, plain(after) as ValueMap, changes);
    return changes;
}

export function diffValues(path: string, before: Value | undefined, after: Value | undefined): Map<string, ChangeKind> {
    const changes = new Map<string, ChangeKind>();
    visit(path, before === undefined ? before : plain(before), after === undefined ? after : plain(after), changes);
    return changes;
}

export const topLevelKey = (path: string) => path.split(/[.[]/)[0];

/** From path changes to a provider's answer; `needsReplace` decides by top-level key. */
export function diffResult(changes: Map<string, ChangeKind>, needsReplace: (key: string) => boolean): DiffResult {
    const detailed: DetailedDiff = new Map();
    for (const [path, kind] of changes) {
        detailed.set(path, needsReplace(topLevelKey(path)) ? `${kind}-replace` : kind);
    }
    const changed = [...new Set([...changes.keys()].map(topLevelKey))];
    return { changed, replace: changed.filter(needsReplace), detailed };
}

/** Does a property path option (`ignoreChanges`, `replaceOnChanges`: `a.b[*].c`, `*`) cover a changed path? */
export function pathMatches(pattern: string, path: string): boolean {
    const split = (text: string) =>
        text
            .replace(/\[\s*"?([^\]"]*)"?\s*\]/g, ".$1")
            .split(".")
            .filter(Boolean);
    const wanted = split(pattern);
    const actual = split(path);
    // A change of a whole covers a change of its part, and the other way round.
    const shared = Math.min(wanted.length, actual.length);
    return wanted.slice(0, shared).every((part, index) => part === "*" || part === actual[index]);
}

/** Adds what the option `replaceOnChanges` demands. */
export function applyReplaceOnChanges(
    diff: DiffResult,
    patterns: string[],
    inputs: Map<string, ChangeKind>,
): DiffResult {
    if (patterns.length === 0) return diff;
    const covered = (path: string) => patterns.some((pattern) => pathMatches(pattern, path));
    const paths = diff.detailed ? [...diff.detailed.keys()] : [...inputs.keys(), ...diff.changed];
    const hit = paths.filter(covered);
    const detailed = diff.detailed && new Map(diff.detailed);
    for (const path of hit) {
        const kind = detailed?.get(path);
        if (kind && !kind.endsWith("-replace")) detailed!.set(path, `${kind}-replace` as DiffKind);
    }
    return { ...diff, detailed, replace: [...new Set([...diff.replace, ...hit.map(topLevelKey)])] };
}

/** New inputs with the old values at the ignored paths. */
export function applyIgnoreChanges(before: ValueMap, after: ValueMap, patterns: string[]): ValueMap {
    let result: Value = after;
    for (const pattern of patterns) {
        const keys = pattern
            .replace(/\[\s*"?([^\]"]*)"?\s*\]/g, ".$1")
            .split(".")
            .filter(Boolean);
        result = keepOld(before, result, keys) ?? {};
    }
    return result as ValueMap;
}

function keepOld(before: Value | undefined, after: Value | undefined, keys: string[]): Value | undefined {
    if (keys.length === 0) return before;
    if (after instanceof Secret || before instanceof Secret) {
        const merged = keepOld(unmarked(before), unmarked(after), keys);
        return merged === undefined ? undefined : secret(merged);
    }
    const [key, ...rest] = keys;
    if (Array.isArray(after)) {
        const old = Array.isArray(before) ? before : [];
        const covered = (index: number) => key === "*" || key === String(index);
        return after.map((item, index) => (covered(index) ? (keepOld(old[index], item, rest) ?? null) : item));
    }
    if (after !== undefined && !isMap(after)) return after;
    const merged: ValueMap = { ...after };
    const old = isMap(before) ? before : {};
    for (const name of key === "*" ? new Set([...Object.keys(merged), ...Object.keys(old)]) : [key]) {
        const kept = keepOld(old[name], merged[name], rest);
        if (kept === undefined) delete merged[name];
        else merged[name] = kept;
    }
    return merged;
}

const unmarked = (value: Value | undefined) => (value instanceof Secret ? value.value : value);
