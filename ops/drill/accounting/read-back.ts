/** Reads everything of a run back: raw samples and log lines, page by page. */
import { isGood, type HttpClient } from "../../http";
import { METRIC, SERVICE } from "../load/plan";
import type { Span } from "../probe/gaps";

const PAGE_MS = 20_000;
const TIMEOUT_MS = 30_000;
/** Loki's own limit for one answer. */
const LINES_PER_PAGE = 5000;

/** Takes what is read. */
export interface Sink {
    addSample(labels: Record<string, string>, at: number, value: number): void;
    addLine(line: string, nanos: string): void;
}

/** Fetches JSON; the tests give their own. */
export type GetJson = (url: string) => Promise<unknown>;

/** Adds all samples of a run with timestamps in the span, ends included, to `found`. */
export async function readSamples(url: string, run: string, span: Span, found: Sink, get: GetJson): Promise<void> {
    // Range selectors leave their start out, in older versions they do not: what lies outside of the page is dropped here.
    for (let from = span.from - 1; from < span.to; from += PAGE_MS) {
        const to = Math.min(from + PAGE_MS, span.to);
        const query = `${METRIC}{run="${run}"}[${to - from}ms]`;
        const answer = await get(`${url}/api/v1/query?${new URLSearchParams({ query, time: (to / 1000).toFixed(3) })}`);
        for (const { metric, values } of matrix(answer, url))
            for (const [seconds, value] of values) {
                const at = Math.round(seconds * 1000);
                if (at > from && at <= to) found.addSample(metric, at, Number(value));
            }
    }
}

interface MatrixSeries {
    metric: Record<string, string>;
    values: [number, string][];
}

function matrix(answer: unknown, url: string): MatrixSeries[] {
    const { data, warnings } = answer as {
        data?: { resultType: string; result: MatrixSeries[] };
        warnings?: string[];
    };
    if (data?.resultType !== "matrix") throw new Error(`${url} gave no samples: ${JSON.stringify(answer)}`);
    // An incomplete answer must not look like a loss.
    if (warnings?.length) throw new Error(`${url} gave an incomplete answer: ${warnings.join("; ").slice(0, 300)}`);
    return data.result;
}

/** Adds all log lines of a run with timestamps in the span, ends included, to `found`. */
export async function readLines(url: string, run: string, span: Span, found: Sink, get: GetJson): Promise<void> {
    const query = `{service_name="${SERVICE}"} |= "run=${run} "`;
    const end = (BigInt(span.to) + 1n) * 1_000_000n;
    let start = BigInt(span.from) * 1_000_000n;
    while (start < end) {
        const page = { query, start: `${start}`, end: `${end}`, limit: `${LINES_PER_PAGE}`, direction: "forward" };
        const lines = streams(await get(`${url}/loki/api/v1/query_range?${new URLSearchParams(page)}`), url);
        if (lines.length < LINES_PER_PAGE) {
            for (const [nanos, line] of lines) found.addLine(line, nanos);
            return;
        }
        // A full page may end in the middle of a timestamp: the last one is left to the next page, which starts with it.
        const last = lines.reduce((most, [nanos]) => (BigInt(nanos) > most ? BigInt(nanos) : most), 0n);
        if (last === start) throw new Error(`${url}: more than ${LINES_PER_PAGE} lines with the time ${start}`);
        for (const [nanos, line] of lines) if (BigInt(nanos) < last) found.addLine(line, nanos);
        start = last;
    }
}

function streams(answer: unknown, url: string): [string, string][] {
    const { data } = answer as { data?: { resultType: string; result: { values: [string, string][] }[] } };
    if (data?.resultType !== "streams") throw new Error(`${url} gave no lines: ${JSON.stringify(answer)}`);
    return data.result.flatMap(({ values }) => values);
}

/** GET with a second try: a read-back may fall into the moment in which a back end comes up. Errors: the status and what was said. */
export function jsonFrom(http: HttpClient): GetJson {
    return async (url) => {
        for (let attempt = 1; ; attempt++) {
            try {
                const answer = await http.get(url, TIMEOUT_MS);
                if (!isGood(answer)) throw new Error(`${answer.status} ${answer.text.slice(0, 300)}`);
                return JSON.parse(answer.text) as unknown;
            } catch (error) {
                if (attempt >= 3) throw new Error(`GET ${new URL(url).origin}: ${(error as Error).message}`);
                await new Promise((resolve) => setTimeout(resolve, 500 * attempt));
            }
        }
    };
}
