/** The report for a ticket or a wiki. Pure. */
import type { DrillReport, VerdictState } from "./schema";
import { recoveryText } from "./terminal";

const MARKS: Record<VerdictState, string> = { passed: "✅", deviated: "❌", "not measured": "❔" };

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
const row = (...cells: (string | number)[]): string => `| ${cells.map((text) => cell(String(text))).join(" | ")} |`;
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
        `- ${report.load.pointsPerSecond} data points/s, ${report.load.recordsPerSecond} log records/s, through ${system.vip}`,
        `- Method: ${scenario.method.join("; ")}`,
        `- Longest interruption: ${recoveryText(report.recovery)}. Age of what was lost: ${integrity.recoveryPointMs} ms`,
        "",
        row("", "Hypothesis", "Tolerance", "Seen"),
        row("---", "---", "---", "---"),
        ...verdicts.map((v) => row(MARKS[v.state], v.hypothesis, v.tolerance, v.seen)),
        "",
        "## What became of the data",
        "",
        row("Signal", "Sent", "Acknowledged", "Refused", "Unanswered"),
        row("---", "---", "---", "---", "---"),
        ...(["metrics", "logs"] as const).map((signal) => {
            const sent = integrity.sent[signal];
            return row(signal, sent.sent, sent.acknowledged, sent.refused, sent.pending);
        }),
        "",
        row("View", "Signal", "Found", "Lost", "Duplicated", "Recovered", "Late", "Read from"),
        row("---", "---", "---", "---", "---", "---", "---", "---"),
        ...integrity.views.map(({ view, signal, source, balance: b }) =>
            row(view, signal, b.found, b.lost, b.duplicated, b.recovered, b.late, source),
        ),
        "",
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
