/** How probes and clients did, before, during and after a fault. Pure. */
import type { ClientLedger } from "../load/ledger";
import { longestGap, quantile, successTimes, type Span } from "../probe/gaps";
import { answers } from "./plots";
import type { DrillReport, Phase, ProbeReport, QueueSample } from "./schema";

/** Stretches that are told apart. */
export interface Spans {
    before: Span;
    /** From the fault's beginning to its repair. */
    fault?: Span;
    after: Span;
    /** From the fault on: where gaps count. */
    sinceFault: Span;
}

export function probeReport(ledger: ClientLedger, spans: Spans, stalls: DrillReport["clientStalls"]): ProbeReport {
    const phase = (span: Span | undefined): Phase => phaseOf(answers(ledger), span);
    const gap = longestGap(successTimes(ledger), spans.sinceFault, stalls);
    return {
        ...{ client: ledger.client.id, protocol: ledger.client.protocol, signal: ledger.client.signal },
        ...{ before: phase(spans.before), during: phase(spans.fault), after: phase(spans.after) },
        longestGapBefore: longestGap(successTimes(ledger), spans.before, stalls),
        longestGap: gap,
        failuresInGap: countFailures([ledger], gap),
    };
}

export function phaseOf(asked: { sentAt: number; ms?: number }[], span: Span | undefined): Phase {
    const own = span ? asked.filter(({ sentAt }) => sentAt >= span.from && sentAt < span.to) : [];
    const times = own.flatMap(({ ms }) => (ms === undefined ? [] : [ms]));
    return { asked: own.length, succeeded: times.length, p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) };
}

export function countFailures(ledgers: ClientLedger[], span?: Span): Record<string, number> {
    const counts: Record<string, number> = {};
    const failures = ledgers.flatMap((ledger) => ledger.failures);
    for (const { at, error } of failures)
        if (!span || (at >= span.from && at <= span.to)) counts[error] = (counts[error] ?? 0) + 1;
    return counts;
}

export function peaks(samples: QueueSample[]): Record<string, number> {
    const peak: Record<string, number> = {};
    for (const { node, queues } of samples)
        for (const [queue, size] of Object.entries(queues))
            peak[`${node} ${queue}`] = Math.max(peak[`${node} ${queue}`] ?? 0, size);
    return peak;
}
