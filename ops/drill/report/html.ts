/** The report as one page that needs nothing else. Pure. */
import { gapLimit } from "../configuration";
import type { Span } from "../probe/gaps";
import { SCENARIOS } from "../scenarios/all";
import { clusterLanes, clusterPlots, TRANSITION_HEAD, transitionRows } from "./cluster";
import type { DrillReport, RatePoint, TimelineEvent, VerdictState } from "./schema";
import { escapeHtml, lanesSvg, plotSvg, type Lane, type Series } from "./svg";
import { loadText, recoveryLayers, sentSignals } from "./words";

const COLOURS = ["#2563eb", "#0891b2", "#7c3aed", "#c2410c", "#15803d", "#be185d"];
const GOOD = "#15803d";
const BAD = "#dc2626";
const NEUTRAL = "#64748b";

const STYLE = `
:root{color-scheme:light dark;--line:#cbd5e1;--faint:#64748b;--fault:#f59e0b33}
body{font:14px/1.45 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em}
h1{font-size:1.5em;margin-bottom:0}h2{font-size:1.1em;margin-top:2em}small,.faint{color:var(--faint)}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25em .6em .25em 0;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right}.passed{color:#15803d}.deviated,.failed{color:#dc2626}.not{color:#b45309}
svg{width:100%;height:auto;font:11px system-ui,sans-serif}svg text{fill:var(--faint)}.grid{stroke:var(--line);stroke-width:.5}
.limit{stroke:#dc2626;stroke-dasharray:4 3}.fault{fill:var(--fault)}figure{margin:1em 0}figcaption span{margin-left:1em;white-space:nowrap}
figcaption i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.3em}
.cards{display:flex;flex-wrap:wrap;gap:1em}.cards div{border:1px solid var(--line);border-radius:6px;padding:.5em .9em}.cards b{display:block;font-size:1.25em}
`;

type Cell = string | { html: string };
const html = (text: string): Cell => ({ html: text });
const cell = (value: Cell): string => (typeof value === "string" ? escapeHtml(value) : value.html);

function table(head: string[], rows: Cell[][], numbersFrom = Infinity): string {
    const kind = (at: number): string => (at >= numbersFrom ? ' class="n"' : "");
    const header = head.map((text, at) => `<th${kind(at)}>${escapeHtml(text)}</th>`).join("");
    const body = rows.map((row) => `<tr>${row.map((value, at) => `<td${kind(at)}>${cell(value)}</td>`).join("")}</tr>`);
    return `<table><thead><tr>${header}</tr></thead><tbody>${body.join("\n")}</tbody></table>`;
}

