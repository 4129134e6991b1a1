/** From everything that was seen to the report. Pure. */
import type { ClusterView } from "../../apm/poller";
import { balanceSent, balanceView, recoveryPoint } from "../accounting/account";
import type { ClientLedger } from "../load/ledger";
import type { Signal } from "../load/plan";
import { longestGap, type Gap, type Span } from "../probe/gaps";
import { countFailures, peaks, phaseOf, probeReport, type Spans } from "../report/phases";
import { ratePoints } from "../report/plots";
import type { DrillReport, ProbeReport, QueueSample, TimelineEvent } from "../report/schema";
import { outcome } from "../report/verdicts";
import { arrivals, copyCounts, eventTimes, longestStretch, statusSpans, twoManagers } from "./courses";
import type { ApmObserved } from "./observers";
import type { ApmDrillOptions } from "./options";
import type { ApmPreflight } from "./preflight";
import type { ClusterReport } from "./report";
import type { ApmScenario } from "./scenario";
import type { SearchSample } from "./search-probe";
import type { Mark, TransitionResult } from "./transitions";
import { apmVerdicts } from "./verdicts";
import { answeredAt, stayers, unanswered } from "./measures";
import { foundIn, type ApmView, type DocumentRecording } from "./views";

/** What a drill of Container APM leaves behind. */
export interface ApmRun {
    scenario: ApmScenario;
    options: ApmDrillOptions;
    before: Pick<ApmPreflight, "system" | "limits" | "detectionSeconds">;
    run: string;
    startedAt: number;
    endedAt: number;
    loadStartedAt: number;
    loadEndedAt: number;
    healedAt?: number;
    /** The cluster was whole. */
    restoredAt?: number;
    drainedAt?: number;
    completeAt?: number;
    marks: Mark[];
    transitions: TransitionResult[];
    method: string[];
    timeline: TimelineEvent[];
    clusterViews: ClusterView[];
    queues: QueueSample[];
    observed?: ApmObserved;
    views: ApmView[];
    recordings: DocumentRecording[];
    /** Shards of the drill's own index. */
    shards: number;
    leftovers: string[];
    failure?: string;
}

/** Time after the start in which connections are made. */
const START_MS = 3000;

/** Signals that come by the collectors. */
const TELEMETRY: Signal[] = ["logs", "traces", "metrics"];

const NOTHING = { ledgers: [], reads: [], searches: [], stalls: [] };

export function buildApmReport(raw: ApmRun): DrillReport {
    const { load, writes, searches } = raw.observed ?? { load: NOTHING, writes: NOTHING, searches: NOTHING };
    const ledgers = [...load.ledgers, ...writes.ledgers];
    const spans = spansOf(raw);
    const stalls = [...load.stalls, ...writes.stalls];
    const { name, title, description } = raw.scenario;
    const report: DrillReport = {
        schema: "otel-ha-drill/1",
        scenario: { name, title, description, method: raw.method },
        ...{ outcome: "failed", failure: raw.failure, startedAt: raw.startedAt, endedAt: raw.endedAt },
        ...{ system: raw.before.system, load: loadReport(raw, ledgers), fault: spans.fault },
        timeline: [...raw.timeline].sort((a, b) => a.at - b.at),
        ownership: [],
        availability: {
            probes: [
                ...load.ledgers.filter(isProbe).map((ledger) => probeReport(ledger, spans, load.stalls)),
                ...writes.ledgers.map((ledger) => probeReport(ledger, spans, writes.stalls)),
                ...searchReports(searches.searches ?? [], spans, searches.stalls),
            ],
            generator: load.ledgers.filter(isNoProbe).map((ledger) => probeReport(ledger, spans, load.stalls)),
            failures: countFailures(ledgers),
        },
        integrity: integrity(raw, ledgers),
        recovery: {},
        queues: { peak: peaks(raw.queues), drainedAt: raw.drainedAt, samples: raw.queues },
        plots: { rates: Object.fromEntries(ledgers.map((one) => [one.client.id, ratePoints(one)])), reads: [] },
        cluster: cluster(raw, load.ledgers.filter(isNoProbe), searches.searches ?? [], spans),
        ...{ clientStalls: stalls, verdicts: [], leftovers: raw.leftovers },
    };
    report.recovery = recovery(raw, report, spans, unanswered(searches.searches ?? [], spans, stalls));
    report.verdicts = apmVerdicts(report, {
        ...{ raw, spans, stalls },
        writes: writes.ledgers,
        searches: searches.searches ?? [],
    });
    report.outcome = outcome(report);
    return report;
}

const isProbe = ({ client }: ClientLedger): boolean => !client.retry;
const isNoProbe = ({ client }: ClientLedger): boolean => client.retry;

function spansOf({ loadStartedAt, loadEndedAt, endedAt, healedAt, marks }: ApmRun): Spans {
    const end = loadEndedAt || endedAt;
    const from = marks[0]?.at ?? end;
    const to = Math.min(healedAt ?? end, end);
    return {
        before: { from: loadStartedAt + START_MS, to: from },
        fault: marks.length === 0 ? undefined : { from, to },
        after: { from: to, to: end },
        sinceFault: { from, to: end },
    };
}

