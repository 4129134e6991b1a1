/** What was sent and what became of it: one entry per request, from which each item's identity follows. Pure. */
import type { ClientPlan, Signal } from "./plan";

/** acknowledged: 200 or OK, whole. refused: an answer after which a client must not send again. pending: neither, until the end. */
export type Outcome = "acknowledged" | "refused" | "pending";

/** One request. Its items are numbered `n × itemsPerRequest + i`. Times are milliseconds of the client's clock. */
export interface RequestEntry {
    /** Position in the client's sequence, from 0. */
    n: number;
    /** Timestamp of its items, milliseconds; increases strictly within a client. */
    at: number;
    /** First time on the wire; undefined when it never got there. */
    sentAt?: number;
    acknowledgedAt?: number;
    attempts: number;
    outcome: Outcome;
    /** What the last attempt that failed said. */
    error?: string;
    /** Items that the receiver said it did not take (partial success). */
    rejectedItems?: number;
}

/** All requests of one client, by number. */
export interface ClientLedger {
    client: ClientPlan;
    requests: RequestEntry[];
    /** Requests that were not made because too many waited. */
    skipped: number;
    /** Attempts that failed: when they ended, and how. */
    failures: { at: number; error: string }[];
}

/** The line of a log record. The run comes first and ends with a space, so that a filter for it finds this run only. */
export function logLine(run: string, client: string, sequence: number): string {
    return `run=${run} client=${client} seq=${sequence} an event that stands for what an application would write, of usual length`;
}

/** What {@link logLine} was made from; undefined for a line that is not a drill's. */
export function parseLogLine(line: string): { run: string; client: string; sequence: number } | undefined {
    const [, run, client, sequence] = /^run=(\w+) client=([\w-]+) seq=(\d+) /.exec(line) ?? [];
    return run === undefined ? undefined : { run, client: client!, sequence: Number(sequence) };
}

/** Nanoseconds, as text, of item `i` of a request: log records of one request differ, so that order is defined. */
export function logTime(at: number, i: number): string {
    return `${at}${String(i).padStart(6, "0")}`;
}

/** The label of a data point's series. */
export const seriesName = (i: number): string => `s${String(i).padStart(3, "0")}`;

/** The position of a series, or NaN for a name that is not a drill's. */
export const seriesIndex = (name: string): number => (/^s\d{3,}$/.test(name) ? Number(name.slice(1)) : NaN);

/** Items of a ledger, with or without those never sent. Pure. */
export function countItems(ledgers: ClientLedger[], signal?: Signal, outcome?: Outcome): number {
    return ledgers
        .filter(({ client }) => !signal || client.signal === signal)
        .reduce(
            (sum, { client, requests }) =>
                sum +
                client.itemsPerRequest * requests.filter((r) => r.sentAt && (!outcome || r.outcome === outcome)).length,
            0,
        );
}
