/** Puts a report on the disk. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { htmlReport } from "./html";
import { markdownReport } from "./markdown";
import type { DrillReport } from "./schema";

/** Writes report.json, report.html and report.md into a directory of their own below `parent`; gives back its path. */
export function writeReport(report: DrillReport, parent: string): string {
    const time = new Date(report.startedAt).toISOString().replace(/[-:]|\.\d+/g, "");
    const directory = join(parent, `${time}-${report.scenario.name}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "report.json"), `${JSON.stringify(report)}\n`);
    writeFileSync(join(directory, "report.html"), htmlReport(report));
    writeFileSync(join(directory, "report.md"), markdownReport(report));
    return directory;
}

/** All reports in the directories below `parent`. */
export function readReports(parent: string): DrillReport[] {
    return readdirSync(parent)
        .map((name) => join(parent, name, "report.json"))
        .filter((file) => existsSync(file))
        .map((file) => JSON.parse(readFileSync(file, "utf8")) as DrillReport);
}
