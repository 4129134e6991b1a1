/** Who held the virtual IP, and when: from what the hosts said. Pure. */
import type { Span } from "../probe/gaps";
import type { Ownership, TimelineEvent } from "../report/schema";

/** The events by which the drill says that a host is losing its power, and that it has none any more. */
export const HOST_GOING = "host goes off";
export const HOST_OFF = "host off";
/** The event by which the drill says that the fault is in. */
export const INJECTED = "injected";

/** Stretches with the same owners, in order, over the whole span. */
export function ownership(timeline: TimelineEvent[], span: Span): Ownership[] {
    const holds = new Set<string>();
    const periods: Ownership[] = [];
    // Before all hosts have said how they stand nothing is known.
    let since = Math.max(span.from, known(timeline));
    const drop = (node: string, at: number): void => {
        close(Math.min(at, span.to));
        holds.delete(node);
    };
    const close = (to: number): void => {
        if (to > since) periods.push({ owner: [...holds].sort(), span: { from: since, to } });
        since = Math.max(since, to);
    };
    const changes = timeline
        .filter(({ source, what }) => source === "vip" || (source === "fault" && [HOST_GOING, HOST_OFF].includes(what)))
        .sort((a, b) => a.at - b.at);
    const going = new Set<string>();
    for (const { source, node, what, at } of changes) {
        if (what === HOST_GOING) {
            going.add(node!);
            continue;
        }
        const held = source === "vip" && what === "held";
        // Nobody can say when exactly a host has died: when another one takes the address, it has.
        if (held && at > since) for (const gone of going) if (gone !== node && holds.has(gone)) drop(gone, at);
        going.delete(node!);
        if (held === holds.has(node!)) continue;
        // Where it was held when the watch began is not a change.
        if (at > since) close(Math.min(at, span.to));
        if (held) holds.add(node!);
        else holds.delete(node!);
    }
    close(span.to);
    return merge(periods);
}

/** When the last of the hosts first said whether it holds the address. */
function known(timeline: TimelineEvent[]): number {
    const first = new Map<string, number>();
    for (const { source, node, at } of timeline)
        if (source === "vip" && at < (first.get(node!) ?? Infinity)) first.set(node!, at);
    return Math.max(0, ...first.values());
}

function merge(periods: Ownership[]): Ownership[] {
    const merged: Ownership[] = [];
    for (const period of periods) {
        const last = merged.at(-1);
        if (last && last.owner.join() === period.owner.join()) last.span.to = period.span.to;
        else merged.push({ owner: period.owner, span: { ...period.span } });
    }
    return merged;
}

/** The longest stretch within the span that satisfies `which`, milliseconds. */
export function longest(periods: Ownership[], span: Span, which: (owner: string[]) => boolean): number {
    return periods
        .filter(({ owner }) => which(owner))
        .map(({ span: { from, to } }) => Math.min(to, span.to) - Math.max(from, span.from))
        .reduce((most, ms) => Math.max(most, ms), 0);
}
