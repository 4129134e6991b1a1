/** From everything that was seen to the report. Pure. */
import type { Look } from "../../rotate/looks";
import { balanceSent, balanceView, recoveryPoint } from "../accounting/account";
import type { ClientLedger } from "../load/ledger";
import type { Signal } from "../load/plan";
import { longestGap, type Gap, type Span } from "../probe/gaps";
import { HELD_BACK_MS, missing } from "../probe/holes";
import type { ReadSample } from "../probe/read";
import { increase, type Counters } from "../run/counters";
import type { Observed } from "../run/observers";
import type { DrillOptions } from "../run/options";
import { INJECTED, longest, ownership } from "../run/ownership";
import type { Sources } from "../run/preflight";
import type { Recording, View } from "../run/read-all";
import type { Scenario } from "../scenarios/scenario";
import { countFailures, peaks, phaseOf, probeReport, type Spans } from "./phases";
import { ratePoints } from "./plots";
import type { DrillReport, ProbeReport, QueueSample, RecoveryTimes, TimelineEvent } from "./schema";
import { outcome, verdicts } from "./verdicts";

/** What a drill leaves behind. */
export interface RawRun {
    scenario: Scenario;
    /** The node whose data the drill deletes. */
    rebuilt?: string;
    faultTitle: string;
    options: DrillOptions;
    system: DrillReport["system"];
    sources: Sources;
    run: string;
    startedAt: number;
    endedAt: number;
    loadStartedAt: number;
    loadEndedAt: number;
    injectedAt?: number;
    healedAt?: number;
    /** Every service worked again. */
    restoredAt?: number;
    /** All queues were empty. */
    drainedAt?: number;
    /** Everything was found. */
    completeAt?: number;
    timeline: TimelineEvent[];
    queues: QueueSample[];
    observed?: Observed;
    views: View[];
    during: Recording[];
    countersBefore: Counters;
    countersAfter: Counters;
    leftovers: string[];
    /** What became of credentials that were rotated. */
    looks?: Look[];
    failure?: string;
}

/** Time after the start in which connections are made. */
const START_MS = 3000;

const NOTHING: Observed = {
    load: { ledgers: [], reads: [], stalls: [] },
    probes: { ledgers: [], reads: [], stalls: [] },
    reads: { ledgers: [], reads: [], stalls: [] },
};

export function buildReport(raw: RawRun): DrillReport {
    const observed = raw.observed ?? NOTHING;
    const ledgers = [...observed.load.ledgers, ...observed.probes.ledgers];
    const spans = spansOf(raw);
    const timeline = [...raw.timeline].sort((a, b) => a.at - b.at);
    const owners = ownership(timeline, { from: raw.loadStartedAt, to: raw.loadEndedAt || raw.endedAt });
    const report: DrillReport = {
        schema: "otel-ha-drill/1",
        scenario: describe(raw),
        outcome: "failed",
        failure: raw.failure,
        startedAt: raw.startedAt,
        endedAt: raw.endedAt,
        system: raw.system,
        load: loadReport(raw, observed),
        fault: spans.fault,
        timeline,
        ownership: owners,
        availability: {
            probes: observed.probes.ledgers
                .map((ledger) => probeReport(ledger, spans, observed.probes.stalls))
                .concat((["metrics", "logs"] as const).flatMap((signal) => readReport(signal, observed, spans))),
            generator: observed.load.ledgers.map((ledger) => probeReport(ledger, spans, observed.load.stalls)),
            failures: countFailures(ledgers),
        },
        integrity: integrity(raw, ledgers),
        recovery: {},
        queues: { peak: peaks(raw.queues), drainedAt: raw.drainedAt, samples: raw.queues },
        plots: {
            rates: Object.fromEntries(ledgers.map((ledger) => [ledger.client.id, ratePoints(ledger)])),
            reads: withMissing(raw).map(({ at, ms, signal, kind, error, lagMs, missing: short }) => {
                return { at, ms, signal, kind, error, lagMs, missing: short || undefined };
            }),
        },
        clientStalls: [...observed.load.stalls, ...observed.probes.stalls],
        verdicts: [],
        leftovers: raw.leftovers,
        looks: raw.looks,
    };
    report.recovery = recovery(raw, report, spans);
    report.verdicts = verdicts(report, { scenario: raw.scenario, reads: withMissing(raw), sources: raw.sources });
    report.outcome = outcome(report);
    return report;
}

function withMissing(raw: RawRun): (ReadSample & { missing: number })[] {
    const { load, reads } = raw.observed ?? NOTHING;
    const injected = raw.timeline.find(({ source, what }) => source === "fault" && what === INJECTED)?.at;
    const heldBack =
        raw.scenario.holdsBack && raw.injectedAt && injected
            ? { from: raw.injectedAt - HELD_BACK_MS, to: injected + HELD_BACK_MS }
            : undefined;
    return reads.reads.map((sample) => {
        const ledger = load.ledgers.find(({ client }) => client.signal === sample.signal && !client.backdateMs);
        return { ...sample, missing: ledger ? missing(sample, ledger, heldBack) : 0 };
    });
}

