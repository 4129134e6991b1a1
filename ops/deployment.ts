import type { Duplex } from "node:stream";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import { apmNodesOf } from "../components/settings/apm-nodes";
import { AnyValues, ApmValues, System, Values } from "../components/settings/keys";
import { Parsed, parseStack, parseValues, problemReport, RawConfig } from "../components/settings/parse";
import { UserError } from "./errors";
import { run, RunOptions, RunResult } from "./run";
import { Connections, ExecOptions } from "./ssh";
import { chooseStacks, ShownConfig, StackConfig, unreadable } from "./stacks";

/** One host of a system, as its stack describes it. */
export interface DeployedNode<V extends AnyValues = Values> {
    /** Pulumi's name. @example "node1" */
    stack: string;
    /** @example "mid-1" */
    name: string;
    /** IP address. */
    address: string;
    /** Every setting of the stack. Secrets are not read: they are "". */
    values: V;
    /**
     * Runs a shell command line on the host as root. Does not throw for its exit code: 255 is a host that cannot be reached, 124 a time-out
     * (default 60 s; what runs on the host then goes on).
     */
    exec(line: string, options?: ExecOptions): Promise<RunResult>;
    /**
     * A connection to one of the host's ports as the host itself makes it, through SSH: also where its firewall lets only the other nodes in. It ends
     * without a word where nobody listens.
     */
    dial(port: number): Duplex;
    /** @example container("haproxy") → "haproxy-mid-1" */
    container(service: string): string;
}

/** A host of either system. */
export type AnyNode = DeployedNode<AnyValues>;

/** All hosts of one system, reachable. */
interface DeploymentOf<S extends System, V extends AnyValues> {
    system: S;
    /** Where Pulumi.yaml is. */
    directory: string;
    nodes: DeployedNode<V>[];
    /** Stacks that have settings here and were never made. @default none */
    leftOut?: string[];
    /** Runs the `pulumi` on PATH in the project; does not throw for its exit code. */
    pulumi(args: string[], options?: Omit<RunOptions, "cwd">): Promise<RunResult>;
    /** Ends the connections. Call it in any case. */
    close(): Promise<void>;
}

/** The pair of the two-host platform: the MASTER first. */
export interface Deployment extends DeploymentOf<"otel-ha", Values> {
    vip: string;
}

/** The hosts of Container APM, in the order of `apmNodes`. */
export interface ApmDeployment extends DeploymentOf<"apm", ApmValues> {}

/** Of whichever system. */
export type AnyDeployment = Deployment | ApmDeployment;

/** Which project and stacks. */
export interface DeploymentOptions {
    /** The project's directory or one in it. @default the current one */
    directory?: string;
    /** @default all of one system that have a Pulumi.<stack>.yaml with a nodeName and were made, see {@link chooseStacks} */
    stacks?: string[];
    /** @default the one whose stacks are there */
    system?: System;
}

/** Reads the settings of the pair's stacks. No host is touched. Errors: no project, no such stack, settings that cannot be used. */
export const openDeployment = async (options: Omit<DeploymentOptions, "system"> = {}): Promise<Deployment> =>
    (await openSystem({ ...options, system: "otel-ha" })) as Deployment;

/** The same of whichever system is there, or is asked for; never of two. Errors: both are there, and besides those of {@link openDeployment}. */
export async function openSystem(options: DeploymentOptions = {}): Promise<AnyDeployment> {
    const directory = projectDirectory(options.directory ?? process.cwd());
    const project = projectName(directory);
    const pulumi: Deployment["pulumi"] = (args, more) => runPulumi(directory, args, more);
    const read = (stack: string): Promise<StackConfig> => stackConfig(pulumi, stack);
    const { system, stacks, leftOut } = await chooseStacks({ ...options, directory, project }, read);

    const connections = new Connections();
    const common = { directory, leftOut, pulumi, close: () => connections.close() };
    const nodeOf = <V extends AnyValues>(stack: string, values: V): DeployedNode<V> => ({
        stack,
        name: values.nodeName,
        address: values.nodeAddress,
        values,
        exec: (line, execOptions) => connections.exec(values, line, execOptions),
        dial: (port) => connections.dial(values, port),
        container: (service) => `${service}-${values.nodeName}`,
    });
    if (system === "apm") {
        const settings = stacks.map(({ stack, config }) => ({ stack, values: readApmValues(stack, project, config) }));
        sameCluster(settings);
        const order = apmNodesOf(settings[0]!.values).map(({ name }) => name);
        const nodes = settings
            .map(({ stack, values }) => nodeOf(stack, values))
            .sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
        return { ...common, system, nodes };
    }
    const settings = stacks.map(({ stack, config }) => ({ stack, values: readValues(stack, project, config) }));
    samePair(settings);
    const nodes = settings
        .map(({ stack, values }) => nodeOf(stack, values))
        .sort((a, b) => b.values.priority - a.values.priority);
    return { ...common, system, nodes, vip: nodes[0]!.values.vip };
}

