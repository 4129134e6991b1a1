/** `make demo`: two hosts, the stack on them, telemetry through it and back, and how to look around. A second run changes nothing. */
import { access, curlArguments, useProject } from "./access";
import * as lab from "./commands";
import { CommandError, interactive, must, sleep } from "./run";
import { deploy, DeployError } from "./deploy";
import { projectForHosts, repairArguments } from "./demo-project";
import { showSummary, writePulumiCommand } from "./demo-summary";
import { inside, isInside } from "./network";
import { NETWORK, NODES, type LabNode } from "./nodes";
import { installPlugins } from "./plugins";
import { elapsed, step } from "./progress";
import { DEMO_PROJECT, openProject, STACKS } from "./project";
import { containers, logql, promql, vipOwners } from "./queries";
import { send } from "./telemetry";

const started = Number(process.env.DEMO_STARTED ?? Date.now());

/** Where the machine's network is: packages, images, plugins, hosts. */
async function prepare(): Promise<void> {
    console.error("1. The lab: two hosts on this machine (docs/lab.md)");
    await lab.up();
    const project = await projectForHosts(DEMO_PROJECT, "otel-ha");
    await installPlugins(project.env);
    writePulumiCommand(project);
    const env = { DEMO_STARTED: String(started) };
    process.exitCode = await interactive(inside([process.execPath, ...process.execArgv, __filename]), env);
}

/** In the lab's network, where the hosts are. */
async function run(): Promise<void> {
    const project = openProject();
    useProject(project);
    console.error("2. pulumi up, both stacks at once");
    await deploy(project, STACKS, await repairArguments(project, "otel-ha"));
    const owner = await step("All containers healthy, virtual IP held", async (progress) => {
        const node = await settled();
        progress.note(`${NETWORK.vip} at ${node.name}`);
        return node;
    });
    console.error(`3. Telemetry to ${NETWORK.vip}, read back at ${owner.name}`);
    await telemetry(owner);
    console.error("");
    await showSummary(project, started);
}

/** Waits until all is healthy and one node holds the virtual IP; that node. */
async function settled(): Promise<LabNode> {
    for (const end = Date.now() + 120_000; ; await sleep(500)) {
        const [owners, ...all] = await Promise.all([vipOwners(), ...NODES.map((node) => containers(node.name))]);
        const sick = all.flatMap(Object.values).filter(({ health }) => health !== "healthy");
        const owner = NODES.find((node) => node.name === owners[0]);
        if (owner && owners.length === 1 && sick.length === 0) return owner;
        if (Date.now() < end) continue;
        const names = sick.map(({ name, health }) => `${name} is ${health}`).join(", ");
        throw new Error(
            `after two minutes: ${names || `${NETWORK.vip} is held by ${owners.join(" and ") || "no node"}`}`,
        );
    }
}

/** The seed's own request. */
async function seedRequest(): Promise<string[]> {
    const { url } = await access();
    return [
        ...["curl", "-f", "-sS", ...(await curlArguments(NETWORK.vip, 4318))],
        ...["-X", "POST", url(NETWORK.vip, 4318, "/v1/metrics")],
        ...["-H", "Content-Type: application/json", "-d", '{"resourceMetrics":[]}', "-w", " (HTTP %{http_code})"],
    ];
}

async function telemetry(owner: LabNode): Promise<void> {
    await step("curl, OTLP in JSON", async (progress) => progress.note(await must(await seedRequest())));
    const id = Date.now().toString(36);
    const sample = { service: "demo-shop", value: (Date.now() % 900) + 100, kind: id, line: `order ${id} placed` };
    await step("OpenTelemetry SDK, OTLP in protobuf over HTTP", async (progress) => {
        await send("http/protobuf", sample);
        progress.note(`counter lab_orders = ${sample.value}, log line "${sample.line}"`);
    });
    await step("Prometheus has the counter", async (progress) => {
        const query = `lab_orders_total{service_name="demo-shop", kind="${id}"}`;
        const [series] = await found(query, () => promql(owner, query));
        if (series!.value !== sample.value) throw new Error(`${query} is ${series!.value}, not ${sample.value}`);
        progress.note(`${query} = ${series!.value}`);
    });
    await step("Loki has the log line", async (progress) => {
        const query = `{service_name="demo-shop"} |= "${id}"`;
        const [entry] = await found(query, () => logql(owner, query));
        progress.note(`${query}: ${entry!.line}`);
    });
}

/** Asks until there is an answer: the aggregator sends a batch every ten seconds. */
async function found<T>(query: string, ask: () => Promise<T[]>): Promise<T[]> {
    for (const end = Date.now() + 60_000; ; await sleep(500)) {
        const answer = await ask();
        if (answer.length > 0) return answer;
        if (Date.now() > end)
            throw new Error(
                `no answer to ${query} within a minute; see lab/lab exec node1 docker logs otel-aggregator-mid-1`,
            );
    }
}

function explain(error: unknown): void {
    const known = error instanceof DeployError || error instanceof CommandError;
    console.error(`\n${known || error instanceof Error ? (error as Error).message : String(error)}\n`);
    console.error(`make demo failed after ${elapsed(started)}. What to do:`);
    console.error("  make demo                    goes on where it stopped");
    console.error("  lab/lab status               what of the lab is up");
    console.error("  lab/lab exec node1 docker ps --all");
    console.error("  make demo-down; make demo    starts over; what was built stays");
    console.error("README.md has a chapter on troubleshooting.");
    process.exitCode = 1;
}

(isInside() ? run() : prepare()).catch(explain);
