// Whether the hypotheses of a drill held.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { Found } from "../../ops/drill/accounting/found";
import { mustBeComplete } from "../../ops/drill/configuration";
import { logLine, logTime } from "../../ops/drill/load/ledger";
import { loadClients, type Signal } from "../../ops/drill/load/plan";
import { missing } from "../../ops/drill/probe/holes";
import type { ReadSample } from "../../ops/drill/probe/read";
import { buildReport, type RawRun } from "../../ops/drill/report/build";
import type { DrillReport } from "../../ops/drill/report/schema";
import { INJECTED } from "../../ops/drill/run/ownership";
import { allComplete } from "../../ops/drill/run/read-all";
import { rotationCommands } from "../../ops/drill/faults/rotate";
import type { Look } from "../../ops/rotate/looks";
import { drillRun, END, everything, FAULT, ledger, T0 } from "./support/drill-run";

let raw: RawRun;
const prepare = (outageMs?: number): void => void (raw = drillRun(outageMs));
beforeEach(() => prepare());

const state = (report: DrillReport, id: string): string | undefined =>
    report.verdicts.find((verdict) => verdict.id === id)?.state;
const deviated = (report: DrillReport): string[] =>
    report.verdicts.filter(({ state: one }) => one !== "passed").map(({ id }) => id);

