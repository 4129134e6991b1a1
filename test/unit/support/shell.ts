import { spawn, spawnSync } from "child_process";
import * as fs from "fs";
import * as os from "os";
import * as path from "path";
import { ROOT } from "./stacks";

export const SCRIPTS = path.join(ROOT, "templates", "scripts");

/** Numeric owner and group of whoever runs the tests: only root may give files away. */
export const SELF = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;

export interface Finished {
    code: number | null;
    out: string;
    err: string;
    seconds: number;
}

/** Standard programs that the scripts need of any Debian; nothing else of the machine is on their PATH. */
const PROGRAMS =
    "sh bash cat sed head tail sort cut tr df awk date dirname basename mkdir rm mv cp cmp chmod chown sync sleep timeout grep env printf".split(
        " ",
    );

/**
 * A temporary directory with `bin` (stubs, and links to the standard programs), `lib` (the scripts as they are installed on a host) and `state` (what
 * the stubs read and note).
 */
export class Bench {
    readonly root = fs.mkdtempSync(path.join(os.tmpdir(), "otel-ha-"));
    readonly bin = path.join(this.root, "bin");
    readonly lib = path.join(this.root, "lib");
    readonly state = path.join(this.root, "state");

    constructor() {
        for (const directory of [this.bin, this.lib, this.state]) fs.mkdirSync(directory);
        for (const program of PROGRAMS) this.link(program);
        for (const file of fs.readdirSync(SCRIPTS)) {
            fs.copyFileSync(path.join(SCRIPTS, file), path.join(this.lib, file.replace(/\.sh$/, "")));
            fs.chmodSync(path.join(this.lib, file.replace(/\.sh$/, "")), 0o755);
        }
    }

    /** Puts a program of the machine on the scripts' PATH. */
    link(program: string): void {
        const found = `${process.env.PATH}:/usr/sbin:/sbin`
            .split(":")
            .map((directory) => path.join(directory, program))
            .find((file) => fs.existsSync(file));
        if (!found) throw new Error(`these tests need the program ${program}`);
        fs.symlinkSync(found, path.join(this.bin, program));
    }

    /** A program of our own on the scripts' PATH; it notes its arguments in `state/argv`. */
    stub(name: string, body: string): void {
        const text = `#!/bin/sh\nSTATE='${this.state}'\nprintf '%s\\n' "${name} $*" >>"$STATE/argv"\n${body}\n`;
        fs.rmSync(path.join(this.bin, name), { force: true });
        fs.writeFileSync(path.join(this.bin, name), text, { mode: 0o755 });
    }

    /** All command lines of stubs so far. */
    argv(): string[] {
        return this.read("argv").split("\n").slice(0, -1);
    }

    read(name: string): string {
        const file = path.join(this.state, name);
        return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
    }

    write(name: string, text: string): void {
        fs.writeFileSync(path.join(this.state, name), text);
    }

    /** Runs an installed script to its end. */
    run(script: string, args: string[], stdin = "", environment: Record<string, string> = {}): Finished {
        return this.finish(path.join(this.lib, script), args, stdin, environment);
    }

    /** Runs a text as the program does over SSH: `sh -s` with the text on standard input. */
    runText(text: string): Finished {
        return this.finish(path.join(this.bin, "sh"), ["-s"], text, {});
    }

    private finish(file: string, args: string[], input: string, environment: Record<string, string>): Finished {
        const start = Date.now();
        const env = { PATH: this.bin, ...environment };
        const done = spawnSync(file, args, { input, env, encoding: "utf8", timeout: 60_000 });
        return { code: done.status, out: done.stdout, err: done.stderr, seconds: (Date.now() - start) / 1000 };
    }

    remove(): void {
        fs.rmSync(this.root, { recursive: true, force: true });
    }
}

/**
 * A container for the scripts: `docker` answers from files in `state` (status, running, pid, restarts, check, logs), and `docker exec` runs the command
 * here. `state/crashing` makes it a container that restarts each time somebody looks.
 */
export function stubContainer(bench: Bench): void {
    for (const [name, text] of Object.entries({ status: "running", running: "true", pid: "7", restarts: "0" }))
        bench.write(name, text);
    bench.write("check", `test -e ${bench.state}/healthy`);
    bench.stub(
        "docker",
        `
case "$1 $3" in
    *Healthcheck*) printf 'CMD-SHELL\\n'; cat "$STATE/check" ;;
    *RestartCount*)
        [ ! -e "$STATE/crashing" ] || echo $(($(cat "$STATE/restarts") + 1)) >"$STATE/restarts"
        cat "$STATE/restarts" ;;
    *State.Pid*) cat "$STATE/pid" ;;
    *State.Running*) cat "$STATE/running" ;;
    *State.Status*) cat "$STATE/status" ;;
    *otel-ha.spec*) cat "$STATE/spec" ;;
    logs*) cat "$STATE/logs" ;;
    restart*) echo running >"$STATE/status"; : >"$STATE/healthy" ;;
    exec*)
        shift
        while :; do case $1 in -i) shift ;; -e) export "$2"; shift 2 ;; *) break ;; esac; done
        shift
        exec "$@" ;;
esac`,
    );
}

/** A process of its own that listens on a port of its own, until it is told to end. */
export async function listener(): Promise<{ port: number; pid: number; close: () => void }> {
    const program =
        'const s = require("net").createServer().listen(0, "127.0.0.1", () => console.log(s.address().port));';
    const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
    const port = await new Promise<number>((resolve, reject) => {
        child.once("error", reject);
        child.stdout.once("data", (data: Buffer) => resolve(Number(data.toString())));
    });
    return { port, pid: child.pid ?? 0, close: () => child.kill() };
}

/** An object store as its health endpoints show it: `set` decides what they answer, 400 to all as a port with TLS. Runs in a process of its own. */
export interface StoreHealth {
    port: number;
    /** @example set({ cluster: 503 }) */
    set: (answers: Partial<Record<"cluster" | "read" | "maintenance" | "all", number>>) => void;
    close: () => void;
}

/** Starts one that is well. */
export async function storeHealth(bench: Bench, name: string): Promise<StoreHealth> {
    const file = path.join(bench.root, `${name}.json`);
    const state: Record<string, number> = { cluster: 200, read: 200, maintenance: 200 };
    const set: StoreHealth["set"] = (answers) => fs.writeFileSync(file, JSON.stringify(Object.assign(state, answers)));
    set({});
    const program = `
        const paths = {
            "/minio/health/cluster": "cluster",
            "/minio/health/cluster/read": "read",
            "/minio/health/cluster?maintenance=true": "maintenance",
        };
        const answers = () => JSON.parse(require("fs").readFileSync(${JSON.stringify(file)}));
        const server = require("http").createServer((request, response) => {
            response.writeHead(answers().all ?? answers()[paths[request.url]] ?? 404).end();
        });
        server.listen(0, "127.0.0.1", () => console.log(server.address().port));`;
    const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
    const port = await new Promise<number>((resolve, reject) => {
        child.once("error", reject);
        child.stdout.once("data", (data: Buffer) => resolve(Number(data.toString())));
    });
    return { port, set, close: () => child.kill() };
}
