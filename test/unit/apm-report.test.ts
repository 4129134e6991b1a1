// From what was seen of Container APM to the verdict and to what people read.
import { beforeEach, describe, expect, it } from "vitest";
import { Found } from "../../ops/drill/accounting/found";
import { buildApmReport, type ApmRun } from "../../ops/drill/apm/build";
import { arrivals, statusSpans, twoManagers } from "../../ops/drill/apm/courses";
import { applications, intakeProbes, writeProbes } from "../../ops/drill/apm/load";
import { interruptionLimit } from "../../ops/drill/apm/scenario";
import { APM_SCENARIOS, leaveAbove } from "../../ops/drill/apm/scenarios";
import type { SearchSample } from "../../ops/drill/apm/search-probe";
import { checkTransitions, limitsFor, type Mark } from "../../ops/drill/apm/transitions";
import type { ApmView } from "../../ops/drill/apm/views";
import type { ClientLedger } from "../../ops/drill/load/ledger";
import type { ClientPlan, Signal } from "../../ops/drill/load/plan";
import { htmlReport } from "../../ops/drill/report/html";
import { markdownReport } from "../../ops/drill/report/markdown";
import { matrix } from "../../ops/drill/report/matrix";
import type { DrillReport } from "../../ops/drill/report/schema";
import { terminalReport } from "../../ops/drill/report/terminal";
import { PLAIN } from "../../ops/terminal";
import { all, health, oneNodeLost, says, T0 } from "./support/cluster-views";

const NODES = ["apm-1", "apm-2", "apm-3"].map((name, i) => ({ name, address: `10.0.0.${i + 1}` }));
const SHARDS = 6;
const RATES = { spansPerSecond: 24, recordsPerSecond: 24, pointsPerSecond: 12 };
const LIMITS = limitsFor({ delayedSeconds: 10, detectionSeconds: 9, copiesPerNode: 4 });
const MARKS: Mark[] = [
    { id: "off-1", at: T0 + 10_000, does: "away", nodes: ["apm-3"] },
    { id: "on-1", at: T0 + 60_000, does: "back", nodes: ["apm-3"] },
];
const END = T0 + 95_000;

/** Acknowledged after 5 ms, but for what goes through apm-3 while it is away, and a moment when nothing is. */
function ledger(client: ClientPlan, outageMs: number): ClientLedger {
    const requests = Array.from({ length: Math.floor((END - T0) / client.intervalMs) }, (_, n) => {
        const at = T0 + n * client.intervalMs;
        const away = client.id.endsWith("apm-3") && at >= MARKS[0]!.at && at < MARKS[1]!.at;
        const hit = client.signal === "documents" && at >= MARKS[0]!.at && at < MARKS[0]!.at + outageMs;
        const base = { n, at, sentAt: at, attempts: 1 };
        if ((away || hit) && !client.retry) return { ...base, outcome: "pending" as const, error: "ECONNREFUSED" };
        return { ...base, outcome: "acknowledged" as const, acknowledgedAt: at + 5 };
    });
    return { client, requests, skipped: 0, failures: [] };
}

function viewOf(view: ApmView["view"], signal: Signal, ledgers: ClientLedger[]): ApmView {
    const own = ledgers.filter(({ client }) => client.signal === signal);
    const found = new Found("r1", own);
    for (const { client, requests } of own)
        for (const { n, at, outcome } of requests)
            if (outcome === "acknowledged")
                for (let i = 0; i < client.itemsPerRequest; i++)
                    found.addDocument(client.id, n * client.itemsPerRequest + i, at);
    return { view, signal, source: "otel-*", found };
}

/** Searches count everything that is older than a second, until a moment when they stop to. */
function searches(holeMs: number): SearchSample[] {
    return NODES.flatMap(({ name }) =>
        Array.from({ length: 230 }, (_, i): SearchSample => {
            const at = T0 + i * 400;
            const shown = at >= MARKS[0]!.at && at < MARKS[0]!.at + holeMs ? MARKS[0]!.at : at;
            const count = Math.max(0, Math.floor((shown - T0 - 1000) / 10));
            const sample = { kind: "search" as const, node: name, at, ms: 8 };
            const away = name === "apm-3" && at >= MARKS[0]!.at && at < MARKS[1]!.at;
            return away
                ? { ...sample, error: "ECONNREFUSED" }
                : { ...sample, counts: { logs: count, traces: count, metrics: count } };
        }),
    );
}

