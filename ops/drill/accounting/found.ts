/** What a query view has, item by item, counted in one byte each. Pure. */
import { parseLogLine, seriesIndex, type ClientLedger } from "../load/ledger";

/** How often each item of a run was found in one view. */
export class Found {
    private readonly counts = new Map<string, Uint8Array>();
    private readonly ledgers = new Map<string, ClientLedger>();
    /** Items of this run that nobody sent, or that came back with another value or time. */
    readonly unexpected: string[] = [];
    unexpectedCount = 0;

    constructor(
        private readonly run: string,
        ledgers: ClientLedger[],
    ) {
        for (const ledger of ledgers) {
            this.ledgers.set(ledger.client.id, ledger);
            this.counts.set(ledger.client.id, new Uint8Array(ledger.requests.length * ledger.client.itemsPerRequest));
        }
    }

    /** One sample of {@link METRIC}: labels, time in milliseconds, value. */
    addSample(labels: Record<string, string>, at: number, value: number): void {
        if (labels.run !== this.run) return;
        const ledger = this.ledgers.get(labels.client ?? "");
        const series = seriesIndex(labels.series ?? "");
        const entry = ledger?.requests[value];
        if (!ledger || ledger.client.signal !== "metrics" || !(series < ledger.client.itemsPerRequest))
            return this.surprise(`sample of an unknown series ${JSON.stringify(labels)}`);
        if (!entry || entry.at !== at)
            return this.surprise(`sample ${labels.client}/${labels.series} value ${value} at ${at}: none was sent so`);
        this.count(ledger, value * ledger.client.itemsPerRequest + series);
    }

    /** One log line: time in nanoseconds, as text. */
    addLine(line: string, nanos: string): void {
        const parsed = parseLogLine(line);
        if (!parsed || parsed.run !== this.run) return;
        const ledger = this.ledgers.get(parsed.client);
        if (!ledger || ledger.client.signal !== "logs") return this.surprise(`line of an unknown client: ${line}`);
        const perRequest = ledger.client.itemsPerRequest;
        const entry = ledger.requests[Math.floor(parsed.sequence / perRequest)];
        const expected = entry && BigInt(entry.at) * 1_000_000n + BigInt(parsed.sequence % perRequest);
        if (expected !== BigInt(nanos))
            return this.surprise(`line ${parsed.client}/${parsed.sequence} at ${nanos}: none was sent so`);
        this.count(ledger, parsed.sequence);
    }

    /** One document: whose it is, which item, and its event time in milliseconds. */
    addDocument(client: string, item: number | undefined, at: number): void {
        const ledger = this.ledgers.get(client);
        if (!ledger || item === undefined) return this.surprise(`document of an unknown client: ${client}/${item}`);
        const entry = ledger.requests[Math.floor(item / ledger.client.itemsPerRequest)];
        if (entry?.at !== at) return this.surprise(`document ${client}/${item} at ${at}: none was sent so`);
        this.count(ledger, item);
    }

    /** How often an item was found. */
    times(client: string, item: number): number {
        return this.counts.get(client)?.[item] ?? 0;
    }

    /** The view of somebody who looks at both: as often as in the one that has it more often. */
    static union(run: string, ledgers: ClientLedger[], views: Found[]): Found {
        const all = new Found(run, ledgers);
        for (const [client, counts] of all.counts)
            for (const view of views)
                for (let i = 0; i < counts.length; i++) counts[i] = Math.max(counts[i]!, view.times(client, i));
        return all;
    }

    private count(ledger: ClientLedger, item: number): void {
        const counts = this.counts.get(ledger.client.id)!;
        if (counts[item]! < 255) counts[item]!++;
    }

    private surprise(text: string): void {
        this.unexpectedCount++;
        if (this.unexpected.length < 10) this.unexpected.push(text);
    }
}
