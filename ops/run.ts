import { spawn } from "node:child_process";
import { setPriority } from "node:os";

/** What a program left. */
export interface RunResult {
    /** Its exit code; 124 when it ran out of time, 127 when there is no such program. */
    code: number;
    stdout: string;
    stderr: string;
}

/** How to run a program. */
export interface RunOptions {
    /** Sent to its standard input. @default nothing */
    input?: string;
    /** @default this process' */
    cwd?: string;
    /** Added to this process' environment. */
    env?: NodeJS.ProcessEnv;
    /** It is killed after this many milliseconds. @default never */
    timeoutMs?: number;
    /** How far it, and what it starts, steps back when processors are scarce, 0 to 19. @default 0 */
    niceness?: number;
    /** Called with each whole line of either stream, as it comes. */
    onLine?: (line: string) => void;
}

/** Runs a program to its end; does not throw for its exit code. */
export function run(command: string[], options: RunOptions = {}): Promise<RunResult> {
    const { input, cwd, env, timeoutMs, niceness, onLine } = options;
    const child = spawn(command[0]!, command.slice(1), {
        cwd,
        env: { ...process.env, ...env },
        stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    // Without a process there is nothing to set; that is told below.
    if (niceness !== undefined && child.pid !== undefined) setPriority(child.pid, niceness);
    const said = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
        const lines = onLine ? lineSplitter(onLine) : undefined;
        child[name]!.setEncoding("utf8").on("data", (text: string) => {
            said[name] += text;
            lines?.(text);
        });
    }
    // A program may end without reading all of it.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);

    let timedOut = false;
    const timer = setTimeout(() => {
        timedOut = true;
        child.kill("SIGKILL");
        // A grandchild that holds the streams must not hold us.
        child.stdout!.destroy();
        child.stderr!.destroy();
    }, timeoutMs ?? 2_147_483_647);
    return new Promise((resolve) => {
        const finish = (code: number): void => {
            clearTimeout(timer);
            resolve({ code, ...said });
        };
        child.on("error", (error) => {
            said.stderr += error.message;
            finish(127);
        });
        child.on("close", (code) => finish(timedOut ? 124 : (code ?? 137)));
    });
}

/** Pauses. */
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function lineSplitter(onLine: (line: string) => void): (text: string) => void {
    let rest = "";
    return (text) => {
        const parts = (rest + text).split("\n");
        rest = parts.pop()!;
        parts.forEach(onLine);
    };
}