describe("the verdict of a drill", () => {
    it("is passed when everything held", () => {
        const report = buildReport(raw);
        expect(deviated(report)).toEqual([]);
        expect(report.outcome).toBe("passed");
        expect(report.recovery).toMatchObject({ ingest: 620, virtualIp: 0, fullRedundancy: END + 5000 - FAULT.to });
    });

    it("deviates when one acknowledged item is missing on one node", () => {
        const { ledgers } = raw.observed!.load;
        const found = new Found(
            "r1",
            ledgers.filter(({ client }) => client.signal === "logs"),
        );
        const all = raw.views.find(({ view, signal }) => view === "mid-2" && signal === "logs")!;
        for (const { client, requests } of ledgers.filter((one) => one.client.signal === "logs"))
            for (const { n, at } of requests)
                for (let i = 0; i < client.itemsPerRequest; i++)
                    if (n !== 3 || i !== 1)
                        found.addLine(logLine("r1", client.id, n * client.itemsPerRequest + i), logTime(at, i));
        raw.observed!.probes.ledgers = [];
        all.found = found;
        const report = buildReport(raw);
        expect(state(report, "lost")).toBe("deviated");
        expect(report.outcome).toBe("deviated");
        expect(report.verdicts[0]!.seen).toContain("mid-2 logs 2");
        expect(report.integrity.recoveryPointMs).toBe(0); // the merged view has it
    });

    it("does not ask a node of the seed's data path for what the other one took", () => {
        raw.system.configuration = "seed";
        raw.views.find(({ view, signal }) => view === "mid-2" && signal === "logs")!.found = new Found("r1", []);
        expect(state(buildReport(raw), "lost")).toBe("passed");
    });

    describe("of a node that was wiped", () => {
        const WIPED_AT = FAULT.from + 1000;
        beforeEach(() => {
            raw.timeline.push({ at: WIPED_AT, source: "fault", what: INJECTED });
            for (const view of raw.views) if (view.view === "mid-2") view.found = foundSince(WIPED_AT, view.signal);
        });
        /** What a node has that began then. */
        const foundSince = (from: number, signal: Signal): Found =>
            everything([...raw.observed!.load.ledgers, ...raw.observed!.probes.ledgers], signal, from);

        it("does not ask it for what is older, and reports what it lacks", () => {
            expect(deviated(buildReport(raw))).toEqual(["lost"]);
            const report = buildReport({ ...raw, rebuilt: "mid-2" });
            expect(deviated(report)).toEqual([]);
            expect(report.verdicts[0]!.hypothesis).toContain("in the global view and on each node but mid-2");
            expect(report.integrity.views.find(({ view }) => view === "mid-2")!.balance.lost).toBeGreaterThan(0);
            expect(report.verdicts.find(({ id }) => id === "since-wiped")!.seen).toMatch(/lack(;|$)/);
        });

        it("deviates when the other node, or the merged view, lacks anything", () => {
            for (const name of ["mid-1", "global"]) {
                const view = raw.views.find((one) => one.view === name)!;
                const { found } = view;
                view.found = foundSince(WIPED_AT, view.signal);
                expect(deviated(buildReport({ ...raw, rebuilt: "mid-2" })), name).toEqual(["lost"]);
                view.found = found;
            }
        });

        it("deviates when it lacks what came after the wipe", () => {
            const view = raw.views.find((one) => one.view === "mid-2")!;
            view.found = foundSince(WIPED_AT + 5000, view.signal);
            expect(deviated(buildReport({ ...raw, rebuilt: "mid-2" }))).toEqual(["since-wiped"]);
        });

        it("is whole again without it: the drill need not wait for what cannot come", () => {
            const { ledgers } = raw.observed!.load;
            const counts = (view: string): boolean => mustBeComplete(view, "default", "mid-2");
            expect(allComplete(raw.views, ledgers, counts)).toBe(true);
            expect(allComplete(raw.views, ledgers, (view) => mustBeComplete(view, "default"))).toBe(false);
        });
    });

    it("deviates when an item is shown twice", () => {
        const { found } = raw.views.find(({ view, signal }) => view === "global" && signal === "metrics")!;
        found.addSample({ run: "r1", client: "metrics-http", series: "s000", replica: "mid-2" }, T0, 0);
        expect(deviated(buildReport(raw))).toEqual(["duplicated"]);
    });

    it("is not passed when a view could not be read", () => {
        raw.views[0]!.error = "timeout";
        const report = buildReport(raw);
        expect(state(report, "lost")).toBe("not measured");
        expect(report.outcome).toBe("deviated");
    });

    it("is not passed when nothing was read at all", () => {
        raw.views = [];
        expect(state(buildReport(raw), "lost")).not.toBe("passed");
        expect(buildReport(raw).outcome).toBe("deviated");
    });

    it("deviates when the intake stops for longer than the scenario allows", () => {
        prepare(1600);
        expect(deviated(buildReport(raw))).toEqual(["gap-probe-http", "gap-probe-grpc"]);
        raw.scenario = { ...raw.scenario, gap: "hostKilled" };
        expect(deviated(buildReport(raw))).toEqual([]);
    });

    it("does not blame the system when the probe itself stood still", () => {
        prepare(1600);
        raw.observed!.probes.stalls = [{ at: FAULT.from + 1700, ms: 1500 }];
        expect(deviated(buildReport(raw))).toEqual(["gap-probe-http", "gap-probe-grpc"]);
        expect(state(buildReport(raw), "gap-probe-http")).toBe("not measured");
    });

    it("deviates at two owners, but for the time of a partition", () => {
        raw.timeline.push({ at: FAULT.from + 4000, source: "vip", node: "mid-2", what: "held" });
        raw.timeline.push({ at: FAULT.to + 1000, source: "vip", node: "mid-2", what: "released" });
        expect(deviated(buildReport(raw))).toEqual(["one-owner"]);
        raw.scenario = { ...raw.scenario, twoOwners: true };
        expect(deviated(buildReport(raw))).toEqual([]);
    });

    it("deviates at a failed query, unless the address moved in that moment", () => {
        const failed = (at: number): ReadSample => ({ signal: "logs", kind: "fresh", at, ms: 30, error: "503" });
        raw.observed!.reads.reads.push(failed(FAULT.from + 6000));
        expect(deviated(buildReport(raw))).toEqual(["read-errors-logs"]);
        raw.timeline.push({ at: FAULT.from + 5700, source: "vip", node: "mid-1", what: "released" });
        raw.timeline.push({ at: FAULT.from + 5900, source: "vip", node: "mid-2", what: "held" });
        expect(deviated(buildReport(raw))).toEqual([]);
    });

    it("counts from the first question: what nobody asked for was not refused", () => {
        const { reads } = raw.observed!.reads;
        raw.observed!.reads.reads = reads.filter(({ at }) => at >= FAULT.from + 8000);
        const asked = buildReport(raw).availability.probes.find(({ client }) => client === "read-logs")!;
        expect(asked.longestGap.from).toBeGreaterThan(FAULT.from + 8000);
    });

    it("deviates at old answers", () => {
        const read = (lagMs: number): ReadSample => ({ signal: "logs", kind: "fresh", at: FAULT.to, ms: 30, lagMs });
        raw.observed!.reads.reads.push(read(20_000));
        expect(deviated(buildReport(raw))).toEqual([]);
        raw.observed!.reads.reads.push(read(20_001));
        expect(deviated(buildReport(raw))).toEqual(["read-fresh-logs"]);
    });

    it("deviates at leftovers, and says that it failed when the drill itself did", () => {
        raw.leftovers = ["mid-1: network"];
        expect(deviated(buildReport(raw))).toEqual(["leftovers"]);
        raw.failure = "stopped by hand";
        expect(buildReport(raw).outcome).toBe("failed");
    });
});

