import { NodeStatus, Status } from "../status/model";

/** What keeps a node from standing in for the other one; nothing: it is whole and has caught up. Pure. */
export function notWhole(status: Status, name: string, excused: string[] = []): string[] {
    const node = status.nodes.find((candidate) => candidate.name === name);
    if (!node) return [`${name} is not one of the nodes`];
    if (!node.reachable) return [`${name} cannot be reached: ${node.error}`];
    // What waits for a Loki that cannot be ready yet waits on disk.
    return [...failing(node, excused), ...(excused.includes("loki") ? [] : behind(status, node))];
}

function failing(node: NodeStatus, excused: string[]): string[] {
    return node.services
        .filter(({ service, state }) => state !== "ok" && !excused.includes(service))
        .map(({ container, reason, state }) => `${container}: ${reason || state}`);
}

function behind(status: Status, node: NodeStatus): string[] {
    const { waiting } = status.redundancy;
    if (!waiting[node.name]) return [];
    return [`${node.name} has not caught up: ${status.redundancy.text}`];
}

/** The order of a rolling change: whoever holds the virtual IP last, and among the others the one that works least first. Pure. */
export function updateOrder(status: Status): string[] {
    const trouble = (node: NodeStatus): number => node.services.filter(({ state }) => state !== "ok").length;
    const last = (node: NodeStatus): number => Number(status.vip.owners.includes(node.name));
    // Nobody holds it: the MASTER, which is the first, goes last.
    return [...status.nodes]
        .reverse()
        .sort((a, b) => last(a) - last(b) || trouble(b) - trouble(a))
        .map(({ name }) => name);
}
