/** What plots are drawn from. Pure. */
import type { ClientLedger } from "../load/ledger";
import type { RatePoint } from "./schema";

const BUCKET_MS = 200;

/** Each request that went out: when, and how long until it was acknowledged. */
export function answers({ requests }: ClientLedger): { sentAt: number; ms?: number }[] {
    return requests.flatMap(({ sentAt, acknowledgedAt }) =>
        sentAt === undefined
            ? []
            : [{ sentAt, ms: acknowledgedAt === undefined ? undefined : acknowledgedAt - sentAt }],
    );
}

/** Items acknowledged, attempts failed and the slowest answer in each fifth of a second. */
export function ratePoints(ledger: ClientLedger): RatePoint[] {
    const points = new Map<number, RatePoint>();
    const point = (at: number): RatePoint => {
        const start = Math.floor(at / BUCKET_MS) * BUCKET_MS;
        const found = points.get(start) ?? { at: start, acknowledged: 0, failed: 0 };
        points.set(start, found);
        return found;
    };
    for (const { acknowledgedAt, sentAt } of ledger.requests) {
        if (acknowledgedAt === undefined) continue;
        const there = point(acknowledgedAt);
        there.acknowledged += ledger.client.itemsPerRequest;
        there.maxMs = Math.max(there.maxMs ?? 0, acknowledgedAt - sentAt!);
    }
    for (const { at } of ledger.failures) point(at).failed++;
    return [...points.values()].sort((a, b) => a.at - b.at);
}
