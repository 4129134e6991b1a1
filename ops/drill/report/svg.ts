/** Plots as inline SVG: no script, no file besides. Pure. */
import type { Span } from "../probe/gaps";

/** One line, or one row of points, of a plot. */
export interface Series {
    name: string;
    colour: string;
    points: [at: number, value: number][];
    /** Points instead of a line. */
    dots?: boolean;
}

export interface Plot {
    title: string;
    unit: string;
    span: Span;
    /** Shaded: the fault. */
    fault?: Span;
    series: Series[];
    /** A line to be compared with. */
    limit?: number;
}

const WIDTH = 960;
const HEIGHT = 190;
const LEFT = 56;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 24;

/** Text that may stand in HTML, also in an attribute. */
export function escapeHtml(text: string): string {
    const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
    return text.replace(/[&<>"']/g, (character) => names[character]!);
}

/** Horizontal position of a time. */
export const xOf = (at: number, span: Span): number =>
    round(LEFT + ((at - span.from) / Math.max(1, span.to - span.from)) * (WIDTH - LEFT - RIGHT));

const round = (value: number): number => Math.round(value * 10) / 10;

/** A plot with axes; seconds count from the beginning of the fault. */
export function plotSvg(plot: Plot): string {
    const most = Math.max(plot.limit ?? 0, ...plot.series.flatMap(({ points }) => points.map(([, value]) => value)), 1);
    const top = niceTop(most);
    const y = (value: number): number => round(HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM));
    const lines = [0, 0.5, 1].map((share) => {
        const at = y(top * share);
        return `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}" class="grid"/><text x="${LEFT - 6}" y="${at + 4}" text-anchor="end">${format(top * share)}</text>`;
    });
    const limit =
        plot.limit === undefined
            ? ""
            : `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(plot.limit)}" y2="${y(plot.limit)}" class="limit"/>`;
    const legend = plot.series.map(
        ({ name, colour }) => `<span><i style="background:${colour}"></i>${escapeHtml(name)}</span>`,
    );
    return `<figure><figcaption>${escapeHtml(plot.title)} <small>${escapeHtml(plot.unit)}</small> ${legend.join(" ")}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(plot.title)}">${shade(plot.span, plot.fault)}${lines.join("")}${timeAxis(plot.span, plot.fault)}${limit}${plot.series.map((series) => draw(series, plot.span, y)).join("")}</svg></figure>`;
}

function draw({ points, colour, dots }: Series, span: Span, y: (value: number) => number): string {
    const inside = points.filter(([at]) => at >= span.from && at <= span.to);
    if (dots)
        return inside
            .map(([at, value]) => `<circle cx="${xOf(at, span)}" cy="${y(value)}" r="2" fill="${colour}"/>`)
            .join("");
    if (inside.length === 0) return "";
    const path = inside.map(([at, value], i) => `${i ? "L" : "M"}${xOf(at, span)} ${y(value)}`).join("");
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="1.3"/>`;
}

function shade(span: Span, fault: Span | undefined, height = HEIGHT): string {
    if (!fault) return "";
    const [from, to] = [xOf(fault.from, span), xOf(Math.min(fault.to, span.to), span)];
    return `<rect x="${from}" width="${round(Math.max(1, to - from))}" y="0" height="${height}" class="fault"/>`;
}

function timeAxis(span: Span, fault: Span | undefined, height = HEIGHT): string {
    const zero = fault?.from ?? span.from;
    const step = niceStep((span.to - span.from) / 10);
    const ticks: string[] = [];
    for (let at = zero + Math.ceil((span.from - zero) / step) * step; at <= span.to; at += step) {
        const label = `${Math.round((at - zero) / 100) / 10} s`;
        ticks.push(`<text x="${xOf(at, span)}" y="${height - 6}" text-anchor="middle">${label}</text>`);
    }
    return ticks.join("");
}

/** One row of stretches, or of marks, in a chart of lanes. */
export interface Lane {
    name: string;
    stretches?: { span: Span; colour: string; title: string }[];
    marks?: { at: number; colour: string; title: string }[];
}

const LANE = 20;

/** Lanes under each other, over the same time. */
export function lanesSvg(lanes: Lane[], span: Span, fault: Span | undefined): string {
    const height = lanes.length * LANE + BOTTOM + 4;
    const rows = lanes.map(({ name, stretches = [], marks = [] }, row) => {
        const y = row * LANE + 4;
        const boxes = stretches.map(({ span: s, colour, title }) => {
            const [from, to] = [xOf(Math.max(s.from, span.from), span), xOf(Math.min(s.to, span.to), span)];
            return `<rect x="${from}" width="${round(Math.max(1, to - from))}" y="${y}" height="${LANE - 6}" fill="${colour}"><title>${escapeHtml(title)}</title></rect>`;
        });
        const points = marks
            .filter(({ at }) => at >= span.from && at <= span.to)
            .map(
                ({ at, colour, title }) =>
                    `<circle cx="${xOf(at, span)}" cy="${y + LANE / 2 - 3}" r="4" fill="${colour}"><title>${escapeHtml(title)}</title></circle>`,
            );
        return `<text x="${LEFT - 6}" y="${y + LANE / 2 + 1}" text-anchor="end">${escapeHtml(name)}</text>${boxes.join("")}${points.join("")}`;
    });
    return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="timeline">${shade(span, fault, height)}${rows.join("")}${timeAxis(span, fault, height)}</svg>`;
}

function niceTop(value: number): number {
    const power = 10 ** Math.floor(Math.log10(value));
    return [1, 2, 3, 5, 10].map((factor) => factor * power).find((top) => top >= value)!;
}

function niceStep(ms: number): number {
    const steps = [500, 1000, 2000, 5000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000];
    return steps.find((step) => step >= ms) ?? Math.ceil(ms / 600_000) * 600_000;
}

const format = (value: number): string =>
    value >= 1_000_000
        ? `${value / 1_000_000} M`
        : value >= 10_000
          ? `${value / 1000} k`
          : String(Math.round(value * 10) / 10);
