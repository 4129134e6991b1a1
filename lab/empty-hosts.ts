/** What every measurement begins with: a lab that is up, empty hosts that have the images, a new project, and this program again in the lab's network. */
import { rmSync } from "node:fs";
import * as lab from "./commands";
import { giveDisks, labExec } from "./hosts";
import { isServed } from "./images/build";
import { imagesOf, type ServiceImage } from "./images/catalog";
import { inside } from "./network";
import { hostsOf, type System } from "./nodes";
import { installPlugins } from "./plugins";
import { step } from "./progress";
import { initStacks, makeProject, setSettings } from "./project";
import { interactive } from "./run";

export interface EmptyHosts {
    /** Whose hosts. @default the pair's */
    system?: System;
    /** For all stacks. */
    settings?: Record<string, unknown>;
    /** File systems of their own where services keep data. */
    disks?: boolean;
}

/** Runs `program` in the lab's network, with `args`; gives back how it ended. `directory` becomes the project's. */
export async function onEmptyHosts(
    program: string,
    directory: string,
    args: string[],
    { system = "otel-ha", settings = {}, disks = false }: EmptyHosts = {},
): Promise<number> {
    const hosts = hostsOf(system);
    await lab.up(hosts);
    const images = imagesOf([system]).filter(isServed);
    await step("Images on the hosts", () => Promise.all(hosts.map((node) => pullAll(node.name, images))));
    await step("Emptying the hosts", () => lab.reset(hosts, { keepImages: true }));
    if (disks) await step("Disks of their own", () => Promise.all(hosts.map((node) => giveDisks(node.name))));
    rmSync(directory, { recursive: true, force: true });
    const project = makeProject(directory, system);
    await installPlugins(project.env);
    for (const stack of project.stacks) setSettings(project, stack, settings);
    await initStacks(project);
    return interactive(inside([process.execPath, ...process.execArgv, program, ...args]));
}

async function pullAll(node: string, images: ServiceImage[]): Promise<void> {
    const pull = ({ reference }: { reference: string }) =>
        `docker image inspect ${reference} || docker pull ${reference}`;
    const { code, stderr } = await labExec(node, ["sh", "-euc", images.map(pull).join("\n")]);
    if (code !== 0) throw new Error(`${node}: ${stderr}`);
}
