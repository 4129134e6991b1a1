/** What a client sends: who it is, how much, how fast. Plain data, so that it crosses to the worker process as it is. */
import type { Door } from "../../http";

/** documents: written straight to OpenSearch, one by one. */
export type Signal = "metrics" | "logs" | "traces" | "documents";
export type Protocol = "http" | "grpc" | "opensearch";

/** One client: a sequence of requests at a steady pace, each with the same number of items. */
export interface ClientPlan {
    /** Unique in a run; becomes the label `client`. @example "metrics-grpc" */
    id: string;
    signal: Signal;
    protocol: Protocol;
    /** Data points or log records in each request. @example 50 */
    itemsPerRequest: number;
    /** Time between two requests, milliseconds. @example 100 */
    intervalMs: number;
    /** Time after which an answer is not awaited any longer, milliseconds. @example 3000 */
    timeoutMs: number;
    /** Sends the identical request again until it is acknowledged. A probe does not. */
    retry: boolean;
    /** Requests on the wire at a time. @example 8 */
    maxInFlight: number;
    /** Requests that wait; more are not made, as in an SDK with a bounded queue. @example 3000 */
    maxPending: number;
    /** Age of the timestamps, milliseconds: a backlog of hours without waiting for hours. @default 0 */
    backdateMs?: number;
    /** Where it sends to, its own place first; after an attempt that failed the next one is tried, as by an SDK that knows several. @default the plan's host */
    hosts?: string[];
    /** Log records and data points have run, client and number as attributes, to be searched by, as spans always have. @default false */
    labelled?: boolean;
    /** Of documents: routing values that take turns, so that every shard is written to. */
    routings?: string[];
}

/** All that a worker process needs. */
export interface LoadPlan {
    /** Tells this run's items from those of other runs; letters and digits. */
    run: string;
    /** Host part of the OTLP addresses: the virtual IP. Clients with hosts of their own do not use it. */
    host: string;
    /** @example 4318 */
    httpPort: number;
    /** @example 4317 */
    grpcPort: number;
    /** @default in the clear */
    door?: Door;
    /** Of clients that write documents: the index. */
    index?: string;
    clients: ClientPlan[];
}

/** What all drills use as metric name and as `service.name`. */
export const METRIC = "drill_sequence";
export const SERVICE = "drill";

/** Requests a second of each client of the generator: small enough for a smooth rate, large enough to cost little. */
const REQUESTS_PER_SECOND = 10;

/** The generator's clients for a rate: half of each signal over each protocol. Pure. */
export function loadClients(pointsPerSecond: number, recordsPerSecond: number): ClientPlan[] {
    const client = (signal: Signal, protocol: Protocol, perSecond: number): ClientPlan => ({
        id: `${signal}-${protocol}`,
        signal,
        protocol,
        itemsPerRequest: Math.max(1, Math.round(perSecond / 2 / REQUESTS_PER_SECOND)),
        intervalMs: 1000 / REQUESTS_PER_SECOND,
        timeoutMs: 3000,
        retry: true,
        maxInFlight: 8,
        maxPending: 3000,
    });
    return [
        client("metrics", "http", pointsPerSecond),
        client("metrics", "grpc", pointsPerSecond),
        client("logs", "http", recordsPerSecond),
        client("logs", "grpc", recordsPerSecond),
    ];
}

/** The clients that measure gaps: one small request at each interval, never sent again. Pure. */
export function probeClients(intervalMs: number, timeoutMs: number): ClientPlan[] {
    const client = (signal: Signal, protocol: Protocol): ClientPlan => ({
        id: `probe-${protocol}`,
        signal,
        protocol,
        itemsPerRequest: 1,
        intervalMs,
        timeoutMs,
        retry: false,
        maxInFlight: Math.ceil(timeoutMs / intervalMs) + 2,
        maxPending: 0,
    });
    return [client("logs", "http"), client("metrics", "grpc")];
}
