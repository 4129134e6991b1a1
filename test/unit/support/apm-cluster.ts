// Container APM as the commands find it: three hosts, and what OpenSearch says.
import { ApmValues } from "../../../components/settings/keys";
import { ClusterHealth } from "../../../ops/apm/answers";
import { ClusterFacts, ClusterView } from "../../../ops/status/apm/facts";
import { ApmStatus, judgeApm } from "../../../ops/status/apm/judge";
import { apmCertificateFiles, apmProbes } from "../../../ops/status/apm/probes";
import { expectedServices } from "../../../ops/status/collect";
import { ReachableHost } from "../../../ops/status/facts";
import { NodeFacts } from "../../../ops/status/model";
import { APM_STACKS, ApmStackName, apmValuesOf } from "./stacks";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

export const HEALTH: ClusterHealth = {
    ...{ status: "green", nodes: 3, managerKnown: true, activePrimaries: 6, activeShards: 12, unassigned: 0 },
    ...{ delayed: 0, initializing: 0, relocating: 0, activePercent: 100 },
};

/** A cluster of three that lacks nothing; apm-2 is its manager. */
export function healthyView(): Required<ClusterView> {
    const names = ["apm-1", "apm-2", "apm-3"];
    return {
        health: { ...HEALTH },
        manager: "apm-2",
        nodes: names,
        shards: [],
        disks: names.map((node) => ({ node, usedBytes: 20 * GIB, totalBytes: 100 * GIB })),
        indices: [
            { index: "otel-logs-000001", health: "green", documents: 100, bytes: MIB },
            { index: "otel-logs-000002", health: "green", documents: 23, bytes: MIB },
            { index: "otel-v1-apm-span-000001", health: "green", documents: 7, bytes: MIB },
        ],
        blocked: [],
        allocation: "all",
    };
}

export const healthyCluster = (): ClusterFacts & { view: Required<ClusterView> } => ({
    members: ["apm-1", "apm-2", "apm-3"].map((name) => ({ name, managerKnown: true, uuid: "u1" })),
    view: healthyView(),
});

/** Nobody knows a manager. */
export function withoutManager(cluster: ClusterFacts): void {
    cluster.view = undefined;
    for (const member of cluster.members) member.managerKnown = member.error === undefined ? false : undefined;
}

function healthyHost(values: ApmValues, services: string[]): ReachableHost {
    const queue = (of: string, bytes: number): string =>
        `otelcol_exporter_queue_${of}{data_type="logs",exporter="e"} ${bytes}`;
    const answers = apmProbes(values).map(({ name }) => [
        name,
        { status: 200, lines: [queue("size", 0.1 * MIB), queue("capacity", 3400 * MIB)] },
    ]);
    const containers = services.map((service, at) => {
        const name = `${service}-${values.nodeName}`;
        const found = { id: `id-${name}`, status: "running", health: "healthy", restarts: 0, imageId: `sha256:${at}` };
        return [name, { ...found, image: `image-${at}:1.2.3`, startedAt: "2026-01-01T00:00:00Z" }];
    });
    return {
        ...{ clockOffsetMs: 3, clockErrorMs: 5, holdsVip: false, dockerVersion: "20.10.24" },
        containers: Object.fromEntries(containers),
        answers: Object.fromEntries(answers),
        certificates: Object.fromEntries(
            apmCertificateFiles(values).map(({ use }) => [use, "2999-01-01T00:00:00.000Z"]),
        ),
    };
}

export type ApmFacts = NodeFacts<ApmValues> & { facts: { host: ReachableHost } };

// Settings take longer to read than all the rest, and are the same each time.
const known = new Map<string, ApmFacts>();

/** One node on which all is well. */
export function healthyApmNode(stack: ApmStackName, changes: Record<string, string> = {}): ApmFacts {
    const key = JSON.stringify([stack, changes]);
    if (!known.has(key)) known.set(key, newApmNode(stack, changes));
    return structuredClone(known.get(key)!);
}

function newApmNode(stack: ApmStackName, changes: Record<string, string>): ApmFacts {
    const values = apmValuesOf(stack, changes);
    const services = expectedServices(values);
    const host = healthyHost(values, services);
    const recorded = Object.entries(host.containers).map(([name, { id, imageId }]) => [name, { id, imageId }]);
    return { stack, values, services, facts: { host }, recorded: Object.fromEntries(recorded) };
}

/** The system after something has happened to it. */
export function apmAfter(
    change: (nodes: Record<ApmStackName, ApmFacts>, cluster: ReturnType<typeof healthyCluster>) => void = () => {},
    stacks = APM_STACKS,
): ApmStatus {
    const nodes = Object.fromEntries(APM_STACKS.map((stack) => [stack, healthyApmNode(stack)])) as Record<
        ApmStackName,
        ApmFacts
    >;
    const cluster = healthyCluster();
    change(nodes, cluster);
    return judgeApm(
        stacks.map((stack) => nodes[stack]),
        cluster,
    );
}

/** Takes a node out of the cluster, whose copies are made anew elsewhere. */
export function leave(cluster: ReturnType<typeof healthyCluster>, name: string): void {
    const { view, members } = cluster;
    Object.assign(members.find((member) => member.name === name)!, { managerKnown: undefined, error: "ECONNREFUSED" });
    view.nodes = view.nodes.filter((node) => node !== name);
    view.health = { ...view.health, status: "yellow", nodes: view.nodes.length, unassigned: 4 };
    view.shards = [{ index: "otel-logs-000001", shard: 0, primary: false, state: "UNASSIGNED", reason: "NODE_LEFT" }];
    if (view.manager === name) view.manager = view.nodes[0]!;
}
