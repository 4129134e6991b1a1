/** Whether what was expected has happened. Pure. */
import type { Look } from "../../rotate/looks";
import { FRESH_LIMIT_MS, gapLimit, mustBeComplete } from "../configuration";
import type { Signal } from "../load/plan";
import type { Span } from "../probe/gaps";
import type { ReadSample } from "../probe/read";
import { INJECTED, longest } from "../run/ownership";
import type { Sources } from "../run/preflight";
import type { Scenario } from "../scenarios/scenario";
import type { DrillReport, TimelineEvent, Verdict, VerdictState, ViewReport } from "./schema";

/** What the verdict needs besides the report itself. */
export interface Circumstances {
    scenario: Scenario;
    /** With what each should have shown and did not. */
    reads: (ReadSample & { missing: number })[];
    sources: Sources;
}

/** Both hold the address for a moment when it is handed over. */
const HANDOVER_MS = 500;
/** A client that stood still for this part of a gap has measured itself. */
const STALL_SHARE = 0.5;

/** One verdict per hypothesis. */
export function verdicts(report: DrillReport, circumstances: Circumstances): Verdict[] {
    return [
        lost(report),
        ...sinceWiped(report),
        duplicated(report),
        unexpected(report),
        refused(report),
        ...gaps(report, circumstances.scenario),
        oneOwner(report, circumstances.scenario),
        ...reads(report, circumstances),
        restored(report),
        ...rotated(report),
        clean(report),
    ];
}

/** The whole in one word. With the seed's data path a hypothesis that cannot be measured does not count. */
export function outcome({ failure, verdicts: all, system }: DrillReport): DrillReport["outcome"] {
    if (failure !== undefined) return "failed";
    const held = ({ state }: Verdict): boolean =>
        state === "passed" || (state === "not measured" && system.configuration === "seed");
    return all.every(held) ? "passed" : "deviated";
}

const stateOf = (good: boolean): VerdictState => (good ? "passed" : "deviated");

function countedViews({ integrity, scenario, system }: DrillReport): ViewReport[] {
    return integrity.views.filter(({ view }) => mustBeComplete(view, system.configuration, scenario.rebuilt));
}

/** Where everything must be, in words. */
function everywhere({ scenario: { rebuilt }, system }: DrillReport): string {
    if (system.configuration === "seed") return "in the global view";
    return rebuilt ? `in the global view and on each node but ${rebuilt}` : "on each node and in the global view";
}

function perView(views: ViewReport[], count: (view: ViewReport) => number): string {
    return (
        views.map((view) => `${view.view} ${view.signal} ${view.error ?? count(view)}`).join(", ") || "nothing was read"
    );
}

function allRead(views: ViewReport[], good: (view: ViewReport) => boolean): VerdictState {
    const read = views.filter(({ error }) => error === undefined);
    if (!read.every(good)) return "deviated";
    return views.length > 0 && read.length === views.length ? "passed" : "not measured";
}

function lost(report: DrillReport): Verdict {
    const views = countedViews(report);
    return {
        id: "lost",
        hypothesis: `Everything that was acknowledged is found ${everywhere(report)}`,
        tolerance: "0 lost",
        seen: perView(views, ({ balance }) => balance.lost),
        state: allRead(views, ({ balance }) => balance.lost === 0 && balance.found > 0),
        runbook: "lost",
    };
}

/** A node that was wiped has at least what came since: the other one's queues have kept that for it. */
function sinceWiped(report: DrillReport): Verdict[] {
    const { rebuilt } = report.scenario;
    if (!rebuilt) return [];
    const wipedAt = report.timeline.find(({ source, what }) => source === "fault" && what === INJECTED)?.at ?? 0;
    const views = report.integrity.views.filter(({ view }) => view === rebuilt);
    const tooNew = ({ balance }: ViewReport): number => Math.max(0, (balance.lostSpan?.to ?? 0) - wipedAt);
    return [
        {
            id: "since-wiped",
            hypothesis: `${rebuilt} itself has everything that was sent since it was wiped`,
            tolerance: "what it lacks is older than the wipe",
            seen: views
                .map((view) => {
                    const { signal, error, balance } = view;
                    const newer = tooNew(view);
                    const text = newer > 0 ? `, the newest ${newer} ms after the wipe` : "";
                    return `${signal} ${error ?? `${balance.found} found, ${balance.lost} lack${text}`}`;
                })
                .join("; "),
            state: allRead(views, (view) => view.balance.found > 0 && tooNew(view) === 0),
            runbook: "lost",
        },
    ];
}

