/** The report for a ticket or a wiki. Pure. */
import { clusterMarkdown } from "./cluster";
import type { DrillReport, VerdictState } from "./schema";
import { loadText, recoveryText, row, sentSignals } from "./words";

const MARKS: Record<VerdictState, string> = { passed: "✅", deviated: "❌", "not measured": "❔" };

const time = (at: number): string => new Date(at).toISOString();

export function markdownReport(report: DrillReport): string {
    const { scenario, system, integrity, verdicts, fault } = report;
    const after = (at: number): string => (fault ? `${((at - fault.from) / 1000).toFixed(3)} s` : time(at));
    return [
        `# Drill ${scenario.name}: ${report.outcome}`,
        "",
        `${scenario.title}. ${scenario.description}`,
        "",
        ...(report.failure ? [`**Could not be carried out:** ${report.failure}`, ""] : []),
        `- ${time(report.startedAt)} to ${time(report.endedAt)}; configuration ${system.configuration} (${system.configHash})`,
        `- ${loadText(report)}`,
        `- Method: ${scenario.method.join("; ")}`,
        `- Longest interruption: ${recoveryText(report)}. Age of what was lost: ${integrity.recoveryPointMs} ms`,
        "",
        row("", "Hypothesis", "Tolerance", "Seen"),
        row("---", "---", "---", "---"),
        ...verdicts.map((v) => row(MARKS[v.state], v.hypothesis, v.tolerance, v.seen)),
        "",
        "## What became of the data",
        "",
        row("Signal", "Sent", "Acknowledged", "Refused", "Unanswered"),
        row("---", "---", "---", "---", "---"),
        ...sentSignals(report).map(([signal, sent]) => {
            return row(signal, sent.sent, sent.acknowledged, sent.refused, sent.pending);
        }),
        "",
        row("View", "Signal", "Found", "Lost", "Duplicated", "Recovered", "Late", "Read from"),
        row("---", "---", "---", "---", "---", "---", "---", "---"),
        ...integrity.views.map(({ view, signal, source, balance: b }) =>
            row(view, signal, b.found, b.lost, b.duplicated, b.recovered, b.late, source),
        ),
        "",
        ...clusterMarkdown(report),
        "## What happened",
        "",
        row("Since the fault", "Where", "What"),
        row("---", "---", "---"),
        ...report.timeline.map(({ at, node, source, what, detail }) =>
            row(after(at), node ?? source, `${source}: ${what}${detail ? ` (${detail})` : ""}`),
        ),
        "",
    ].join("\n");
}