function loadReport({ run, options }: ApmRun, ledgers: ClientLedger[]): DrillReport["load"] {
    const { pointsPerSecond, recordsPerSecond, spansPerSecond } = options;
    return {
        ...{ run, pointsPerSecond, recordsPerSecond, spansPerSecond },
        clients: ledgers.map(
            ({ client: c }) => `${c.id}: ${c.itemsPerRequest} ${c.signal} each ${Math.round(c.intervalMs)} ms`,
        ),
        skippedRequests: ledgers.filter(isNoProbe).reduce((sum, { skipped }) => sum + skipped, 0),
    };
}

function searchReports(samples: SearchSample[], spans: Spans, stalls: DrillReport["clientStalls"]): ProbeReport[] {
    const keys = [...new Set(samples.map(({ kind, node }) => `${kind}-${node}`))].sort();
    return keys.map((key) => {
        const own = samples.filter(({ kind, node }) => `${kind}-${node}` === key);
        const asked = own.map(({ at, ms, error }) => ({ sentAt: at, ms: error === undefined ? ms : undefined }));
        const good = answeredAt(own);
        const first = Math.min(...own.map(({ at }) => at));
        const before = { from: Math.max(first, spans.before.from), to: spans.before.to };
        const gap = longestGap(good, spans.sinceFault, stalls);
        return {
            ...{ client: key, protocol: "read", signal: "documents" },
            ...{
                before: phaseOf(asked, before),
                during: phaseOf(asked, spans.fault),
                after: phaseOf(asked, spans.after),
            },
            longestGapBefore: longestGap(good, before, stalls),
            longestGap: gap,
            failuresInGap: failures(own, gap),
        };
    });
}

function failures(samples: SearchSample[], { from, to }: Span): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { at, ms, error } of samples)
        if (error && at + ms >= from && at + ms <= to) counts[error] = (counts[error] ?? 0) + 1;
    return counts;
}

function integrity(raw: ApmRun, ledgers: ClientLedger[]): DrillReport["integrity"] {
    const views = raw.views.map(({ view, signal, source, found, error }) => {
        const recording = view === "cluster" ? raw.recordings.find((one) => one.signal === signal) : undefined;
        const during = recording && { found: foundIn(recording, raw.run, ledgers), at: recording.at };
        return { view, signal, source, error, balance: balanceView(signal, ledgers, found, during) };
    });
    return {
        sent: {
            ...{ metrics: balanceSent("metrics", ledgers), logs: balanceSent("logs", ledgers) },
            ...{ traces: balanceSent("traces", ledgers), documents: balanceSent("documents", ledgers) },
        },
        views,
        recoveryPointMs: recoveryPoint(
            views.filter(({ view, error }) => view === "cluster" && !error).map(({ balance }) => balance),
        ),
        outOfOrderSamples: {},
        refusedSamples: {},
    };
}

function cluster(raw: ApmRun, applications: ClientLedger[], searches: SearchSample[], spans: Spans): ClusterReport {
    const sent = { from: spans.before.from, to: spans.sinceFault.to };
    const watched = { from: raw.startedAt, to: raw.completeAt ?? raw.endedAt };
    const { clusterViews, marks } = raw;
    const read = (signal: Signal) => raw.views.find((one) => one.view === "cluster" && one.signal === signal)?.found;
    return {
        ...{ transitions: raw.transitions, marks, status: statusSpans(clusterViews, marks, watched) },
        copies: copyCounts(clusterViews, marks),
        eventTime: TELEMETRY.flatMap((signal) => {
            const found = read(signal);
            return found ? [eventTimes(signal, applications, found, sent)] : [];
        }),
        arrival: TELEMETRY.map((signal) => arrivals(signal, searches, sent)),
        twoManagers: twoManagers(clusterViews, raw.endedAt),
    };
}

function recovery(
    raw: ApmRun,
    report: DrillReport,
    { fault }: Spans,
    byNobody: Gap | undefined,
): DrillReport["recovery"] {
    if (!fault) return {};
    const { status } = report.cluster!;
    const all = [raw.restoredAt, raw.drainedAt, raw.completeAt];
    const most = (probes: ProbeReport[]): number | undefined =>
        probes.length > 0 ? Math.max(...probes.map(({ longestGap: gap }) => gap.ms)) : undefined;
    const staying = stayers(report);
    const of = (kind: string): ProbeReport[] =>
        report.availability.probes.filter(({ client }) => staying.some((node) => client === `${kind}-${node}`));
    return {
        ingest: most(of("intake")),
        ...(raw.scenario.restartsAll ? { queryByAny: byNobody?.ms } : { query: most(of("search")) }),
        manager: longestStretch(status, fault.from, (one) => one.manager === undefined),
        green: longestStretch(status, fault.from, (one) => one.status !== "green"),
        fullRedundancy: all.some((at) => at === undefined)
            ? undefined
            : Math.max(0, Math.max(...(all as number[])) - fault.to),
    };
}
