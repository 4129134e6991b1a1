/** `make drill`: all drills in each configuration, from empty hosts. SCENARIOS="a b" and CONFIGURATIONS="default resilient seed" choose. */
import { delimiter, dirname, join } from "node:path";
import { deploy } from "./deploy";
import { onEmptyHosts } from "./empty-hosts";
import { pulumiCommand } from "./engine-choice";
import { isInside } from "./network";
import { REPO, STATE_DIR } from "./paths";
import { openProject, STACKS, type Project } from "./project";
import { interactive } from "./run";

const PROJECT = join(STATE_DIR, "drill-project");
const REPORTS = join(REPO, "drill-reports");

/** Settings of both stacks. */
const CONFIGURATIONS: Record<string, Record<string, string>> = {
    default: {},
    resilient: {
        ...{ objectStore: "mirrored", vrrpVersion: "3", vrrpAdvertInterval: "200ms", vrrpUnicast: "true" },
        otlpTokens: "shop,billing",
    },
    seed: { dataPath: "seed" },
};

const words = (name: string): string[] => (process.env[name] ?? "").split(/\s+/).filter(Boolean);

/** Where the machine's network is. */
function prepare(configuration: string): Promise<number> {
    return onEmptyHosts(__filename, PROJECT, [configuration], { settings: CONFIGURATIONS[configuration], disks: true });
}

/** In the lab's network, where the hosts are. */
async function drill(project: Project): Promise<number> {
    await deploy(project, STACKS);
    const command = join(REPO, "lab", "lab");
    const scenarios = words("SCENARIOS");
    process.chdir(project.dir);
    const otelHa = join(REPO, "ops", "otel-ha.cjs");
    const chosen = scenarios.length > 0 ? scenarios : ["--all"];
    return interactive([process.execPath, otelHa, "drill", "--wipe", ...chosen, "--output", REPORTS], {
        ...project.env,
        PATH: `${dirname(pulumiCommand())}${delimiter}${process.env.PATH}`,
        OTEL_HA_POWER_OFF: `${command} kill --power-cut {stack}`,
        OTEL_HA_POWER_ON: `${command} start {stack}`,
    });
}

async function main(): Promise<number> {
    const [inner] = process.argv.slice(2);
    if (inner && isInside()) return drill(openProject(PROJECT));
    const chosen = words("CONFIGURATIONS");
    const codes: number[] = [];
    for (const configuration of chosen.length ? chosen : ["default", "resilient"]) {
        if (!CONFIGURATIONS[configuration])
            throw new Error(`CONFIGURATIONS: ${Object.keys(CONFIGURATIONS).join(", ")}, not "${configuration}"`);
        console.error(`\n${configuration}`);
        codes.push(await prepare(configuration));
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
