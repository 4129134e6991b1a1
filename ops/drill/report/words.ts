/** What reports of all kinds say in the same words. Pure. */
import type { SentBalance } from "../accounting/account";
import type { Signal } from "../load/plan";
import type { DrillReport } from "./schema";

/** What a signal's items are called. */
export const ITEMS: Record<Signal, string> = {
    metrics: "data points",
    logs: "log records",
    traces: "spans",
    documents: "documents",
};

/** Signals of which something was sent; metrics and logs in any case where there is no cluster. */
export function sentSignals({ integrity, cluster }: DrillReport): [Signal, SentBalance][] {
    const all = Object.entries(integrity.sent) as [Signal, SentBalance][];
    return cluster ? all.filter(([, { sent }]) => sent > 0) : all;
}

/** @example "1000 data points/s and 500 log records/s through 192.168.110.140" */
export function loadText({ load, system }: DrillReport): string {
    const rates = [`${load.pointsPerSecond} data points/s`, `${load.recordsPerSecond} log records/s`];
    if (load.spansPerSecond !== undefined) rates.push(`${load.spansPerSecond} spans/s`);
    return `${rates.join(", ")}, ${system.vip ? `through ${system.vip}` : "to the collectors of all nodes"}`;
}

/** Layers and how long each was interrupted, for a report's system. */
export function recoveryLayers({ recovery, cluster }: DrillReport): [layer: string, ms: number | undefined][] {
    if (cluster)
        return [
            ["cluster manager", recovery.manager],
            ["not green", recovery.green],
            ["intake of nodes that stay", recovery.ingest],
            "queryByAny" in recovery
                ? ["searches by any node", recovery.queryByAny]
                : ["searches through nodes that stay", recovery.query],
            ["until full redundancy", recovery.fullRedundancy],
        ];
    return [
        ["virtual IP", recovery.virtualIp],
        ["intake", recovery.ingest],
        ["query", recovery.query],
        ["object store (write)", recovery.storeWritable],
        ["until full redundancy", recovery.fullRedundancy],
    ];
}

/** @example "virtual IP 640 ms, intake 700 ms, query 0 ms" */
export const recoveryText = (report: DrillReport): string =>
    recoveryLayers(report)
        .map(([layer, ms]) => `${layer} ${ms === undefined ? "not measured" : `${ms} ms`}`)
        .join(", ");

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** A row of a Markdown table. */
export const row = (...cells: (string | number)[]): string =>
    `| ${cells.map((text) => cell(String(text))).join(" | ")} |`;
