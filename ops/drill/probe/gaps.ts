/** From what a probe noted to how long nothing got through. Pure. */
import type { ClientLedger } from "../load/ledger";
import type { Stall } from "../load/worker";

/** A stretch of time; milliseconds. */
export interface Span {
    from: number;
    to: number;
}

/** The longest time without a success. */
export interface Gap extends Span {
    ms: number;
    /** Longest single time within it in which the measuring process itself stood still. */
    stalledMs: number;
}

/** Longest time between two successes that touches the window. Without any success: the whole window. */
export function longestGap(successes: number[], window: Span, stalls: Stall[] = []): Gap {
    const times = successes.filter((at) => Number.isFinite(at)).sort((a, b) => a - b);
    const before = times.filter((at) => at < window.from).at(-1) ?? window.from;
    const after = times.find((at) => at > window.to) ?? window.to;
    const within = times.filter((at) => at >= window.from && at <= window.to);
    // The last success before the window starts its first gap, if that lasts into it.
    const points = [before, ...within, after];
    let gap = { from: window.from, to: window.from, ms: 0 };
    for (let i = 1; i < points.length; i++) {
        const ms = points[i]! - points[i - 1]!;
        if (ms > gap.ms) gap = { from: points[i - 1]!, to: points[i]!, ms };
    }
    const inside = stalls.filter((stall) => stall.at >= gap.from && stall.at - stall.ms <= gap.to);
    return { ...gap, stalledMs: inside.reduce((most, { ms }) => Math.max(most, ms), 0) };
}

/** When a client's requests were acknowledged. */
export function successTimes(ledger: ClientLedger): number[] {
    return ledger.requests.flatMap(({ acknowledgedAt }) => (acknowledgedAt === undefined ? [] : [acknowledgedAt]));
}

/** The q-quantile (0 to 1), by the nearest rank; undefined for nothing. */
export function quantile(values: number[], q: number): number | undefined {
    if (values.length === 0) return undefined;
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))];
}
