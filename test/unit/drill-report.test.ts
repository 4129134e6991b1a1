// From what was seen to the verdict and to what people read.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { Found } from "../../ops/drill/accounting/found";
import { gapLimit, mustBeComplete } from "../../ops/drill/configuration";
import { logLine, logTime, seriesName, type ClientLedger } from "../../ops/drill/load/ledger";
import { loadClients, probeClients, type ClientPlan, type Signal } from "../../ops/drill/load/plan";
import { missing } from "../../ops/drill/probe/holes";
import type { ReadSample } from "../../ops/drill/probe/read";
import { buildReport, type RawRun } from "../../ops/drill/report/build";
import { htmlReport } from "../../ops/drill/report/html";
import { markdownReport } from "../../ops/drill/report/markdown";
import { matrix } from "../../ops/drill/report/matrix";
import type { DrillReport } from "../../ops/drill/report/schema";
import { terminalReport } from "../../ops/drill/report/terminal";
import { DRILL_DEFAULTS } from "../../ops/drill/run/options";
import { INJECTED } from "../../ops/drill/run/ownership";
import { allComplete } from "../../ops/drill/run/read-all";
import { rotationCommands } from "../../ops/drill/faults/rotate";
import type { Look } from "../../ops/rotate/looks";
import { SCENARIOS } from "../../ops/drill/scenarios/all";
import { chosen } from "../../ops/drill/scenarios/chosen";
import { backdated } from "../../ops/drill/scenarios/parts";
import { PLAIN } from "../../ops/terminal";

const T0 = 1_700_000_000_000;
const SECOND = 1000;
const FAULT = { from: T0 + 20 * SECOND, to: T0 + 32 * SECOND };
const END = T0 + 45 * SECOND;

/** A client whose requests were all acknowledged after 5 ms, but for those of an outage. */
function ledger(client: ClientPlan, outage = { from: 0, to: 0 }): ClientLedger {
    const count = Math.floor((END - T0) / client.intervalMs);
    const requests = Array.from({ length: count }, (_, n) => {
        const at = T0 + n * client.intervalMs;
        const hit = at >= outage.from && at < outage.to;
        const base = { n, at, sentAt: at, attempts: 1 };
        if (hit && !client.retry) return { ...base, outcome: "pending" as const };
        return { ...base, outcome: "acknowledged" as const, acknowledgedAt: (hit ? outage.to : at) + 5 };
    });
    return { client, requests, skipped: 0, failures: [] };
}

/** All that was sent of a signal, or what is not older than that. */
function everything(ledgers: ClientLedger[], signal: Signal, since = 0): Found {
    const found = new Found(
        "r1",
        ledgers.filter(({ client }) => client.signal === signal),
    );
    for (const { client, requests } of ledgers.filter((one) => one.client.signal === signal))
        for (const { n, at } of requests.filter((one) => one.at >= since))
            for (let i = 0; i < client.itemsPerRequest; i++)
                if (signal === "metrics")
                    found.addSample({ run: "r1", client: client.id, series: seriesName(i) }, at, n);
                else found.addLine(logLine("r1", client.id, n * client.itemsPerRequest + i), logTime(at, i));
    return found;
}

let raw: RawRun;

function prepare(outageMs = 600): void {
    const outage = { from: FAULT.from + 100, to: FAULT.from + 100 + outageMs };
    const load = loadClients(100, 40).map((client) => ledger(client, outage));
    const probes = probeClients(20, 1000).map((client) => ledger(client, outage));
    const ledgers = [...load, ...probes];
    const node = (name: string, address: string) => ({ name, address, clockOffsetMs: 1, images: { loki: "loki:3" } });
    const reads = (["metrics", "logs"] as const).flatMap((signal) =>
        Array.from({ length: 60 }, (_, i): ReadSample => {
            return { signal, kind: "fresh", at: T0 + 15_000 + i * 400, ms: 12, lagMs: 900 };
        }),
    );
    raw = {
        scenario: SCENARIOS.find(({ name }) => name === "collector-kill")!,
        faultTitle: "kill -9 the <collector>",
        options: {
            ...DRILL_DEFAULTS,
            pointsPerSecond: 100,
            recordsPerSecond: 40,
            force: false,
            reboot: false,
            wipe: false,
        },
        system: {
            ...{ configuration: "default", configHash: "abc", vip: "192.168.110.140", ownerAtStart: "mid-1" },
            nodes: [node("mid-1", "192.168.110.214"), node("mid-2", "192.168.110.119")],
        },
        sources: { nodes: [], metricsUrl: "http://vip:19090", logsUrl: "http://vip:13100" },
        ...{ run: "r1", startedAt: T0, endedAt: END + 20_000, loadStartedAt: T0, loadEndedAt: END },
        ...{ injectedAt: FAULT.from, healedAt: FAULT.to, restoredAt: FAULT.to + 2000 },
        ...{ drainedAt: END + 3000, completeAt: END + 5000 },
        timeline: [
            { at: T0, source: "drill", what: "load begins" },
            { at: T0, source: "vip", node: "mid-1", what: "held" },
            { at: T0, source: "vip", node: "mid-2", what: "absent" },
            { at: FAULT.from, source: "fault", what: "kill -9 the <collector>" },
            { at: FAULT.from + 100, source: "haproxy", node: "mid-1", what: "otlp_http/local DOWN" },
        ],
        queues: [
            { at: T0 + 1000, node: "mid-1", queues: { "otlphttp/loki-peer logs": 10 } },
            { at: T0 + 2000, node: "mid-1", queues: { "otlphttp/loki-peer logs": 70 } },
        ],
        observed: {
            load: { ledgers: load, reads: [], stalls: [] },
            probes: { ledgers: probes, reads: [], stalls: [] },
            reads: { ledgers: [], reads, stalls: [] },
        },
        views: ["mid-1", "mid-2", "global"].flatMap((view) =>
            (["metrics", "logs"] as const).map((signal) => {
                return { view, signal, source: `http://${view}`, found: everything(ledgers, signal) };
            }),
        ),
        ...{ during: [], countersBefore: {}, countersAfter: {}, leftovers: [] },
    };
}
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

