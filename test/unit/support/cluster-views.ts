// Views of a cluster of three, made by hand.
import type { ClusterHealth, Health } from "../../../ops/apm/answers";
import type { ClusterView, NodeShards } from "../../../ops/apm/poller";

export const T0 = 1_700_000_000_000;

export const health = (status: Health, nodes: number, more: Partial<ClusterHealth> = {}): ClusterHealth => ({
    ...{ status, nodes, managerKnown: true, activePrimaries: 6, activeShards: 12, unassigned: 0, delayed: 0 },
    ...{ initializing: 0, relocating: 0, activePercent: 100 },
    ...more,
});

export const copies = (...counts: number[]): Record<string, NodeShards> =>
    Object.fromEntries(
        counts.flatMap((started, i) =>
            started > 0 ? [[`apm-${i + 1}`, { started, initializing: 0, relocating: 0 }]] : [],
        ),
    );

/** What a node says so many seconds after T0. */
export const says = (node: string, second: number, more: Partial<ClusterView> = {}): ClusterView => ({
    ...{ at: T0 + second * 1000, node, reachable: true, managerKnown: true },
    ...{ health: health("green", 3), manager: "apm-3", nodes: ["apm-1", "apm-2", "apm-3"], shards: copies(4, 4, 4) },
    ...more,
});

/** All nodes but those say so. */
export const all = (second: number, more: Partial<ClusterView> = {}, ...but: string[]): ClusterView[] =>
    ["apm-1", "apm-2", "apm-3"].filter((node) => !but.includes(node)).map((node) => says(node, second, more));

export const silent = (node: string, second: number): ClusterView => ({
    ...{ at: T0 + second * 1000, node, reachable: false },
});

/** The course of the seed's first test: apm-3 manages, is away from 10 s to 60 s, and returns. */
export function oneNodeLost(): ClusterView[] {
    const two = { nodes: ["apm-1", "apm-2"], manager: "apm-1" };
    return [
        ...all(0),
        silent("apm-3", 10.2),
        ...all(
            14,
            { ...two, health: health("yellow", 2, { unassigned: 4, delayed: 4 }), shards: copies(4, 4) },
            "apm-3",
        ),
        ...all(
            30,
            { ...two, health: health("yellow", 2, { unassigned: 2, initializing: 2 }), shards: copies(4, 4) },
            "apm-3",
        ),
        ...all(40, { ...two, health: health("green", 2), shards: copies(6, 6) }, "apm-3"),
        ...all(75, { manager: "apm-1", health: health("green", 3), shards: copies(6, 6) }),
        ...all(77, { manager: "apm-1", health: health("green", 3, { relocating: 2 }), shards: copies(6, 6) }),
        ...all(85, { manager: "apm-1", health: health("green", 3), shards: copies(4, 4, 4) }),
    ];
}
