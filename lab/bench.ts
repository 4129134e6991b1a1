/** `make bench`: how long both stacks take, at the same time, from empty hosts to no change at all. Empties the lab's hosts. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { isLabEngine, pulumiCommand } from "./engine-choice";
import { onEmptyHosts } from "./empty-hosts";
import { isInside } from "./network";
import { STATE_DIR } from "./paths";
import { step } from "./progress";
import { openProject, STACKS, type Project } from "./project";
import { must, run } from "./run";

const PROJECT = join(STATE_DIR, "bench-project");
const TEMPLATE = join("templates", "haproxy", "haproxy.cfg.mustache");

interface Measured {
    name: string;
    /** Wall clock of each run, both stacks. */
    seconds: number[];
    /** Processor time of each run, both stacks: the CLI, the program and the plugins, not what the hosts do. */
    cpuSeconds: number[];
    /** On the real CLI. */
    aim?: number;
}

/** Where the machine's network is. */
async function prepare(): Promise<void> {
    process.exitCode = await onEmptyHosts(__filename, PROJECT, process.argv.slice(2));
}

/** In the lab's network, where the hosts are. */
async function bench(): Promise<void> {
    const project = openProject(PROJECT);
    const loadBefore = loadavg()[0]!;
    const up = ["up", "--yes", "--skip-preview"];
    const steps: Measured[] = [
        await measure(project, "first up, images present", up, { aim: 60 }),
        await measure(project, "up, nothing to change", up, { times: 3, aim: 4 }),
        await measure(project, "up --refresh, nothing to change", [...up, "--refresh"], { times: 3 }),
        await measure(project, "preview, nothing to change", ["preview"], { times: 3 }),
        await measure(project, "one line of haproxy.cfg, until it is live", up, { times: 3, aim: 5, before: editLine }),
    ];
    const version = (await must([pulumiCommand(), "version"])).trim();
    const report: Report = {
        engine: isLabEngine() ? `the lab's own (${version}), not the real CLI` : `the real CLI ${version}`,
        node: process.version,
        cores: cpus().length,
        processor: cpus()[0]?.model.trim() ?? "unknown",
        load: [loadBefore, loadavg()[0]!],
        steps: steps.map((one) => ({ ...one, median: median(one.seconds) })),
    };
    console.log(process.argv.includes("--json") ? JSON.stringify(report, null, 2) : table(report));
}

interface Report {
    engine: string;
    node: string;
    cores: number;
    processor: string;
    load: number[];
    steps: (Measured & { median: number })[];
}

interface Way {
    times?: number;
    aim?: number;
    before?: (project: Project) => void;
}

async function measure(project: Project, name: string, args: string[], way: Way): Promise<Measured> {
    const seconds: number[] = [];
    const cpuSeconds: number[] = [];
    await step(name, async (progress) => {
        for (let run = 0; run < (way.times ?? 1); run++) {
            way.before?.(project);
            const started = Date.now();
            const cpu = await Promise.all(STACKS.map((stack) => timed(project, [...args, "--stack", stack])));
            seconds.push((Date.now() - started) / 1000);
            cpuSeconds.push(cpu[0]! + cpu[1]!);
        }
        progress.note(`median ${median(seconds).toFixed(1)} s`);
    });
    return { name, seconds, cpuSeconds, aim: way.aim };
}

/** Runs `pulumi` and gives back the processor seconds that it and its children took, as the shell counts them. */
async function timed(project: Project, args: string[]): Promise<number> {
    const script = '"$@"; code=$?; times >&2; exit $code';
    const result = await run(["sh", "-c", script, "sh", pulumiCommand(), ...args, "--non-interactive"], {
        cwd: project.dir,
        env: project.env,
    });
    if (result.code !== 0) throw new Error(`pulumi ${args.join(" ")} failed:\n${result.stdout}\n${result.stderr}`);
    const [user = "", system = ""] = result.stderr.trim().split("\n").pop()!.split(" ");
    return shellSeconds(user) + shellSeconds(system);
}

/** @example shellSeconds("1m2.5s") is 62.5 */
function shellSeconds(text: string): number {
    const [, minutes = "0", seconds = "0"] = /(\d+)m([\d.]+)s/.exec(text) ?? [];
    return Number(minutes) * 60 + Number(seconds);
}

/** `retries 3` becomes `retries 4`, and so on: each run finds another text than the one before. */
function editLine(project: Project): void {
    const file = join(project.dir, TEMPLATE);
    const text = readFileSync(file, "utf8");
    writeFileSync(
        file,
        text.replace(/retries (\d+)/, (_, count: string) => `retries ${Number(count) + 1}`),
    );
}

function median(values: number[]): number {
    return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function table(report: Report): string {
    const rows = report.steps.map(({ name, seconds, cpuSeconds, median: middle, aim }) => [
        name,
        middle.toFixed(1),
        seconds.length > 1 ? seconds.map((one) => one.toFixed(1)).join(" ") : "",
        median(cpuSeconds).toFixed(1),
        aim ? String(aim) : "",
    ]);
    const head = ["both stacks at the same time, seconds", "median", "each run", "CPU", "aim"];
    const all = [head, head.map(() => "---"), ...rows];
    const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
    const lines = all.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`);
    const { engine, node, cores, processor, load } = report;
    const machine = `${cores} cores (${processor}), load ${load.map((one) => one.toFixed(1)).join(" at the start, ")} at the end`;
    return `\n${lines.join("\n")}\n\nEngine: ${engine}; Node ${node}. Machine: ${machine}.\nCPU is of the deployer: CLI, program, plugins. Aims are for the real CLI on two calm cores.`;
}

(isInside() ? bench() : prepare()).catch((error: Error) => {
    console.error(`\n${error.message}\nThe lab's own state: lab/lab status. To start over: lab/lab down; make bench`);
    process.exitCode = 1;
});
