/** Reads what OpenSearch has of a run. */
import { isValue, type ClusterApi } from "../../apm/cluster";
import { balanceView, isComplete } from "../accounting/account";
import { Found } from "../accounting/found";
import type { ClientLedger } from "../load/ledger";
import type { Signal } from "../load/plan";
import { documentsIn, readDocuments, SOURCES, type Copies, type DocumentSource, type FoundDocument } from "./read-back";

/** What one kind of copies has of a signal. */
export interface ApmView {
    /** "cluster": whichever copy OpenSearch takes. */
    view: "cluster" | "primaries" | "replicas";
    signal: Signal;
    source: string;
    found: Found;
    /** Why it could not be read; what was found then says nothing. */
    error?: string;
}

/** What was read before it was known what had been sent. */
export interface DocumentRecording {
    signal: Signal;
    /** When it was read, milliseconds. */
    at: number;
    documents: FoundDocument[];
}

const COPIES: Record<ApmView["view"], Copies> = { cluster: undefined, primaries: "_primary", replicas: "_replica" };
const REFRESH_MS = 20_000;

/** Every place that a run's documents are in. */
export const sourcesOf = (index: string): DocumentSource[] => [...Object.values(SOURCES), documentsIn(index)];

/** Reads all signals from these copies. */
export async function readViews(
    api: ClusterApi,
    run: string,
    index: string,
    ledgers: ClientLedger[],
    which: ApmView["view"][],
): Promise<ApmView[]> {
    await refresh(api, index);
    const views: ApmView[] = [];
    for (const view of which)
        for (const source of sourcesOf(index)) {
            const own = ledgers.filter(({ client }) => client.signal === source.signal);
            if (own.length > 0) views.push(await readView(api, run, own, source, view));
        }
    return views;
}

async function readView(
    api: ClusterApi,
    run: string,
    ledgers: ClientLedger[],
    source: DocumentSource,
    view: ApmView["view"],
): Promise<ApmView> {
    const found = new Found(run, ledgers);
    const base = { view, signal: source.signal, source: source.index, found };
    try {
        const add = ({ client, seq, at }: FoundDocument): void => found.addDocument(client, seq, at);
        await readDocuments(api, source, run, add, { copies: COPIES[view] });
        return base;
    } catch (error) {
        return { ...base, error: (error as Error).message };
    }
}

/** What is there while the fault lasts. What cannot be read then is left out: the search probe reports that. */
export async function recordDocuments(api: ClusterApi, run: string, index: string): Promise<DocumentRecording[]> {
    const all = sourcesOf(index).map(async (source): Promise<DocumentRecording> => {
        const at = Date.now();
        const documents: FoundDocument[] = [];
        await readDocuments(api, source, run, (document) => documents.push(document));
        return { signal: source.signal, at, documents };
    });
    const settled = await Promise.allSettled(all);
    return settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
}

/** A recording against what was sent. Pure. */
export function foundIn({ signal, documents }: DocumentRecording, run: string, ledgers: ClientLedger[]): Found {
    const own = ledgers.filter(({ client }) => client.signal === signal);
    const found = new Found(run, own);
    for (const { client, seq, at } of documents) found.addDocument(client, seq, at);
    return found;
}

/** True when everything that was acknowledged is there. Pure. */
export const viewsComplete = (views: ApmView[], ledgers: ClientLedger[]): boolean =>
    views.every(({ signal, found, error }) => !error && isComplete(balanceView(signal, ledgers, found)));

// What was written is not found before: of an index that is searched seldom, or refreshed every few seconds.
async function refresh(api: ClusterApi, index: string): Promise<void> {
    const pattern = sourcesOf(index)
        .map((source) => source.index)
        .join(",");
    await api.ask(`/${pattern}/_refresh?ignore_unavailable=true`, REFRESH_MS, () => true, [], { method: "POST" });
}

/** The drill's own index. */
export interface DrillIndex {
    name: string;
    /** A routing value for each shard. */
    routings: string[];
}

/** @example "otel-ha-drill-mi3k2" */
export const indexName = (run: string): string => `otel-ha-drill-${run}`;

/** Enough for each node to have several, so that copies have to be made anew, and to move, whichever node is lost. */
const SHARDS = 6;

/** Makes the index that the drill writes into by itself. Errors: it cannot be made. */
export async function createIndex(api: ClusterApi, run: string, delayed: string): Promise<DrillIndex> {
    const name = indexName(run);
    const settings = {
        ...{ number_of_shards: SHARDS, number_of_replicas: 1, refresh_interval: "1s" },
        "unassigned.node_left.delayed_timeout": delayed,
    };
    const keyword = { type: "keyword" };
    const properties = {
        ...{ id: keyword, run: keyword, client: keyword, routing: keyword, seq: { type: "long" } },
        at: { type: "date", format: "epoch_millis" },
    };
    const body = JSON.stringify({ settings, mappings: { dynamic: "strict", properties } });
    // Until every copy is there: what is written to one copy only is not what the drill is about.
    const path = `/${name}?wait_for_active_shards=all&timeout=30s`;
    const made = await api.ask(path, 35_000, JSON.parse as (text: string) => { shards_acknowledged: boolean }, [], {
        method: "PUT",
        body,
    });
    if (!isValue(made)) throw new Error(`${name} cannot be made: ${made.status} ${made.error}`);
    if (!made.value.shards_acknowledged) throw new Error(`not all copies of ${name} are there after 30 s`);
    return { name, routings: await routings(api, name) };
}

/** For each shard a value that leads to it. */
async function routings(api: ClusterApi, index: string): Promise<string[]> {
    const byShard = new Map<number, string>();
    for (let i = 0; byShard.size < SHARDS && i < 1000; i++) {
        const value = `r${i}`;
        const asked = await api.ask(`/${index}/_search_shards?routing=${value}`, 5000, (text) => {
            const { shards } = JSON.parse(text) as { shards: { shard: number }[][] };
            return shards[0]![0]!.shard;
        });
        if (!isValue(asked)) throw new Error(`${index} cannot be asked for its shards: ${asked.error}`);
        if (!byShard.has(asked.value)) byShard.set(asked.value, value);
    }
    return [...byShard].sort(([a], [b]) => a - b).map(([, value]) => value);
}

/** Deletes it. Gives back why it could not. */
export async function deleteIndex(apis: ClusterApi[], name: string): Promise<string | undefined> {
    let last = "nobody answers";
    for (const api of apis) {
        const asked = await api.ask(`/${name}`, 30_000, () => true, [404], { method: "DELETE" });
        if (isValue(asked)) return undefined;
        last = asked.error;
    }
    return `index ${name} (${last})`;
}
