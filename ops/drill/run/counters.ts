/** What the back ends themselves count of samples and lines out of order, too old, or refused. */
import { isGood, type HttpClient } from "../../http";
import type { Reading } from "./preflight";

/** By node. */
export type Counters = Record<string, { outOfOrder: number; refused: number }>;

const OUT_OF_ORDER = ["prometheus_tsdb_head_out_of_order_samples_appended_total"];
const REFUSED = [
    "prometheus_tsdb_too_old_samples_total",
    "prometheus_tsdb_out_of_order_samples_total",
    "prometheus_tsdb_out_of_bound_samples_total",
    "loki_discarded_samples_total",
];

/** Sum of all series of these metrics on a metrics page. Pure. */
export function sumOf(page: string, metrics: string[]): number {
    const lines = page.matchAll(/^([a-z_]+)(?:\{[^}]*\})? (\S+)/gm);
    return [...lines].reduce((sum, [, name, value]) => sum + (metrics.includes(name!) ? Number(value) : 0), 0);
}

/** Reads both nodes; one that does not answer is left out. */
export async function counters({ sources, http }: Reading): Promise<Counters> {
    const all: Counters = {};
    await Promise.all(
        sources.nodes.map(async ({ view, metricsUrl, logsUrl }) => {
            const pages = await Promise.all([metricsUrl, logsUrl].map((url) => page(http, url)));
            if (pages.every((text) => text === "")) return;
            const text = pages.join("\n");
            all[view] = { outOfOrder: sumOf(text, OUT_OF_ORDER), refused: sumOf(text, REFUSED) };
        }),
    );
    return all;
}

async function page(http: HttpClient, url: string): Promise<string> {
    return http.get(`${url}/metrics`, 5000).then(
        (answer) => (isGood(answer) ? answer.text : ""),
        () => "",
    );
}

/** What was added in between; a service that was restarted counts from zero. Pure. */
export function increase(before: Counters, after: Counters, which: "outOfOrder" | "refused"): Record<string, number> {
    return Object.fromEntries(
        Object.entries(after).map(([node, now]) => {
            const was = before[node]?.[which] ?? 0;
            return [node, now[which] >= was ? now[which] - was : now[which]];
        }),
    );
}
