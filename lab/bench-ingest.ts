/**
 * `make bench-ingest`: what the virtual IP acknowledges at full speed: the seed's own data path, the durable one, and that with TLS. Empties the
 * lab's hosts. CONFIGURATIONS="durable tls" chooses; the first is what the others are compared with.
 */
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { access, ask, useProject } from "./access";
import { deploy } from "./deploy";
import { onEmptyHosts } from "./empty-hosts";
import type { Load, Outcome, Signal } from "./ingest-load";
import { isInside } from "./network";
import { NETWORK, NODES } from "./nodes";
import { REPO, STATE_DIR } from "./paths";
import { usage, type Usage } from "./processes";
import { step } from "./progress";
import { openProject, setSettings, STACKS, type Project } from "./project";
import { must, until } from "./run";

const PROJECT = join(STATE_DIR, "bench-project");

/** Settings of both stacks. */
const CONFIGURATIONS: Record<string, Record<string, string>> = {
    seed: { dataPath: "seed", tls: "off" },
    durable: { dataPath: "durable", tls: "off" },
    tls: { dataPath: "durable", tls: "internal" },
};

/** In the order in which they are measured. */
function chosen(): string[] {
    const words = (process.env.CONFIGURATIONS ?? "").split(/\s+/).filter(Boolean);
    const unknown = words.find((word) => !CONFIGURATIONS[word]);
    if (unknown) throw new Error(`CONFIGURATIONS: ${Object.keys(CONFIGURATIONS).join(", ")}, not "${unknown}"`);
    return words.length > 0 ? words : Object.keys(CONFIGURATIONS);
}

const LOADS: Record<Signal, Omit<Load, "signal" | "host" | "port">> = {
    metrics: { connections: 8, itemsPerRequest: 500, seconds: 20 },
    logs: { connections: 8, itemsPerRequest: 250, seconds: 20 },
};
const SIGNALS = Object.keys(LOADS) as Signal[];
const WARM_UP_SECONDS = 3;
/** Issue 4: the durable path is to acknowledge this share of what the seed's does, in at most so many times its p99. */
const AIM = { share: 0.7, p99: 1.5 };

interface Measured extends Outcome {
    /** Processor seconds per second while it was sent, and memory at the end; by node, by container. */
    processes: Record<string, Record<string, { cpu: number; memory: number }>>;
    /** Seconds after the end until everything had reached both back ends. */
    drained: number;
}
type Results = Record<string, Record<Signal, Measured>>;

/** Where the machine's network is. */
async function prepare(): Promise<void> {
    chosen();
    process.exitCode = await onEmptyHosts(__filename, PROJECT, process.argv.slice(2));
}

/** In the lab's network, where the hosts are. */
async function bench(): Promise<void> {
    const project = openProject(PROJECT);
    useProject(project);
    const results: Results = {};
    for (const configuration of chosen()) results[configuration] = await measureAll(project, configuration);
    const machine = { cores: cpus().length, processor: cpus()[0]?.model.trim() ?? "unknown", load: loadavg()[0]! };
    console.log(
        process.argv.includes("--json") ? JSON.stringify({ machine, results }, null, 2) : report(results, machine),
    );
}

async function measureAll(project: Project, configuration: string): Promise<Record<Signal, Measured>> {
    for (const stack of STACKS) setSettings(project, stack, CONFIGURATIONS[configuration]!);
    await step(`${configuration}: both stacks up`, () => deploy(project, STACKS));
    const measured = {} as Record<Signal, Measured>;
    for (const signal of SIGNALS) measured[signal] = await measure(configuration, signal);
    return measured;
}

function measure(configuration: string, signal: Signal): Promise<Measured> {
    return step(`${configuration}: ${signal} at full speed`, async (progress) => {
        const { otlp: door } = await access();
        const load: Load = { signal, host: NETWORK.vip, port: 4318, door, ...LOADS[signal] };
        await send({ ...load, seconds: WARM_UP_SECONDS });
        await drain();
        const before = await allUsage();
        const outcome = await send(load);
        const after = await allUsage();
        const drained = await drain();
        progress.note(`${thousands(outcome.perSecond)} /s`);
        return { ...outcome, drained, processes: difference(before, after, outcome.seconds) };
    });
}

async function send(load: Load): Promise<Outcome> {
    const program = [process.execPath, ...process.execArgv, join(REPO, "lab", "ingest-load.ts")];
    return JSON.parse(await must(program, { input: JSON.stringify(load) })) as Outcome;
}

async function allUsage(): Promise<Record<string, Record<string, Usage>>> {
    const all = await Promise.all(NODES.map(async (node) => [node.name, await usage(node.name)] as const));
    return Object.fromEntries(all);
}

