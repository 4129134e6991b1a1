import { Command, InvalidArgumentError } from "commander";
import { resolve } from "node:path";
import { addCommand, withSystem, type CommonOptions } from "../cli";
import type { Deployment } from "../deployment";
import { UserError } from "../errors";
import { paintFor, type Paint } from "../terminal";
import { APM_DRILL_DEFAULTS, type ApmDrillOptions } from "./apm/options";
import { runApmDrill } from "./apm/runner";
import { interruptionLimit, type ApmScenario } from "./apm/scenario";
import { APM_SCENARIOS } from "./apm/scenarios";
import type { ApmTarget } from "./apm/target";
import { undoAll, type Machine } from "./faults/fault";
import type { PowerCommands } from "./faults/hosts";
import { matrix } from "./report/matrix";
import type { DrillReport } from "./report/schema";
import { terminalReport } from "./report/terminal";
import { readReports, writeReport } from "./report/write";
import { DRILL_DEFAULTS, type DrillOptions } from "./run/options";
import { Refused } from "./run/refused";
import { runDrill, type Surroundings } from "./run/runner";
import { SCENARIOS } from "./scenarios/all";
import { chosen } from "./scenarios/chosen";
import type { Scenario } from "./scenarios/scenario";

interface DrillCommandOptions extends CommonOptions {
    list?: boolean;
    all?: boolean;
    cleanUp?: boolean;
    matrix?: string;
    force?: boolean;
    points?: number;
    records?: number;
    spans?: number;
    patience: number;
    warm: number;
    after: number;
    drain: number;
    hold?: number;
    probe: number;
    powerOff?: string;
    powerOn?: string;
    reboot?: boolean;
    wipe?: boolean;
    metricsUrl?: string;
    logsUrl?: string;
    output: string;
}

/** How the command ends. */
const EXIT_CODES: Record<DrillReport["outcome"], number> = { passed: 0, deviated: 1, failed: 2 };

const HELP = `
A drill keeps clients running that send numbered items through the virtual IP, puts a fault in, takes it out again, waits until everything
has settled, and then looks for each item that was acknowledged. Whatever happens, the fault is taken out: at the end, at Ctrl-C, and by the
hosts themselves after fifteen minutes when nobody is left to ask for it.

One drill no host can undo by itself: node-wiped deletes a node's data and builds its host anew. It runs only with --wipe. When it was killed in
between: otel-ha up --node NODE --rebuild, then, with objectStore "mirrored", otel-ha resync --to NODE.

Without a scenario the starred ones of --list run, one after another. Scenarios of Container APM begin with apm-; they find out from the cluster's own
API whom they are about, and what has to be seen.

Exit codes:
  0  all hypotheses of all drills held
  1  one did not
  2  a drill could not be carried out (with --all: those that cannot be carried out here are skipped)
  3  the command itself was wrong, or the settings cannot be read

Examples:
  otel-ha drill --list
  otel-ha drill collector-kill
  otel-ha drill host-owner --power-off 'ipmitool -H bmc-{name} power off' --power-on 'ipmitool -H bmc-{name} power on'
  otel-ha drill node-wiped --wipe     on a pair whose data may be deleted from one host
  otel-ha drill --all --json > drills.json
  otel-ha drill --clean-up            undo what a killed drill has left on the hosts
`;

function positive(text: string): number {
    const value = Number(text);
    if (!(value > 0)) throw new InvalidArgumentError("Write a number above 0.");
    return value;
}

const usually = (rate: "pointsPerSecond" | "recordsPerSecond"): string =>
    `(default: ${DRILL_DEFAULTS[rate]}; Container APM: ${APM_DRILL_DEFAULTS[rate]})`;

