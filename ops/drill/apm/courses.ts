/** Courses in time, out of what was seen. Pure. */
import type { ClusterView } from "../../apm/poller";
import type { Found } from "../accounting/found";
import type { ClientLedger } from "../load/ledger";
import type { Signal } from "../load/plan";
import { longestGap, type Gap, type Span } from "../probe/gaps";
import type { CopyCounts, EventHistogram, Histogram, StatusSpan } from "./report";
import type { SearchSample } from "./search-probe";
import { awayAt, type Mark } from "./transitions";

/** Status and manager, by the nodes that were not away: the newest word counts, unless somebody names no manager and nobody another one. */
export function statusSpans(views: ClusterView[], marks: Mark[], span: Span): StatusSpan[] {
    const newest = new Map<string, ClusterView>();
    const spans: StatusSpan[] = [];
    const times = [...views.map(({ at }) => at), ...marks.map(({ at }) => at)].sort((a, b) => a - b);
    let next = 0;
    for (const at of times) {
        while (next < views.length && views[next]!.at <= at) newest.set(views[next]!.node, views[next++]!);
        if (at > span.to) break;
        const away = awayAt(marks, at);
        const live = [...newest.values()].filter(({ node }) => !away.has(node)).sort((a, b) => b.at - a.at);
        const status = live.find(({ health }) => health)?.health?.status ?? "none";
        const manager = live.find((view) => view.manager)?.manager;
        const last = spans.at(-1);
        if (last?.status === status && last.manager === manager) continue;
        const from = Math.max(at, span.from);
        if (last) last.span.to = from;
        spans.push({ span: { from, to: span.to }, status, manager });
    }
    return spans.filter(({ span: { from, to } }) => to > from);
}

/** The longest stretch that is so, milliseconds; stretches that follow each other are one. */
export function longestStretch(spans: StatusSpan[], since: number, which: (span: StatusSpan) => boolean): number {
    let most = 0;
    let from: number | undefined;
    for (const one of spans) {
        if (!which(one)) from = undefined;
        else {
            from ??= Math.max(one.span.from, since);
            most = Math.max(most, one.span.to - from);
        }
    }
    return most;
}

/** Numbers of copies, whenever one changes. */
export function copyCounts(views: ClusterView[], marks: Mark[]): CopyCounts[] {
    const counts: CopyCounts[] = [];
    for (const { at, node, health } of views) {
        if (!health || awayAt(marks, at).has(node)) continue;
        const { unassigned, initializing, relocating } = health;
        const last = counts.at(-1);
        const same =
            last?.unassigned === unassigned && last.initializing === initializing && last.relocating === relocating;
        if (!same) counts.push({ at, unassigned, initializing, relocating });
    }
    return counts;
}

/** The longest time in which two nodes name different managers. */
export function twoManagers(views: ClusterView[], end: number): Gap {
    const says = new Map<string, string | undefined>();
    let since: number | undefined;
    let most: Gap = { from: 0, to: 0, ms: 0, stalledMs: 0 };
    const close = (to: number): void => {
        if (since !== undefined && to - since > most.ms) most = { from: since, to, ms: to - since, stalledMs: 0 };
    };
    for (const { at, node, manager } of views) {
        says.set(node, manager);
        const two = new Set([...says.values()].filter(Boolean)).size > 1;
        if (two) since ??= at;
        else {
            close(at);
            since = undefined;
        }
    }
    close(end);
    return most;
}

/** What was found, by the time at which it happened. */
export function eventTimes(signal: Signal, ledgers: ClientLedger[], found: Found, span: Span): EventHistogram {
    const times: number[] = [];
    const own = ledgers.filter((ledger) => ledger.client.signal === signal);
    for (const { client, requests } of own)
        for (const { n, at } of requests)
            for (let i = 0; i < client.itemsPerRequest; i++)
                if (found.times(client.id, n * client.itemsPerRequest + i) > 0) times.push(at);
    const made = own.flatMap(({ requests }) => requests.map(({ at }) => at));
    const events = times.map((at): [number, number] => [at, 1]);
    return { ...histogram(signal, events, span), nothingMadeMs: longestGap(made, span).ms };
}

/** What could be found, by the time at which that was first seen. A node that knows less than another one, or than before, says nothing new. */
export function arrivals(signal: Signal, samples: SearchSample[], span: Span): Histogram {
    const seen = samples
        .flatMap(({ at, ms, counts }) =>
            counts?.[signal] === undefined ? [] : [{ at: at + ms, count: counts[signal] }],
        )
        .sort((a, b) => a.at - b.at);
    let most = 0;
    const times: [number, number][] = [];
    for (const { at, count } of seen) {
        if (count <= most) continue;
        times.push([at, count - most]);
        most = count;
    }
    return histogram(signal, times, span);
}

function histogram(signal: Signal, times: [at: number, documents: number][], span: Span): Histogram {
    const seconds = new Map<number, number>();
    for (const [at, documents] of times) {
        const second = Math.floor(at / 1000);
        seconds.set(second, (seconds.get(second) ?? 0) + documents);
    }
    return {
        signal,
        seconds: [...seconds].sort(([a], [b]) => a - b),
        gap: longestGap(
            times.map(([at]) => at),
            span,
        ),
    };
}

/** When writes to a shard were acknowledged, through any of these nodes. */
export function shardSuccesses(ledgers: ClientLedger[], shard: number, shards: number): number[] {
    return ledgers.flatMap(({ requests }) =>
        requests.flatMap(({ n, acknowledgedAt }) =>
            acknowledgedAt === undefined || n % shards !== shard ? [] : [acknowledgedAt],
        ),
    );
}