function difference(
    before: Record<string, Record<string, Usage>>,
    after: Record<string, Record<string, Usage>>,
    seconds: number,
): Measured["processes"] {
    const one = (node: string, name: string, now: Usage) => ({
        cpu: (now.cpuSeconds - (before[node]?.[name]?.cpuSeconds ?? 0)) / seconds,
        memory: now.memory,
    });
    return Object.fromEntries(
        Object.entries(after).map(([node, all]) => [
            node,
            Object.fromEntries(Object.entries(all).map(([name, now]) => [name, one(node, name, now)])),
        ]),
    );
}

/** Waits until no collector holds anything back; seconds. */
async function drain(): Promise<number> {
    const started = performance.now();
    const empty = await until(async () => (await queued()) === 0, 180_000, 500);
    if (!empty) throw new Error("the collectors' queues are not empty after 3 minutes");
    return (performance.now() - started) / 1000;
}

async function queued(): Promise<number> {
    const texts = await Promise.all(
        NODES.map(async (node) => {
            const { status, text } = await ask(node.address, 9464, "/metrics");
            if (status !== 200) throw new Error(`the collector of ${node.name} answers ${status} to /metrics`);
            return text;
        }),
    );
    const sizes = texts.flatMap((text) => [...text.matchAll(/^otelcol_exporter_queue_size\{.*\} (\S+)$/gm)]);
    return sizes.reduce((sum, [, size]) => sum + Number(size), 0);
}

const thousands = (value: number): string => `${(value / 1000).toFixed(1)} k`;

function report(results: Results, machine: { cores: number; processor: string; load: number }): string {
    const all = Object.keys(results);
    const rows = SIGNALS.flatMap((signal) => all.map((configuration) => row(results, configuration, signal)));
    const processes = SIGNALS.map((signal) => processTable(results, signal));
    return [
        "",
        table(
            [
                "through the virtual IP",
                "acknowledged /s",
                "p50 ms",
                "p99 ms",
                "other answers",
                `of ${all[0]}'s`,
                "in both back ends after",
            ],
            rows,
        ),
        ...processes,
        `Aim: at least ${AIM.share * 100} % of what the seed's data path acknowledges, p99 at most ${AIM.p99} times its own.`,
        `${LOADS.metrics.itemsPerRequest} data points or ${LOADS.logs.itemsPerRequest} log records a request, ${LOADS.metrics.connections} connections, ${LOADS.metrics.seconds} s each, both hosts and the sender on one machine: ${machine.cores} cores (${machine.processor}).`,
        "The seed's data path writes to one Prometheus and one Loki, the durable one to two of each. tls: the durable one, with TLS.",
    ].join("\n");
}

function row(results: Results, configuration: string, signal: Signal): string[] {
    const { perSecond, p50, p99, refused, drained } = results[configuration]![signal];
    const first = Object.values(results)[0]![signal];
    const share =
        first === results[configuration]![signal]
            ? ""
            : `${((perSecond / first.perSecond) * 100).toFixed(0)} %, p99 × ${(p99 / first.p99).toFixed(1)}`;
    const others = Object.entries(refused).map(([answer, count]) => `${count} × ${answer}`);
    return [
        `${signal}, ${configuration}`,
        thousands(perSecond),
        p50.toFixed(0),
        p99.toFixed(0),
        others.join(", ") || "none",
        share,
        `${drained.toFixed(0)} s`,
    ];
}

/** Processes that took part. */
function processTable(results: Results, signal: Signal): string {
    const all = Object.keys(results);
    const rows = NODES.flatMap((node) =>
        Object.keys(results[all.at(-1)!]![signal].processes[node.name] ?? {})
            .sort()
            .map((name) => [
                `${node.name} ${name}`,
                ...all.flatMap((configuration) => {
                    const one = results[configuration]![signal].processes[node.name]?.[name];
                    return one ? [one.cpu.toFixed(2), `${(one.memory / 2 ** 20).toFixed(0)} MiB`] : ["", ""];
                }),
            ]),
    );
    const head = [`${signal}: process`, ...all.flatMap((configuration) => [`${configuration}: cores`, "memory"])];
    return `\n${table(
        head,
        rows.filter((cells) => cells.slice(1).some((cell) => /^0\.0[2-9]|^0\.[1-9]|^[1-9]\.\d/.test(cell))),
    )}\n`;
}

function table(head: string[], rows: string[][]): string {
    const all = [head, head.map(() => "---"), ...rows];
    const widths = head.map((_, column) => Math.max(...all.map((cells) => cells[column]!.length)));
    return all
        .map((cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`)
        .join("\n");
}

(isInside() ? bench() : prepare()).catch((error: Error) => {
    console.error(
        `\n${error.message}\nThe lab's own state: lab/lab status. To start over: lab/lab down; make bench-ingest`,
    );
    process.exitCode = 1;
});
