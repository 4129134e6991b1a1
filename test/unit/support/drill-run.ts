// A drill of the pair that was not run: what a report is made of.
import { Found } from "../../../ops/drill/accounting/found";
import { logLine, logTime, seriesName, type ClientLedger } from "../../../ops/drill/load/ledger";
import { loadClients, probeClients, type ClientPlan, type Signal } from "../../../ops/drill/load/plan";
import type { ReadSample } from "../../../ops/drill/probe/read";
import { type RawRun } from "../../../ops/drill/report/build";
import { DRILL_DEFAULTS } from "../../../ops/drill/run/options";
import { SCENARIOS } from "../../../ops/drill/scenarios/all";

export const T0 = 1_700_000_000_000;
export const SECOND = 1000;
export const FAULT = { from: T0 + 20 * SECOND, to: T0 + 32 * SECOND };
export const END = T0 + 45 * SECOND;

/** A client whose requests were all acknowledged after 5 ms, but for those of an outage. */
export function ledger(client: ClientPlan, outage = { from: 0, to: 0 }): ClientLedger {
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
export function everything(ledgers: ClientLedger[], signal: Signal, since = 0): Found {
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

/** A drill of one collector, as it is seen: nothing lost, and a gap of so long. */
export function drillRun(outageMs = 600): RawRun {
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
    return {
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
