import { isDeepStrictEqual } from "util";
import { closest, distance } from "fastest-levenshtein";
import { COMMON_KEYS } from "./common-keys";
import { Key, System, Value } from "./key";
import { AnyValues, SECRET_KINDS, ValuesOf } from "./keys";
import { READERS } from "./kinds";
import { Problem, Rule } from "./problem";
import { SYSTEMS, systemsWith } from "./systems";

/** Raw configuration of a stack: key without the project's name → text. */
export type RawConfig = Record<string, string>;

/** What was read, and what cannot be used; the values are whole only without problems. */
export interface Parsed<V> {
    values: V;
    problems: Problem[];
}

/**
 * Reads and checks all settings of a stack of one system. Every problem is found in one go. Settings that are there but not shown, as secrets are to tools,
 * count as right and are "". Pure.
 */
export function parseValues<S extends System = "otel-ha">(
    raw: RawConfig,
    withheld: string[] = [],
    system = "otel-ha" as S,
): Parsed<ValuesOf<S>> {
    const chosen = systemOf(raw);
    // Of another system nothing else can be said.
    if ("problem" in chosen) return { values: {} as ValuesOf<S>, problems: [chosen.problem] };
    if (chosen.system !== system)
        return { values: {} as ValuesOf<S>, problems: [anotherSystem(chosen.system, system)] };
    const { keys, rules } = SYSTEMS[system];
    const problems = [...Object.keys(raw), ...withheld].flatMap((key) => strangeKey(key, raw[key], system));
    const values: Record<string, Value> = {};
    const unread = new Set<string>(withheld);
    for (const [key, declared] of Object.entries(keys)) {
        const read = withheld.includes(key) ? { value: "" } : readKey(key, declared, raw[key]);
        if ("problem" in read) {
            problems.push(read.problem);
            unread.add(key);
        } else values[key] = read.value;
    }
    for (const rule of rules) problems.push(...applyRule(rule, values as ValuesOf<S>, unread));
    // Unknown keys first, the rest as in Pulumi.yaml.
    const order = Object.keys(keys);
    problems.sort((a, b) => order.indexOf(a.key) - order.indexOf(b.key));
    return { values: values as ValuesOf<S>, problems };
}

/** The same for a stack of whichever system it says: ask the values for their `system`. Pure. */
export function parseStack(raw: RawConfig, withheld: string[] = []): Parsed<AnyValues> {
    const chosen = systemOf(raw);
    if ("problem" in chosen) return { values: {} as AnyValues, problems: [chosen.problem] };
    return chosen.system === "apm" ? parseValues(raw, withheld, "apm") : parseValues(raw, withheld, "otel-ha");
}

function systemOf(raw: RawConfig): { system: System } | { problem: Problem } {
    const read = readKey("system", COMMON_KEYS.system, raw.system);
    return "problem" in read ? read : { system: read.value as System };
}

const anotherSystem = (found: System, wanted: System): Problem => ({
    key: "system",
    message: `"${found}" is ${SYSTEMS[found].title}, and this is for stacks of ${SYSTEMS[wanted].title} (${wanted}); choose those`,
});

function readKey(
    key: string,
    { kind, default: fallback }: Key,
    text: string | undefined,
): { value: Value } | { problem: Problem } {
    if (text === undefined || (text === "" && fallback === undefined)) {
        if (fallback !== undefined) return { value: fallback };
        return {
            problem: { key, message: `is missing${READERS[kind].wanted.slice(READERS[kind].wanted.indexOf(";"))}` },
        };
    }
    const value = READERS[kind].read(text);
    if (value !== undefined) return { value };
    const shown = SECRET_KINDS.includes(kind) || kind === "pem" ? "" : `"${text}" `;
    return { problem: { key, message: `${shown}is not ${READERS[kind].wanted.replace("KEY", key)}` } };
}

// A rule looks only at what could be read: the access tells which settings those are.
function applyRule<V extends object>(rule: Rule<V>, values: V, unread: Set<string>): Problem[] {
    let spoilt = false;
    const watched = new Proxy(values, {
        get(target, key: string) {
            if (unread.has(key)) spoilt = true;
            return target[key as keyof V];
        },
    });
    try {
        const problems = rule(watched);
        return spoilt ? [] : problems;
    } catch (error) {
        if (spoilt) return [];
        throw error;
    }
}

// Keys that this system has not: the other one's, and those that nobody has.
function strangeKey(key: string, text: string | undefined, system: System): Problem[] {
    const { keys } = SYSTEMS[system];
    if (key in keys) return [];
    const [owner] = systemsWith(key);
    if (owner === undefined)
        return [{ key, message: `is not a setting of this program${hint(key, Object.keys(keys))}` }];
    // The engine hands over the defaults of all keys that the project declares.
    if (text !== undefined && isDefault(SYSTEMS[owner].keys[key]!, text)) return [];
    const message = `is a setting of ${SYSTEMS[owner].title} (${owner}), and this is a stack of ${SYSTEMS[system].title}; leave it out, or write system: ${owner}`;
    return [{ key, message }];
}

function isDefault({ kind, default: fallback = "" }: Key, text: string): boolean {
    const value = text === "" ? "" : READERS[kind].read(text);
    return isDeepStrictEqual(value, fallback);
}

function hint(key: string, known: string[]): string {
    const near = closest(key, known);
    return distance(key.toLowerCase(), near.toLowerCase()) <= Math.max(2, key.length / 4)
        ? `; did you mean "${near}"?`
        : "; see docs/config.md";
}

/** The text of an error that lists all problems. Pure. */
export function problemReport(stack: string, problems: Problem[]): string {
    const lines = problems.map(({ key, message }) => `  ${key}: ${message}`);
    return [
        `${problems.length === 1 ? "a setting" : `${problems.length} settings`} of stack "${stack}" cannot be used; nothing was touched:`,
        ...lines,
    ].join("\n");
}
