/** Whether what was expected of Container APM has happened. Pure. */
import type { ClientLedger } from "../load/ledger";
import { longestGap, type Gap } from "../probe/gaps";
import type { Spans } from "../report/phases";
import type { DrillReport, Verdict, VerdictState, ViewReport } from "../report/schema";
import type { ApmRun } from "./build";
import { answeredAt, stayers, unanswered, worstShard } from "./measures";
import { interruptionLimit } from "./scenario";
import type { SearchSample } from "./search-probe";
import { checkForbidden, describeView, points } from "./transitions";

/** What the verdicts need besides the report itself. */
export interface ApmCircumstances {
    raw: ApmRun;
    spans: Spans;
    stalls: DrillReport["clientStalls"];
    writes: ClientLedger[];
    searches: SearchSample[];
}

/** A client that stood still for this part of a gap has measured itself. */
const STALL_SHARE = 0.5;
/** Event time without anything: a request comes each quarter of a second from three clients of each signal. */
const EVENT_GAP_MS = 2000;
/** A collector whose host stays takes everything; a busy one may need a moment. */
const INTAKE_GAP_MS = 2000;

/** One verdict per hypothesis. */
export function apmVerdicts(report: DrillReport, circumstances: ApmCircumstances): Verdict[] {
    return [
        ...balance(report),
        ...transitions(report),
        ...forbidden(circumstances),
        ...interruptions(report, circumstances),
        ...refusesWrites(report, circumstances),
        oneManager(report, circumstances),
        ...eventGaps(report),
        restored(report),
        clean(report),
    ];
}

const stateOf = (good: boolean): VerdictState => (good ? "passed" : "deviated");
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

function perView(views: ViewReport[], count: (view: ViewReport) => number): string {
    const texts = views.map((view) => `${view.view} ${view.signal} ${view.error ?? count(view)}`);
    return texts.join(", ") || "nothing was read";
}

function allRead(views: ViewReport[], good: (view: ViewReport) => boolean): VerdictState {
    const read = views.filter(({ error }) => error === undefined);
    if (!read.every(good)) return "deviated";
    return views.length > 0 && read.length === views.length ? "passed" : "not measured";
}

function balance({ integrity, availability }: DrillReport): Verdict[] {
    const { views } = integrity;
    const refused = Object.values(integrity.sent).reduce((sum, sent) => sum + sent.refused, 0);
    type Count = "lost" | "duplicated" | "unexpected";
    const verdict = (id: string, hypothesis: string, tolerance: string, own: ViewReport[], what: Count): Verdict => {
        const count = ({ balance: one }: ViewReport): number => one[what];
        const good = (view: ViewReport): boolean => count(view) === 0 && view.balance.found > 0;
        return { id, hypothesis, tolerance, seen: perView(own, count), state: allRead(own, good), runbook: id };
    };
    const merged = views.filter(({ view }) => view === "cluster");
    const copies = views.filter(({ view }) => view !== "cluster");
    return [
        verdict("lost", "Everything that was acknowledged is found", "0 lost", merged, "lost"),
        verdict(
            "copies",
            "Everything that was acknowledged is in the primaries, and in their copies",
            "0 lost",
            copies,
            "lost",
        ),
        verdict("duplicated", "Nothing is there twice", "0 duplicated", views, "duplicated"),
        verdict("unexpected", "Nothing has changed on its way", "0 that were never sent so", views, "unexpected"),
        {
            id: "refused",
            hypothesis: "No request is refused for good: what fails can be sent again",
            tolerance: "0 items refused",
            seen: refused === 0 ? "0" : `${refused}: ${Object.keys(availability.failures).slice(0, 3).join("; ")}`,
            state: stateOf(refused === 0),
            runbook: "refused",
        },
    ];
}

function transitions({ cluster }: DrillReport): Verdict[] {
    return cluster!.transitions.flatMap((result): Verdict[] => {
        const { id, title, since, sinceAt, withinMs, reachedAt, node, seen, state, optional } = result;
        if (optional && state !== "reached") return [];
        const took = reachedAt === undefined ? "" : `${seconds(reachedAt - sinceAt!)}; ${node}: `;
        return [
            {
                id: `transition-${id}`,
                hypothesis: `Seen: ${title}`,
                tolerance: `within ${seconds(withinMs)} of ${since}`,
                seen: `${took}${seen}`,
                state: stateOf(state === "reached"),
                runbook: "transition",
            },
        ];
    });
}

