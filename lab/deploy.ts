/** `pulumi up` with progress for people: what is ready, what is awaited, how long it has taken. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { complaint } from "../ops/up/progress";
import { elapsed } from "./progress";
import { pulumi, type Project, type StackName } from "./project";

/** Silence longer than this is broken with what is awaited. */
const QUIET_MS = 15_000;

export class DeployError extends Error {}

/** Everything that `pulumi` printed at the last `deploy` of a stack. */
export const logOf = (project: Project, stack: StackName): string => join(project.dir, `up-${stack}.log`);

/** Brings the stacks up at the same time. Errors: what `pulumi` said, per stack, and where to read all of it. */
export async function deploy(project: Project, stacks: StackName[], args: string[] = []): Promise<void> {
    const failures = (await Promise.all(stacks.map((stack) => deployOne(project, stack, args)))).flat();
    if (failures.length > 0) throw new DeployError(failures.join("\n\n"));
}

async function deployOne(project: Project, stack: StackName, args: string[]): Promise<string[]> {
    const progress = new Progress(stack);
    const logFile = logOf(project, stack);
    rmSync(logFile, { force: true });
    const quiet = setInterval(() => progress.stillWaiting(), 1000);
    const result = await pulumi(project, ["up", "--yes", "--skip-preview", "--stack", stack, ...args], {
        logFile,
        onLine: (line) => progress.read(line),
    });
    clearInterval(quiet);
    progress.end(result.code === 0);
    if (result.code === 0) return [];
    return [`pulumi up --stack ${stack}:\n${complaint(result.stdout, result.stderr)}\nAll of it: ${logFile}`];
}

const OPERATION =
    /^ *[-+~<>=]+ +(\S+) (\S+) \**(creating|updating|deleting|replacing|created|updated|deleted|replaced)/;
/** Errors are shown at the end, with their whole text. */
const MESSAGE = /(open: |waiting for stack |warning: )(.*)/;

/** Reads one stack's output and prints the lines that a person waits for. */
class Progress {
    private readonly started = Date.now();
    private readonly running = new Set<string>();
    private lastSaid = Date.now();
    /** What the run itself said, so that its summary does not say it again. */
    private readonly messages = new Set<string>();
    private readonly open = new Set<string>();
    private changes = 0;

    constructor(private readonly stack: StackName) {}

    read(line: string): void {
        const [, type = "", name = "", verb = ""] = OPERATION.exec(line) ?? [];
        if (verb.endsWith("ing")) this.running.add(name);
        else if (verb) this.finished(type, name, verb);
        const [message] = MESSAGE.exec(line) ?? [];
        if (!message || this.messages.has(message)) return;
        this.messages.add(message);
        if (message.startsWith("open: "))
            for (const gate of this.running) if (line.includes(` ${gate} `)) this.open.add(gate);
        this.say(message);
    }

    stillWaiting(): void {
        if (Date.now() - this.lastSaid < QUIET_MS || this.running.size === 0) return;
        const awaited = [...this.running].slice(0, 3).join(", ");
        this.say(`… ${awaited}${this.running.size > 3 ? ` and ${this.running.size - 3} more` : ""}`);
    }

    end(good: boolean): void {
        const did = this.changes === 0 ? "nothing to change" : `${this.changes} resources changed`;
        this.say(good ? `✓ ${did}` : "✗ failed; the reason follows when all stacks have ended");
    }

    private finished(type: string, name: string, verb: string): void {
        if (!this.running.delete(name)) return;
        if (!type.startsWith("pulumi:") && !type.startsWith("otel-ha:")) this.changes++;
        const service = name.replace(/^(mid|apm)-\d-/, "");
        if (name.endsWith("-host-setup")) this.say("host checked and prepared");
        else if (this.open.has(name)) return;
        else if (name.endsWith("-ready")) this.say(`${service.replace(/-ready$/, "")} ready`);
        else if (type.includes("RemoteImage")) this.say(`${service.replace(/-image$/, "")}: image on the host`);
        else if (verb !== "created") this.say(`${service} ${verb}`);
    }

    private say(text: string): void {
        this.lastSaid = Date.now();
        process.stderr.write(`  ${this.stack} ${elapsed(this.started).padStart(6)}  ${text}\n`);
    }
}
