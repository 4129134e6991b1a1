/** What each configuration survives: one table from many reports. Pure. */
import { SCENARIOS } from "../scenarios/all";
import type { DrillReport } from "./schema";

const CONFIGURATIONS = ["default", "resilient", "seed"] as const;

/** Markdown: faults by configurations. Of several reports of the same drill the newest counts. */
export function matrix(reports: DrillReport[]): string {
    const newest = new Map<string, DrillReport>();
    for (const report of [...reports].sort((a, b) => a.startedAt - b.startedAt))
        newest.set(`${report.scenario.name} ${report.system.configuration}`, report);
    const shown = CONFIGURATIONS.filter((one) => reports.some(({ system }) => system.configuration === one));
    const head = ["Drill", ...shown.flatMap((one) => [one, "lost", "twice", "intake stops", "whole again"])];
    const rows = SCENARIOS.flatMap(({ name }) => {
        const own = shown.map((one) => newest.get(`${name} ${one}`));
        return own.some(Boolean) ? [[`\`${name}\``, ...own.flatMap(cells)]] : [];
    });
    return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function cells(report: DrillReport | undefined): string[] {
    if (!report) return ["", "", "", "", ""];
    const { outcome, integrity, recovery, system } = report;
    const views = integrity.views.filter(
        ({ view, error }) => !error && (system.configuration !== "seed" || view === "global"),
    );
    const most = (count: (view: (typeof views)[number]) => number): string =>
        views.length === 0 ? "?" : String(views.reduce((sum, view) => Math.max(sum, count(view)), 0));
    return [
        outcome,
        most(({ balance }) => balance.lost),
        most(({ balance }) => balance.duplicated),
        recovery.ingest === undefined ? "?" : `${(recovery.ingest / 1000).toFixed(2)} s`,
        recovery.fullRedundancy === undefined ? "not reached" : `${(recovery.fullRedundancy / 1000).toFixed(0)} s`,
    ];
}
