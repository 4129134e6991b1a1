/** `make drill`, `make drill-apm`: all drills of a system in each of its configurations, from empty hosts. SCENARIOS and CONFIGURATIONS choose. */
import { delimiter, dirname, join } from "node:path";
import { DRILL_RATES, machineSettings, whatIsMissing } from "./apm/settings";
import { deploy } from "./deploy";
import { onEmptyHosts } from "./empty-hosts";
import { pulumiCommand } from "./engine-choice";
import { isInside } from "./network";
import type { System } from "./nodes";
import { REPO, STATE_DIR } from "./paths";
import { openProject, type Project } from "./project";
import { interactive } from "./run";

const PROJECT = join(STATE_DIR, "drill-project");
const REPORTS = join(REPO, "drill-reports");

/** Settings of all stacks, by configuration. */
const CONFIGURATIONS: Record<System, Record<string, () => Record<string, unknown>>> = {
    "otel-ha": {
        default: () => ({}),
        resilient: () => ({
            ...{ objectStore: "mirrored", vrrpVersion: "3", vrrpAdvertInterval: "200ms", vrrpUnicast: "true" },
            otlpTokens: "shop,billing",
        }),
        seed: () => ({ dataPath: "seed" }),
    },
    apm: { default: machineSettings },
};
const RATES: Record<System, string[]> = { "otel-ha": [], apm: DRILL_RATES };
/** Those that run when none is chosen. */
const USUAL: Record<System, string[]> = { "otel-ha": ["default", "resilient"], apm: ["default"] };

const words = (name: string): string[] => (process.env[name] ?? "").split(/\s+/).filter(Boolean);

/** Where the machine's network is. */
function prepare(system: System, configuration: string): Promise<number> {
    const settings = CONFIGURATIONS[system][configuration]!();
    return onEmptyHosts(__filename, PROJECT, [system], { system, settings, disks: true });
}

/** In the lab's network, where the hosts are. */
async function drill(project: Project, system: System): Promise<number> {
    await deploy(project, project.stacks);
    const command = join(REPO, "lab", "lab");
    const scenarios = words("SCENARIOS");
    process.chdir(project.dir);
    const otelHa = join(REPO, "ops", "otel-ha.cjs");
    const chosen = scenarios.length > 0 ? scenarios : ["--all"];
    return interactive(
        [process.execPath, otelHa, "drill", "--wipe", ...RATES[system], ...chosen, "--output", REPORTS],
        {
            ...project.env,
            PATH: `${dirname(pulumiCommand())}${delimiter}${process.env.PATH}`,
            OTEL_HA_POWER_OFF: `${command} kill --power-cut {stack}`,
            OTEL_HA_POWER_ON: `${command} start {stack}`,
        },
    );
}

async function main(): Promise<number> {
    const [system = "otel-ha"] = process.argv.slice(2) as System[];
    if (isInside()) return drill(openProject(PROJECT, system), system);
    const known = CONFIGURATIONS[system];
    const named = words("CONFIGURATIONS");
    const unknown = named.find((one) => !known[one]);
    if (unknown) throw new Error(`CONFIGURATIONS: ${Object.keys(known).join(", ")}, not "${unknown}"`);
    if (system === "apm") console.error([whatIsMissing()].filter(Boolean).join());
    const codes: number[] = [];
    for (const configuration of named.length > 0 ? named : USUAL[system]) {
        console.error(`\n${configuration}`);
        codes.push(await prepare(system, configuration));
    }
    return Math.max(...codes);
}

main().then(
    (code) => (process.exitCode = code),
    (error: Error) => {
        console.error(process.env.LAB_DEBUG ? error : error.message);
        process.exitCode = 1;
    },
);
