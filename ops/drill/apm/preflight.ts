/** What is looked at before anything is touched. */
import { createHash } from "node:crypto";
import { ClusterApi, isValue, LOCAL_TIMEOUT_MS, MANAGER_TIMEOUT_MS } from "../../apm/cluster";
import { UserError } from "../../errors";
import { sleep } from "../../run";
import { armed } from "../faults/fault";
import type { DrillReport } from "../report/schema";
import { Refused } from "../run/refused";
import { clockOffset } from "../watch/hosts";
import type { ApmDrillOptions } from "./options";
import type { ApmScenario, ApmStage } from "./scenario";
import { apmAccess, type ApmAccess, type ApmDrillNode, type ApmTarget } from "./target";
import { limitsFor, type Limits } from "./transitions";

/** A node of the system, with the name that its cluster knows it by. */
export interface ClusterMember {
    /** By the API. */
    name: string;
    node: ApmDrillNode;
    api: ClusterApi;
}

export interface ApmPreflight {
    stage: ApmStage;
    access: ApmAccess;
    members: ClusterMember[];
    limits: Limits;
    detectionSeconds: number;
    system: DrillReport["system"];
}

/** A cluster that has just been through something may take this long to be whole. */
const HEALTHY_WITHIN_MS = 60_000;
const NODES = 3;

/** Time after which a silent host is noticed: three checks, their time limits and the pauses between them. */
const DETECTION_SECONDS = { tuned: 9, default: 33 };

/** Looks at the system. Errors: it is not healthy (unless forced), or it refuses. */
export async function apmPreflight(
    target: ApmTarget,
    scenario: ApmScenario,
    options: ApmDrillOptions,
): Promise<ApmPreflight> {
    if (target.nodes.length !== NODES)
        throw new UserError(
            `a drill of Container APM needs all ${NODES} nodes; the project has ${target.nodes.length}`,
        );
    const stage: ApmStage = { target, power: options.power, reboot: options.reboot };
    const refusal = scenario.refusal?.(stage) ?? (await faultRefusal(scenario, stage));
    if (refusal) throw new Refused(`${scenario.name} cannot be carried out here: ${refusal}`);
    const access = await apmAccess(target);
    const members = await membersOf(target, access, options.patience);
    if (!options.force) await refuseUnhealthy(members);
    const detectionSeconds = DETECTION_SECONDS[target.nodes[0]!.values.opensearchFaultDetection];
    const limits = limitsFor({ ...(await clusterSettings(members[0]!.api)), detectionSeconds }, options.patience);
    return { stage, access, members, limits, detectionSeconds, system: await describe(target, members) };
}

/** Each fault, of any of the hosts that it may be about. */
async function faultRefusal(scenario: ApmScenario, stage: ApmStage): Promise<string | undefined> {
    const { nodes } = stage.target;
    for (const step of scenario.steps) {
        if (step.do !== "fault") continue;
        for (const node of nodes) {
            const others = nodes.filter((one) => one !== node);
            const reason = await step.fault([node], stage, others).refusal?.();
            if (reason) return reason;
        }
    }
    return undefined;
}

/** Who is who, by what each node calls itself. */
export async function membersOf(
    target: ApmTarget,
    { doors, url }: ApmAccess,
    patience: number,
): Promise<ClusterMember[]> {
    const timeouts = { local: LOCAL_TIMEOUT_MS * patience, manager: MANAGER_TIMEOUT_MS * patience };
    return Promise.all(
        target.nodes.map(async (node) => {
            const endpoint = { url: url(node.address, node.values.opensearchHttpPort), doors };
            const api = new ClusterApi(endpoint, timeouts);
            const asked = await api.name();
            return { name: isValue(asked) ? asked.value : node.name, node, api };
        }),
    );
}

async function refuseUnhealthy(members: ClusterMember[]): Promise<void> {
    const end = Date.now() + HEALTHY_WITHIN_MS;
    let problems = await problemsOf(members);
    while (problems.length > 0 && Date.now() < end) {
        await sleep(2000);
        problems = await problemsOf(members);
    }
    for (const { node } of members) {
        const left = await armed(node);
        if (left.length > 0)
            problems.push(`${node.name} still has ${left.join(", ")} of another drill: otel-ha drill --clean-up`);
    }
    if (problems.length === 0) return;
    throw new UserError(
        `the cluster is not healthy, so that a drill would prove nothing and might break what still works: ${problems.join("; ")}. ` +
            "See otel-ha status; --force runs it nevertheless",
        2,
    );
}

/** What keeps a cluster from being whole, by each of its nodes. */
async function problemsOf(members: ClusterMember[]): Promise<string[]> {
    const all = await Promise.all(
        members.map(async ({ name, api }) => {
            const asked = await api.health();
            if (!isValue(asked)) return [`OpenSearch of ${name} says ${asked.status || "nothing"} (${asked.error})`];
            const { status, nodes, relocating } = asked.value;
            const problems = status === "green" ? [] : [`the cluster is ${status}, says ${name}`];
            if (nodes !== NODES) problems.push(`it has ${nodes} nodes, says ${name}`);
            if (relocating > 0) problems.push(`${relocating} copies move`);
            return problems;
        }),
    );
    return [...new Set(all.flat())];
}

/** Settings of the cluster that decide how long things take. */
async function clusterSettings(api: ClusterApi): Promise<{ delayedSeconds: number; copiesPerNode: number }> {
    const path =
        "/_all/_settings/index.unassigned.node_left.delayed_timeout?include_defaults=true&flat_settings=true&expand_wildcards=all";
    const asked = await api.ask(path, 5000, longestDelay);
    const shards = await api.shards();
    return {
        delayedSeconds: isValue(asked) ? asked.value : 60,
        copiesPerNode: isValue(shards) ? Math.ceil(shards.value.length / 2) : 20,
    };
}

/** Seconds, of all indexes. Pure. */
export function longestDelay(text: string): number {
    const all = JSON.parse(text) as Record<string, Record<"settings" | "defaults", Record<string, string>>>;
    const delays = Object.values(all).map(({ settings, defaults }) => {
        const key = "index.unassigned.node_left.delayed_timeout";
        return secondsOf(settings?.[key] ?? defaults?.[key] ?? "1m");
    });
    return Math.max(0, ...delays);
}

const UNITS: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

/** OpenSearch's way to write a time; 0 has no unit. */
function secondsOf(text: string): number {
    const [, amount, unit = "s"] = /^(\d+)(ms|s|m|h|d)?$/.exec(text) ?? [];
    return Number(amount ?? 60) * UNITS[unit]!;
}

async function describe({ nodes }: ApmTarget, members: ClusterMember[]): Promise<DrillReport["system"]> {
    const described = await Promise.all(
        members.map(async ({ name, node }) => {
            return { name, address: node.address, clockOffsetMs: await clockOffset(node), images: await images(node) };
        }),
    );
    const settings = JSON.stringify(nodes.map(({ values }) => values));
    return {
        system: "apm",
        configuration: nodes[0]!.values.apm.ingest,
        configHash: createHash("sha256").update(settings).digest("hex").slice(0, 12),
        nodes: described,
    };
}

/** Images of the containers of a node, by service. */
async function images(node: ApmDrillNode): Promise<Record<string, string>> {
    const { stdout } = await node.exec("docker ps --format '{{.Names}} {{.Image}}'");
    const suffix = `-${node.name}`;
    const own = stdout
        .split("\n")
        .map((line) => line.trim().split(" "))
        .filter(([name, image]) => image && name!.endsWith(suffix));
    return Object.fromEntries(own.map(([name, image]) => [name!.slice(0, -suffix.length), image!]));
}
