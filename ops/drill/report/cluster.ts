/** What a report says of a cluster: transitions, copies, and when data happened and arrived. Pure. */
import type { ClusterReport, Histogram, StatusSpan } from "../apm/report";
import type { TransitionResult } from "../apm/transitions";
import type { Span } from "../probe/gaps";
import type { DrillReport } from "./schema";
import { plotSvg, type Lane, type Series } from "./svg";
import { row } from "./words";

const STATUS_COLOURS = { green: "#15803d", yellow: "#d97706", red: "#dc2626", none: "#334155" };
const NODE_COLOURS = ["#2563eb", "#0891b2", "#7c3aed", "#be185d"];

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Cells of the table of transitions: what, since when, how long it took, how long it may take, who said what. */
export function transitionRows({ transitions }: ClusterReport): string[][] {
    return transitions.map(({ title, since, sinceAt, reachedAt, withinMs, node, seen, state, optional }) => [
        title,
        since,
        reachedAt === undefined ? (optional ? "not seen" : word(state)) : seconds(reachedAt - (sinceAt ?? reachedAt)),
        seconds(withinMs),
        node ? `${node}: ${seen}` : seen,
    ]);
}

const word = (state: TransitionResult["state"]): string => (state === "missing" ? "missing" : state);

export const TRANSITION_HEAD = ["State", "Since", "Seen after", "Allowed", "What was said"];

/** Sections of the report for a ticket. */
export function clusterMarkdown({ cluster, fault, startedAt }: DrillReport): string[] {
    if (!cluster) return [];
    const zero = fault?.from ?? startedAt;
    return [
        "## What the cluster went through",
        "",
        row(...TRANSITION_HEAD),
        row(...TRANSITION_HEAD.map(() => "---")),
        ...transitionRows(cluster).map((cells) => row(...cells)),
        "",
        row("From", "To", "Status", "Manager"),
        row("---", "---", "---", "---"),
        ...cluster.status.map(({ span, status, manager }) =>
            row(seconds(span.from - zero), seconds(span.to - zero), status, manager ?? "none named"),
        ),
        "",
        "Longest time without anything, by when it happened and by when it could first be found:",
        "",
        row("Signal", "Event time", "Arrival"),
        row("---", "---", "---"),
        ...cluster.eventTime.map(({ signal, gap }) =>
            row(signal, seconds(gap.ms), seconds(arrivalOf(cluster, signal)?.gap.ms ?? 0)),
        ),
        "",
    ];
}

const arrivalOf = ({ arrival }: ClusterReport, signal: string): Histogram | undefined =>
    arrival.find((one) => one.signal === signal);

/** Lanes of the timeline: status and manager. */
export function clusterLanes({ cluster, system }: DrillReport, since: (at: number) => string): Lane[] {
    if (!cluster) return [];
    const names = system.nodes.map(({ name }) => name);
    const stretch = (colour: (span: StatusSpan) => string, title: (span: StatusSpan) => string) =>
        cluster.status.map((one) => ({
            span: one.span,
            colour: colour(one),
            title: `${title(one)} from ${since(one.span.from)} to ${since(one.span.to)}`,
        }));
    const managerColour = ({ manager }: StatusSpan): string =>
        manager ? (NODE_COLOURS[names.indexOf(manager)] ?? STATUS_COLOURS.none) : STATUS_COLOURS.none;
    return [
        {
            name: "status",
            stretches: stretch(
                ({ status }) => STATUS_COLOURS[status],
                ({ status }) => status,
            ),
        },
        { name: "manager", stretches: stretch(managerColour, ({ manager }) => manager ?? "none named") },
        ...names.map((name): Lane => ({ name, stretches: awayOf(cluster, name, since) })),
    ];
}

/** When a node was away. */
function awayOf({ marks, status }: ClusterReport, name: string, since: (at: number) => string) {
    const end = status.at(-1)?.span.to ?? 0;
    const own = marks.filter(({ nodes, does }) => does !== "nothing" && nodes.includes(name));
    return own
        .map(({ at, does }, i) => ({ does, span: { from: at, to: own[i + 1]?.at ?? end } }))
        .filter(({ does }) => does === "away")
        .map(({ span }) => ({
            span,
            colour: STATUS_COLOURS.none,
            title: `away from ${since(span.from)} to ${since(span.to)}`,
        }));
}

/** Plots: copies, and the seed's chart with and without its gap. */
export function clusterPlots({ cluster, fault }: DrillReport, span: Span): string[] {
    if (!cluster) return [];
    const steps = (pick: (counts: ClusterReport["copies"][number]) => number): [number, number][] =>
        cluster.copies.flatMap((counts, i): [number, number][] => {
            const until = cluster.copies[i + 1]?.at ?? span.to;
            return [
                [counts.at, pick(counts)],
                [until, pick(counts)],
            ];
        });
    const copies: Series[] = [
        { name: "unassigned", colour: STATUS_COLOURS.red, points: steps(({ unassigned }) => unassigned) },
        { name: "initializing", colour: STATUS_COLOURS.yellow, points: steps(({ initializing }) => initializing) },
        { name: "relocating", colour: NODE_COLOURS[0]!, points: steps(({ relocating }) => relocating) },
    ];
    const chart = (title: string, all: Histogram[]): string =>
        plotSvg({
            ...{ span, fault, title, unit: "documents/s" },
            series: all.map((one, i) => ({
                name: one.signal,
                colour: NODE_COLOURS[i]!,
                points: perSecond(one, span),
            })),
        });
    return [
        plotSvg({ span, fault, title: "Copies", unit: "by what nodes that are not away say", series: copies }),
        chart("By the time at which it happened, in the end", cluster.eventTime),
        chart("By the time at which it could first be found", cluster.arrival),
    ];
}

/** Seconds without anything are zero. */
function perSecond({ seconds: known }: Histogram, { from, to }: Span): [number, number][] {
    const counts = new Map(known);
    const points: [number, number][] = [];
    for (let second = Math.ceil(from / 1000); second * 1000 <= to; second++)
        points.push([second * 1000, counts.get(second) ?? 0]);
    return points;
}
