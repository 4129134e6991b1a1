/** What a cluster has to go through, as data, and whether it did. Pure. */
import type { Health } from "../../apm/answers";
import type { ClusterView } from "../../apm/poller";

/** What a node has to say. All parts have to hold. */
export interface Condition {
    status?: Health[];
    /** Number of nodes in the cluster. */
    nodes?: number;
    /** any: there is one. other: and it is none of those that are away. none: this node knows none, and says so. */
    manager?: "any" | "other" | "none";
    /** fewer: than were seen since the beginning of the wait. */
    unassigned?: "some" | "none" | "fewer";
    initializing?: "some" | "none";
    relocating?: "some" | "none";
    /** Indexes that take no writes for lack of room. */
    blocked?: "some" | "none";
    /** Every copy is STARTED. */
    allStarted?: boolean;
    /** No copy is on a node that is away. */
    noneAway?: boolean;
    /** So many more copies than the node with the fewest may one have. */
    balanced?: number;
    /** Asked for the cluster's health, it refuses (503, 504) within so many milliseconds. */
    refusesWithinMs?: number;
}

/** How long things may take; which settings decide, is in {@link limitsFor}. */
export type LimitName = "detection" | "begins" | "rebuilt" | "boot" | "disk" | "rolling";

/** Seconds. */
export type Limits = Record<LimitName, number>;

/** A state that has to be seen. */
export interface Transition {
    id: string;
    /** @example "green on two nodes" */
    title: string;
    /** A mark, or an earlier transition. @default the one before it in the list; the first: the step's mark */
    since?: string;
    within: LimitName;
    when: Condition;
    /** Who has to say it: anyone of the nodes that are not away, or each. @default "any" */
    by?: "any" | "each";
    /** Noted when it is seen, and not demanded: it may pass between two looks. */
    optional?: boolean;
}

/** A state that must not be seen between two marks, or transitions. */
export interface Forbidden {
    id: string;
    title: string;
    never: Condition;
    from: string;
    /** @default the end */
    to?: string;
}

/** Something that the drill did. */
export interface Mark {
    /** @example "off-1" */
    id: string;
    at: number;
    /** Nodes that are away from then on, or back, by the names that the API gives them. */
    nodes: string[];
    /** done: what was begun has ended, so that what holds at that time counts. */
    does: "away" | "back" | "nothing" | "done";
}

/** pending: there is time left. */
export type TransitionState = "reached" | "late" | "missing" | "pending";

/** What became of a {@link Transition}. */
export interface TransitionResult {
    id: string;
    title: string;
    /** What it was waited for from. */
    since: string;
    sinceAt?: number;
    withinMs: number;
    reachedAt?: number;
    /** Who said it, and what it said; or why it was not seen. */
    node?: string;
    seen: string;
    optional: boolean;
    state: TransitionState;
}

/** Limits for settings of a cluster, seconds. Pure. */
export function limitsFor(
    settings: {
        /** Longest `index.unassigned.node_left.delayed_timeout`. */
        delayedSeconds: number;
        /** Time in which the cluster notices that a host is silent. */
        detectionSeconds: number;
        /** Copies that a node may have to make anew; each may take a second. */
        copiesPerNode: number;
    },
    patience = 1,
): Limits {
    const { delayedSeconds, detectionSeconds, copiesPerNode } = settings;
    const usual: Limits = {
        // An election, and the publication to the others, come on top.
        detection: detectionSeconds + 8,
        begins: delayedSeconds + detectionSeconds + 20,
        rebuilt: delayedSeconds + 60 + 2 * copiesPerNode,
        boot: 180,
        // The cluster looks at its disks twice a minute.
        disk: 120,
        rolling: 600,
    };
    return Object.fromEntries(Object.entries(usual).map(([name, limit]) => [name, limit * patience])) as Limits;
}

/** Names of the nodes that are away at a time. Pure. */
export function awayAt(marks: Mark[], at: number): Set<string> {
    const away = new Set<string>();
    for (const mark of [...marks].sort((a, b) => a.at - b.at)) {
        if (mark.at > at) continue;
        for (const node of mark.nodes) {
            if (mark.does === "away") away.add(node);
            if (mark.does === "back") away.delete(node);
        }
    }
    return away;
}

