// Whether the hypotheses of a drill of Container APM held.
import { beforeEach, describe, expect, it } from "vitest";
import { Found } from "../../ops/drill/accounting/found";
import { buildApmReport, type ApmRun } from "../../ops/drill/apm/build";
import type { SearchSample } from "../../ops/drill/apm/search-probe";
import { type Mark } from "../../ops/drill/apm/transitions";
import type { ApmView } from "../../ops/drill/apm/views";
import type { DrillReport } from "../../ops/drill/report/schema";
import { recoveryText } from "../../ops/drill/report/words";
import { T0 } from "./support/cluster-views";
import { apmRun, viewOf } from "./support/apm-run";

let raw: ApmRun;
const prepare = (how?: Parameters<typeof apmRun>[0]): void => void (raw = apmRun(how));
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
        const report = buildApmReport(raw);
        const { state, seen } = verdict(report, "search");
        expect(state).toBe("deviated");
        expect(Number.parseFloat(seen)).toBeGreaterThanOrEqual(16_000);
        // No node stays: the summary does not say that searches through those that do were interrupted.
        expect(recoveryText(report)).toContain(`searches by any node ${Number.parseFloat(seen)} ms`);
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