let raw: ApmRun;
function prepare({ name = "apm-one-node", outageMs = 1000, holeMs = 0 } = {}): void {
    const scenario = APM_SCENARIOS.find((one) => one.name === name)!;
    const load = [...applications(NODES, RATES), ...intakeProbes(NODES)].map((one) => ledger(one, 0));
    const writes = writeProbes(NODES, ["r0", "r1", "r2", "r3", "r4", "r5"]).map((one) => ledger(one, outageMs));
    const ledgers = [...load, ...writes];
    const views = oneNodeLost();
    const listed = scenario.steps.flatMap((step) =>
        step.do === "see" ? step.transitions.map((transition) => ({ transition, mark: "off-1" })) : [],
    );
    const result = { reads: [], stalls: [] };
    raw = {
        ...{ scenario, run: "r1", shards: SHARDS, leftovers: [] },
        options: {
            ...RATES,
            patience: 1,
            warmSeconds: 10,
            afterSeconds: 10,
            drainSeconds: 60,
            force: false,
            reboot: false,
        },
        before: {
            ...{ limits: LIMITS, detectionSeconds: 9 },
            system: {
                ...{ system: "apm", configuration: "direct", configHash: "abc" },
                nodes: NODES.map((node) => ({
                    ...node,
                    clockOffsetMs: 1,
                    images: { opensearch: "opensearch:2.19.1" },
                })),
            },
        },
        ...{ startedAt: T0, endedAt: END + 10_000, loadStartedAt: T0, loadEndedAt: END, healedAt: T0 + 70_000 },
        ...{ restoredAt: T0 + 86_000, drainedAt: END + 2000, completeAt: END + 4000 },
        marks: MARKS,
        transitions: checkTransitions(listed, MARKS, views, LIMITS, END),
        method: ["load for 10 s", "switch the host of apm-3 off"],
        timeline: [
            { at: T0, source: "drill", what: "load begins" },
            { at: MARKS[0]!.at, source: "fault", what: "switch the host of <apm-3> off" },
            { at: T0 + 14_000, source: "cluster", node: "apm-1", what: "yellow, 2 nodes" },
            { at: END, source: "drill", what: "load ends" },
        ],
        clusterViews: views,
        queues: [{ at: T0 + 30_000, node: "apm-1", queues: { "opensearch_bulk logs": 700 } }],
        observed: {
            load: { ledgers: load, ...result },
            writes: { ledgers: writes, ...result },
            searches: { ledgers: [], ...result, searches: searches(holeMs) },
        },
        views: (["cluster", "primaries", "replicas"] as const).flatMap((view) =>
            (["logs", "traces", "metrics", "documents"] as const).map((signal) => viewOf(view, signal, ledgers)),
        ),
        recordings: [],
    };
}
beforeEach(() => prepare());

const deviated = (report: DrillReport): string[] =>
    report.verdicts.filter(({ state }) => state !== "passed").map(({ id }) => id);
const verdict = (report: DrillReport, id: string) => report.verdicts.find((one) => one.id === id)!;

