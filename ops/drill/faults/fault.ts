/** What a fault is: something done to a host, and how it is undone. */
import { templateText } from "../../../components/templates";
import { shellQuote } from "../../../components/shell";
import type { DeployedNode } from "../../deployment";
import { UserError } from "../../errors";
import type { Look } from "../../rotate/looks";
import { sleep, type RunResult } from "../../run";

/** A host of a system, as far as faults need it. */
export type Machine = Pick<DeployedNode, "stack" | "name" | "address" | "exec" | "container">;

/** Gives the drill's clients what the stacks publish now. */
export type HandOut = () => Promise<void>;

/** A fault that can be put in and taken out. */
export interface Fault {
    /** What it does, as one would say it. @example "kill -9 the collector of mid-1" */
    title: string;
    /** Errors: it could not be put in. `handOut` gives the drill's clients what the stacks publish now: other tokens, another CA. */
    inject(handOut?: HandOut): Promise<void>;
    /** Takes it out. May be called twice, and without inject before. */
    heal(): Promise<void>;
    /** Hosts that are off meanwhile: what is last known of them does not hold. */
    hostsAway?: Machine[];
    /** What became of credentials that were rotated; asked when everything works again. @default none were */
    looks?(): Promise<Look[]>;
    /** Why it cannot be put in here; undefined when it can. Asked before anything is touched. */
    refusal?(): Promise<string | undefined>;
}

/** Runs a line that has to succeed. Errors: host, line and what it said. */
export async function must(node: Machine, line: string, options: { input?: string; timeoutMs?: number } = {}) {
    const result = await node.exec(line, options);
    if (result.code === 0) return result.stdout.trim();
    const said = (result.stderr || result.stdout).trim().split("\n").slice(-3).join("; ");
    throw new UserError(`${node.name}: "${line}" ended with code ${result.code}: ${said}`);
}

/** Everything armed is undone after this time at the latest, even when this process, or its machine, is gone. */
export const DEAD_MAN_SECONDS = 900;

/** Runs `command` with a certainty that `undo` is run: now by {@link undoNow}, or later by the host itself. */
export async function withUndo(node: Machine, id: string, command: string, undo: string): Promise<void> {
    await undoScript(node, "arm", id, String(DEAD_MAN_SECONDS), undo);
    await must(node, command, { timeoutMs: 120_000 });
}

/** Runs what was armed under this name, once. */
export async function undoNow(node: Machine, id: string): Promise<void> {
    await undoScript(node, "undo", id);
}

/** Runs everything that is armed on a host. */
export async function undoAll(node: Machine): Promise<void> {
    await undoScript(node, "undo-all");
}

/** Names of what is armed on a host. */
export async function armed(node: Machine): Promise<string[]> {
    return (await undoScript(node, "list")).split("\n").filter(Boolean);
}

function undoScript(node: Machine, ...words: string[]): Promise<string> {
    const input = templateText("scripts/drill-undo.sh");
    return must(node, `sh -s ${words.map(shellQuote).join(" ")}`, { input, timeoutMs: 120_000 });
}

/** Waits until a host answers over SSH and Docker answers on it. */
export async function awaitHost(node: Machine, timeoutMs: number): Promise<void> {
    const end = Date.now() + timeoutMs;
    let last: RunResult | undefined;
    while (Date.now() < end) {
        last = await node.exec("docker info --format x", { timeoutMs: 10_000 });
        if (last.code === 0) return;
        await sleep(500);
    }
    throw new UserError(`${node.name} does not answer after ${timeoutMs / 1000} s: ${last?.stderr.trim()}`);
}
