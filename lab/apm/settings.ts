/** What Container APM is told so that it fits three hosts on one machine. */
import { readFileSync } from "node:fs";
import { isServed } from "../images/build";
import { imagesNamed } from "../images/catalog";
import { setSettings, type Project } from "../project";

/** What OpenSearch wants before it maps its files into memory. */
const ENOUGH_MAPS = 262_144;

export interface Machine {
    /** vm.max_map_count; it is the whole machine's, which the lab leaves as it is. */
    maps: number;
    /** Whether hosts can have an image, by short name. */
    has: (image: string) => boolean;
}

const thisMachine = (): Machine => ({
    maps: Number(readFileSync("/proc/sys/vm/max_map_count", "utf8")),
    has: (name) => imagesNamed([name]).every(isServed),
});

/** Settings of every stack. Pure. */
export function apmLabSettings({ maps, has }: Machine): Record<string, unknown> {
    return {
        opensearchHeap: "512MiB",
        opensearchMemoryLimit: "1280MiB",
        // Nobody may lock as much memory in a container of a container.
        opensearchMemoryLock: "false",
        ...(maps < ENOUGH_MAPS ? { opensearchMmap: "false" } : {}),
        ...(has("data-prepper") ? {} : { apm: { ingest: "direct" } }),
        ...(has("opensearch-dashboards") ? {} : { dashboardsCopies: "0" }),
    };
}

/** What is not here for want of an image, in one line; nothing when all is. Pure. */
export function missingParts({ has }: Machine): string | undefined {
    const missing = [
        ...(has("data-prepper") ? [] : ["Data Prepper (apm.ingest: direct)"]),
        ...(has("opensearch-dashboards") ? [] : ["OpenSearch Dashboards"]),
    ];
    return missing.length ? `Without ${missing.join(" and ")}, whose images can only be pulled` : undefined;
}

/** Those of this machine. */
export const machineSettings = (): Record<string, unknown> => apmLabSettings(thisMachine());

/** Writes them into a project's stack files. */
export function fitToMachine(project: Project): void {
    for (const stack of project.stacks) setSettings(project, stack, machineSettings());
}

/** Of drills, half of what a person gets: three servers, their clients and what looks at them share one machine's processors. */
export const DRILL_RATES = ["--points", "50", "--records", "100", "--spans", "100"];

export const whatIsMissing = (): string | undefined => missingParts(thisMachine());
