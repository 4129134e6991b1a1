/** `make demo-apm`: three hosts, Container APM on them, an application's telemetry in and found by search. A second run changes nothing. */
import { join } from "node:path";
import { ApmAccess } from "./apm/access";
import { differences, foundOf, health, manager, type ClusterHealth } from "./apm/search";
import { fitToMachine, whatIsMissing } from "./apm/settings";
import { showApmSummary } from "./apm/summary";
import * as lab from "./commands";
import { projectForHosts, repairArguments } from "./demo-project";
import { writePulumiCommand } from "./demo-summary";
import { deploy, DeployError } from "./deploy";
import { inside, isInside } from "./network";
import { hostsOf } from "./nodes";
import { STATE_DIR } from "./paths";
import { installPlugins } from "./plugins";
import { elapsed, step } from "./progress";
import { APM_DEMO_PROJECT, openProject } from "./project";
import { containers } from "./queries";
import { CommandError, interactive, sleep } from "./run";
import { runSample, type SampleOutcome } from "./sample-service";

const started = Number(process.env.DEMO_STARTED ?? Date.now());
const NODES = hostsOf("apm");
const ORDERS = 200;
export const PULUMI = join(STATE_DIR, "apm-pulumi");

/** Where the machine's network is: packages, images, plugins, hosts. */
async function prepare(): Promise<void> {
    console.error("1. The lab: three hosts on this machine (docs/lab.md)");
    await lab.up(NODES);
    const project = await projectForHosts(APM_DEMO_PROJECT, "apm", fitToMachine);
    await installPlugins(project.env);
    writePulumiCommand(project, PULUMI);
    const env = { DEMO_STARTED: String(started) };
    process.exitCode = await interactive(inside([process.execPath, ...process.execArgv, __filename]), env);
}

/** In the lab's network, where the hosts are. */
async function run(): Promise<void> {
    const project = openProject(APM_DEMO_PROJECT, "apm");
    console.error("2. pulumi up, all three stacks at once");
    const missing = whatIsMissing();
    if (missing) console.error(`   ${missing}.`);
    await deploy(project, project.stacks, await repairArguments(project, "apm"));
    const access = await ApmAccess.of(project);
    await step("All containers healthy, one cluster of three, green", async (progress) => {
        const { active_shards } = await settled(access);
        progress.note(`${active_shards} shards, managed by ${await manager(access, NODES[0]!)}`);
    });
    console.error("3. An application's telemetry to each node's collector, found by search at each node");
    const outcome = await telemetry(access);
    console.error("");
    await showApmSummary(project, access, outcome, { started, pulumi: PULUMI });
    access.close();
}

/** Waits until all is healthy and the cluster is whole. */
async function settled(access: ApmAccess): Promise<ClusterHealth> {
    for (const end = Date.now() + 180_000; ; await sleep(1000)) {
        const all = await Promise.all(NODES.map((node) => containers(node.name)));
        const sick = all.flatMap(Object.values).filter((one) => one.health !== "healthy");
        const cluster = await health(access, NODES[0]!).catch((error: Error) => error);
        const whole =
            !(cluster instanceof Error) && cluster.status === "green" && cluster.number_of_nodes === NODES.length;
        if (whole && sick.length === 0) return cluster;
        if (Date.now() < end) continue;
        const names = sick.map(({ name, health }) => `${name} is ${health}`);
        const said = cluster instanceof Error ? cluster.message : `${cluster.status}, ${cluster.number_of_nodes} nodes`;
        throw new Error(`after three minutes: ${[...names, `cluster: ${said}`].join(", ")}`);
    }
}

async function telemetry(access: ApmAccess): Promise<SampleOutcome> {
    const run = Date.now().toString(36);
    const outcome = await step(
        "Orders through shop, orders and stock: OpenTelemetry SDK, OTLP over HTTP",
        async (progress) => {
            const sent = await runSample({ collectors: access.collectors(), run, orders: ORDERS });
            progress.note(`${sent.orders} orders, of which ${sent.refused} refused, as many traces`);
            return sent;
        },
    );
    for (const node of NODES) {
        await step(`Found at ${node.name}, each span, line and count once`, async (progress) => {
            const found = await complete(access, node, outcome);
            progress.note(
                found.map(({ service, spans, logs }) => `${service}: ${spans} spans, ${logs} lines`).join("; "),
            );
        });
    }
    return outcome;
}

/** Asks until all is there: collectors send batches, and an index shows what is new after a moment. */
async function complete(access: ApmAccess, node: (typeof NODES)[number], outcome: SampleOutcome) {
    for (const end = Date.now() + 90_000; ; await sleep(1000)) {
        const found = await foundOf(access, node, outcome);
        const open = differences(outcome, found);
        if (open.length === 0) return found;
        if (Date.now() > end) throw new Error(`not found at ${node.name} within 90 s: ${open.join(", ")}`);
    }
}

function explain(error: unknown): void {
    const known = error instanceof DeployError || error instanceof CommandError;
    console.error(`\n${known || error instanceof Error ? (error as Error).message : String(error)}\n`);
    console.error(`make demo-apm failed after ${elapsed(started)}. What to do:`);
    console.error("  make demo-apm                    goes on where it stopped");
    console.error("  lab/lab status                   what of the lab is up");
    console.error("  lab/lab exec apm1 docker ps --all");
    console.error("  make demo-down; make demo-apm    starts over; what was built stays");
    process.exitCode = 1;
}

(isInside() ? run() : prepare()).catch(explain);
