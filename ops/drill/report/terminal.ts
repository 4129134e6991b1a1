/** The end of a drill on a terminal. Pure. */
import { table, type Paint } from "../../terminal";
import type { DrillReport, Verdict, VerdictState } from "./schema";

const MARKS: Record<VerdictState, string> = { passed: "✓", deviated: "✗", "not measured": "?" };

/** Verdict table and the most important numbers. */
export function terminalReport(report: DrillReport, paint: Paint): string {
    // What was not measured to the end says nothing.
    if (report.outcome === "failed") return `\n${verdictLine(report, paint)}`;
    const lines = [
        "",
        paint.bold(`${report.scenario.name}: ${report.scenario.title}`),
        ...table(report.verdicts.map((verdict) => row(verdict, paint))),
        "",
        ...numbers(report).map((line) => `  ${line}`),
        "",
        verdictLine(report, paint),
    ];
    return lines.join("\n");
}

function row({ state, hypothesis, seen, tolerance }: Verdict, paint: Paint): string[] {
    const colour = state === "passed" ? paint.good : state === "deviated" ? paint.bad : paint.warn;
    return [colour(MARKS[state]), hypothesis, colour(seen), paint.faint(`(${tolerance})`)];
}

function numbers({ integrity, recovery, load, system }: DrillReport): string[] {
    const { metrics, logs } = integrity.sent;
    return [
        `configuration ${system.configuration}, ${load.pointsPerSecond} data points/s and ${load.recordsPerSecond} log records/s`,
        `acknowledged ${metrics.acknowledged} of ${metrics.sent} data points, ${logs.acknowledged} of ${logs.sent} log records`,
        `longest interruption: ${recoveryText(recovery)}`,
    ];
}

/** @example "virtual IP 640 ms, intake 700 ms, query 0 ms" */
export function recoveryText(recovery: DrillReport["recovery"]): string {
    const layers: [string, number | undefined][] = [
        ["virtual IP", recovery.virtualIp],
        ["intake", recovery.ingest],
        ["query", recovery.query],
        ["object store (write)", recovery.storeWritable],
        ["until full redundancy", recovery.fullRedundancy],
    ];
    return layers.map(([layer, ms]) => `${layer} ${ms === undefined ? "not measured" : `${ms} ms`}`).join(", ");
}

/** One line that says how it ended. */
export function verdictLine(report: DrillReport, paint: Paint): string {
    const { outcome, failure, verdicts, scenario } = report;
    if (outcome === "failed") return paint.bad(`${scenario.name}: could not be carried out: ${failure}`);
    const bad = verdicts.filter(({ state }) => state === "deviated").length;
    const open = verdicts.filter(({ state }) => state === "not measured").length;
    const text = `${scenario.name}: ${outcome}${bad ? `, ${bad} of ${verdicts.length} hypotheses did not hold` : ""}${open ? `, ${open} not measured` : ""}`;
    return outcome === "passed" ? paint.good(text) : paint.bad(text);
}
