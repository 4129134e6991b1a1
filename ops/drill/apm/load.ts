/** What a drill of Container APM sends. Pure. */
import type { ClientPlan, Signal } from "../load/plan";

/** Items a second, of all clients together. */
export interface ApmRates {
    spansPerSecond: number;
    recordsPerSecond: number;
    pointsPerSecond: number;
}

const REQUESTS_PER_SECOND = 4;
const INTAKE_INTERVAL_MS = 100;
const WRITE_INTERVAL_MS = 250;

/** Time after which a write, or a search, counts as unanswered, milliseconds. */
export const ANSWER_TIMEOUT_MS = 5000;

/** All places, beginning with the one at a position. */
const from = (hosts: string[], at: number): string[] => [...hosts.slice(at), ...hosts.slice(0, at)];

/**
 * The applications: for each node one client of each signal, which sends to that node's collector and, when that does not take something, sends the
 * identical request to the next one, as an SDK that knows several addresses. So the same item may come by two ways, and must be there once.
 */
export function applications(nodes: { name: string; address: string }[], rates: ApmRates): ClientPlan[] {
    const addresses = nodes.map(({ address }) => address);
    const client = (at: number, signal: Signal, protocol: "http" | "grpc", perSecond: number): ClientPlan => ({
        ...{ id: `${signal}-${nodes[at]!.name}`, signal, protocol, labelled: true, hosts: from(addresses, at) },
        itemsPerRequest: Math.max(1, Math.round(perSecond / nodes.length / REQUESTS_PER_SECOND)),
        ...{ intervalMs: 1000 / REQUESTS_PER_SECOND, timeoutMs: 3000, retry: true },
        // Room for ten minutes in which nobody takes anything.
        ...{ maxInFlight: 8, maxPending: 600 * REQUESTS_PER_SECOND },
    });
    return nodes.flatMap((_, at) => [
        client(at, "logs", "http", rates.recordsPerSecond),
        client(at, "traces", "grpc", rates.spansPerSecond),
        client(at, "metrics", "http", rates.pointsPerSecond),
    ]);
}

/** For each node's collector one record at each interval, never sent again: whether it takes things. */
export function intakeProbes(nodes: { name: string; address: string }[]): ClientPlan[] {
    return nodes.map(({ name, address }) => ({
        ...{ id: `intake-${name}`, signal: "logs", protocol: "http", labelled: true, hosts: [address] },
        ...{ itemsPerRequest: 1, intervalMs: INTAKE_INTERVAL_MS, timeoutMs: 1000, retry: false },
        ...{ maxInFlight: 12, maxPending: 0 },
    }));
}

/** Through each node one document at each interval, to every shard in turn, never sent again. */
export function writeProbes(nodes: { name: string; address: string }[], routings: string[]): ClientPlan[] {
    return nodes.map(({ name, address }) => ({
        ...{ id: `write-${name}`, signal: "documents", protocol: "opensearch", hosts: [address], routings },
        ...{ itemsPerRequest: 1, intervalMs: WRITE_INTERVAL_MS, timeoutMs: ANSWER_TIMEOUT_MS, retry: false },
        ...{ maxInFlight: Math.ceil(ANSWER_TIMEOUT_MS / WRITE_INTERVAL_MS) + 2, maxPending: 0 },
    }));
}
