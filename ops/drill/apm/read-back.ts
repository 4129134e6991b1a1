/** Reads every document of a run back from OpenSearch, page by page. */
import { isValue, type ClusterApi } from "../../apm/cluster";
import type { Signal } from "../load/plan";

/** Where a signal's documents are, and how one tells which item it is. */
export interface DocumentSource {
    signal: Signal;
    /** Index, or pattern. @example "otel-logs*" */
    index: string;
    /** Time at which it happened. */
    time: string;
    /** How the time is read and compared: as text, since numbers lose nanoseconds. */
    format: string;
    /** Name of a field of the drill. @example field("run") → "log.attributes.run" */
    field(name: string): string;
}

const attribute =
    (prefix: string) =>
    (name: string): string =>
        `${prefix}.attributes.${name}`;
const NANOS = "strict_date_optional_time_nanos";

/** The names are the same for Data Prepper and for the collectors' own exporter. */
export const SOURCES: Record<Exclude<Signal, "documents">, DocumentSource> = {
    logs: { signal: "logs", index: "otel-logs*", time: "time", format: NANOS, field: attribute("log") },
    traces: {
        ...{ signal: "traces", index: "otel-v1-apm-span*", time: "startTime", format: NANOS },
        field: attribute("span"),
    },
    metrics: { signal: "metrics", index: "otel-metrics*", time: "time", format: NANOS, field: attribute("metric") },
};

/** Of what the drill writes straight into an index of its own. */
export const documentsIn = (index: string): DocumentSource => ({
    ...{ signal: "documents", index, time: "at", format: "epoch_millis" },
    field: (name) => name,
});

/** Which item a document is. */
export interface FoundDocument {
    client: string;
    /** Undefined: it cannot be told. */
    seq: number | undefined;
    /** Event time, milliseconds. */
    at: number;
}

/** Which copies are read. @default whichever OpenSearch takes */
export type Copies = "_primary" | "_replica" | undefined;

interface Page {
    pit_id?: string;
    timed_out: boolean;
    _shards: { total: number; successful: number; failed: number };
    hits: { hits: { _source: Record<string, unknown>; fields?: Record<string, string[]> }[] };
}

const TIMEOUT_MS = 30_000;
const PAGE = 2000;
const KEEP_ALIVE = "2m";

/**
 * Tells `found` of each document of a run, from one state of the index. A page may end between two documents of one time, and what is there twice may
 * have the same id in two indexes: so there is no order in which all differ, and the last time of a full page is left to the next one, which begins
 * with it. Errors: an answer that is not whole.
 */
export async function readDocuments(
    api: ClusterApi,
    source: DocumentSource,
    run: string,
    found: (document: FoundDocument) => void,
    { copies, page = PAGE }: { copies?: Copies; page?: number } = {},
): Promise<void> {
    const preference = copies ? `&preference=${copies}` : "";
    const open = `/${source.index}/_search/point_in_time?keep_alive=${KEEP_ALIVE}&allow_partial_pit_creation=false`;
    let { pit_id: pit } = await post<{ pit_id: string }>(api, open + preference);
    try {
        let from: string | undefined;
        const timeOf = (hit: Page["hits"]["hits"][number]): string | undefined => hit.fields?.[source.time]?.[0];
        for (;;) {
            const answer: Page = await post(api, "/_search?allow_partial_search_results=false", {
                ...{ pit: { id: pit, keep_alive: KEEP_ALIVE }, size: page, track_total_hits: false },
                ...{ query: query(source, run, from), sort: [{ [source.time]: "asc" }], _source: fieldsOf(source) },
                docvalue_fields: [{ field: source.time, format: source.format }],
            });
            whole(answer);
            pit = answer.pit_id ?? pit;
            const { hits } = answer.hits;
            const last = hits.length < page ? undefined : timeOf(hits.at(-1)!);
            if (last !== undefined && last === timeOf(hits[0]!))
                throw new Error(`${source.index}: more than ${page} documents of the time ${last}`);
            for (const hit of hits)
                if (last === undefined || timeOf(hit) !== last) found(understand(source, hit._source));
            if (last === undefined) return;
            from = last;
        }
    } finally {
        await api.ask("/_search/point_in_time", TIMEOUT_MS, () => true, [], {
            method: "DELETE",
            body: JSON.stringify({ pit_id: [pit] }),
        });
    }
}

function whole({ timed_out: late, _shards: shards }: Page): void {
    if (late || shards.failed > 0 || shards.successful < shards.total)
        throw new Error(`an incomplete answer: ${shards.successful} of ${shards.total} shards`);
}

function query({ field, time, format }: DocumentSource, run: string, from: string | undefined): object {
    const filter: object[] = [{ term: { [field("run")]: run } }];
    if (from !== undefined) filter.push({ range: { [time]: { gte: from, format } } });
    return { bool: { filter } };
}

const fieldsOf = ({ field, time }: DocumentSource): string[] => [time, field("client"), field("seq")];

function understand(source: DocumentSource, document: Record<string, unknown>): FoundDocument {
    const value = (name: string): unknown => document[name] ?? within(document, name);
    const [client, seq, time] = [source.field("client"), source.field("seq"), source.time].map(value);
    return {
        client: String(client),
        seq: seq === undefined ? undefined : Number(seq),
        at: typeof time === "number" ? time : Date.parse(String(time).replace(/(\.\d{3})\d*/, "$1")),
    };
}

/** A name with dots, where each is a level. */
function within(document: Record<string, unknown>, name: string): unknown {
    return name.split(".").reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], document);
}

async function post<T>(api: ClusterApi, path: string, body?: object): Promise<T> {
    const question = { method: "POST", ...(body ? { body: JSON.stringify(body) } : {}) };
    const asked = await api.ask(path, TIMEOUT_MS, (text) => JSON.parse(text) as T, [], question);
    if (!isValue(asked)) throw new Error(`POST ${path.split("?")[0]}: ${asked.status} ${asked.error}`);
    return asked.value;
}
