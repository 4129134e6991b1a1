// What the lab's tests share: a project of their own, `up` with a readable failure, and waiting for what takes a moment.
import { expect } from "vitest";
import { access, ask, client, useProject, type HttpAnswer } from "../../lab/access";
import { pulumiCommand } from "../../lab/engine-choice";
import { STATE_DIR } from "../../lab/paths";
import { labExec } from "../../lab/hosts";
import { initStacks, makeProject, openProject, Project, pulumi, setSettings, StackName } from "../../lab/project";
import { containers, ContainerState } from "../../lab/queries";
import { run, RunOptions, RunResult, until } from "../../lab/run";
import { NETWORK, NODES } from "../../lab/nodes";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";

export const node1 = NODES[0];
export const node2 = NODES[1];

const PROJECT = join(STATE_DIR, "test-project");
useProject(openProject(PROJECT));

/** The project that all of these tests bring up; made anew by the first of them. */
export async function freshProject(): Promise<Project> {
    rmSync(PROJECT, { recursive: true, force: true });
    const project = makeProject(PROJECT);
    await initStacks(project);
    return project;
}

/** The project as the tests before left it. */
export async function project(): Promise<Project> {
    return existsSync(join(PROJECT, "Pulumi.yaml")) ? openProject(PROJECT) : freshProject();
}

/** What a run of `pulumi` did. */
export interface Outcome extends RunResult {
    /** Operations by kind: same, create, update, delete, replace. */
    changes: Record<string, number>;
    /** What was done besides leaving things the same, as "update mid-1-haproxy-haproxy.cfg". */
    touched: string[];
}

/** Runs `pulumi` and reads what it did from its own log of events, the same on every engine. */
export async function outcome(target: Project, args: string[], options: RunOptions = {}): Promise<Outcome> {
    const log = join(mkdtempSync(join(tmpdir(), "otel-ha-events-")), "events.jsonl");
    const result = await pulumi(target, [...args, "--event-log", log], options);
    const events = existsSync(log)
        ? readFileSync(log, "utf8")
              .split("\n")
              .filter(Boolean)
              .map((line) => JSON.parse(line) as EngineEvent)
        : [];
    rmSync(dirname(log), { recursive: true });
    const steps = events.flatMap((event) => event.resOutputsEvent?.metadata ?? []);
    const done = steps.filter(
        (step) => ["create", "update", "delete", "replace"].includes(step.op) && step.type !== "pulumi:pulumi:Stack",
    );
    return {
        ...result,
        changes: events.find((event) => event.summaryEvent)?.summaryEvent?.resourceChanges ?? {},
        touched: done.map((step) => `${step.op} ${step.urn.split("::").pop()}`).sort(),
    };
}

interface EngineEvent {
    resOutputsEvent?: { metadata: { op: string; urn: string; type: string } };
    summaryEvent?: { resourceChanges: Record<string, number> };
}

/** `pulumi up` of one stack; fails the test with all that it printed. */
export async function up(
    target: Project,
    stack: StackName,
    args: string[] = [],
    options: RunOptions = {},
): Promise<Outcome> {
    const result = await outcome(target, ["up", "--yes", "--skip-preview", "--stack", stack, ...args], options);
    expect(result.code, `pulumi up --stack ${stack}:\n${result.stdout}\n${result.stderr}`).toBe(0);
    return result;
}

/** Both stacks at the same time. */
export async function upBoth(target: Project, args: string[] = []): Promise<Outcome[]> {
    return Promise.all([up(target, "node1", args), up(target, "node2", args)]);
}

/** One after the other, the stack that makes the shared secrets first: the other one reads what that has published. */
export async function upInTurn(target: Project, args: string[] = []): Promise<Outcome[]> {
    return [await up(target, "node1", args), await up(target, "node2", args)];
}

/** `otel-ha …` in the project, with the `pulumi` of these tests on PATH. */
export function otelHa(target: Project, args: string[], options: RunOptions = {}): Promise<RunResult> {
    const PATH = `${dirname(pulumiCommand())}${delimiter}${process.env.PATH}`;
    return run([`${target.dir}/ops/otel-ha.cjs`, ...args], {
        ...options,
        cwd: target.dir,
        env: { ...target.env, PATH },
    });
}

/** Writes settings into the stack's file and gives back how to undo it. @example settings(project, "node1", "lokiRetention=91d") */
export function settings(target: Project, stack: StackName, ...pairs: string[]): () => void {
    const file = join(target.dir, `Pulumi.${stack}.yaml`);
    const text = readFileSync(file, "utf8");
    setSettings(
        target,
        stack,
        Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)])),
    );
    return () => writeFileSync(file, text);
}

/** True when everything was left the same. */
export const unchanged = (result: Outcome): boolean =>
    Object.keys(result.changes).every((op) => op === "same" || result.changes[op] === 0);

/** Waits until what `look` gives back satisfies `enough`; the failure shows the last look. */
export async function eventually<T>(
    what: string,
    look: () => Promise<T>,
    enough: (seen: T) => boolean,
    timeoutMs = 60_000,
): Promise<T> {
    let seen: T | undefined;
    let failure: unknown;
    const reached = await until(
        async () => {
            try {
                seen = await look();
                failure = undefined;
                return enough(seen);
            } catch (error) {
                failure = error;
                return false;
            }
        },
        timeoutMs,
        500,
    );
    if (!reached)
        throw new Error(
            `not within ${timeoutMs / 1000} s: ${what}; last seen: ${failure instanceof Error ? failure.message : JSON.stringify(seen)}`,
        );
    return seen as T;
}

