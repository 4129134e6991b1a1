// Durations and sizes: parsed once from what people write, printed in the form each consumer wants.

/** A length of time: a number and a unit, `ms`, `s`, `m`, `h` or `d`. @example "10s" @example "2h" @example "1m30s" */
export type Duration = string;

/** An amount of data: a number and a unit, `B`, `KiB`, `MiB`, `GiB` or `TiB`. @example "4GiB" */
export type Size = string;

const MILLISECONDS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const BYTES: Record<string, number> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/** Milliseconds of a duration; undefined when it does not parse. */
export function parseDuration(text: Duration): number | undefined {
    if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
    let total = 0;
    for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
        total += Number(amount) * MILLISECONDS[unit];
    return Math.round(total);
}

/** Bytes of a size; undefined when it does not parse. */
export function parseSize(text: Size): number | undefined {
    const match = /^(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB)$/.exec(text);
    return match ? Math.round(Number(match[1]) * BYTES[match[2]]) : undefined;
}

function milliseconds(text: Duration): number {
    const value = parseDuration(text);
    if (value === undefined)
        throw new Error(`"${text}" is not a duration; write a number and a unit, such as "10s" or "2h"`);
    return value;
}

/** Bytes of a size that has been validated. */
export function bytes(text: Size): number {
    const value = parseSize(text);
    if (value === undefined) throw new Error(`"${text}" is not a size; write a number and a unit, such as "4GiB"`);
    return value;
}

/** Whole MiB, as the collector's memory limiter counts. */
export function mebibytes(text: Size): number {
    return Math.floor(bytes(text) / 2 ** 20);
}

/** Seconds, possibly with a fraction, as Keepalived writes intervals. */
export function seconds(text: Duration): number {
    return milliseconds(text) / 1000;
}

/**
 * Go's canonical form, `1m0s` for 60 s. The Docker provider compares durations as text with what the daemon gives back:
 * any other spelling is a difference for ever.
 */
export function goDuration(text: Duration): string {
    const all = milliseconds(text);
    if (all < 1000) return all === 0 ? "0s" : `${all}ms`;
    const hours = Math.floor(all / 3_600_000);
    const minutes = Math.floor((all % 3_600_000) / 60_000);
    const rest = (all % 60_000) / 1000;
    return (hours ? `${hours}h` : "") + (hours || minutes ? `${minutes}m` : "") + `${rest}s`;
}

/** Prometheus' form: whole units, largest first, `15d`, `1m30s`. Loki and the collector read the same without `d`. */
export function prometheusDuration(text: Duration, largest: "d" | "h" = "d"): string {
    let left = milliseconds(text);
    if (left === 0) return "0s";
    let out = "";
    for (const unit of largest === "d" ? ["d", "h", "m", "s", "ms"] : ["h", "m", "s", "ms"]) {
        const count = Math.floor(left / MILLISECONDS[unit]);
        if (count > 0) out += `${count}${unit}`;
        left -= count * MILLISECONDS[unit];
    }
    return out;
}

/** What Go's garbage collector is to stay below in a container of this size: it works harder before the kernel ends the process. Pure. */
export const goMemoryLimit = (limit: Size): string => `${Math.floor(mebibytes(limit) * 0.9)}MiB`;