export function addDrillCommand(program: Command): void {
    addCommand(program, "drill [scenario...]", "Break something on purpose, and prove that nothing was lost")
        .option("-l, --list", "explain the scenarios, and do nothing")
        .option("-a, --all", "all scenarios instead of the starred ones")
        .option("--clean-up", "undo what an interrupted drill has left on the hosts, and do nothing else")
        .option("--matrix <dir>", "print a table of all reports below a directory, and do nothing else")
        .option("-f, --force", "even when the system is not healthy")
        .option("--points <n>", `data points a second ${usually("pointsPerSecond")}`, positive)
        .option("--records <n>", `log records a second ${usually("recordsPerSecond")}`, positive)
        .option(
            "--spans <n>",
            `Container APM: spans a second (default: ${APM_DRILL_DEFAULTS.spansPerSecond})`,
            positive,
        )
        .option(
            "--patience <factor>",
            "Container APM: everything may take so many times as long, on machines that are busy with other things",
            positive,
            APM_DRILL_DEFAULTS.patience,
        )
        .option("--warm <seconds>", "load before the fault", positive, DRILL_DEFAULTS.warmSeconds)
        .option("--hold <seconds>", "how long the fault lasts (default: the scenario's own)", positive)
        .option("--after <seconds>", "load after the repair, at least", positive, DRILL_DEFAULTS.afterSeconds)
        .option("--drain <seconds>", "how long the queues may take in the end", positive, DRILL_DEFAULTS.drainSeconds)
        .option("--probe <ms>", "interval of the gap probes", positive, DRILL_DEFAULTS.probeIntervalMs)
        .option("--power-off <command>", "switches a host off; {stack}, {name}, {address} are filled in")
        .option("--power-on <command>", "switches it on again")
        .option("--reboot", "without these: crash the host by its kernel, which starts it again")
        .option("--wipe", "allow node-wiped to delete everything that the deployment has on a host, data included")
        .option("--metrics-url <url>", "merged Prometheus API (default: the virtual IP's own)")
        .option("--logs-url <url>", "merged Loki API (default: the virtual IP's own)")
        .option("-o, --output <dir>", "where reports go", "drill-reports")
        .addHelpText("after", HELP)
        .action(act);
}

async function act(names: string[], options: DrillCommandOptions): Promise<void> {
    const every = [...SCENARIOS, ...APM_SCENARIOS];
    const named = chosen(every, names, true);
    if (options.list) return list(named, options);
    if (options.matrix) return console.log(matrix(readReports(resolve(options.matrix))));
    const abort = new AbortController();
    await withSystem(
        options,
        (deployment) =>
            options.cleanUp ? cleanUp(deployment.nodes) : drillAll(drills(deployment, names, options), options, abort),
        () => abort.abort(),
    );
}

/** A scenario, ready to be carried out. */
interface Drill {
    name: string;
    title: string;
    run(surroundings: Surroundings): Promise<DrillReport>;
}

/** Those of the system that is deployed. Errors: an unknown name, or one of the other system. */
function drills(deployment: Deployment | ApmTarget, names: string[], options: DrillCommandOptions): Drill[] {
    const refuse = (system: string, others: { name: string }[]): void => {
        const other = names.find((name) => others.some((one) => one.name === name));
        if (other !== undefined)
            throw new UserError(`${other} is a drill of the other system: these stacks are of ${system}`, 2);
    };
    const all = options.all ?? false;
    if (isApm(deployment)) {
        refuse("Container APM", SCENARIOS);
        return chosen(APM_SCENARIOS, names, all).map((scenario) => {
            const { name, title } = scenario;
            return { name, title, run: (around) => runApmDrill(deployment, scenario, apmOptions(options), around) };
        });
    }
    refuse("the two-host platform", APM_SCENARIOS);
    return chosen(SCENARIOS, names, all).map((scenario) => {
        const { name, title } = scenario;
        return { name, title, run: (around) => runDrill(deployment, scenario, drillOptions(options), around) };
    });
}

/** Which system it is, its stacks say. */
const isApm = (deployment: Deployment | ApmTarget): deployment is ApmTarget =>
    (deployment.nodes[0]!.values as { system?: string }).system === "apm";

function list(scenarios: (Scenario | ApmScenario)[], { json }: DrillCommandOptions): void {
    if (json) return console.log(JSON.stringify(scenarios.map(plain)));
    const paint = paintFor(process.stdout);
    for (const { name, starred, title, description } of scenarios)
        console.log(`${starred ? "*" : " "} ${paint.bold(name)}: ${title}\n    ${paint.faint(description)}`);
    console.log("\n* runs when no scenario is named");
}

