/** `make drill`: all drills in each configuration, from empty hosts. SCENARIOS="a b" and CONFIGURATIONS="default resilient seed" choose. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { parseDocument } from "yaml";
import * as lab from "./commands";
import { deploy } from "./deploy";
import { pulumiCommand } from "./engine-choice";
import { giveDisks, labExec, resetNode } from "./hosts";
import { IMAGES } from "./images/catalog";
import { inside, isInside } from "./network";
import { NODES } from "./nodes";
import { REPO, STATE_DIR } from "./paths";
import { installPlugins } from "./plugins";
import { step } from "./progress";
import { initStacks, makeProject, openProject, STACKS, type Project } from "./project";
import { interactive } from "./run";

const PROJECT = join(STATE_DIR, "drill-project");
const REPORTS = join(REPO, "drill-reports");

/** Settings of both stacks. */
const CONFIGURATIONS: Record<string, Record<string, string>> = {
    default: {},
    resilient: { objectStore: "mirrored", vrrpVersion: "3", vrrpAdvertInterval: "200ms", vrrpUnicast: "true" },
    seed: { dataPath: "seed" },
};

const words = (name: string): string[] => (process.env[name] ?? "").split(/\s+/).filter(Boolean);

/** Where the machine's network is. */
async function prepare(configuration: string): Promise<number> {
    await lab.up();
    await step("Images on the hosts", () => Promise.all(NODES.map((node) => pullAll(node.name))));
    await step("Emptying the hosts", () => resetNode(undefined, { keepImages: true }));
    await step("Disks of their own", () => Promise.all(NODES.map((node) => giveDisks(node.name))));
    rmSync(PROJECT, { recursive: true, force: true });
    const project = makeProject(PROJECT);
    for (const stack of STACKS) addSettings(join(project.dir, `Pulumi.${stack}.yaml`), CONFIGURATIONS[configuration]!);
    await installPlugins(project.env);
    await initStacks(project);
    return interactive(inside([process.execPath, ...process.execArgv, __filename, configuration]));
}

async function pullAll(node: string): Promise<void> {
    const pull = ({ reference }: { reference: string }) =>
        `docker image inspect ${reference} || docker pull ${reference}`;
    const { code, stderr } = await labExec(node, ["sh", "-euc", IMAGES.map(pull).join("\n")]);
    if (code !== 0) throw new Error(`${node}: ${stderr}`);
}

function addSettings(file: string, settings: Record<string, string>): void {
    const document = parseDocument(readFileSync(file, "utf8"));
    for (const [key, value] of Object.entries(settings)) document.setIn(["config", `otel-ha:${key}`], value);
    writeFileSync(file, String(document));
}

/** In the lab's network, where the hosts are. */
async function drill(project: Project): Promise<number> {
    await deploy(project, STACKS);
    const command = join(REPO, "lab", "lab");
    const scenarios = words("SCENARIOS");
    process.chdir(project.dir);
    const otelHa = join(REPO, "ops", "otel-ha.cjs");
    return interactive(
        [process.execPath, otelHa, "drill", ...(scenarios.length ? scenarios : ["--all"]), "--output", REPORTS],
        {
            ...project.env,
            PATH: `${dirname(pulumiCommand())}${delimiter}${process.env.PATH}`,
            OTEL_HA_POWER_OFF: `${command} kill --power-cut {stack}`,
            OTEL_HA_POWER_ON: `${command} start {stack}`,
        },
    );
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