function spansOf(raw: RawRun): Spans {
    const end = raw.loadEndedAt || raw.endedAt;
    const from = raw.injectedAt ?? end;
    const to = raw.healedAt ?? end;
    return {
        before: { from: raw.loadStartedAt + START_MS, to: from },
        fault: raw.injectedAt === undefined ? undefined : { from, to },
        after: { from: to, to: end },
        sinceFault: { from, to: end },
    };
}

function describe({ scenario, rebuilt, options, faultTitle }: RawRun): DrillReport["scenario"] {
    const { name, title, description } = scenario;
    const hold = options.holdSeconds ?? scenario.holdSeconds;
    const method = [
        `load for ${options.warmSeconds} s`,
        faultTitle,
        `wait ${hold} s`,
        "repair it",
        `load for ${options.afterSeconds} s more, and until every service works again`,
        "wait until all queues are empty and everything is found",
    ];
    return { name, title, description, method, rebuilt };
}

function loadReport(raw: RawRun, observed: Observed): DrillReport["load"] {
    const { pointsPerSecond, recordsPerSecond, probeIntervalMs } = raw.options;
    return {
        run: raw.run,
        pointsPerSecond,
        recordsPerSecond,
        clients: [
            ...observed.load.ledgers.map(
                ({ client: c }) => `${c.id}: ${c.itemsPerRequest} ${c.signal} each ${Math.round(c.intervalMs)} ms`,
            ),
            ...observed.probes.ledgers.map(({ client: c }) => `${c.id}: one item each ${probeIntervalMs} ms`),
        ],
        skippedRequests: observed.load.ledgers.reduce((sum, { skipped }) => sum + skipped, 0),
    };
}

function readReport(signal: Signal, { reads }: Observed, spans: Spans): ProbeReport[] {
    const own = reads.reads.filter((read) => read.signal === signal && read.kind === "fresh");
    if (own.length === 0) return [];
    const asked = own.map(({ at, ms, error }) => ({ sentAt: at, ms: error === undefined ? ms : undefined }));
    const good = own.filter(({ error }) => error === undefined).map(answeredAt);
    const first = Math.min(...own.map(({ at }) => at));
    // What nobody asked for was not refused.
    const asking = ({ from, to }: Span): Span => ({ from: Math.max(first, from), to });
    const before = asking(spans.before);
    return [
        {
            ...{ client: `read-${signal}`, protocol: "read", signal },
            ...{
                before: phaseOf(asked, before),
                during: phaseOf(asked, spans.fault),
                after: phaseOf(asked, spans.after),
            },
            longestGapBefore: longestGap(good, before, reads.stalls),
            longestGap: longestGap(good, asking(spans.sinceFault), reads.stalls),
        },
    ];
}

const answeredAt = ({ at, ms }: ReadSample): number => at + ms;

function integrity(raw: RawRun, ledgers: ClientLedger[]): DrillReport["integrity"] {
    const views = raw.views.map(({ view, signal, source, found, error }) => {
        const recording = view === "global" ? raw.during.find((one) => one.signal === signal) : undefined;
        const during = recording && { found: recording.found(raw.run, ledgers), at: recording.at };
        return { view, signal, source, error, balance: balanceView(signal, ledgers, found, during) };
    });
    return {
        sent: { metrics: balanceSent("metrics", ledgers), logs: balanceSent("logs", ledgers) },
        views,
        recoveryPointMs: recoveryPoint(
            views.filter(({ view, error }) => view === "global" && !error).map(({ balance }) => balance),
        ),
        outOfOrderSamples: increase(raw.countersBefore, raw.countersAfter, "outOfOrder"),
        refusedSamples: increase(raw.countersBefore, raw.countersAfter, "refused"),
    };
}

function recovery(raw: RawRun, report: DrillReport, spans: Spans): RecoveryTimes {
    if (!spans.fault) return {};
    const longestOf = (gaps: Gap[]): number | undefined =>
        gaps.length === 0 ? undefined : gaps.reduce((most, { ms }) => Math.max(most, ms), 0);
    const probes = report.availability.probes;
    const full = [raw.restoredAt, raw.drainedAt, raw.completeAt];
    return {
        virtualIp: longest(report.ownership, spans.sinceFault, (owner) => owner.length === 0),
        ingest: longestOf(probes.filter(({ protocol }) => protocol !== "read").map((probe) => probe.longestGap)),
        query: longestOf(probes.filter(({ protocol }) => protocol === "read").map((probe) => probe.longestGap)),
        fullRedundancy: full.some((at) => at === undefined)
            ? undefined
            : Math.max(0, Math.max(...(full as number[])) - spans.fault.to),
        storeWritable: storeOutage(report.timeline, spans.sinceFault, raw.endedAt),
    };
}

/** Longest time in which a node's object store said that it does not take writes. */
function storeOutage(timeline: TimelineEvent[], span: Span, end: number): number | undefined {
    const since = new Map<string, number>();
    let most = 0;
    for (const { at, source, node, what, detail } of timeline) {
        if (source !== "service" || !detail?.startsWith("minio") || at < span.from) continue;
        if (what === "not ready") since.set(node!, at);
        else if (since.has(node!)) {
            most = Math.max(most, at - since.get(node!)!);
            since.delete(node!);
        }
    }
    return since.size > 0 && end > span.to + 60_000
        ? undefined
        : Math.max(most, ...[...since.values()].map((at) => end - at));
}
