/** The lab for tests: reach the hosts, break them, mend them. Works inside the lab's network and outside of it. */
import { cutPower, makeDisks } from "./disks";
import { hostExec, killHost, startHost, stopHost } from "./host";
import { namedOrPresent, reset } from "./commands";
import { cut, healNetwork, isolate as isolateHost, runInside } from "./network";
import { findNode } from "./nodes";
import type { RunOptions, RunResult } from "./run";
import { readState, type Lab, type LabHost } from "./state";

export type { Lab, LabHost, RunOptions, RunResult };

/** The running lab: addresses, keys. Throws when `lab up` has not been run in this checkout. */
export const loadLab = (): Lab => readState();

/** Runs a command in a host as root, without SSH; does not throw for its exit code. */
export const labExec = (node: string, command: string[], options?: RunOptions): Promise<RunResult> =>
    hostExec(findNode(node), command, options);

/** Runs a command where the deployer is: in the lab's network. */
export const inLab = (command: string[], options?: RunOptions): Promise<RunResult> => runInside(command, options);

/** Shuts a host down in order. */
export const stopNode = (node: string): Promise<void> => stopHost(findNode(node));

/** Pulls a host's plug. */
export const killNode = (node: string): Promise<void> => killHost(findNode(node));

/** Gives a host, still empty, file systems of its own where its services keep data. */
export const giveDisks = (node: string): Promise<void> => makeDisks(findNode(node));

/** Takes the power of a host with such disks away: what they had not written is gone, too. */
export const cutNodePower = (node: string): Promise<void> => cutPower(findNode(node));

/** Powers a host on, plugs its cable in, and waits until SSH and Docker answer. */
export const startNode = (node: string): Promise<void> => startHost(findNode(node));

/** Makes one host, or all, as empty as new; `keepImages` spares the time of pulling the service images again. */
export async function resetNode(node?: string, options: { keepImages?: boolean } = {}): Promise<void> {
    await reset(await namedOrPresent(node ? [node] : []), options);
}

/** Lets nothing pass between two hosts; the deployer still reaches both. */
export const partition = (a: string, b: string): Promise<void> => cut(findNode(a), findNode(b));

/** Lets nothing pass between a host and everybody else, the deployer included. */
export const isolate = (node: string): Promise<void> => isolateHost(findNode(node));

/** Ends all partitions and isolations. */
export const heal = (): Promise<void> => healNetwork();
