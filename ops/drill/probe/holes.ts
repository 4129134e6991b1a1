/** What a query should have shown. Pure. */
import type { ClientLedger } from "../load/ledger";
import type { ReadSample } from "./read";

/** Time from acknowledgement until an item can be asked for: a batch waits for ten seconds at most. */
const ARRIVES_MS = 12_000;

/** Items that a query over a stretch of time should have shown and did not; a request at each edge may fall to either side. */
export function missing(sample: ReadSample, ledger: ClientLedger): number {
    const { window, shown, at } = sample;
    if (!window || shown === undefined) return 0;
    const perRequest = sample.signal === "metrics" ? 1 : ledger.client.itemsPerRequest;
    const requests = ledger.requests.filter(
        (entry) =>
            entry.at > window.from && entry.at <= window.to && (entry.acknowledgedAt ?? Infinity) < at - ARRIVES_MS,
    );
    const short = requests.length * perRequest - shown;
    return short > 2 * perRequest ? short : 0;
}
