/** Reads what every view has of a run. */
import { balanceView, isComplete } from "../accounting/account";
import { Found } from "../accounting/found";
import { readLines, readSamples, jsonFrom, type GetJson, type Sink } from "../accounting/read-back";
import type { ClientLedger } from "../load/ledger";
import type { Signal } from "../load/plan";
import type { Span } from "../probe/gaps";
import type { Reading, Sources } from "./preflight";

/** One view of one signal. */
export interface View {
    view: string;
    signal: Signal;
    source: string;
    found: Found;
    /** Why it could not be read; what was found then says nothing. */
    error?: string;
}

/** Timestamps that the run's items have. Pure. */
export function timestamps(ledgers: ClientLedger[]): Span {
    let [from, to] = [Infinity, -Infinity];
    for (const { requests } of ledgers) {
        from = Math.min(from, requests[0]?.at ?? Infinity);
        to = Math.max(to, requests.at(-1)?.at ?? -Infinity);
    }
    return { from, to };
}

async function readView(run: string, ledgers: ClientLedger[], view: Omit<View, "found">, get: GetJson): Promise<View> {
    const own = ledgers.filter(({ client }) => client.signal === view.signal);
    const found = new Found(run, own);
    // Shifted clients are hours away from the others: what lies between is not read.
    const read = view.signal === "metrics" ? readSamples : readLines;
    const spans = groups(own)
        .map(timestamps)
        .filter(({ from, to }) => to >= from);
    try {
        for (const span of spans) await read(view.source, run, span, found, get);
        return { ...view, found };
    } catch (error) {
        return { ...view, found, error: (error as Error).message };
    }
}

/** Ledgers whose timestamps belong together. Pure. */
function groups(ledgers: ClientLedger[]): ClientLedger[][] {
    const byShift = new Map<number, ClientLedger[]>();
    for (const ledger of ledgers) {
        const shift = ledger.client.backdateMs ?? 0;
        byShift.set(shift, [...(byShift.get(shift) ?? []), ledger]);
    }
    return [...byShift.values()];
}

/** The merged views at the virtual IP; empty where there are none. */
function readGlobal(run: string, ledgers: ClientLedger[], sources: Sources, get: GetJson): Promise<View[]> {
    return Promise.all(globalViews(sources).map((view) => readView(run, ledgers, view, get)));
}

function globalViews({ metricsUrl, logsUrl }: Sources): Omit<View, "found">[] {
    const views: Omit<View, "found">[] = [];
    if (metricsUrl) views.push({ view: "global", signal: "metrics", source: metricsUrl });
    if (logsUrl) views.push({ view: "global", signal: "logs", source: logsUrl });
    return views;
}

/** What was read before it was known what had been sent. */
export class Recording implements Sink {
    private readonly samples: [labels: Record<string, string>, at: number, value: number][] = [];
    private readonly lines: [line: string, nanos: string][] = [];

    constructor(
        readonly signal: Signal,
        /** When it was read, milliseconds. */
        readonly at: number,
    ) {}

    addSample(...sample: [Record<string, string>, number, number]): void {
        this.samples.push(sample);
    }

    addLine(...line: [string, string]): void {
        this.lines.push(line);
    }

    /** The same, once the ledgers are there. */
    found(run: string, ledgers: ClientLedger[]): Found {
        const own = ledgers.filter(({ client }) => client.signal === this.signal);
        const found = new Found(run, own);
        for (const sample of this.samples) found.addSample(...sample);
        for (const line of this.lines) found.addLine(...line);
        return found;
    }
}

/** Reads the merged views while the load still runs. One that cannot be read is left out: the read probe reports that. */
export async function recordGlobal(run: string, span: Span, { sources, http }: Reading): Promise<Recording[]> {
    const get = jsonFrom(http);
    const all = globalViews(sources).map(async ({ signal, source }) => {
        const recording = new Recording(signal, span.to);
        const read = signal === "metrics" ? readSamples : readLines;
        await read(source, run, span, recording, get);
        return recording;
    });
    const settled = await Promise.allSettled(all);
    return settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
}

/** Each node's own view, and the merged one; where there is none, the union of the two stands for it. */
export async function readAll(run: string, ledgers: ClientLedger[], { sources, http }: Reading): Promise<View[]> {
    const get = jsonFrom(http);
    const nodes: View[] = [];
    for (const { view, metricsUrl, logsUrl } of sources.nodes) {
        nodes.push(await readView(run, ledgers, { view, signal: "metrics", source: metricsUrl }, get));
        nodes.push(await readView(run, ledgers, { view, signal: "logs", source: logsUrl }, get));
    }
    const global = await readGlobal(run, ledgers, sources, get);
    // Where the merged view shows one node only, this tells what is lost from what is not shown.
    const either = (["metrics", "logs"] as const).map((signal): View => {
        const own = ledgers.filter(({ client }) => client.signal === signal);
        const both = nodes.filter((view) => view.signal === signal);
        const found = Found.union(
            run,
            own,
            both.map((view) => view.found),
        );
        const error = both.find((view) => view.error)?.error;
        return { view: "either node", signal, source: "both nodes together", found, error };
    });
    const missing = either.filter(({ signal }) => !global.some((view) => view.signal === signal));
    return [...nodes, ...either, ...global, ...missing.map((view) => ({ ...view, view: "global" }))];
}

/** True when every view that counts has everything that was acknowledged. Pure. */
export function allComplete(views: View[], ledgers: ClientLedger[], counts: (view: string) => boolean): boolean {
    return views
        .filter(({ view }) => counts(view))
        .every(({ signal, found, error }) => !error && isComplete(balanceView(signal, ledgers, found)));
}