describe("the verdict", () => {
    it("is passed when everything held", () => {
        const report = buildApmReport(raw);
        expect(deviated(report)).toEqual([]);
        expect(report.outcome).toBe("passed");
        expect(verdict(report, "transition-green-on-two").seen).toMatch(/^26\.0 s; apm-1: green, 2 nodes/);
        expect(report.integrity.sent.traces!.acknowledged).toBeGreaterThan(1000);
        expect(report.recovery).toMatchObject({ manager: 0, green: 26_000 });
    });

    it("deviates when a transition is missing", () => {
        raw.transitions[3] = { ...raw.transitions[3]!, state: "missing", reachedAt: undefined, seen: "not seen" };
        expect(deviated(buildApmReport(raw))).toEqual(["transition-initializing"]);
    });

    it("does not count what may pass between two looks", () => {
        raw.transitions[6] = { ...raw.transitions[6]!, state: "missing", reachedAt: undefined, optional: true };
        expect(deviated(buildApmReport(raw))).toEqual([]);
    });

    it("finds a document that is lost, also when only a copy lacks it", () => {
        const { ledgers } = raw.observed!.writes;
        const lacking = new Found("r1", ledgers);
        for (const { client, requests } of ledgers)
            for (const { n, at, outcome } of requests)
                if (outcome === "acknowledged" && !(client.id === "write-apm-1" && n === 7))
                    lacking.addDocument(client.id, n, at);
        const documents = (view: ApmView["view"]): ApmView =>
            raw.views.find((one) => one.view === view && one.signal === "documents")!;
        documents("replicas").found = lacking;
        const report = buildApmReport(raw);
        expect(deviated(report)).toEqual(["copies"]);
        expect(verdict(report, "copies").seen).toContain("replicas documents 1");
        documents("cluster").found = lacking;
        expect(deviated(buildApmReport(raw))).toEqual(["lost", "copies"]);
    });

    it("finds a document that is there twice, and one that nobody sent so", () => {
        const logs = raw.views.find((one) => one.view === "cluster" && one.signal === "logs")!;
        const { client, requests } = raw.observed!.load.ledgers[0]!;
        logs.found.addDocument(client.id, 0, requests[0]!.at);
        logs.found.addDocument(client.id, 1, requests[0]!.at + 1);
        const report = buildApmReport(raw);
        expect(deviated(report)).toEqual(["duplicated", "unexpected"]);
        expect(verdict(report, "duplicated").seen).toContain("cluster logs 1");
    });

    it("does not pass what could not be read, or was not found at all", () => {
        raw.views[0]!.error = "incomplete";
        expect(verdict(buildApmReport(raw), "lost").state).toBe("not measured");
        raw.views = [];
        const report = buildApmReport(raw);
        expect(["lost", "copies", "duplicated", "event-gap"].map((id) => verdict(report, id).state)).toEqual(
            Array(4).fill("not measured"),
        );
        expect(report.outcome).toBe("deviated");
    });

    it("measures gaps of writes by shard, and of searches by node", () => {
        prepare({ outageMs: 15_000 });
        const report = buildApmReport(raw);
        expect(deviated(report)).toEqual(["writes"]);
        // Each shard has its turn every 0.75 s through each node.
        expect(Number(/^(\d+) ms/.exec(verdict(report, "writes").seen)![1])).toBeGreaterThanOrEqual(15_000);
        prepare();
        for (const one of raw.observed!.searches.searches!)
            if (one.node === "apm-1" && one.at > T0 + 20_000 && one.at < T0 + 40_000) one.error = "503";
        expect(deviated(buildApmReport(raw))).toEqual(["search-apm-1"]);
    });

    it("asks for one node at least that answers searches where all are restarted in turn", () => {
        const outage = (node: string, from: number, to: number): void => {
            for (const one of raw.observed!.searches.searches!)
                if (one.node === node && one.at > T0 + from * 1000 && one.at < T0 + to * 1000) one.error = "503";
        };
        prepare();
        raw.scenario = { ...raw.scenario, restartsAll: true };
        outage("apm-3", 0, 600);
        outage("apm-1", 20, 40);
        outage("apm-2", 45, 65);
        expect(verdict(buildApmReport(raw), "search").state).toBe("passed");
        outage("apm-2", 20, 36);
        const { state, seen } = verdict(buildApmReport(raw), "search");
        expect(state).toBe("deviated");
        expect(Number.parseFloat(seen)).toBeGreaterThanOrEqual(16_000);
    });

    it("wants Dashboards of another node to answer where their host is lost", () => {
        prepare({ name: "apm-dashboards-host" });
        expect(verdict(buildApmReport(raw), "dashboards").state).toBe("not measured");
        const page = (node: string, from: number, to: number): SearchSample[] =>
            Array.from({ length: (to - from) * 2 }, (_, i) => {
                return { kind: "dashboards", node, at: T0 + from * 1000 + i * 500, ms: 5 };
            });
        raw.observed!.searches.searches!.push(...page("apm-3", 0, 10), ...page("apm-1", 0, 95));
        expect(verdict(buildApmReport(raw), "dashboards").state).toBe("passed");
        raw.observed!.searches.searches = raw.observed!.searches.searches!.filter(
            ({ kind, node, at }) => kind === "search" || node === "apm-3" || at > T0 + 20_000,
        );
        expect(verdict(buildApmReport(raw), "dashboards").state).toBe("deviated");
    });

    it("does not ask a node that was away for anything", () => {
        const ids = buildApmReport(raw).verdicts.map(({ id }) => id);
        expect(ids).toContain("search-apm-2");
        expect(ids).not.toContain("search-apm-3");
        expect(ids).not.toContain("intake-apm-3");
    });

    it("calls a gap not measured when the probe itself stood still", () => {
        prepare({ outageMs: 15_000 });
        raw.observed!.writes.stalls = [{ at: T0 + 24_000, ms: 13_000 }];
        expect(verdict(buildApmReport(raw), "writes").state).toBe("not measured");
    });

    it("finds a gap in event time, and requests that clients had no room for", () => {
        const hole = ({ at }: { at: number }): boolean => at >= T0 + 30_000 && at <= T0 + 34_000;
        const { ledgers } = raw.observed!.load;
        for (const { requests } of ledgers)
            for (const entry of requests.filter(hole))
                Object.assign(entry, { outcome: "pending", acknowledgedAt: undefined });
        raw.views = raw.views.map(({ view, signal, found }) =>
            signal === "documents" ? { view, signal, source: "x", found } : viewOf(view, signal, ledgers),
        );
        const report = buildApmReport(raw);
        expect(verdict(report, "event-gap")).toMatchObject({ state: "deviated" });
        expect(report.cluster!.eventTime[0]!.gap.ms).toBeGreaterThanOrEqual(4000);
        prepare();
        raw.observed!.load.ledgers[0]!.skipped = 3;
        expect(deviated(buildApmReport(raw))).toEqual(["event-gap"]);
    });

    it("does not take it for a gap that clients made nothing: they were not let run", () => {
        const hole = ({ at }: { at: number }): boolean => at >= T0 + 30_000 && at <= T0 + 34_000;
        const { ledgers } = raw.observed!.load;
        for (const ledger of ledgers)
            ledger.requests = ledger.requests.filter((entry) => !hole(entry)).map((entry, n) => ({ ...entry, n }));
        raw.views = raw.views.map(({ view, signal, found }) =>
            signal === "documents" ? { view, signal, source: "x", found } : viewOf(view, signal, ledgers),
        );
        const seen = verdict(buildApmReport(raw), "event-gap");
        expect(seen).toMatchObject({ state: "passed" });
        expect(seen.seen).toMatch(/nothing made for 4\.\d s/);
    });

    it("shows the gap of arrival that event time does not have", () => {
        prepare({ holeMs: 30_000 });
        const report = buildApmReport(raw);
        expect(deviated(report)).toEqual([]);
        expect(report.cluster!.arrival[0]!.gap.ms).toBeGreaterThanOrEqual(29_000);
        expect(report.cluster!.eventTime[0]!.gap.ms).toBeLessThan(1000);
        expect(verdict(report, "event-gap").seen).toMatch(/logs 0\.\d s \(arrival: (29|30|31)\.\d s\)/);
    });

    it("is failed when the drill could not be carried out", () => {
        raw.failure = "stopped by hand";
        expect(buildApmReport(raw).outcome).toBe("failed");
    });
});