function forbidden({ raw }: ApmCircumstances): Verdict[] {
    const named = points(raw.marks, raw.transitions);
    return raw.scenario.forbidden.map((one) => {
        const found = checkForbidden(one, named, raw.marks, raw.clusterViews);
        const since = named.get(one.from) ?? 0;
        return {
            id: one.id,
            hypothesis: one.title,
            tolerance: `from ${one.from} to ${one.to ?? "the end"}`,
            seen:
                found === "unknown"
                    ? `${one.from} was not reached`
                    : found
                      ? `${seconds(found.at - since)} after ${one.from}, ${found.view.node}: ${describeView(found.view)}`
                      : "never",
            state: found === "unknown" ? "not measured" : stateOf(!found),
            runbook: "transition",
        };
    });
}

function interruptions(report: DrillReport, circumstances: ApmCircumstances): Verdict[] {
    const { raw, spans, stalls, writes, searches } = circumstances;
    const { interruption, dashboards: watched } = raw.scenario;
    const limit = interruptionLimit(interruption, raw.before.detectionSeconds);
    const forWrites = interruptionLimit(interruption, raw.before.detectionSeconds, "writes");
    const staying = stayers(report);
    const within = (id: string, hypothesis: string, limitMs: number, gap: Gap | undefined, more = ""): Verdict => {
        const over = gap !== undefined && gap.ms > limitMs;
        const stalled = over && gap.stalledMs > gap.ms * STALL_SHARE;
        const own = gap?.stalledMs ? `, the probe itself stood still for ${gap.stalledMs} ms of it` : "";
        return {
            ...{ id, hypothesis, tolerance: `${limitMs} ms`, runbook: "gap" },
            seen: gap ? `${gap.ms} ms${more}${own}` : "nobody was asked",
            state: !gap || stalled ? "not measured" : stateOf(!over),
        };
    };
    const probes = (kind: string) => staying.map((node) => [node, probe(report, `${kind}-${node}`)] as const);
    const verdicts = probes("intake").map(([node, one]) =>
        within(`intake-${node}`, `The collector of ${node} takes everything`, INTAKE_GAP_MS, one?.longestGap),
    );
    if (limit === undefined) return verdicts;
    if (raw.scenario.restartsAll) {
        const gap = unanswered(searches, spans, stalls);
        const answered = "Searches are answered by one node at least, but for the limit";
        verdicts.push(within("search", answered, limit * 1000, gap));
    } else {
        for (const [node, one] of probes("search"))
            verdicts.push(
                within(
                    `search-${node}`,
                    `Searches through ${node} are never interrupted for longer than the limit`,
                    limit * 1000,
                    one?.longestGap,
                    `, before the fault ${one?.longestGapBefore.ms} ms`,
                ),
            );
    }
    const worst = worstShard(writes, staying, raw.shards, spans, stalls);
    const shard = worst ? `, shard ${worst.shard}` : "";
    const hypothesis = "Writes to each shard are never interrupted for longer than the limit";
    verdicts.push(within("writes", hypothesis, forWrites! * 1000, worst?.gap, shard));
    const dashboards = searches.filter(({ kind }) => kind === "dashboards");
    if (watched) {
        const gap = longestGap(answeredAt(dashboards), spans.sinceFault, stalls);
        const answer = dashboards.length > 0 ? gap : undefined;
        verdicts.push(within("dashboards", "Dashboards answer on one node at least", 2000, answer));
    }
    return verdicts;
}

const probe = ({ availability }: DrillReport, client: string) =>
    availability.probes.find((one) => one.client === client);

