// A drill of Container APM that was not run: what a report is made of.
import { Found } from "../../../ops/drill/accounting/found";
import { type ApmRun } from "../../../ops/drill/apm/build";
import { applications, intakeProbes, writeProbes } from "../../../ops/drill/apm/load";
import { APM_SCENARIOS } from "../../../ops/drill/apm/scenarios";
import type { SearchSample } from "../../../ops/drill/apm/search-probe";
import { checkTransitions, limitsFor, type Mark } from "../../../ops/drill/apm/transitions";
import type { ApmView } from "../../../ops/drill/apm/views";
import type { ClientLedger } from "../../../ops/drill/load/ledger";
import type { ClientPlan, Signal } from "../../../ops/drill/load/plan";
import { oneNodeLost, T0 } from "./cluster-views";

export const NODES = ["apm-1", "apm-2", "apm-3"].map((name, i) => ({ name, address: `10.0.0.${i + 1}` }));
export const SHARDS = 6;
const RATES = { spansPerSecond: 24, recordsPerSecond: 24, pointsPerSecond: 12 };
export const LIMITS = limitsFor({ delayedSeconds: 10, detectionSeconds: 9, copiesPerNode: 4 });
export const MARKS: Mark[] = [
    { id: "off-1", at: T0 + 10_000, does: "away", nodes: ["apm-3"] },
    { id: "on-1", at: T0 + 60_000, does: "back", nodes: ["apm-3"] },
];
export const END = T0 + 95_000;

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

/** All that was acknowledged of a signal, as a view of the cluster shows it. */
export function viewOf(view: ApmView["view"], signal: Signal, ledgers: ClientLedger[]): ApmView {
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

/** A drill of one node, as it is seen: nothing lost, and gaps within their limits unless they are asked for. */
export function apmRun({ name = "apm-one-node", outageMs = 1000, holeMs = 0 } = {}): ApmRun {
    const scenario = APM_SCENARIOS.find((one) => one.name === name)!;
    const load = [...applications(NODES, RATES), ...intakeProbes(NODES)].map((one) => ledger(one, 0));
    const writes = writeProbes(NODES, ["r0", "r1", "r2", "r3", "r4", "r5"]).map((one) => ledger(one, outageMs));
    const ledgers = [...load, ...writes];
    const views = oneNodeLost();
    const listed = scenario.steps.flatMap((step) =>
        step.do === "see" ? step.transitions.map((transition) => ({ transition, mark: "off-1" })) : [],
    );
    const result = { reads: [], stalls: [] };
    return {
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