function duplicated(report: DrillReport): Verdict {
    const views = report.integrity.views;
    return {
        id: "duplicated",
        hypothesis: "No query shows anything twice",
        tolerance: "0 duplicated",
        seen: perView(views, ({ balance }) => balance.duplicated),
        state: allRead(views, ({ balance }) => balance.duplicated === 0),
        runbook: "duplicated",
    };
}

function unexpected({ integrity }: DrillReport): Verdict {
    return {
        id: "unexpected",
        hypothesis: "Nothing has changed on its way",
        tolerance: "0 items that were never sent so",
        seen: perView(integrity.views, ({ balance }) => balance.unexpected),
        state: allRead(integrity.views, ({ balance }) => balance.unexpected === 0),
        runbook: "lost",
    };
}

function refused({ integrity, availability }: DrillReport): Verdict {
    const items = integrity.sent.metrics.refused + integrity.sent.logs.refused;
    const said = Object.keys(availability.failures).filter((error) => /^(4|500|501|partial|I[NM])/.test(error));
    return {
        id: "refused",
        hypothesis: "No request is refused for good: what fails can be sent again",
        tolerance: "0 items refused",
        seen: items === 0 ? "0" : `${items}: ${said.slice(0, 2).join("; ")}`,
        state: stateOf(items === 0),
        runbook: "refused",
    };
}

function gaps({ availability, system, timeline }: DrillReport, scenario: Scenario): Verdict[] {
    const limit = gapLimit(scenario.gap, system.configuration);
    return availability.probes
        .filter(({ protocol }) => protocol !== "read")
        .map(({ client, longestGap, longestGapBefore, failuresInGap, protocol }) => {
            const stalled = longestGap.stalledMs > longestGap.ms * STALL_SHARE;
            const notes = [`${longestGap.ms} ms`, `before the fault ${longestGapBefore.ms} ms`];
            if (longestGap.stalledMs > 0)
                notes.push(`the probe itself stood still for ${longestGap.stalledMs} ms of it`);
            const over = longestGap.ms > limit;
            const failed = Object.entries(failuresInGap ?? {}).map(([error, count]) => `${count} × ${error}`);
            if (over) notes.push(`requests in it: ${failed.join("; ") || "none ended"}`);
            if (over) notes.push(`around it: ${around(timeline, longestGap)}`);
            return {
                id: `gap-${client}`,
                hypothesis: `Intake over ${protocol === "grpc" ? "gRPC" : "HTTP"} never stops for longer than the limit`,
                tolerance: `${limit} ms`,
                seen: notes.join(", "),
                state: over && stalled ? "not measured" : stateOf(!over),
                runbook: "gap",
            };
        });
}

/** What happened shortly before a gap and in it: where to look first. */
function around(timeline: TimelineEvent[], { from, to }: Span): string {
    const events = timeline.filter(({ at, source }) => source !== "drill" && at > from - BEFORE_GAP_MS && at < to);
    const texts = events.map(({ at, node, what, detail }) => {
        const words = [node, what, detail].filter(Boolean).join(" ");
        return `${at < from ? "−" : "+"}${(Math.abs(at - from) / 1000).toFixed(1)} s ${words}`;
    });
    return texts.slice(-MOST_EVENTS).join("; ") || "nothing that was watched";
}

const BEFORE_GAP_MS = 1500;
const MOST_EVENTS = 8;

function oneOwner({ ownership, fault, endedAt, startedAt }: DrillReport, scenario: Scenario): Verdict {
    const whole = { from: startedAt, to: endedAt };
    const two = longest(ownership, whole, (owner) => owner.length > 1);
    const outside = scenario.twoOwners && fault ? { from: fault.to + SPLIT_HEALS_MS, to: endedAt } : whole;
    const counted = longest(ownership, outside, (owner) => owner.length > 1);
    const none = longest(ownership, whole, (owner) => owner.length === 0);
    return {
        id: "one-owner",
        hypothesis: scenario.twoOwners
            ? "The virtual IP has one owner again soon after the partition"
            : "The virtual IP never has two owners",
        tolerance: `two owners for ${HANDOVER_MS} ms at most`,
        seen: `two owners ${two} ms, none ${none} ms`,
        state: ownership.length === 0 ? "not measured" : stateOf(counted <= HANDOVER_MS),
        runbook: "two-owners",
    };
}

/** Three advertisements after a partition has healed, and a little. */
const SPLIT_HEALS_MS = 5000;

