/** Running other programs: the one place where the lab spawns anything. */
import { spawn, type SpawnOptions } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import { dirname } from "node:path";

export interface RunResult {
    code: number;
    stdout: string;
    stderr: string;
}

export interface RunOptions {
    /** Sent to the program's standard input. */
    input?: string | Buffer;
    cwd?: string;
    /** Added to this process' environment. */
    env?: NodeJS.ProcessEnv;
    /** Give up (SIGKILL) after this many milliseconds; the code is then 124, as timeout(1) has it. */
    timeoutMs?: number;
    /** Also append both streams to this file. */
    logFile?: string;
    /** Called with each line of either stream. */
    onLine?: (line: string) => void;
    /** Start the child in a process group of its own, so that a time-out ends its children too. */
    detached?: boolean;
}

/** A program that was needed did not succeed. */
export class CommandError extends Error {
    constructor(
        readonly command: string[],
        readonly result: RunResult,
        logFile?: string,
    ) {
        const said = [result.stdout, result.stderr].map((text) => text.trim().split("\n").slice(-8).join("\n"));
        const log = logFile ? `\nThe whole log: ${logFile}` : "";
        super(`\`${command.join(" ")}\` ended with code ${result.code}:\n${said.join("\n").trim()}${log}`);
    }
}

/** Runs a program to its end; never throws for its exit code. */
export function run(command: string[], options: RunOptions = {}): Promise<RunResult> {
    const spawnOptions: SpawnOptions = {
        cwd: options.cwd,
        env: { ...process.env, ...options.env },
        detached: options.detached,
        stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    };
    const child = spawn(command[0]!, command.slice(1), spawnOptions);
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const log = options.logFile ? openLog(options.logFile) : undefined;
    const lines = options.onLine ? lineSplitter(options.onLine) : undefined;
    for (const [stream, chunks] of [
        [child.stdout!, out],
        [child.stderr!, err],
    ] as const) {
        stream.on("data", (chunk: Buffer) => {
            chunks.push(chunk);
            log?.write(chunk);
            lines?.(chunk);
        });
    }
    if (options.input !== undefined) {
        child.stdin!.on("error", () => {}); // a program may end without reading all of it
        child.stdin!.end(options.input);
    }
    let timedOut = false;
    const timer = options.timeoutMs
        ? setTimeout(() => {
              timedOut = true;
              if (options.detached && child.pid) process.kill(-child.pid, "SIGKILL");
              else child.kill("SIGKILL");
          }, options.timeoutMs)
        : undefined;
    return new Promise((resolve) => {
        const finish = (code: number) => {
            clearTimeout(timer);
            log?.end();
            resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
        };
        child.on("error", (error) => {
            err.push(Buffer.from(error.message));
            finish(127);
        });
        child.on("close", (code) => finish(timedOut ? 124 : (code ?? 137)));
    });
}

/** Runs a program that has to succeed; returns what it printed, without the last line end. */
export async function must(command: string[], options: RunOptions = {}): Promise<string> {
    const result = await run(command, options);
    if (result.code !== 0) throw new CommandError(command, result, options.logFile);
    return result.stdout.trimEnd();
}

/** Runs a program with this terminal as its own; returns its exit code. */
export function interactive(command: string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
    const child = spawn(command[0]!, command.slice(1), { stdio: "inherit", env: { ...process.env, ...env } });
    return new Promise((resolve) => {
        child.on("error", (error) => {
            console.error(error.message);
            resolve(127);
        });
        child.on("close", (code) => resolve(code ?? 137));
    });
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `check` says yes; false when it did not within the time. */
export async function until(check: () => Promise<boolean>, timeoutMs: number, everyMs = 200): Promise<boolean> {
    const end = Date.now() + timeoutMs;
    for (;;) {
        if (await check()) return true;
        if (Date.now() > end) return false;
        await sleep(everyMs);
    }
}

function openLog(file: string) {
    mkdirSync(dirname(file), { recursive: true });
    return createWriteStream(file, { flags: "a" });
}

function lineSplitter(onLine: (line: string) => void): (chunk: Buffer) => void {
    let rest = "";
    return (chunk) => {
        const parts = (rest + chunk.toString()).split("\n");
        rest = parts.pop()!;
        parts.forEach(onLine);
    };
}