export function htmlReport(report: DrillReport): string {
    const { scenario, outcome } = report;
    const title = `Drill ${scenario.name}: ${outcome}`;
    return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body>
<h1>${escapeHtml(scenario.title)}</h1>
<p><b class="${outcome}">${outcome}</b> <small>${escapeHtml(header(report))}</small></p>
<p>${escapeHtml(scenario.description)}</p>
${report.failure ? `<p class="failed">Could not be carried out: ${escapeHtml(report.failure)}</p>` : ""}
${cards(report)}
<h2>Hypotheses</h2>${verdictTable(report)}
<h2>Timeline</h2>${lanes(report)}
${plots(report)}
${transitions(report)}
<h2>Integrity</h2>${integrityTables(report)}
<h2>Availability</h2>${availabilityTable(report)}
<h2>Events</h2>${eventTable(report)}
<h2>The run</h2>${runTable(report)}
</body></html>
`;
}

function header(report: DrillReport): string {
    const { system, startedAt } = report;
    return `${new Date(startedAt).toISOString()}, configuration ${system.configuration}, ${loadText(report)}`;
}

function transitions({ cluster }: DrillReport): string {
    if (!cluster) return "";
    return `<h2>What the cluster went through</h2>${table(TRANSITION_HEAD, transitionRows(cluster))}`;
}

const ms = (value: number | undefined): string =>
    value === undefined
        ? "not measured"
        : value >= 10_000
          ? `${(value / 1000).toFixed(1)} s`
          : `${Math.round(value)} ms`;

function cards(report: DrillReport): string {
    const { recovery, integrity, cluster } = report;
    const layers: [string, number | undefined][] = cluster
        ? recoveryLayers(report)
        : [
              ["virtual IP without owner", recovery.virtualIp],
              ["intake interrupted", recovery.ingest],
              ["queries interrupted", recovery.query],
              ["object store without writes", recovery.storeWritable],
              ["until full redundancy", recovery.fullRedundancy],
          ];
    const all = [...layers, ["age span of what was lost (RPO)", integrity.recoveryPointMs] as const].map(
        ([name, value]) => [name, ms(value)],
    );
    return `<div class="cards">${all.map(([name, value]) => `<div><b>${value}</b>${name}</div>`).join("")}</div>`;
}

const CLASSES: Record<VerdictState, string> = { passed: "passed", deviated: "deviated", "not measured": "not" };

function verdictTable({ verdicts, cluster }: DrillReport): string {
    const page = cluster ? "apm-drills" : "drills";
    const rows = verdicts.map(({ state, hypothesis, tolerance, seen, runbook }): Cell[] => [
        html(`<b class="${CLASSES[state]}">${state}</b>`),
        hypothesis,
        tolerance,
        state === "deviated" && runbook ? `${seen}. See docs/${page}.md, "${runbook}"` : seen,
    ]);
    return table(["", "Hypothesis", "Tolerance", "Seen"], rows);
}

/** What the plots show: from the first event to a little after the load. */
function shown({ timeline, startedAt, endedAt }: DrillReport): Span {
    const end = timeline.find(({ what }) => what === "load ends")?.at;
    return { from: timeline[0]?.at ?? startedAt, to: end ? end + 1000 : endedAt };
}

function lanes(report: DrillReport): string {
    const span = shown(report);
    const since = (at: number): string => `${((at - (report.fault?.from ?? span.from)) / 1000).toFixed(3)} s`;
    const owner: Lane = {
        name: "owner",
        stretches: report.ownership.map(({ owner: who, span: s }) => ({
            span: s,
            colour: who.length === 1 ? COLOURS[report.system.nodes.findIndex(({ name }) => name === who[0])]! : BAD,
            title: `${who.join(" and ") || "nobody"} from ${since(s.from)} to ${since(s.to)}`,
        })),
    };
    const marks = (events: TimelineEvent[]): Lane["marks"] =>
        events.map(({ at, what, detail }) => ({
            at,
            colour: /DOWN|die|unhealthy|not ready|no server|off/.test(what)
                ? BAD
                : /UP|start|healthy|ready/.test(what)
                  ? GOOD
                  : NEUTRAL,
            title: `${since(at)} ${what}${detail ? ` ${detail}` : ""}`,
        }));
    const nodes = report.system.nodes.flatMap(({ name }) =>
        (["haproxy", "container", "service"] as const).map((source): Lane => {
            const own = report.timeline.filter((event) => event.node === name && event.source === source);
            return { name: `${name} ${source === "container" ? "docker" : source}`, marks: marks(own) };
        }),
    );
    const fault: Lane = { name: "fault", marks: marks(report.timeline.filter(({ source }) => source === "fault")) };
    const own = report.cluster ? clusterLanes(report, since) : [owner];
    const used = report.cluster ? nodes.filter((lane) => lane.marks!.length > 0) : nodes;
    return lanesSvg([...own, fault, ...used], span, report.fault);
}

function plots(report: DrillReport): string {
    const span = shown(report);
    const common = { span, fault: report.fault };
    const series = (pick: (point: RatePoint) => number | undefined, scale: number): Series[] =>
        Object.entries(report.plots.rates).map(([name, points], at) => ({
            name,
            colour: COLOURS[at % COLOURS.length]!,
            points: points.flatMap((point): [number, number][] => {
                const value = pick(point);
                return value === undefined ? [] : [[point.at, value * scale]];
            }),
        }));
    const reads = (["metrics", "logs"] as const).flatMap((signal, at): Series[] => {
        const own = report.plots.reads.filter((read) => read.signal === signal && read.kind === "fresh");
        const points = (good: boolean): [number, number][] =>
            own.filter(({ error }) => (error === undefined) === good).map((read) => [read.at, read.ms]);
        return [
            { name: signal, colour: COLOURS[at]!, points: points(true), dots: true },
            { name: `${signal}, failed`, colour: BAD, points: points(false), dots: true },
        ];
    });
    const scenario = SCENARIOS.find(({ name }) => name === report.scenario.name);
    const limit = scenario && gapLimit(scenario.gap, report.system.configuration);
    return [
        plotSvg({
            ...common,
            title: "Acknowledged",
            unit: "items/s",
            series: filled(
                series((p) => p.acknowledged, 5),
                span,
            ),
        }),
        plotSvg({
            ...common,
            title: "Failed attempts",
            unit: "per second",
            series: filled(
                series((p) => p.failed, 5),
                span,
            ),
        }),
        plotSvg({
            ...common,
            title: "Slowest answer",
            unit: "ms, line: limit of a gap",
            series: series((p) => p.maxMs, 1),
            limit,
        }),
        ...(report.cluster
            ? clusterPlots(report, span)
            : [plotSvg({ ...common, title: "Queries through the virtual IP", unit: "ms", series: reads })]),
        plotSvg({ ...common, title: "Queues", unit: "bytes", series: queueSeries(report) }),
    ].join("\n");
}

/** Where there is no point nothing happened: a rate is zero there. */
function filled(all: Series[], span: Span): Series[] {
    const step = 200;
    return all.map((series) => {
        const known = new Map(series.points);
        const points: [number, number][] = [];
        for (let at = Math.ceil(span.from / step) * step; at <= span.to; at += step)
            points.push([at, known.get(at) ?? 0]);
        return { ...series, points };
    });
}

function queueSeries({ queues }: DrillReport): Series[] {
    const names = Object.keys(queues.peak).filter((name) => queues.peak[name]! > 0);
    return names.map((name, at) => ({
        name,
        colour: COLOURS[at % COLOURS.length]!,
        points: queues.samples.flatMap((sample): [number, number][] => {
            const value = name.startsWith(`${sample.node} `)
                ? sample.queues[name.slice(sample.node.length + 1)]
                : undefined;
            return value === undefined ? [] : [[sample.at, value]];
        }),
    }));
}

function integrityTables(report: DrillReport): string {
    const { integrity } = report;
    const sent = sentSignals(report).map(([signal, s]) => {
        return [signal, ...[s.sent, s.acknowledged, s.refused, s.pending, s.outOfOrderRequests].map(String)];
    });
    const views = integrity.views.map(({ view, signal, balance: b, error, source }): Cell[] => [
        view,
        signal,
        ...[b.found, b.lost, b.duplicated, b.recovered, b.late, b.unexpected].map((count, at) =>
            html(
                `<span class="${[1, 2, 5].includes(at) && count > 0 ? "deviated" : ""}">${error ? "?" : count}</span>`,
            ),
        ),
        error ?? source,
    ]);
    const counters = Object.keys({ ...integrity.outOfOrderSamples, ...integrity.refusedSamples }).map((node) => [
        node,
        String(integrity.outOfOrderSamples[node] ?? "?"),
        String(integrity.refusedSamples[node] ?? "?"),
    ]);
    return [
        table(["Signal", "Sent", "Acknowledged", "Refused", "Unanswered", "Requests out of order"], sent, 1),
        "<br>",
        table(
            ["View", "Signal", "Found", "Lost", "Duplicated", "Recovered", "Late", "Unexpected", "Read from"],
            views,
            2,
        ),
        "<p class='faint'>Lost: acknowledged and missing. Recovered: not acknowledged and there. Late: missing while the fault lasted.</p>",
        ...(report.cluster
            ? []
            : [table(["Back ends of", "Samples taken out of order", "Items refused"], counters, 1)]),
    ].join("\n");
}

function availabilityTable({ availability }: DrillReport): string {
    const rows = [...availability.probes, ...availability.generator].map((probe) => [
        probe.client,
        ...[probe.before, probe.during, probe.after].flatMap(({ asked, succeeded, p50Ms, p99Ms }) => [
            asked ? `${((100 * succeeded) / asked).toFixed(1)} %` : "-",
            p50Ms === undefined ? "-" : `${Math.round(p50Ms)} / ${Math.round(p99Ms!)}`,
        ]),
        ms(probe.longestGapBefore.ms),
        ms(probe.longestGap.ms),
    ]);
    const head = [
        "Client",
        "before",
        "p50/p99 ms",
        "during",
        "p50/p99 ms",
        "after",
        "p50/p99 ms",
        "gap before",
        "gap since",
    ];
    const failures = Object.entries(availability.failures).sort(([, a], [, b]) => b - a);
    return `${table(head, rows, 1)}<br>${table(
        ["Attempt failed with", "Times"],
        failures.map(([error, count]) => [error, String(count)]),
        1,
    )}`;
}

function eventTable({ timeline, fault, startedAt }: DrillReport): string {
    const rows = timeline.map(({ at, source, node, what, detail }) => [
        `${((at - (fault?.from ?? startedAt)) / 1000).toFixed(3)} s`,
        node ?? "",
        source,
        `${what}${detail ? ` (${detail})` : ""}`,
    ]);
    return table(["Since the fault", "Node", "Source", "What"], rows);
}

function runTable({ scenario, system, load, clientStalls, leftovers }: DrillReport): string {
    const longestStall = clientStalls.reduce((most, stall) => Math.max(most, stall.ms), 0);
    const images = system.nodes.map(({ images: all }) =>
        Object.entries(all).map(([name, image]) => `${name} ${image}`),
    );
    return table(
        ["", ""],
        [
            ["Method", scenario.method.join("; ")],
            ["Clients", load.clients.join("; ")],
            ["Requests not made, for lack of room", String(load.skippedRequests)],
            ["The measuring processes stood still", `${clientStalls.length} times, for ${longestStall} ms at most`],
            [
                "Clocks of the hosts",
                system.nodes.map(({ name, clockOffsetMs }) => `${name} ${clockOffsetMs ?? "?"} ms`).join(", "),
            ],
            ["Settings", system.configHash],
            ...system.nodes.map(({ name, address }, at) => [`${name}, ${address}`, images[at]!.join(", ")]),
            ["Left behind", leftovers.join(", ") || "nothing"],
        ],
    );
}
