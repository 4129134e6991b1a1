/** What the cluster of Container APM can do without, and in which order its hosts are changed. Pure. */
import { affected } from "../preview/consequences";
import { NodePlan } from "../preview/plan";
import { ApmNodeStatus, ApmStatus, ClusterStatus } from "../status/apm/judge";

/** True when a plan makes OpenSearch of its host start anew, or stop. */
export const stopsOpenSearch = (plan: NodePlan): boolean => affected(plan, "restarts", "stops").includes("opensearch");

/** How many nodes the cluster needs to elect a manager. @example majority(3) → 2 */
export const majority = (nodes: number): number => Math.floor(nodes / 2) + 1;

/** Where a change stands. */
export interface Standing {
    /** Names of the nodes that were deployed before, or in this run. */
    deployed: string[];
    /** Services that a node gets only by this change. */
    coming(name: string): string[];
}

/** The elected manager last; first who is not part of the cluster, since nobody misses it there, then who works least. */
export function apmOrder({ nodes, cluster }: ApmStatus): string[] {
    const last = (node: ApmNodeStatus): number => Number(node.name === cluster.manager);
    const inside = (node: ApmNodeStatus): number => Number(node.member !== false);
    const trouble = (node: ApmNodeStatus): number => node.services.filter(({ state }) => state !== "ok").length;
    return [...nodes]
        .sort((a, b) => last(a) - last(b) || inside(a) - inside(b) || trouble(b) - trouble(a))
        .map(({ name }) => name);
}

/** Why the others cannot do without a node while its plan is carried out; nothing: they can. */
export function cannotSpare(status: ApmStatus, plan: NodePlan, standing: Standing): string[] {
    if (isOutside(status, plan.name)) return [];
    const others = status.nodes.filter(({ name }) => name !== plan.name && standing.deployed.includes(name));
    return [
        ...others.flatMap((node) => lacks(node, standing.coming(node.name))),
        ...(stopsOpenSearch(plan) ? clusterLacks(status.cluster) : []),
    ];
}

/** What a node lacks to count as changed. */
export function notWholeYet(status: ApmStatus, plan: NodePlan, { deployed }: Standing): string[] {
    const { cluster, nodes } = status;
    const node = nodes.find(({ name }) => name === plan.name);
    if (!node) return [`${plan.name} is not one of the nodes`];
    const complete = cluster.expected.every((name) => deployed.includes(name));
    // With nodes that are still to come there may be nowhere for a copy.
    const all = complete && (plan.first || stopsOpenSearch(plan));
    return [...lacks(node, []), ...(all ? clusterLacks(cluster) : membershipLacks(cluster, plan.name))];
}

function lacks(node: ApmNodeStatus, coming: string[]): string[] {
    if (!node.reachable) return [`${node.name} cannot be reached: ${node.error}`];
    return node.services
        .filter(({ service, state }) => state !== "ok" && !coming.includes(service))
        .map(({ container, reason, state }) => `${container}: ${reason || state}`);
}

/** What a cluster lacks that can spare a node. */
export function clusterLacks(cluster: ClusterStatus): string[] {
    const { health, nodes, expected, unassigned, initializing, allocation = "all" } = cluster;
    if (health === undefined || nodes === undefined) return [noAnswer(cluster)];
    return [
        ...expected.filter((name) => !nodes.includes(name)).map((name) => `${name} is not part of the cluster`),
        ...(health === "green"
            ? []
            : [`the cluster is ${health}: ${unassigned} copies are on no node, ${initializing} are being made`]),
        ...(allocation === "all" ? [] : [`copies are not made again: allocation is for ${allocation} only`]),
    ];
}

function membershipLacks(cluster: ClusterStatus, name: string): string[] {
    if (cluster.health === undefined || cluster.nodes === undefined) return [noAnswer(cluster)];
    if (!cluster.nodes.includes(name)) return [`${name} is not part of the cluster`];
    return cluster.health === "red" ? ["the cluster is red"] : [];
}

function noAnswer({ members }: ClusterStatus): string {
    const why = members.flatMap(({ name, error }) => (error === undefined ? [] : [`${name}: ${error}`])).join("; ");
    return `no node says how the cluster is, or knows its manager${why && ` (${why})`}`;
}

/** A node that the cluster goes without already. */
function isOutside({ nodes, cluster }: ApmStatus, name: string): boolean {
    if (cluster.nodes !== undefined) return !cluster.nodes.includes(name);
    // Without a manager there is no cluster to be part of; that has to be known, though, and not only that nobody answers.
    if (cluster.members.find((member) => member.name === name)?.managerKnown === false) return true;
    const service = nodes.find((node) => node.name === name)?.services.find((one) => one.service === "opensearch");
    return service?.state === "down" || service?.state === "missing";
}

/** Why a node cannot be made anew now: the others have to have what it loses. */
export function cannotRebuildApm({ nodes, cluster }: ApmStatus, name: string): string | undefined {
    const node = nodes.find((candidate) => candidate.name === name)!;
    if (!node.reachable) return `${name} cannot be reached: ${node.error}`;
    const away = nodes.find((other) => other.name !== name && !other.reachable);
    if (away) return `${away.name} cannot stand in for it: ${away.error}`;
    if (cluster.health === undefined)
        return `${noAnswer(cluster)}: a node without data joins one that works, and does not form another one`;
    if (cluster.nodes?.includes(name))
        return `${name} is part of the cluster, so that it is no host that was wiped; take it out first: docker stop opensearch-${name} there`;
    if (cluster.health === "red")
        return `the cluster is red: what it lacks may be on ${name}, and would be lost; bring that back first`;
    return undefined;
}
