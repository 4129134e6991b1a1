/** The end of a drill on a terminal. Pure. */
import { table, type Paint } from "../../terminal";
import type { DrillReport, Verdict, VerdictState } from "./schema";
import { ITEMS, loadText, recoveryText, sentSignals } from "./words";

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

function numbers(report: DrillReport): string[] {
    const acknowledged = sentSignals(report).map(([signal, { acknowledged: count, sent }]) => {
        return `${count} of ${sent} ${ITEMS[signal]}`;
    });
    return [
        `configuration ${report.system.configuration}, ${loadText(report)}`,
        `acknowledged ${acknowledged.join(", ")}`,
        `longest interruption: ${recoveryText(report)}`,
    ];
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