describe("without a majority", () => {
    const marks: Mark[] = [
        { id: "off-1", at: T0 + 10_000, does: "away", nodes: ["apm-3"] },
        { id: "off-2", at: T0 + 20_000, does: "away", nodes: ["apm-1"] },
        { id: "on-2", at: T0 + 50_000, does: "back", nodes: ["apm-1"] },
        { id: "on-1", at: T0 + 60_000, does: "back", nodes: ["apm-3"] },
    ];
    beforeEach(() => {
        prepare({ name: "apm-two-nodes" });
        raw.marks = marks;
        raw.transitions = [
            {
                ...{ id: "no-manager", title: "no manager", since: "off-2", sinceAt: T0 + 20_000, withinMs: 17_000 },
                ...{ reachedAt: T0 + 25_000, node: "apm-2", seen: "no manager", optional: false, state: "reached" },
            },
        ];
    });
    const refuseWrites = (): void => {
        for (const { requests } of raw.observed!.writes.ledgers)
            for (const entry of requests)
                if (entry.at > T0 + 25_000 && entry.at < T0 + 50_000)
                    Object.assign(entry, {
                        outcome: "pending",
                        acknowledgedAt: undefined,
                        error: "503 cluster_block_exception",
                    });
    };

    it("a write that is acknowledged is a deviation", () => {
        const report = buildApmReport(raw);
        expect(verdict(report, "no-quorum-no-write").state).toBe("deviated");
        refuseWrites();
        const refused = verdict(buildApmReport(raw), "no-quorum-no-write");
        expect(refused.state).toBe("passed");
        expect(refused.seen).toContain("503 cluster_block_exception");
    });

    it("nothing is proven when nobody wrote, or it was never without one", () => {
        refuseWrites();
        raw.observed!.writes.ledgers.forEach(
            (one) => (one.requests = one.requests.filter(({ at }) => at < T0 + 20_000)),
        );
        expect(verdict(buildApmReport(raw), "no-quorum-no-write").state).toBe("not measured");
        raw.transitions = [];
        expect(verdict(buildApmReport(raw), "no-quorum-no-write").state).toBe("not measured");
    });

    it("collectors have to keep what they take", () => {
        expect(verdict(buildApmReport(raw), "collectors-queue").state).toBe("passed");
        raw.queues = [];
        expect(verdict(buildApmReport(raw), "collectors-queue").state).toBe("deviated");
        raw.before.system.configuration = "data-prepper";
        expect(verdict(buildApmReport(raw), "collectors-queue")).toBeUndefined();
    });
});

