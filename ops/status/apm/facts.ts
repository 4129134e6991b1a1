/** What OpenSearch's nodes say of themselves and of their cluster, asked all at once. */
import { ClusterHealth, ClusterNode, Health, Shard } from "../../apm/answers";
import { PATIENCE, type ClusterApis } from "../../apm/access";
import { Asked, ClusterApi, isValue } from "../../apm/cluster";

/** One node as it was asked. */
export interface MemberFacts {
    name: string;
    /** Why there is no answer; undefined: there is one. */
    error?: string;
    /** It knows a cluster manager. */
    managerKnown?: boolean;
    /** The cluster's id; undefined: it has none yet, or does not say. */
    uuid?: string;
}

/** What a node has on its disk. */
export interface DiskFacts {
    node: string;
    usedBytes: number;
    totalBytes: number;
}

/** An index as it is told. */
export interface IndexFacts {
    index: string;
    health: Health;
    documents: number;
    bytes: number;
}

/** What a node that knows a manager says of the cluster. What is undefined was not answered. */
export interface ClusterView {
    health?: ClusterHealth;
    manager?: string;
    nodes?: string[];
    shards?: Shard[];
    disks?: DiskFacts[];
    indices?: IndexFacts[];
    /** Indexes that take no writes, since a disk is full. */
    blocked?: string[];
    /** Which copies may be assigned; "all": every one. */
    allocation?: string;
}

/** What is known of a cluster. */
export interface ClusterFacts {
    /** In the order of `apmNodes`. */
    members: MemberFacts[];
    /** Of the first node that knows a manager; undefined: none does. */
    view?: ClusterView;
    /** Why nobody could be asked at all. */
    error?: string;
}

/** Asks every node how it is, and one of them how the cluster is. Does not throw. */
export async function readCluster(apis: ClusterApis): Promise<ClusterFacts> {
    const members = await Promise.all([...apis].map(([name, api]) => readMember(name, api)));
    // What one that knows a manager says of the cluster is the manager's own.
    const chosen = members.find(({ managerKnown }) => managerKnown);
    return { members, view: chosen && (await readView(apis.get(chosen.name)!)) };
}

async function readMember(name: string, api: ClusterApi): Promise<MemberFacts> {
    const [health, uuid] = await Promise.all([
        api.localHealth(),
        api.ask("/?filter_path=cluster_uuid", PATIENCE.local, readUuid),
    ]);
    if (!isValue(health)) return { name, error: complaint(health) };
    return { name, managerKnown: health.value.managerKnown, uuid: valueOf(uuid) };
}

const complaint = ({ status, error }: { status: number; error: string }): string =>
    status === 0 ? error : `answers ${status}: ${error}`;

const valueOf = <T>(asked: Asked<T>): T | undefined => (isValue(asked) ? asked.value : undefined);

async function readView(api: ClusterApi): Promise<ClusterView> {
    const indices = `/_cat/indices/otel-*?format=json&bytes=b&h=index,health,docs.count,store.size&cluster_manager_timeout=1s`;
    const disks = `/_cat/allocation?format=json&bytes=b&h=node,disk.used,disk.total&cluster_manager_timeout=1s`;
    const [health, manager, nodes, shards, blocked, allocated, listed, allocation] = await Promise.all([
        api.health(),
        api.manager(),
        api.nodes(),
        api.shards(),
        api.blocked(),
        api.ask(disks, PATIENCE.manager, readDisks),
        api.ask(indices, PATIENCE.manager, readIndices),
        allocationOf(api),
    ]);
    return {
        health: valueOf(health),
        manager: valueOf(manager)?.name,
        nodes: valueOf(nodes)?.map(({ name }: ClusterNode) => name),
        shards: valueOf(shards),
        blocked: valueOf(blocked),
        disks: valueOf(allocated),
        indices: valueOf(listed),
        allocation: valueOf(allocation),
    };
}

/** Which copies may be assigned now. */
export const allocationOf = (api: ClusterApi): Promise<Asked<string>> =>
    api.ask("/_cluster/settings?flat_settings=true&cluster_manager_timeout=1s", PATIENCE.manager, readAllocation);

const ALLOCATION = "cluster.routing.allocation.enable";

/** A transient setting goes before one that stays. Errors: another answer. Pure. */
export function readAllocation(text: string): string {
    const { transient, persistent } = JSON.parse(text) as Record<"transient" | "persistent", Record<string, string>>;
    return transient[ALLOCATION] ?? persistent[ALLOCATION] ?? "all";
}

/** Until there is a cluster, its id is _na_. Errors: another answer. Pure. */
export function readUuid(text: string): string | undefined {
    const { cluster_uuid: uuid } = JSON.parse(text) as { cluster_uuid?: string };
    return uuid === "_na_" ? undefined : uuid;
}

type Row = Record<string, string | null>;

/** Copies that are on no node have a row, too. Errors: another answer. Pure. */
export function readDisks(text: string): DiskFacts[] {
    return (JSON.parse(text) as Row[])
        .map((row) => ({
            node: row.node ?? "",
            usedBytes: Number(row["disk.used"] ?? NaN),
            totalBytes: Number(row["disk.total"] ?? NaN),
        }))
        .filter(({ usedBytes, totalBytes }) => usedBytes >= 0 && totalBytes > 0)
        .sort((a, b) => a.node.localeCompare(b.node));
}

/** Errors: another answer. Pure. */
export function readIndices(text: string): IndexFacts[] {
    return (JSON.parse(text) as Row[]).map((row) => ({
        index: row.index ?? "?",
        health: (row.health ?? "red") as Health,
        documents: Number(row["docs.count"] ?? 0),
        bytes: Number(row["store.size"] ?? 0),
    }));
}
