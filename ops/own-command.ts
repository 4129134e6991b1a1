/** The commands themselves, each in a process of its own, as a person runs them. */
import type { Deployment } from "./deployment";
import { UserError } from "./errors";
import { run, type RunOptions, type RunResult } from "./run";

const COMMAND_MS = 20 * 60_000;

/** Whose stacks a command is for. */
export type CommandTarget = Pick<Deployment, "directory"> & { nodes: { stack: string }[] };

/** Runs `otel-ha WORDS…` for a system; does not throw for its exit code. */
export function ownCommand(
    { nodes, directory }: CommandTarget,
    words: string[],
    options: Pick<RunOptions, "onLine" | "timeoutMs" | "niceness"> = {},
): Promise<RunResult> {
    const stacks = nodes.flatMap(({ stack }) => ["--stack", stack]);
    return run([process.execPath, process.argv[1]!, ...words, "--cwd", directory, ...stacks], options);
}

/** Runs `otel-ha WORDS…` for a system, beside a drill's clients: they measure, and Pulumi's programs step back. Errors: it ended with another code than 0. */
export async function otelHa(target: CommandTarget, ...words: string[]): Promise<void> {
    const { code, stdout, stderr } = await ownCommand(target, words, { timeoutMs: COMMAND_MS, niceness: 10 });
    if (code === 0) return;
    const said = (stderr || stdout).trim().split("\n").slice(-8).join("\n");
    throw new UserError(`otel-ha ${words.join(" ")} ended with code ${code}: ${said}`);
}