describe("courses", () => {
    it("are of status and manager, by those that are not away", () => {
        const spans = statusSpans(oneNodeLost(), MARKS, { from: T0, to: END });
        expect(spans.map(({ status, manager, span }) => [status, manager, (span.to - span.from) / 1000])).toEqual([
            ["green", "apm-3", 14],
            ["yellow", "apm-1", 26],
            ["green", "apm-1", 55],
        ]);
    });

    it("say how long two nodes had different managers", () => {
        const views = [...all(0), says("apm-1", 10, { manager: "apm-1" }), ...all(16, { manager: "apm-1" }, "apm-1")];
        expect(twoManagers(views, END)).toMatchObject({ ms: 6000 });
        expect(
            twoManagers(
                oneNodeLost().filter(({ node }) => node === "apm-1"),
                END,
            ).ms,
        ).toBe(0);
    });

    it("take nothing for an arrival that a slower node shows once more", () => {
        const sample = (second: number, logs: number): SearchSample => {
            return { kind: "search", node: "apm-1", at: T0 + second * 1000, ms: 0, counts: { logs } };
        };
        const all = arrivals("logs", [sample(1, 10), sample(2, 4), sample(3, 10), sample(8, 12)], {
            from: T0,
            to: T0 + 9000,
        });
        expect(all.seconds.map(([second, count]) => [second - T0 / 1000, count])).toEqual([
            [1, 10],
            [8, 2],
        ]);
        expect(all.gap.ms).toBe(7000);
    });

    it("have limits: two seconds for a process, detection and three for a host", () => {
        expect(interruptionLimit("process", 9)).toBe(2);
        expect(interruptionLimit("process", 9, "writes")).toBe(4);
        expect(interruptionLimit("host", 9)).toBe(12);
        expect(interruptionLimit("unbounded", 9)).toBeUndefined();
        expect(leaveAbove("95%")).toBeCloseTo(0.025);
    });
});

describe("what people read", () => {
    it("has the transitions, with their times, in all forms", () => {
        const report = buildApmReport(raw);
        const markdown = markdownReport(report);
        expect(markdown).toContain("## What the cluster went through");
        expect(markdown).toMatch(
            /\| green with two nodes: every copy STARTED.* \| unassigned \| 26\.0 s \| 78\.0 s \| apm-1: green/,
        );
        expect(markdown).toContain("24 log records/s, 24 spans/s, to the collectors of all nodes");
        const page = htmlReport(report);
        expect(page).toContain("What the cluster went through");
        expect(page).toContain("By the time at which it could first be found");
        expect(page).not.toContain("<apm-3>");
        expect(page).not.toContain("undefined");
        expect(page).not.toContain("NaN");
        expect(terminalReport(report, PLAIN)).toContain("apm-one-node: passed");
        expect(terminalReport(report, PLAIN)).toMatch(/acknowledged \d+ of \d+ data points, .* spans, .* documents/);
    });

    it("has a row for each drill", () => {
        expect(matrix([buildApmReport(raw)]).split("\n")[2]).toMatch(
            /^\| `apm-one-node` \| direct \| passed \| 0 \| 0 \| 0\.\d\d s \| 29 s \|$/,
        );
    });

    it("sends readers to the right page when something deviated", () => {
        raw.leftovers = ["apm-1: network"];
        expect(htmlReport(buildApmReport(raw))).toContain("docs/apm-drills.md");
        expect(health("red", 2).status).toBe("red");
    });
});