describe("a hole in a query's answer", () => {
    const [client] = loadClients(100, 40).filter(({ signal }) => signal === "metrics");
    const own = ledger(client!);
    const sample = (shown: number, at = T0 + 40_000): ReadSample => {
        return { signal: "metrics", kind: "recent", at, ms: 5, window: { from: T0, to: T0 + 20_000 }, shown };
    };

    it("is what was acknowledged long enough before and is not shown", () => {
        expect(missing(sample(200), own)).toBe(0);
        expect(missing(sample(198), own)).toBe(0);
        expect(missing(sample(150), own)).toBe(50);
    });

    it("is not what was acknowledged only just before", () => {
        const late = structuredClone(own);
        for (const entry of late.requests.slice(0, 60)) entry.acknowledgedAt = T0 + 39_000;
        expect(missing(sample(141), late)).toBe(0);
    });
});

describe("a drill that rotates something", () => {
    const look = (state: Look["state"]): Look => ({ name: "ca", where: "mid-1", state, seen: "HTTP 401" });
    const verdict = (...looks: Look[]) =>
        buildReport({ ...raw, looks }).verdicts.find(({ id }) => id === "old-credential");

    it("wants the old credential refused, or shown no more, and takes no look for no proof", () => {
        expect(verdict(look("refused"), look("refused"))).toMatchObject({ state: "passed" });
        expect(verdict(look("gone"), look("gone"))).toMatchObject({
            state: "passed",
            hypothesis: "The old credential is shown by neither node",
        });
        expect(verdict(look("refused"), look("accepted"))).toMatchObject({ state: "deviated" });
        expect(verdict(look("refused"), look("unknown"))).toMatchObject({ state: "not measured" });
        expect(verdict()).toMatchObject({ state: "not measured" });
        expect(buildReport(raw).verdicts.map(({ id }) => id)).not.toContain("old-credential");
        const handbook = readFileSync(join(__dirname, "../../docs/drills.md"), "utf8");
        expect(handbook).toContain(`\n### ${verdict(look("gone"))!.runbook}\n`);
    });

    it("hands out what others hold before it goes on", () => {
        expect(rotationCommands("lokiUser")).toEqual([["rotate", "lokiUser", "--yes"]]);
        expect(rotationCommands("otlpTokens").map((words) => words.slice(2))).toEqual([
            ["--yes"],
            ["--finish", "--yes"],
        ]);
        expect(rotationCommands("ca").map((words) => words.slice(2))).toEqual([
            ["--yes"],
            ["--continue", "--yes"],
            ["--finish", "--yes"],
        ]);
    });
});