function reads(report: DrillReport, { reads: samples, scenario, sources }: Circumstances): Verdict[] {
    return (["metrics", "logs"] as const).flatMap((signal) => {
        const url = signal === "metrics" ? sources.metricsUrl : sources.logsUrl;
        const own = samples.filter((sample) => sample.signal === signal && sample.at >= (report.fault?.from ?? 0));
        const verdict = (
            id: string,
            hypothesis: string,
            tolerance: string,
            bad: ReadSample[],
            seen: string,
        ): Verdict => ({
            ...{ id: `${id}-${signal}`, hypothesis, tolerance, runbook: "reads" },
            seen: url ? seen : "there is no merged view at the virtual IP",
            state: !url || own.length === 0 ? "not measured" : stateOf(bad.length === 0),
        });
        const failed = own.filter(({ kind, error }) => kind === "fresh" && error !== undefined);
        const errors = own.filter(({ error }) => error !== undefined);
        // In a split network one side cannot show what the other has taken since.
        const holes = own.filter(({ missing, kind }) => missing > 0 && (!scenario.twoOwners || kind === "old"));
        const worst = holes.reduce((most, { missing }) => Math.max(most, missing), 0);
        const lag = own.reduce((most, { lagMs }) => Math.max(most, lagMs ?? 0), 0);
        const stale = own.filter(({ lagMs }) => (lagMs ?? 0) > FRESH_LIMIT_MS);
        const said = [...new Set(errors.map(({ error }) => error))].slice(0, 2).join("; ");
        return [
            verdict(
                "read-errors",
                `Queries for ${signal} through the virtual IP never fail`,
                "0 failed outside of the address' own hand-over",
                uncovered(errors, report),
                `${errors.length} of ${own.length} failed${said ? ` (${said})` : ""}, ${uncovered(failed, report).length} of them while the address had an owner`,
            ),
            verdict(
                "read-holes",
                `Queries for ${signal} show no hole, in old data or in recent`,
                scenario.holdsBack ? "nothing missing but what the collector took last: see late" : "nothing missing",
                holes,
                `${holes.length ? `${holes.length} answers, up to ${worst} items missing` : "none"}${lateText(report, signal)}`,
            ),
            verdict(
                "read-fresh",
                `The newest ${signal} that a query shows are fresh`,
                `${FRESH_LIMIT_MS} ms old at most`,
                stale,
                `up to ${Math.round(lag)} ms old`,
            ),
        ];
    });
}

function lateText({ integrity }: DrillReport, signal: Signal): string {
    const view = integrity.views.find((one) => one.view === "global" && one.signal === signal);
    return view?.balance.late ? `; ${view.balance.late} items late` : "";
}

/** Questions that failed although the address stayed where it was: what was under way when it moved, or nobody held it, is excused. */
function uncovered(errors: ReadSample[], { availability, ownership, fault }: DrillReport): ReadSample[] {
    const moves = ownership.slice(1).map(({ span }) => ({ from: span.from, to: span.from }));
    const nobody = ownership.filter(({ owner }) => owner.length === 0).map(({ span }) => span);
    const gaps = availability.probes.filter(({ protocol }) => protocol !== "read").map(({ longestGap }) => longestGap);
    const excused = [...moves, ...nobody, ...(fault ? gaps : [])];
    return errors.filter(
        ({ at, ms }) => !excused.some(({ from, to }) => at <= to + AROUND_MS && at + ms >= from - AROUND_MS),
    );
}

/** A neighbour learns a moment later that the address has moved. */
const AROUND_MS = 500;

function restored(report: DrillReport): Verdict {
    const { recovery, fault } = report;
    const ms = recovery.fullRedundancy;
    return {
        id: "redundancy",
        hypothesis: `Redundancy is full again: every service works, all queues are empty, all is found ${everywhere(report)}`,
        tolerance: "within the time that the drill waits",
        seen: ms === undefined ? "not reached" : `${(ms / 1000).toFixed(1)} s after the repair`,
        state: fault ? stateOf(ms !== undefined) : "not measured",
        runbook: "redundancy",
    };
}

/** Of a drill that rotates something: a look that was not taken proves nothing. */
function rotated({ looks }: DrillReport): Verdict[] {
    if (!looks) return [];
    const all = (...states: Look["state"][]): boolean => looks.every(({ state }) => states.includes(state));
    const accepted = looks.some(({ state }) => state === "accepted");
    return [
        {
            id: "old-credential",
            hypothesis: all("gone")
                ? "The old credential is shown by neither node"
                : "The old credential is refused by both nodes, and the new one is taken",
            tolerance: "accepted nowhere",
            seen: looks.map(({ where, state, seen }) => `${where}: ${state} (${seen})`).join("; "),
            state: accepted ? "deviated" : looks.length > 0 && all("refused", "gone") ? "passed" : "not measured",
            runbook: "old-credential",
        },
    ];
}

function clean({ leftovers }: DrillReport): Verdict {
    return {
        id: "leftovers",
        hypothesis: "The drill has left nothing behind on the hosts",
        tolerance: "nothing",
        seen: leftovers.join(", ") || "nothing",
        state: stateOf(leftovers.length === 0),
        runbook: "leftovers",
    };
}