/** Results of a list in its order: each as far as the views, of which the newest is not older than `now`, tell. Pure. */
export function checkTransitions(
    transitions: { transition: Transition; mark: string }[],
    marks: Mark[],
    views: ClusterView[],
    limits: Limits,
    now: number,
): TransitionResult[] {
    const results: TransitionResult[] = [];
    let before: { mark: string; id: string } | undefined;
    for (const { transition, mark } of transitions) {
        const since = transition.since ?? (before?.mark === mark ? before.id : mark);
        const earlier = results.find(({ id }) => id === since);
        const sinceAt = earlier ? earlier.reachedAt : marks.find(({ id }) => id === since)?.at;
        results.push(
            earlier?.state === "pending"
                ? { ...unseen(transition, since, limits), seen: `waits for ${since}`, state: "pending" }
                : checkOne(transition, { since, sinceAt }, marks, views, limits, now),
        );
        if (!transition.optional) before = { mark, id: transition.id };
    }
    return results;
}

const unseen = ({ id, title, within, optional = false }: Transition, since: string, limits: Limits) => {
    return { id, title, since, withinMs: limits[within] * 1000, optional };
};

function checkOne(
    transition: Transition,
    { since, sinceAt }: { since: string; sinceAt?: number },
    marks: Mark[],
    views: ClusterView[],
    limits: Limits,
    now: number,
): TransitionResult {
    const { when, by = "any" } = transition;
    const base = { ...unseen(transition, since, limits), sinceAt };
    const { withinMs } = base;
    if (sinceAt === undefined) return { ...base, seen: `${since} was not seen before it`, state: "missing" };
    // What a fault does comes after it: what was said before it would be another trouble's.
    const fresh = marks.some(({ id, does }) => id === since && (does === "away" || does === "nothing"));
    const found = firstView(when, by, sinceAt, marks, views, fresh);
    if (found) {
        const state = found.at - sinceAt <= withinMs ? "reached" : "late";
        return { ...base, reachedAt: found.at, node: found.view.node, seen: describeView(found.view), state };
    }
    const last = standingViews(views, marks, now);
    const seen = last.map((view) => `${view.node}: ${describeView(view)}`).join("; ") || "nobody answers";
    return { ...base, seen: `not seen; in the end ${seen}`, state: now - sinceAt < withinMs ? "pending" : "missing" };
}

/** When everything was that has a name: marks, and transitions that were reached. Pure. */
export function points(marks: Mark[], results: TransitionResult[]): Map<string, number> {
    const all = new Map(marks.map(({ id, at }) => [id, at]));
    for (const { id, reachedAt } of results) if (reachedAt !== undefined) all.set(id, reachedAt);
    return all;
}

/** When a forbidden state was first seen; undefined: it was not. "unknown": what it is forbidden from on has not happened. Pure. */
export function checkForbidden(
    { never, from, to }: Forbidden,
    named: Map<string, number>,
    marks: Mark[],
    views: ClusterView[],
): { at: number; view: ClusterView } | "unknown" | undefined {
    const start = named.get(from);
    if (start === undefined) return "unknown";
    const end = to === undefined ? Infinity : (named.get(to) ?? Infinity);
    const found = firstView(never, "any", start, marks, views);
    return found && found.at < end ? found : undefined;
}

/** The newest view of each node that is not away, at a time. */
function standingViews(views: ClusterView[], marks: Mark[], at: number): ClusterView[] {
    const newest = new Map<string, ClusterView>();
    for (const view of views) if (view.at <= at) newest.set(view.node, view);
    const away = awayAt(marks, at);
    return [...newest.values()].filter(({ node }) => !away.has(node));
}

// What was said before the beginning still holds then: nobody says it again until it changes.
function firstView(
    condition: Condition,
    by: "any" | "each",
    from: number,
    marks: Mark[],
    views: ClusterView[],
    fresh = false,
): { at: number; view: ClusterView } | undefined {
    const newest = new Map<string, ClusterView>();
    for (const view of views) if (view.at <= from) newest.set(view.node, view);
    let most = 0;
    const look = (at: number, spoke?: ClusterView): ClusterView | undefined => {
        const away = awayAt(marks, at);
        const live = [...newest.values()].filter(({ node }) => !away.has(node));
        most = Math.max(most, ...live.map(({ health }) => health?.unassigned ?? 0));
        const circumstances = { away, mostUnassigned: most };
        if (by === "each")
            return live.length > 0 && live.every((view) => holds(condition, view, circumstances)) ? live[0] : undefined;
        return (spoke ? live.filter((view) => view === spoke) : live).find((view) =>
            holds(condition, view, circumstances),
        );
    };
    const standing = look(from);
    if (standing && !fresh) return { at: from, view: standing };
    for (const view of views) {
        if (view.at <= from) continue;
        newest.set(view.node, view);
        const found = look(view.at, view);
        if (found) return { at: view.at, view: found };
    }
    return undefined;
}