describe("what people read", () => {
    it("is one page of HTML that loads nothing and escapes what it shows", () => {
        const page = htmlReport(buildReport(raw));
        expect(page).not.toMatch(/<script|src=|@import|url\(|<link/);
        expect(page).toContain("kill -9 the &lt;collector&gt;");
        expect(page).not.toContain("<collector>");
        expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
        expect([...page.matchAll(/<svg/g)]).toHaveLength(6);
        for (const tag of ["svg", "table", "figure", "tr", "td"])
            expect([...page.matchAll(new RegExp(`<${tag}[ >]`, "g"))].length).toBe(
                [...page.matchAll(new RegExp(`</${tag}>`, "g"))].length,
            );
    });

    it("is a page, too, when the drill failed before it began", () => {
        const page = htmlReport(
            buildReport({ ...raw, observed: undefined, injectedAt: undefined, views: [], failure: "no <host>" }),
        );
        expect(page).toContain("no &lt;host&gt;");
        expect(page).not.toMatch(/NaN|undefined|Infinity/);
    });

    it("says in Markdown and on the terminal what deviated", () => {
        raw.leftovers = ["mid-1: network"];
        const report = buildReport(raw);
        expect(markdownReport(report)).toContain(
            "| ❌ | The drill has left nothing behind on the hosts | nothing | mid-1: network |",
        );
        expect(terminalReport(report, PLAIN)).toContain("collector-kill: deviated, 1 of 15 hypotheses did not hold");
    });

    it("is a table of all configurations", () => {
        const resilient = structuredClone(buildReport(raw));
        resilient.system.configuration = "resilient";
        const worse = resilient.integrity.views.find(({ view, signal }) => view !== "global" && signal === "metrics")!;
        worse.balance.lost = 1234;
        resilient.outcome = "deviated";
        resilient.verdicts[0]!.state = "deviated";
        const table = matrix([buildReport(raw), resilient]).split("\n");
        expect(table.slice(2)).toEqual([
            "| `collector-kill` | default | passed | 0 | 0 | 0.62 s | 18 s |",
            `| \`collector-kill\` | resilient | deviated: lost | 1,234 metrics on ${worse.view}, 0 in the merged view | 0 | 0.62 s | 18 s |`,
        ]);
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

describe("scenarios", () => {
    it("have names of their own, and are in the handbook, as are all runbooks", () => {
        const names = SCENARIOS.map(({ name }) => name);
        expect(new Set(names).size).toBe(names.length);
        const handbook = readFileSync(join(__dirname, "../../docs/drills.md"), "utf8");
        for (const name of names) expect(handbook).toContain(`\`${name}\``);
        for (const { runbook } of buildReport(raw).verdicts) expect(handbook).toContain(`\n### ${runbook}\n`);
    });

    it("are the starred ones when none is named, and an unknown one is an error that names all", () => {
        expect(chosen(SCENARIOS, [], false).map(({ name }) => name)).toEqual([
            "keepalived-stop",
            "haproxy-kill",
            "collector-kill",
            "host-owner",
            "partition",
            "rolling-config",
        ]);
        expect(() => chosen(SCENARIOS, ["colector-kill"], false)).toThrow(
            /no scenario "colector-kill"; there are: .*collector-kill/,
        );
    });

    it("keep the load's rate when half of it is back-dated", () => {
        const rate = (clients: ClientPlan[]): number =>
            clients.reduce((sum, { itemsPerRequest, intervalMs }) => sum + (itemsPerRequest * 1000) / intervalMs, 0);
        const usual = loadClients(1000, 500);
        const both = backdated(usual, 3_600_000);
        expect(rate(both)).toBe(rate(usual));
        expect(new Set(both.map(({ id }) => id)).size).toBe(8);
    });

    it("allow less where the configuration promises more", () => {
        expect(gapLimit("hostKilled", "default")).toBe(4000);
        expect(gapLimit("hostKilled", "resilient")).toBe(1000);
        expect(gapLimit("processKilled", "resilient")).toBe(700);
    });
});
