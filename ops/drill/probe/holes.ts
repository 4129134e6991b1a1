/** What a query should have shown. Pure. */
import type { ClientLedger } from "../load/ledger";
import type { Span } from "./gaps";
import type { ReadSample } from "./read";

/** Time from acknowledgement until an item can be asked for: a batch waits for ten seconds at most. */
const ARRIVES_MS = 12_000;

/** A collector passes on what it has taken within this time; what it took later goes away with it. */
export const HELD_BACK_MS = 3000;

/**
 * Items that a query over a stretch of time should have shown and did not; a request at each edge may fall to either side. What was acknowledged
 * within `heldBack` is not asked for.
 */
export function missing(sample: ReadSample, ledger: ClientLedger, heldBack?: Span): number {
    const { window, shown, at } = sample;
    if (!window || shown === undefined) return 0;
    const perRequest = sample.signal === "metrics" ? 1 : ledger.client.itemsPerRequest;
    const requests = ledger.requests.filter(({ at: time, acknowledgedAt = Infinity }) => {
        const held = heldBack && acknowledgedAt >= heldBack.from && acknowledgedAt <= heldBack.to;
        return time > window.from && time <= window.to && acknowledgedAt < at - ARRIVES_MS && !held;
    });
    const short = requests.length * perRequest - shown;
    return short > 2 * perRequest ? short : 0;
}