/** What runs on a node of the shipped stacks; the compactor of the bucket that both share is on node 1 only. */
export function servicesOf(node: { name: string }): string[] {
    const seed = ["haproxy", "keepalived", "loki", "minio", "otel-aggregator", "prometheus"];
    const compactor = node.name === "node1" ? ["thanos-compactor"] : [];
    return [...seed, ...compactor, "thanos-query", "thanos-sidecar", "thanos-store"];
}

/** Waits until Docker itself calls all of a node's containers healthy. */
export function allHealthy(
    node: { name: string },
    timeoutMs = 90_000,
    services = servicesOf(node),
): Promise<Record<string, ContainerState>> {
    const healthy = (seen: Record<string, ContainerState>): boolean =>
        Object.keys(seen).length === services.length &&
        Object.values(seen).every((container) => container.health === "healthy");
    return eventually(`all containers of ${node.name} healthy`, () => containers(node.name), healthy, timeoutMs);
}

/** The project as the tests before left it, with both nodes healthy. */
export async function settledProject(): Promise<Project> {
    const target = await project();
    await Promise.all([allHealthy(node1), allHealthy(node2)]);
    return target;
}

/** Container ids of a node, by service. */
export async function containerIds(node: { name: string }): Promise<Record<string, string>> {
    return Object.fromEntries(
        Object.values(await containers(node.name)).map(({ name, id }) => [name.replace(/-mid-\d$/, ""), id]),
    );
}

/** `mc` in the node's object store container, as root or as one of its clients. */
export function objects(
    node: { name: string },
    path: string,
    client?: { user: string; secret: string },
    verb = "ls --recursive",
): Promise<RunResult> {
    const credentials = client
        ? `user=${client.user} password=${client.secret}`
        : 'eval "$(cat $MINIO_CONFIG_ENV_FILE)"; user=$MINIO_ROOT_USER password=$MINIO_ROOT_PASSWORD';
    // The container of a store with TLS has SSL_CERT_FILE, for mc.
    const script = `${credentials}\nexport MC_HOST_store="http\${SSL_CERT_FILE:+s}://$user:$password@127.0.0.1:9000" MC_CONFIG_DIR=/tmp/.mc\nmc --quiet ${verb} store/${path}\n`;
    return labExec(node.name, ["docker", "exec", "-i", `minio-mid-${node.name.slice(-1)}`, "sh", "-s"], {
        input: script,
    });
}

/** Names of the buckets. */
export async function buckets(node: { name: string }): Promise<string[]> {
    const { stdout } = await objects(node, "", undefined, "ls");
    return [...stdout.matchAll(/(\S+)\/$/gm)].map(([, name]) => name!).sort();
}

/** HAProxy's statistics page, asked by whom? @default by nobody */
export function haproxyStats(node: { address: string }, user?: string, password = ""): Promise<HttpAnswer> {
    return ask(node.address, 8404, "/stats", { login: user ? { user, password } : "nobody", timeoutMs: 5000 });
}

/** A secret output of a stack. */
export async function stackSecret(target: Project, stack: StackName, name: string): Promise<string> {
    const { stdout, stderr, code } = await pulumi(target, [
        "stack",
        "output",
        name,
        "--show-secrets",
        "--stack",
        stack,
    ]);
    expect(code, stderr).toBe(0);
    return stdout.trim();
}

/** Every secret that the pair shares, as texts to look for: of a key, each line. */
export async function sharedSecretTexts(target: Project): Promise<string[]> {
    return secretTexts(JSON.parse(await stackSecret(target, "node1", "sharedCredentials")));
}

// Of the CA.
const PUBLIC = ["certificate", "trusted"];

function secretTexts(value: unknown): string[] {
    if (typeof value === "string") return value.split("\n").filter((line) => line !== "" && !line.startsWith("-----"));
    return Object.entries(value as object).flatMap(([key, one]) => (PUBLIC.includes(key) ? [] : secretTexts(one)));
}

/** The seed's own request, every 50 ms until stopped; the longest time without an answer of 200. */
export function watchGap(): () => Promise<number> {
    let longest = 0;
    let stopped = false;
    const watching = (async () => {
        const [{ url }, http] = await Promise.all([access(), client()]);
        const question = {
            ...{ method: "POST", headers: { "content-type": "application/json" }, timeoutMs: 500 },
            body: '{"resourceMetrics":[]}',
        };
        for (let last = Date.now(); !stopped; await new Promise((resolve) => setTimeout(resolve, 50))) {
            const answered = await http.ask(url(NETWORK.vip, 4318, "/v1/metrics"), question).then(
                ({ status }) => status === 200,
                () => false,
            );
            if (!answered) continue;
            longest = Math.max(longest, Date.now() - last);
            last = Date.now();
        }
    })();
    return async () => {
        stopped = true;
        await watching;
        return longest;
    };
}
