/** Searches through every node at a steady pace, as a dashboard does, and counts what there is: the course of that is the arrival of data. */
import { ClusterApi, isValue } from "../../apm/cluster";
import { HttpClient, type Doors } from "../../http";
import type { Signal } from "../load/plan";
import { documentsIn, SOURCES, type DocumentSource } from "./read-back";

/** What to search, and where. Plain data: it crosses to the worker. */
export interface SearchPlan {
    run: string;
    nodes: { node: string; url: string }[];
    /** Dashboards, where there are some: only whether they answer. */
    dashboards: { node: string; url: string }[];
    doors: Doors;
    /** The index that the drill writes into by itself. */
    index: string;
    intervalMs: number;
    timeoutMs: number;
}

/** One answer, or none. */
export interface SearchSample {
    kind: "search" | "dashboards";
    /** Through which node. */
    node: string;
    /** When it was asked, milliseconds. */
    at: number;
    ms: number;
    error?: string;
    /** Documents of the run that were there. */
    counts?: Partial<Record<Signal, number>>;
}

interface CountAnswer {
    timed_out: boolean;
    _shards: { total: number; successful: number; failed: number };
    aggregations: Record<string, { doc_count: number }>;
}

/** Questions to a node that may be open: one that hangs does not keep others from being asked. */
const MOST_OPEN = 6;

/** Runs a {@link SearchPlan} until it is stopped. */
export class SearchProbe {
    private readonly samples: SearchSample[] = [];
    private timer?: NodeJS.Timeout;
    private readonly open = new Map<string, number>();
    private readonly apis: ClusterApi[];
    private readonly http: HttpClient;
    private readonly path: string;
    private readonly body: string;

    constructor(private readonly plan: SearchPlan) {
        const { doors, nodes } = plan;
        this.apis = nodes.map(({ url }) => new ClusterApi({ url, doors }));
        this.http = new HttpClient(doors);
        const sources = [...Object.values(SOURCES), documentsIn(plan.index)];
        this.path = searchPath(sources);
        this.body = JSON.stringify(countQuery(sources, plan.run));
    }

    /** From the next question on. */
    useDoors(doors: Doors): void {
        Object.assign(this.plan.doors, doors);
    }

    start(): void {
        this.timer = setInterval(() => this.ask(), this.plan.intervalMs);
        this.ask();
    }

    stop(): void {
        clearInterval(this.timer);
    }

    result(): SearchSample[] {
        return this.samples;
    }

    private ask(): void {
        this.plan.nodes.forEach(({ node }, at) => void this.once("search", node, () => this.search(this.apis[at]!)));
        for (const { node, url } of this.plan.dashboards)
            void this.once("dashboards", node, () => this.dashboards(url));
    }

    private async once(
        kind: SearchSample["kind"],
        node: string,
        look: () => Promise<Pick<SearchSample, "error" | "counts">>,
    ): Promise<void> {
        const key = `${kind} ${node}`;
        const open = this.open.get(key) ?? 0;
        if (open >= MOST_OPEN) return;
        this.open.set(key, open + 1);
        const at = Date.now();
        const clock = performance.now();
        const seen = await look();
        this.samples.push({ kind, node, at, ms: Math.round(performance.now() - clock), ...seen });
        this.open.set(key, this.open.get(key)! - 1);
    }

    private async search(api: ClusterApi): Promise<Pick<SearchSample, "error" | "counts">> {
        const question = { method: "POST", body: this.body };
        const asked = await api.ask(this.path, this.plan.timeoutMs, readCounts, [], question);
        return isValue(asked) ? asked.value : { error: `${asked.status || ""} ${asked.error}`.trim() };
    }

    private async dashboards(url: string): Promise<Pick<SearchSample, "error">> {
        return this.http.get(url, this.plan.timeoutMs).then(
            // Who is not logged in is asked to log in: that is an answer. Without OpenSearch it says 503.
            ({ status }) => (status < 500 ? {} : { error: String(status) }),
            (error: NodeJS.ErrnoException) => ({ error: error.code ?? error.message }),
        );
    }
}

const searchPath = (sources: DocumentSource[]): string =>
    `/${sources.map(({ index }) => index).join(",")}/_search?allow_partial_search_results=false&ignore_unavailable=true`;

/** One question for all signals: how many documents of the run there are of each. Pure. */
export function countQuery(sources: DocumentSource[], run: string): object {
    const ofRun = ({ field }: DocumentSource): object => ({ term: { [field("run")]: run } });
    return {
        ...{ size: 0, track_total_hits: false },
        query: { bool: { should: sources.map(ofRun), minimum_should_match: 1 } },
        aggs: Object.fromEntries(sources.map((source) => [source.signal, { filter: ofRun(source) }])),
    };
}

/** Half an answer is an error: it would look like a loss. Pure. */
export function readCounts(text: string): Pick<SearchSample, "error" | "counts"> {
    const { timed_out: late, _shards: shards, aggregations } = JSON.parse(text) as CountAnswer;
    if (late || shards.failed > 0 || shards.successful < shards.total)
        return { error: `only ${shards.successful} of ${shards.total} shards` };
    const counts = Object.entries(aggregations ?? {}).map(([signal, { doc_count: count }]) => [signal, count]);
    return { counts: Object.fromEntries(counts) as SearchSample["counts"] };
}