/** The nearest directory upwards with a Pulumi.yaml, as the CLI looks for it. */
function projectDirectory(start: string): string {
    for (let at = resolve(start); ; at = dirname(at)) {
        if (existsSync(join(at, "Pulumi.yaml"))) return at;
        if (at === dirname(at))
            throw new UserError(`no Pulumi.yaml in ${resolve(start)} or above it; run this in the project's directory`);
    }
}

function projectName(directory: string): string {
    const { name } = parse(readFileSync(join(directory, "Pulumi.yaml"), "utf8")) as { name: string };
    return name;
}

async function runPulumi(directory: string, args: string[], options: Omit<RunOptions, "cwd"> = {}): Promise<RunResult> {
    const env = { PULUMI_SKIP_UPDATE_CHECK: "true", ...options.env };
    const result = await run(["pulumi", ...args, "--non-interactive"], { ...options, env, cwd: directory });
    if (result.code === 127)
        throw new UserError("there is no pulumi on PATH; see https://www.pulumi.com/docs/install/");
    return result;
}

/** What `pulumi config` shows of a stack; undefined: there is no such stack. Errors: what pulumi says. */
async function stackConfig(pulumi: Deployment["pulumi"], stack: string): Promise<StackConfig> {
    const { code, stdout, stderr } = await pulumi(["config", "--json", "--stack", stack]);
    if (code !== 0) {
        if (/no stack named/.test(stderr)) return { stack, missing: stderr.trim() };
        throw unreadable(stack, stderr.trim());
    }
    const all = JSON.parse(stdout) as Record<string, { value?: string }>;
    return { stack, config: Object.fromEntries(Object.entries(all).map(([key, { value }]) => [key, value])) };
}

/** The settings of a stack of the pair, read as the program reads them. Pure. */
export const readValues = (stack: string, project: string, config: ShownConfig): Values =>
    read(stack, project, config, (shown, withheld) => parseValues(shown, withheld));

/** The same of Container APM. Pure. */
export const readApmValues = (stack: string, project: string, config: ShownConfig): ApmValues =>
    read(stack, project, config, (shown, withheld) => parseValues(shown, withheld, "apm"));

/** The same of whichever system they say. Pure. */
export const readAnyValues = (stack: string, project: string, config: ShownConfig): AnyValues =>
    read(stack, project, config, parseStack);

function read<V>(
    stack: string,
    project: string,
    config: ShownConfig,
    parse: (shown: RawConfig, withheld: string[]) => Parsed<V>,
): V {
    const own = Object.entries(config)
        .filter(([key]) => key.startsWith(`${project}:`))
        .map(([key, value]) => [key.slice(project.length + 1), value] as const);
    const shown = own.filter((pair): pair is [string, string] => pair[1] !== undefined);
    const withheld = own.filter(([, value]) => value === undefined).map(([key]) => key);
    const { values, problems } = parse(Object.fromEntries(shown), withheld);
    if (problems.length > 0) throw new UserError(problemReport(stack, problems));
    return values;
}

function samePair(settings: { stack: string; values: Values }[]): void {
    const [first, ...others] = settings;
    const other = others.find(({ values }) => values.vip !== first!.values.vip);
    if (other)
        throw new UserError(
            `stacks "${first!.stack}" and "${other.stack}" are of different pairs: their vip is "${first!.values.vip}" and ` +
                `"${other.values.vip}"; choose one pair with --stack, as in --stack ${first!.stack} --stack PEER`,
        );
}

function sameCluster(settings: { stack: string; values: ApmValues }[]): void {
    const [first, ...others] = settings;
    const other = others.find(({ values }) => values.apmNodes !== first!.values.apmNodes);
    if (other)
        throw new UserError(
            `stacks "${first!.stack}" and "${other.stack}" are of different clusters: their apmNodes is "${first!.values.apmNodes}" and ` +
                `"${other.values.apmNodes}"; choose one cluster with --stack, as in --stack ${first!.stack} --stack OTHER`,
        );
}
