import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import { Values } from "../components/settings/keys";
import { parseValues, problemReport } from "../components/settings/parse";
import { UserError } from "./errors";
import { run, RunOptions, RunResult } from "./run";
import { Connections, ExecOptions } from "./ssh";

/** One host of the pair, as its stack describes it. */
export interface DeployedNode {
    /** Pulumi's name. @example "node1" */
    stack: string;
    /** @example "mid-1" */
    name: string;
    /** IP address. */
    address: string;
    /** Every setting of the stack. Secrets are not read: they are "". */
    values: Values;
    /**
     * Runs a shell command line on the host as root. Does not throw for its exit code: 255 is a host that cannot be reached, 124 a time-out
     * (default 60 s; what runs on the host then goes on).
     */
    exec(line: string, options?: ExecOptions): Promise<RunResult>;
    /** @example container("haproxy") → "haproxy-mid-1" */
    container(service: string): string;
}

/** The pair, reachable. */
export interface Deployment {
    /** Where Pulumi.yaml is. */
    directory: string;
    /** The MASTER first. */
    nodes: DeployedNode[];
    vip: string;
    /** Runs the `pulumi` on PATH in the project; does not throw for its exit code. */
    pulumi(args: string[], options?: Omit<RunOptions, "cwd">): Promise<RunResult>;
    /** Ends the connections. Call it in any case. */
    close(): Promise<void>;
}

/** Which project and stacks. */
export interface DeploymentOptions {
    /** The project's directory or one in it. @default the current one */
    directory?: string;
    /** @default all of the two-host platform that have a Pulumi.<stack>.yaml with a nodeName */
    stacks?: string[];
}

/** Reads the settings of the pair's stacks. No host is touched. Errors: no project, no such stack, settings that cannot be used. */
export async function openDeployment(options: DeploymentOptions = {}): Promise<Deployment> {
    const directory = projectDirectory(options.directory ?? process.cwd());
    const project = projectName(directory);
    const pulumi: Deployment["pulumi"] = (args, more) => runPulumi(directory, args, more);
    const stacks = options.stacks?.length ? options.stacks : stacksOf(directory, project);
    const settings = await Promise.all(
        stacks.map(async (stack) => ({ stack, values: readValues(stack, project, await stackConfig(pulumi, stack)) })),
    );
    samePair(settings);

    const connections = new Connections();
    const nodes = settings
        .map(({ stack, values }): DeployedNode => {
            return {
                stack,
                name: values.nodeName,
                address: values.nodeAddress,
                values,
                exec: (line, execOptions) => connections.exec(values, line, execOptions),
                container: (service) => `${service}-${values.nodeName}`,
            };
        })
        .sort((a, b) => b.values.priority - a.values.priority);
    return { directory, nodes, vip: nodes[0]!.values.vip, pulumi, close: () => connections.close() };
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

/** Stacks that describe a node of the two-host platform. */
function stacksOf(directory: string, project: string): string[] {
    const stacks = readdirSync(directory)
        .flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? [])
        .filter((stack) => {
            const file = parse(readFileSync(join(directory, `Pulumi.${stack}.yaml`), "utf8")) as {
                config?: Record<string, unknown>;
            } | null;
            const config = file?.config ?? {};
            return `${project}:nodeName` in config && (config[`${project}:system`] ?? "otel-ha") === "otel-ha";
        });
    if (stacks.length === 0)
        throw new UserError(
            `no stack in ${directory}: there is no Pulumi.<stack>.yaml with ${project}:nodeName; see docs/config.md`,
        );
    return stacks.sort();
}

async function runPulumi(directory: string, args: string[], options: Omit<RunOptions, "cwd"> = {}): Promise<RunResult> {
    const env = { PULUMI_SKIP_UPDATE_CHECK: "true", ...options.env };
    const result = await run(["pulumi", ...args, "--non-interactive"], { ...options, env, cwd: directory });
    if (result.code === 127)
        throw new UserError("there is no pulumi on PATH; see https://www.pulumi.com/docs/install/");
    return result;
}

/** What `pulumi config` shows: a secret has no value. */
type ShownConfig = Record<string, string | undefined>;

async function stackConfig(pulumi: Deployment["pulumi"], stack: string): Promise<ShownConfig> {
    const { code, stdout, stderr } = await pulumi(["config", "--json", "--stack", stack]);
    if (code !== 0) {
        const hint = /no stack named/.test(stderr) ? `\nMake it once with: pulumi stack init ${stack}` : "";
        throw new UserError(`the settings of stack "${stack}" cannot be read; pulumi says: ${stderr.trim()}${hint}`);
    }
    const all = JSON.parse(stdout) as Record<string, { value?: string }>;
    return Object.fromEntries(Object.entries(all).map(([key, { value }]) => [key, value]));
}

/** The project's settings of a stack, read as the program reads them. Pure. */
export function readValues(stack: string, project: string, config: ShownConfig): Values {
    const own = Object.entries(config)
        .filter(([key]) => key.startsWith(`${project}:`))
        .map(([key, value]) => [key.slice(project.length + 1), value] as const);
    const shown = own.filter((pair): pair is [string, string] => pair[1] !== undefined);
    const withheld = own.filter(([, value]) => value === undefined).map(([key]) => key);
    const { values, problems } = parseValues(Object.fromEntries(shown), withheld);
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
