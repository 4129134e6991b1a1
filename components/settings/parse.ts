import { closest, distance } from "fastest-levenshtein";
import { KeyName, KEYS, Kind, SECRET_KINDS, Values } from "./keys";
import { READERS } from "./kinds";
import { Problem } from "./problem";
import { RULES } from "./rules";

/** Raw configuration of a stack: key without the project's name → text. */
export type RawConfig = Record<string, string>;

/**
 * Reads and checks all settings. Every problem is found in one go. Settings that are there but not shown, as secrets are to tools, count as right and
 * are "". Pure.
 */
export function parseValues(raw: RawConfig, withheld: string[] = []): { values: Values; problems: Problem[] } {
    const problems = unknownKeys([...Object.keys(raw), ...withheld]);
    const values: Partial<Record<KeyName, string | number | boolean>> = {};
    const unread = new Set<string>();
    for (const key of Object.keys(KEYS) as KeyName[]) {
        const read = withheld.includes(key) ? { value: "" } : readKey(key, raw[key]);
        if (withheld.includes(key)) unread.add(key);
        if ("problem" in read) {
            problems.push(read.problem);
            unread.add(key);
        } else values[key] = read.value;
    }
    for (const rule of RULES) problems.push(...applyRule(rule, values as Values, unread));
    // Unknown keys first, the rest as in Pulumi.yaml.
    const order = Object.keys(KEYS);
    problems.sort((a, b) => order.indexOf(a.key) - order.indexOf(b.key));
    return { values: values as Values, problems };
}

function readKey(key: KeyName, text: string | undefined): { value: string | number | boolean } | { problem: Problem } {
    const { kind, default: fallback } = KEYS[key] as { kind: Kind; default?: string | number | boolean };
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
function applyRule(rule: (values: Values) => Problem[], values: Values, unread: Set<string>): Problem[] {
    let spoilt = false;
    const watched = new Proxy(values, {
        get(target, key: string) {
            if (unread.has(key)) spoilt = true;
            return target[key as KeyName];
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

function unknownKeys(keys: string[]): Problem[] {
    const known = Object.keys(KEYS);
    return keys
        .filter((key) => !known.includes(key))
        .map((key) => {
            const near = closest(key, known);
            const hint =
                distance(key.toLowerCase(), near.toLowerCase()) <= Math.max(2, key.length / 4)
                    ? `; did you mean "${near}"?`
                    : "; see docs/config.md";
            return { key, message: `is not a setting of this program${hint}` };
        });
}

/** The text of an error that lists all problems. Pure. */
export function problemReport(stack: string, problems: Problem[]): string {
    const lines = problems.map(({ key, message }) => `  ${key}: ${message}`);
    return [
        `${problems.length === 1 ? "a setting" : `${problems.length} settings`} of stack "${stack}" cannot be used; nothing was touched:`,
        ...lines,
    ].join("\n");
}
