/** What each configuration survives: one table from many reports. Pure. */
import { APM_SCENARIOS } from "../apm/scenarios";
import { SCENARIOS } from "../scenarios/all";
import type { DrillReport, ViewReport } from "./schema";

const CONFIGURATIONS = ["default", "resilient", "seed", "data-prepper", "direct"];
/** The views that count most. */
const MERGED = ["global", "cluster"];
const HEAD = ["Drill", "Configuration", "Verdict", "Lost", "Twice", "Intake stops", "Whole again"];

/** Markdown: a row for each fault and configuration. Of several reports of the same drill the newest counts. */
export function matrix(reports: DrillReport[]): string {
    const newest = new Map<string, DrillReport>();
    for (const report of [...reports].sort((a, b) => a.startedAt - b.startedAt))
        newest.set(`${report.scenario.name} ${report.system.configuration}`, report);
    const rows = [...SCENARIOS, ...APM_SCENARIOS].flatMap(({ name }) =>
        CONFIGURATIONS.flatMap((configuration) => {
            const report = newest.get(`${name} ${configuration}`);
            return report ? [row(report)] : [];
        }),
    );
    return [HEAD, HEAD.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function row({ scenario, outcome, verdicts, integrity, recovery, system }: DrillReport): string[] {
    const failed = verdicts.filter(({ state }) => state !== "passed").map(({ id }) => id);
    const views = integrity.views.filter(
        ({ view, error }) => !error && (system.configuration !== "seed" || view === "global"),
    );
    return [
        `\`${scenario.name}\``,
        system.configuration,
        failed.length > 0 ? `${outcome}: ${failed.join(", ")}` : outcome,
        most(views, ({ balance }) => balance.lost),
        most(views, ({ balance }) => balance.duplicated),
        recovery.ingest === undefined ? "?" : `${(recovery.ingest / 1000).toFixed(2)} s`,
        recovery.fullRedundancy === undefined ? "not reached" : `${(recovery.fullRedundancy / 1000).toFixed(0)} s`,
    ];
}

/** The largest number of all views; where it is not 0, also whose it is, and what the merged view has. */
function most(views: ViewReport[], count: (view: ViewReport) => number): string {
    if (views.length === 0) return "?";
    const worst = views.reduce((a, b) => (count(b) > count(a) ? b : a));
    if (count(worst) === 0 || MERGED.includes(worst.view)) return count(worst).toLocaleString("en");
    const merged = views
        .filter(({ view }) => MERGED.includes(view))
        .reduce((sum, view) => Math.max(sum, count(view)), 0);
    return `${count(worst).toLocaleString("en")} ${worst.signal} on ${worst.view}, ${merged.toLocaleString("en")} in the merged view`;
}
