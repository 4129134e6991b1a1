/** Follows a cluster from each of its nodes, and keeps what changes. */
import type { ClusterHealth, ClusterNode, Health, Recovery, Shard } from "./answers";
import { isValue, type Asked, type ClusterApi, type Failure } from "./cluster";

/** How many copies a node has, by state. */
export interface NodeShards {
    started: number;
    initializing: number;
    relocating: number;
}

/** What one node says at one time. What is undefined it did not say then. */
export interface ClusterView {
    at: number;
    /** Who was asked. */
    node: string;
    /** Its own HTTP answers; without a manager, too. */
    reachable: boolean;
    /** Whether it knows a manager. */
    managerKnown?: boolean;
    /** Status as this node has it by itself. */
    localStatus?: Health;
    health?: ClusterHealth;
    /** How the question for the cluster's health ended, when it was not answered, and after which time. */
    refusal?: Failure & { ms: number };
    /** Name of the manager. */
    manager?: string;
    /** Names of the cluster's nodes. */
    nodes?: string[];
    /** By the name of the node that has them. */
    shards?: Record<string, NodeShards>;
    /** Why copies are unassigned, and how many. */
    reasons?: Record<string, number>;
    /** Copies that are being made. */
    recoveries?: number;
    /** Indexes that take no writes for lack of room. */
    blocked?: number;
}

/** Parts of a {@link ClusterView} that change one by one. */
export type Aspect = Exclude<keyof ClusterView, "at" | "node">;

/** Keeps views. Pure but for what it holds. */
export class ClusterRecord {
    /** Each differs from the one before it of the same node. In the order of their times. */
    readonly views: ClusterView[] = [];
    private readonly last = new Map<string, ClusterView>();

    /** Told of each new view. */
    constructor(private readonly changed: (view: ClusterView, before: ClusterView | undefined) => void = () => {}) {}

    /** The newest view of a node. */
    of(node: string): ClusterView | undefined {
        return this.last.get(node);
    }

    /** What a node says now of some aspects; undefined where it says nothing any more. */
    note(node: string, at: number, said: Partial<Pick<ClusterView, Aspect>>): void {
        const before = this.last.get(node);
        const view: ClusterView = { reachable: false, ...before, ...said, node, at };
        if (before && same(before, view)) return;
        this.last.set(node, view);
        this.views.push(view);
        this.changed(view, before);
    }
}

const same = (a: ClusterView, b: ClusterView): boolean =>
    [...new Set([...Object.keys(a), ...Object.keys(b)])].every(
        (key) => key === "at" || JSON.stringify(a[key as Aspect]) === JSON.stringify(b[key as Aspect]),
    );

/** Copies by node and state. Pure. */
export function countShards(shards: Shard[]): Pick<ClusterView, "shards" | "reasons"> {
    const byNode: Record<string, NodeShards> = {};
    const reasons: Record<string, number> = {};
    for (const { node, state, reason = "?" } of shards) {
        if (node === undefined) {
            if (state === "UNASSIGNED") reasons[reason] = (reasons[reason] ?? 0) + 1;
            continue;
        }
        const own = (byNode[node] ??= { started: 0, initializing: 0, relocating: 0 });
        if (state === "INITIALIZING") own.initializing++;
        // It is still there, and answers, until its copy elsewhere is whole.
        else if (state === "RELOCATING") own.relocating++;
        else own.started++;
    }
    const sorted = Object.entries(byNode).sort(([a], [b]) => a.localeCompare(b));
    return { shards: Object.fromEntries(sorted), reasons };
}

/** What each question's answer says. */
const QUESTIONS: Record<string, (api: ClusterApi) => Promise<Partial<Pick<ClusterView, Aspect>>>> = {
    local: async (api) => {
        const asked = await api.localHealth();
        if (isValue(asked))
            return { reachable: true, managerKnown: asked.value.managerKnown, localStatus: asked.value.status };
        return { reachable: asked.status > 0, managerKnown: undefined, localStatus: undefined };
    },
    health: async (api) => {
        const asked = await api.health();
        return isValue(asked)
            ? { health: asked.value, refusal: undefined }
            : { health: undefined, refusal: { status: asked.status, error: asked.error, ms: rough(asked.ms) } };
    },
    manager: async (api) => ({ manager: valueOf(await api.manager())?.name }),
    nodes: async (api) => ({ nodes: valueOf(await api.nodes())?.map(({ name }: ClusterNode) => name) }),
    shards: async (api) => {
        const shards = valueOf(await api.shards());
        return shards ? countShards(shards) : { shards: undefined, reasons: undefined };
    },
    recoveries: async (api) => ({
        recoveries: valueOf(await api.recoveries())?.filter(({ stage }: Recovery) => stage !== "done").length,
    }),
    blocked: async (api) => ({ blocked: valueOf(await api.blocked())?.length }),
};

const valueOf = <T>(asked: Asked<T>): T | undefined => (isValue(asked) ? asked.value : undefined);

// Halves of seconds: each millisecond would be a change.
const rough = (ms: number): number => Math.ceil(ms / 500) * 500;

/** Rounds between two askings: what is dear, or does not change within a moment, is asked more seldom. */
const EACH: Record<string, number> = { manager: 2, nodes: 2, recoveries: 2, blocked: 4 };

/** Asks every node all questions at a steady pace; one that hangs does not hold up the others. */
export class ClusterPoller {
    private timer?: NodeJS.Timeout;
    private rounds = 0;
    private readonly open = new Set<string>();

    constructor(
        /** By the name of the node. */
        private readonly apis: ReadonlyMap<string, ClusterApi>,
        private readonly record: ClusterRecord,
        private readonly intervalMs = 500,
    ) {}

    start(): void {
        this.timer = setInterval(() => this.round(), this.intervalMs);
        this.round();
    }

    stop(): void {
        clearInterval(this.timer);
    }

    private round(): void {
        const due = Object.keys(QUESTIONS).filter((question) => this.rounds % (EACH[question] ?? 1) === 0);
        this.rounds++;
        for (const [node, api] of this.apis) for (const question of due) void this.ask(node, api, question);
    }

    private async ask(node: string, api: ClusterApi, question: string): Promise<void> {
        const key = `${node} ${question}`;
        if (this.open.has(key)) return;
        this.open.add(key);
        const said = await QUESTIONS[question]!(api);
        this.open.delete(key);
        if (this.timer) this.record.note(node, Date.now(), said);
    }
}
