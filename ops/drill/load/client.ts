/** A paced client: makes requests on time whatever the network does, and sends each until it is acknowledged. */
import type { Door } from "../../http";
import { encode } from "./encode";
import type { ClientLedger, RequestEntry } from "./ledger";
import type { ClientPlan, LoadPlan } from "./plan";
import { connect } from "./connect";
import type { Answer, Transport } from "./transport";

/** Waiting time before a request is sent again, by attempt, milliseconds: doubles up to two seconds, and varies by a fifth. */
export function backoffMs(attempts: number, random = Math.random()): number {
    return Math.min(2000, 100 * 2 ** (attempts - 1)) * (0.8 + 0.4 * random);
}

/** Runs one {@link ClientPlan}. */
export class PacedClient {
    readonly ledger: ClientLedger;
    private readonly wire: Transport;
    private readonly waiting: { entry: RequestEntry; body: Uint8Array }[] = [];
    private inFlight = 0;
    private backingOff = 0;
    private startedAt = 0;
    private made = 0;
    private ticks?: NodeJS.Timeout;
    private ended = false;

    constructor(
        private readonly plan: LoadPlan,
        private readonly client: ClientPlan,
        wire?: Transport,
    ) {
        this.wire = wire ?? connect(plan, client);
        this.ledger = { client, requests: [], skipped: 0, failures: [] };
    }

    start(): void {
        this.startedAt = Date.now();
        this.tick();
    }

    /** Makes no more requests; those that wait are still sent. */
    stopMaking(): void {
        clearTimeout(this.ticks);
        this.ticks = undefined;
        this.startedAt = 0;
    }

    /** Goes on with other credentials, or believes another CA: what an operator does to a sender while secrets change. */
    useDoor(door: Door): void {
        this.wire.useDoor?.(door);
    }

    /** Requests without an answer that settles them. */
    get unsettled(): number {
        return this.waiting.length + this.inFlight + this.backingOff;
    }

    /** Gives up what is unsettled. */
    end(): void {
        this.stopMaking();
        this.ended = true;
        this.waiting.length = 0;
        this.wire.close();
    }

    // By the time that has passed, not by the number of ticks: a late tick is made up for, so the rate holds.
    private tick(): void {
        const due = Math.floor((Date.now() - this.startedAt) / this.client.intervalMs) + 1;
        while (this.made < due) this.make();
        const next = this.startedAt + this.made * this.client.intervalMs - Date.now();
        this.ticks = setTimeout(() => this.tick(), Math.max(1, next));
    }

    private make(): void {
        this.made++;
        const { requests } = this.ledger;
        if (this.isFull()) {
            this.ledger.skipped++;
            return;
        }
        const n = requests.length;
        const before = requests[n - 1]?.at ?? 0;
        const at = Math.max(Date.now() - (this.client.backdateMs ?? 0), before + 1);
        const entry: RequestEntry = { n, at, attempts: 0, outcome: "pending" };
        requests.push(entry);
        this.waiting.push({ entry, body: encode(this.plan.run, this.client, n, at) });
        this.pump();
    }

    private isFull(): boolean {
        if (this.client.maxPending === 0) return this.busy();
        return this.waiting.length + this.backingOff >= this.client.maxPending;
    }

    private busy(): boolean {
        return this.inFlight >= this.client.maxInFlight;
    }

    private pump(): void {
        while (!this.busy() && this.waiting.length > 0) void this.attempt(this.waiting.shift()!);
    }

    private async attempt(item: { entry: RequestEntry; body: Uint8Array }): Promise<void> {
        const { entry, body } = item;
        this.inFlight++;
        entry.attempts++;
        entry.sentAt ??= Date.now();
        const answer = await this.wire.send(body);
        this.inFlight--;
        this.settle(item, answer);
        if (!this.ended) this.pump();
    }

    private settle(item: { entry: RequestEntry; body: Uint8Array }, answer: Answer): void {
        const { entry } = item;
        const now = Date.now();
        if (answer.kind === "acknowledged" && answer.rejectedItems === 0) {
            entry.outcome = "acknowledged";
            entry.acknowledgedAt = now;
            return;
        }
        const error =
            answer.kind === "acknowledged" ? `partial success: ${answer.rejectedItems} rejected` : answer.error;
        entry.error = error;
        this.ledger.failures.push({ at: now, error });
        if (answer.kind === "retry") {
            if (this.client.retry && !this.ended) this.sendLater(item, answer.afterMs);
            return;
        }
        entry.outcome = "refused";
        if (answer.kind === "acknowledged") entry.rejectedItems = answer.rejectedItems;
    }

    // Ahead of those that were made later: what is oldest is sent first.
    private sendLater(item: { entry: RequestEntry; body: Uint8Array }, afterMs?: number): void {
        this.backingOff++;
        const wait = Math.min(5000, afterMs ?? backoffMs(item.entry.attempts));
        setTimeout(() => {
            this.backingOff--;
            if (this.ended) return;
            this.waiting.unshift(item);
            this.pump();
        }, wait);
    }
}