/** Without a quorum nothing may be acknowledged, and what collectors take has to wait in their queues. */
function refusesWrites(report: DrillReport, { raw, writes }: ApmCircumstances): Verdict[] {
    const { refusesWrites: between } = raw.scenario;
    if (!between) return [];
    const named = points(raw.marks, raw.transitions);
    const [from, to] = [named.get(between.from), named.get(between.to)];
    const known = from !== undefined && to !== undefined;
    const inside = (at: number | undefined): boolean => known && at !== undefined && at > from && at < to;
    const asked = writes.flatMap(({ requests }) => requests).filter(({ sentAt }) => inside(sentAt));
    const acknowledged = asked.filter(({ acknowledgedAt }) => inside(acknowledgedAt));
    const queued = Math.max(
        0,
        ...raw.queues.filter(({ at }) => inside(at)).flatMap(({ queues }) => Object.values(queues)),
    );
    const errors = [...new Set(asked.flatMap(({ error }) => error ?? []))].slice(0, 3).join("; ");
    const all: Verdict[] = [
        {
            id: "no-quorum-no-write",
            hypothesis: "Without a majority OpenSearch acknowledges nothing",
            tolerance: `0 writes acknowledged between ${between.from} and ${between.to}`,
            seen: known ? `${acknowledged.length} of ${asked.length}${errors ? ` (${errors})` : ""}` : "not reached",
            state: known && asked.length > 0 ? stateOf(acknowledged.length === 0) : "not measured",
            runbook: "no-quorum",
        },
    ];
    // Data Prepper keeps some of it in its memory first.
    if (report.system.configuration !== "direct") return all;
    return [
        ...all,
        {
            id: "collectors-queue",
            hypothesis: "Collectors keep what they take meanwhile",
            tolerance: "something is in a queue",
            seen: known ? `${queued} bytes at most in one queue` : "not reached",
            state: known ? stateOf(queued > 0) : "not measured",
            runbook: "no-quorum",
        },
    ];
}

function oneManager({ cluster }: DrillReport, { raw }: ApmCircumstances): Verdict {
    const { ms } = cluster!.twoManagers;
    const limit = raw.before.limits.detection * 1000;
    return {
        id: "one-manager",
        hypothesis: "Two nodes never take different ones for the manager for longer than it takes to notice",
        tolerance: seconds(limit),
        seen: seconds(ms),
        state: raw.clusterViews.length === 0 ? "not measured" : stateOf(ms <= limit),
        runbook: "transition",
    };
}

function eventGaps({ cluster, load }: DrillReport): Verdict[] {
    const { eventTime, arrival } = cluster!;
    const texts = eventTime.map(({ signal, gap, nothingMadeMs }) => {
        const arrived = arrival.find((one) => one.signal === signal)?.gap.ms ?? 0;
        const idle = nothingMadeMs > EVENT_GAP_MS ? `, nothing made for ${seconds(nothingMadeMs)}` : "";
        return `${signal} ${seconds(gap.ms)} (arrival: ${seconds(arrived)}${idle})`;
    });
    const good = eventTime.every(
        ({ gap, nothingMadeMs, seconds: all }) => gap.ms <= Math.max(EVENT_GAP_MS, nothingMadeMs) && all.length > 0,
    );
    return [
        {
            id: "event-gap",
            hypothesis: "In the end there is no gap in the chart: what arrived late has the time at which it happened",
            tolerance: `${EVENT_GAP_MS} ms of event time without anything, or as long as clients made nothing; nothing left out by them for lack of room`,
            seen: `${texts.join(", ") || "nothing was read"}; ${load.skippedRequests} requests not made`,
            state: eventTime.length === 0 ? "not measured" : stateOf(good && load.skippedRequests === 0),
            runbook: "event-gap",
        },
    ];
}

function restored({ recovery, fault }: DrillReport): Verdict {
    const ms = recovery.fullRedundancy;
    return {
        id: "redundancy",
        hypothesis: "Redundancy is full again: green with all nodes, all queues are empty, all is found",
        tolerance: "within the time that the drill waits",
        seen: ms === undefined ? "not reached" : `${seconds(ms)} after the last repair`,
        state: fault ? stateOf(ms !== undefined) : "not measured",
        runbook: "redundancy",
    };
}

function clean({ leftovers }: DrillReport): Verdict {
    return {
        id: "leftovers",
        hypothesis: "The drill has left nothing behind, on the hosts or in OpenSearch",
        tolerance: "nothing",
        seen: leftovers.join(", ") || "nothing",
        state: stateOf(leftovers.length === 0),
        runbook: "leftovers",
    };
}