/** Whether a view is as a condition says. Pure. */
export function holds(
    condition: Condition,
    view: ClusterView,
    { away, mostUnassigned }: { away: Set<string>; mostUnassigned: number },
): boolean {
    const { health, shards, refusal } = view;
    const checks: [unknown, () => boolean][] = [
        [condition.status, () => health !== undefined && condition.status!.includes(health.status)],
        [condition.nodes, () => health?.nodes === condition.nodes],
        [condition.manager, () => managerIs(condition.manager!, view, away)],
        [
            condition.unassigned,
            () =>
                condition.unassigned === "fewer"
                    ? health !== undefined && health.unassigned < mostUnassigned
                    : amount(condition.unassigned!, health?.unassigned),
        ],
        [condition.initializing, () => amount(condition.initializing!, initializing(view))],
        [condition.relocating, () => amount(condition.relocating!, health?.relocating)],
        [condition.blocked, () => amount(condition.blocked!, view.blocked)],
        [condition.allStarted, () => allStarted(view)],
        [condition.noneAway, () => shards !== undefined && !Object.keys(shards).some((node) => away.has(node))],
        [condition.balanced, () => imbalance(view) <= condition.balanced!],
        [
            condition.refusesWithinMs,
            () => [503, 504].includes(refusal?.status ?? 0) && refusal!.ms <= condition.refusesWithinMs!,
        ],
    ];
    return checks.every(([part, check]) => part === undefined || check());
}

function managerIs(which: "any" | "other" | "none", view: ClusterView, away: Set<string>): boolean {
    if (which === "none") return view.managerKnown === false && view.manager === undefined;
    return view.manager !== undefined && (which === "any" || !away.has(view.manager));
}

const amount = (which: "some" | "none", count: number | undefined): boolean =>
    count !== undefined && (which === "some" ? count > 0 : count === 0);

/** By any of the three APIs that tell: a copy is made in a moment, and each is asked at another one. */
function initializing({ health, shards, recoveries }: ClusterView): number | undefined {
    const counted = shards && Object.values(shards).reduce((sum, node) => sum + node.initializing, 0);
    const known = [health?.initializing, counted, recoveries].filter((count) => count !== undefined);
    return known.length > 0 ? Math.max(...known) : undefined;
}

function allStarted({ health, shards }: ClusterView): boolean {
    if (!health || !shards) return false;
    const moving = Object.values(shards).some((node) => node.initializing + node.relocating > 0);
    return health.unassigned === 0 && health.initializing === 0 && !moving;
}

/** How many more copies the node with the most has than the one with the fewest. Pure. */
export function imbalance({ nodes, shards }: ClusterView): number {
    if (!nodes || !shards || nodes.length === 0) return Infinity;
    const counts = nodes.map((node) => (shards[node]?.started ?? 0) + (shards[node]?.relocating ?? 0));
    return Math.max(...counts) - Math.min(...counts);
}

/** @example "yellow, 2 nodes, manager apm-3, 8 unassigned (3 delayed), 2 initializing" */
export function describeView({ reachable, health, refusal, manager, managerKnown, blocked, shards }: ClusterView) {
    if (!reachable) return "no answer";
    const words: string[] = [];
    if (health) words.push(health.status, `${health.nodes} nodes`);
    else if (refusal) words.push(refused(refusal));
    words.push(manager ? `manager ${manager}` : managerKnown === false ? "no manager" : "manager unknown");
    if (health?.unassigned) {
        const waits = health.delayed ? ` (${health.delayed} wait for their node)` : "";
        words.push(`${health.unassigned} unassigned${waits}`);
    }
    if (health?.initializing) words.push(`${health.initializing} initializing`);
    if (health?.relocating) words.push(`${health.relocating} relocating`);
    if (blocked) words.push(`${blocked} indexes take no writes`);
    if (health && shards) words.push(copies(shards));
    return words.join(", ");
}

const refused = ({ status, error, ms }: NonNullable<ClusterView["refusal"]>): string =>
    status === 0 ? `no answer in ${ms} ms (${error})` : `${status} ${error} after ${ms} ms at most`;

const copies = (shards: NonNullable<ClusterView["shards"]>): string =>
    `copies ${Object.entries(shards)
        .map(([node, { started, initializing, relocating }]) => `${node} ${started + initializing + relocating}`)
        .join(", ")}`;
