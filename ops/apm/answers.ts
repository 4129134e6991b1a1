/** What OpenSearch's APIs say, as far as it matters here, and how it is read. Pure. */

/** green: all copies are assigned. yellow: all primaries. red: not even these. */
export type Health = "green" | "yellow" | "red";

/** `_cluster/health`. */
export interface ClusterHealth {
    status: Health;
    nodes: number;
    /** Whether the node that was asked knows a cluster manager. */
    managerKnown: boolean;
    activePrimaries: number;
    activeShards: number;
    unassigned: number;
    /** Of these: copies that wait for their node before they are made anew elsewhere. */
    delayed: number;
    initializing: number;
    relocating: number;
    activePercent: number;
}

/** A row of `_cat/cluster_manager`. */
export interface ClusterManager {
    name: string;
    address: string;
}

/** A row of `_cat/nodes`. */
export interface ClusterNode {
    name: string;
    address: string;
    manager: boolean;
}

export type ShardState = "STARTED" | "INITIALIZING" | "RELOCATING" | "UNASSIGNED";

/** A row of `_cat/shards`: one copy. */
export interface Shard {
    index: string;
    shard: number;
    primary: boolean;
    state: ShardState;
    /** Undefined: unassigned. */
    node?: string;
    /** Where it goes, when it is RELOCATING. */
    target?: string;
    /** @example "NODE_LEFT" */
    reason?: string;
}

/** A row of `_cat/recovery?active_only`. */
export interface Recovery {
    index: string;
    shard: number;
    /** @example "peer" */
    kind: string;
    stage: string;
    source?: string;
    target: string;
}

/** Something that is no answer of the API that was asked. */
export class UnexpectedAnswer extends Error {}

function parsed<T>(text: string): T {
    try {
        return JSON.parse(text) as T;
    } catch {
        throw new UnexpectedAnswer(`no JSON: ${text.slice(0, 100)}`);
    }
}

function rows(text: string): Record<string, string | null>[] {
    const list = parsed<unknown>(text);
    if (!Array.isArray(list)) throw new UnexpectedAnswer(`no list: ${text.slice(0, 100)}`);
    return list as Record<string, string | null>[];
}

/** Errors: {@link UnexpectedAnswer}. */
export function readHealth(text: string): ClusterHealth {
    const health = parsed<Record<string, string | number | boolean | undefined>>(text);
    const number = (key: string): number => {
        const value = health[key];
        if (typeof value !== "number") throw new UnexpectedAnswer(`no ${key}: ${text.slice(0, 100)}`);
        return value;
    };
    if (!["green", "yellow", "red"].includes(String(health.status)))
        throw new UnexpectedAnswer(`no status: ${text.slice(0, 100)}`);
    return {
        status: health.status as Health,
        nodes: number("number_of_nodes"),
        managerKnown: (health.discovered_cluster_manager ?? health.discovered_master) === true,
        activePrimaries: number("active_primary_shards"),
        activeShards: number("active_shards"),
        unassigned: number("unassigned_shards"),
        delayed: number("delayed_unassigned_shards"),
        initializing: number("initializing_shards"),
        relocating: number("relocating_shards"),
        activePercent: number("active_shards_percent_as_number"),
    };
}

/** Errors: {@link UnexpectedAnswer}. Undefined: the cluster has none. */
export function readManager(text: string): ClusterManager | undefined {
    const [row] = rows(text);
    // "-" while there is none.
    if (!row?.node || row.node === "-") return undefined;
    return { name: row.node, address: row.ip ?? row.host ?? "" };
}

/** In the order of their names. Errors: {@link UnexpectedAnswer}. */
export function readNodes(text: string): ClusterNode[] {
    return rows(text)
        .map(({ name, ip, cluster_manager: manager }) => ({
            name: name ?? "?",
            address: ip ?? "",
            manager: manager === "*",
        }))
        .sort((a, b) => a.name.localeCompare(b.name));
}

/** Errors: {@link UnexpectedAnswer}. */
export function readShards(text: string): Shard[] {
    return rows(text).map((row) => {
        // "apm-1 -> 10.0.0.2 9xYz apm-2" while it relocates.
        const [node, way] = (row.node ?? "").split(" -> ");
        return {
            index: row.index ?? "?",
            shard: Number(row.shard),
            primary: row.prirep === "p",
            state: row.state as ShardState,
            node: node || undefined,
            target: way?.split(" ").at(-1),
            reason: row["unassigned.reason"] ?? undefined,
        };
    });
}

/** Errors: {@link UnexpectedAnswer}. */
export function readRecoveries(text: string): Recovery[] {
    return rows(text).map((row) => ({
        index: row.index ?? "?",
        shard: Number(row.shard),
        kind: row.type ?? "?",
        stage: row.stage ?? "?",
        source: row.source_node && row.source_node !== "n/a" ? row.source_node : undefined,
        target: row.target_node ?? "?",
    }));
}

/** Names of the indexes that take no writes for lack of room. Errors: {@link UnexpectedAnswer}. */
export function readBlocked(text: string): string[] {
    const all = parsed<Record<string, { settings: Record<string, string> }>>(text);
    return Object.entries(all)
        .filter(([, { settings }]) => settings["index.blocks.read_only_allow_delete"] === "true")
        .map(([index]) => index)
        .sort();
}