function plain(scenario: Scenario | ApmScenario): object {
    const { name, starred, title, description } = scenario;
    const common = { name, starred, title, description };
    if ("steps" in scenario)
        return { ...common, system: "apm", interruption: interruptionLimit(scenario.interruption, 9) };
    const { holdSeconds, gap } = scenario;
    return { ...common, holdSeconds, gap };
}

async function cleanUp(nodes: Machine[]): Promise<void> {
    await Promise.all(nodes.map(undoAll));
    console.error("Nothing of a drill is left on the hosts.");
}

async function drillAll(all: Drill[], options: DrillCommandOptions, { signal }: AbortController): Promise<void> {
    const paint = paintFor(options.json ? process.stderr : process.stdout);
    const reports: (DrillReport & { directory: string })[] = [];
    for (const drill of all) {
        if (signal.aborted) break;
        const report = await drillOne(drill, signal, paint).catch(skipWith(options, paint));
        if (!report) continue;
        const directory = writeReport(report, resolve(options.output));
        reports.push({ ...report, directory });
        const text = `${terminalReport(report, paint)}\n  ${directory}/report.html`;
        if (options.json) console.error(text);
        else console.log(text);
    }
    if (options.json) console.log(JSON.stringify(reports));
    const codes = reports.map(({ outcome }) => EXIT_CODES[outcome]);
    process.exitCode = signal.aborted ? EXIT_CODES.failed : Math.max(0, ...codes);
}

/** Of all scenarios, those that cannot be carried out here are left out, and said so. One that was named must be. */
function skipWith({ all }: DrillCommandOptions, paint: Paint): (error: Error) => undefined {
    return (error) => {
        if (!all || !(error instanceof Refused)) throw error;
        console.error(paint.warn(`skipped: ${error.message}`));
    };
}

function drillOne(drill: Drill, signal: AbortSignal, paint: Paint): Promise<DrillReport> {
    console.error(paint.bold(`${drill.name}: ${drill.title}`));
    const startedAt = Date.now();
    const say = (text: string): void => {
        const seconds = ((Date.now() - startedAt) / 1000).toFixed(1).padStart(6);
        console.error(`${paint.faint(`${seconds} s`)}  ${text}`);
    };
    return drill.run({ say, signal });
}

function drillOptions(options: DrillCommandOptions): DrillOptions {
    return {
        pointsPerSecond: options.points ?? DRILL_DEFAULTS.pointsPerSecond,
        recordsPerSecond: options.records ?? DRILL_DEFAULTS.recordsPerSecond,
        warmSeconds: options.warm,
        afterSeconds: options.after,
        drainSeconds: options.drain,
        probeIntervalMs: options.probe,
        holdSeconds: options.hold,
        force: options.force ?? false,
        power: powerCommands(options),
        reboot: options.reboot ?? false,
        wipe: options.wipe ?? false,
        metricsUrl: options.metricsUrl,
        logsUrl: options.logsUrl,
    };
}

function apmOptions(options: DrillCommandOptions): ApmDrillOptions {
    return {
        pointsPerSecond: options.points ?? APM_DRILL_DEFAULTS.pointsPerSecond,
        recordsPerSecond: options.records ?? APM_DRILL_DEFAULTS.recordsPerSecond,
        spansPerSecond: options.spans ?? APM_DRILL_DEFAULTS.spansPerSecond,
        warmSeconds: options.warm,
        afterSeconds: options.after,
        drainSeconds: options.drain,
        patience: options.patience,
        force: options.force ?? false,
        power: powerCommands(options),
        reboot: options.reboot ?? false,
    };
}

function powerCommands(options: DrillCommandOptions): PowerCommands | undefined {
    const off = options.powerOff ?? process.env.OTEL_HA_POWER_OFF;
    const on = options.powerOn ?? process.env.OTEL_HA_POWER_ON;
    return off && on ? { off, on } : undefined;
}
