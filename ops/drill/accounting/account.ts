/** The balance: what was acknowledged against what is found. Pure. */
import type { ClientLedger, RequestEntry } from "../load/ledger";
import type { Signal } from "../load/plan";
import type { Span } from "../probe/gaps";
import type { Found } from "./found";

/** Items of one signal in one query view. */
export interface ViewBalance {
    found: number;
    /** Acknowledged and not found. */
    lost: number;
    /** Items that one query shows more than once, and how many too many in all. */
    duplicated: number;
    surplus: number;
    /** Not acknowledged, and found all the same. */
    recovered: number;
    /** Acknowledged, not found while the fault lasted, found in the end. */
    late: number;
    /** Of this run, but never sent so. */
    unexpected: number;
    /** First and last timestamp of what is lost, milliseconds. */
    lostSpan?: Span;
    /** A few of the lost, to look for: client and number. */
    lostExamples: string[];
}

/** What the clients know of one signal. */
export interface SentBalance {
    sent: number;
    acknowledged: number;
    /** Answered in a way that forbids to send again. */
    refused: number;
    /** Without an answer when the run ended. */
    pending: number;
    /** Of the refused: those that an answer with 200 said were not taken. */
    rejected: number;
    /** Requests that were acknowledged after one with a later timestamp. */
    outOfOrderRequests: number;
}

/** The balance of a signal for a client's side. */
export function balanceSent(signal: Signal, ledgers: ClientLedger[]): SentBalance {
    const sum: SentBalance = { sent: 0, acknowledged: 0, refused: 0, pending: 0, rejected: 0, outOfOrderRequests: 0 };
    for (const { client, requests } of ledgers.filter((ledger) => ledger.client.signal === signal)) {
        let newest = 0;
        const answered = requests.filter((entry) => entry.acknowledgedAt !== undefined);
        for (const entry of answered.sort((a, b) => a.acknowledgedAt! - b.acknowledgedAt!)) {
            if (entry.at < newest) sum.outOfOrderRequests++;
            newest = Math.max(newest, entry.at);
        }
        for (const entry of requests.filter(({ sentAt }) => sentAt !== undefined)) {
            sum.sent += client.itemsPerRequest;
            sum[entry.outcome] += client.itemsPerRequest;
            sum.rejected += entry.rejectedItems ?? 0;
        }
    }
    return sum;
}

/** What a view has of a signal. `during`: the same view while the fault lasted, with the time at which it was read. */
export function balanceView(
    signal: Signal,
    ledgers: ClientLedger[],
    found: Found,
    during?: { found: Found; at: number },
): ViewBalance {
    const sum: ViewBalance = {
        ...{ found: 0, lost: 0, duplicated: 0, surplus: 0, recovered: 0, late: 0 },
        unexpected: found.unexpectedCount,
        lostExamples: [],
    };
    for (const { client, requests } of ledgers.filter((ledger) => ledger.client.signal === signal))
        for (const entry of requests)
            for (let i = 0; i < client.itemsPerRequest; i++) {
                const item = entry.n * client.itemsPerRequest + i;
                const times = found.times(client.id, item);
                count(sum, entry, times, `${client.id}/${item}`);
                // What has shifted timestamps was not asked for then.
                if (
                    times > 0 &&
                    during &&
                    !client.backdateMs &&
                    wasLate(entry, during.found.times(client.id, item), during.at)
                )
                    sum.late++;
            }
    return sum;
}

function count(sum: ViewBalance, entry: RequestEntry, times: number, name: string): void {
    const acknowledged = entry.outcome === "acknowledged";
    if (times > 0) sum.found++;
    if (times > 1) {
        sum.duplicated++;
        sum.surplus += times - 1;
    }
    if (times > 0 && !acknowledged) sum.recovered++;
    if (times === 0 && acknowledged) {
        sum.lost++;
        if (sum.lostExamples.length < 5) sum.lostExamples.push(name);
        sum.lostSpan = {
            from: Math.min(sum.lostSpan?.from ?? entry.at, entry.at),
            to: Math.max(sum.lostSpan?.to ?? entry.at, entry.at),
        };
    }
}

/** Data may take a batch's time to be found: what was acknowledged just before the reading is not called late. */
const SETTLE_MS = 15_000;

function wasLate(entry: RequestEntry, timesDuring: number, readAt: number): boolean {
    return (
        entry.outcome === "acknowledged" && timesDuring === 0 && (entry.acknowledgedAt ?? Infinity) < readAt - SETTLE_MS
    );
}

/** True when a view has everything that was acknowledged. */
export const isComplete = (balance: ViewBalance): boolean => balance.lost === 0;

/** Age span of what was lost, milliseconds: 0 when nothing was. */
export function recoveryPoint(balances: ViewBalance[]): number {
    return balances.reduce(
        (most, { lostSpan }) => Math.max(most, lostSpan ? Math.max(1, lostSpan.to - lostSpan.from) : 0),
        0,
    );
}
