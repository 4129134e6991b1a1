/** What is looked at before anything is touched. */
import { createHash } from "node:crypto";
import { accessTo, type Access } from "../../access";
import type { Deployment, DeployedNode } from "../../deployment";
import { UserError } from "../../errors";
import { HttpClient, isGood } from "../../http";
import { sleep } from "../../run";
import { StatusReader } from "../../status/reader";
import type { Status } from "../../status/model";
import { configurationOf } from "../configuration";
import { armed } from "../faults/fault";
import type { DrillReport } from "../report/schema";
import type { Scenario, Stage } from "../scenarios/scenario";
import { clockOffset } from "../watch/hosts";
import type { DrillOptions } from "./options";
import { Refused } from "./refused";

/** Where data is read: each node's own back ends, and the merged view where there is one. */
export interface Sources {
    nodes: { view: string; metricsUrl: string; logsUrl: string }[];
    metricsUrl?: string;
    logsUrl?: string;
}

/** What is needed to read there. */
export interface Reading {
    sources: Sources;
    http: HttpClient;
}

export interface Preflight extends Reading {
    stage: Stage;
    system: DrillReport["system"];
    access: Access;
}

/** A pair that has just been through something may take this long to be whole. */
const HEALTHY_WITHIN_MS = 60_000;

/** Looks at the pair. Errors: it is not healthy (unless forced), or {@link Refused}. */
export async function preflight(
    deployment: Deployment,
    scenario: Scenario,
    options: DrillOptions,
): Promise<Preflight & { fault: ReturnType<Scenario["fault"]> }> {
    const { nodes } = deployment;
    if (nodes.length !== 2) throw new UserError(`a drill needs both nodes; the project has ${nodes.length}`);
    const status = await readStatus(deployment, options.force);
    if (!options.force) refuseUnhealthy(status, await Promise.all(nodes.map(armed)), nodes);
    const owner = nodes.find(({ name }) => status.vip.owners.includes(name)) ?? nodes[0]!;
    const backup = nodes.find((node) => node !== owner)!;
    const { power, reboot, wipe } = options;
    const stage = { deployment, owner, backup, power, reboot, wipe };
    const fault = scenario.fault(stage);
    const refusal = await fault.refusal?.();
    if (refusal) throw new Refused(`${scenario.name} cannot be carried out here: ${refusal}`);
    const access = await accessTo(deployment);
    refuseWithoutEntry(owner, access);
    const http = new HttpClient(access.doors);
    const found = await sources(deployment, options, access, http);
    return { stage, fault, access, http, sources: found, system: await describe(deployment, status) };
}

/** A client's certificate is nobody's but the client's. */
function refuseWithoutEntry({ stack, values }: DeployedNode, access: Access): void {
    if (!access.otlp || access.otlp.authorization || !values.otlpClientCa) return;
    throw new UserError(
        `otlpClientCa of stack ${stack} wants a certificate of every sender, and a drill has none; give it a token, such as otlpTokens: drill`,
        2,
    );
}

async function readStatus(deployment: Deployment, force: boolean): Promise<Status> {
    const reader = new StatusReader(deployment);
    const end = Date.now() + HEALTHY_WITHIN_MS;
    for (;;) {
        const status = await reader.read();
        if (force || status.verdict === "healthy" || Date.now() > end) return status;
        await sleep(2000);
    }
}

function refuseUnhealthy(status: Status, leftovers: string[][], nodes: DeployedNode[]): void {
    const problems = status.findings.filter(({ severity }) => severity !== "note").map(({ text }) => text);
    nodes.forEach(({ name }, at) => {
        if (leftovers[at]!.length > 0)
            problems.push(`${name} still has ${leftovers[at]!.join(", ")} of another drill: otel-ha drill --clean-up`);
    });
    if (problems.length === 0) return;
    throw new UserError(
        `the pair is not healthy, so that a drill would prove nothing and might break what still works: ${problems.join("; ")}. ` +
            "See otel-ha status; --force runs it nevertheless",
        2,
    );
}

async function sources(
    deployment: Deployment,
    options: DrillOptions,
    { url }: Access,
    http: HttpClient,
): Promise<Sources> {
    const { queryPort, lokiQueryPort } = deployment.nodes[0]!.values;
    const metricsUrl = options.metricsUrl ?? url(deployment.vip, queryPort);
    const logsUrl = options.logsUrl ?? url(deployment.vip, lokiQueryPort);
    const [metrics, logs] = await Promise.all([
        answers(http, `${metricsUrl}/api/v1/query?query=1`),
        answers(http, `${logsUrl}/loki/api/v1/labels`),
    ]);
    return {
        nodes: deployment.nodes.map(({ name, address, values }) => ({
            view: name,
            metricsUrl: url(address, values.prometheusPort),
            logsUrl: url(address, values.lokiPort),
        })),
        metricsUrl: metrics ? metricsUrl : undefined,
        logsUrl: logs ? logsUrl : undefined,
    };
}

async function answers(http: HttpClient, url: string): Promise<boolean> {
    return http.get(url, 5000).then(isGood, () => false);
}

async function describe(deployment: Deployment, status: Status): Promise<DrillReport["system"]> {
    const nodes = await Promise.all(
        deployment.nodes.map(async (node) => {
            const services = status.nodes.find(({ name }) => name === node.name)?.services ?? [];
            const images = Object.fromEntries(services.map(({ service, image }) => [service, image ?? "?"]));
            return { name: node.name, address: node.address, clockOffsetMs: await clockOffset(node), images };
        }),
    );
    const settings = JSON.stringify(deployment.nodes.map(({ values }) => values));
    return {
        configuration: configurationOf(deployment.nodes[0]!.values),
        configHash: createHash("sha256").update(settings).digest("hex").slice(0, 12),
        nodes,
        vip: deployment.vip,
        ownerAtStart: status.vip.owners.join(", ") || undefined,
    };
}
