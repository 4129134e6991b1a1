/** What every measurement begins with: a lab that is up, empty hosts that have the images, a new project, and this program again in the lab's network. */
import { rmSync } from "node:fs";
import * as lab from "./commands";
import { giveDisks, labExec, resetNode } from "./hosts";
import { IMAGES } from "./images/catalog";
import { inside } from "./network";
import { NODES } from "./nodes";
import { installPlugins } from "./plugins";
import { step } from "./progress";
import { initStacks, makeProject, setSettings, STACKS } from "./project";
import { interactive } from "./run";

export interface EmptyHosts {
    /** For both stacks. */
    settings?: Record<string, string>;
    /** File systems of their own where services keep data. */
    disks?: boolean;
}

/** Runs `program` in the lab's network, with `args`; gives back how it ended. `directory` becomes the project's. */
export async function onEmptyHosts(
    program: string,
    directory: string,
    args: string[],
    { settings = {}, disks = false }: EmptyHosts = {},
): Promise<number> {
    await lab.up();
    await step("Images on the hosts", () => Promise.all(NODES.map((node) => pullAll(node.name))));
    await step("Emptying the hosts", () => resetNode(undefined, { keepImages: true }));
    if (disks) await step("Disks of their own", () => Promise.all(NODES.map((node) => giveDisks(node.name))));
    rmSync(directory, { recursive: true, force: true });
    const project = makeProject(directory);
    await installPlugins(project.env);
    for (const stack of STACKS) setSettings(project, stack, settings);
    await initStacks(project);
    return interactive(inside([process.execPath, ...process.execArgv, program, ...args]));
}

async function pullAll(node: string): Promise<void> {
    const pull = ({ reference }: { reference: string }) =>
        `docker image inspect ${reference} || docker pull ${reference}`;
    const { code, stderr } = await labExec(node, ["sh", "-euc", IMAGES.map(pull).join("\n")]);
    if (code !== 0) throw new Error(`${node}: ${stderr}`);
}
