/** Writes single documents into OpenSearch. */
import { trust, wayTo, type Door } from "../../http";
import type { ClientPlan, LoadPlan } from "./plan";
import { exchange, type Answer, type Transport } from "./transport";

/** What a document of a drill says, and how it is known. */
export interface DrillDocument {
    id: string;
    run: string;
    client: string;
    /** Position in the client's sequence. */
    seq: number;
    /** Milliseconds since 1970. */
    at: number;
    /** Which shard it goes to; "": as its id says. */
    routing: string;
}

/** Creates documents, each with an id of its own. Only 201 says that one is there: every copy in sync has it in its log by then. */
export class DocumentTransport implements Transport {
    private way: ReturnType<typeof wayTo>;
    private door?: Door;

    constructor(
        private readonly plan: LoadPlan,
        private readonly client: ClientPlan,
    ) {
        this.door = plan.door;
        this.way = wayTo(plan.door, { keepAlive: true, maxSockets: 64, maxFreeSockets: 8 });
    }

    useDoor(door: Door): void {
        const left = this.way;
        this.door = door;
        trust(door);
        this.way = wayTo(door, { keepAlive: true, maxSockets: 64, maxFreeSockets: 8 });
        setTimeout(() => left.agent.destroy(), this.client.timeoutMs).unref();
    }

    async send(body: Uint8Array): Promise<Answer> {
        const { id, routing } = JSON.parse(Buffer.from(body).toString("utf8")) as DrillDocument;
        const { timeoutMs } = this.client;
        const query = new URLSearchParams({ timeout: `${timeoutMs}ms`, ...(routing ? { routing } : {}) });
        const path = `/${this.plan.index}/_create/${encodeURIComponent(id)}?${query}`;
        const { authorization } = this.door ?? {};
        const headers = { "content-type": "application/json", ...(authorization ? { authorization } : {}) };
        const to = { host: this.plan.host, port: this.plan.httpPort, path, headers };
        return exchange(this.way, to, body, timeoutMs, documentAnswer);
    }

    close(): void {
        this.way.agent.destroy();
    }
}

/** What an answer means. Whatever is not 201 does not say that the document is there, nor that it will not be. Pure. */
export function documentAnswer(status: number, _: string | undefined, body: Uint8Array): Answer {
    if (status === 201) return { kind: "acknowledged", rejectedItems: 0 };
    const text = Buffer.from(body).toString("utf8");
    const type = /"type":"([a-z_]+)"/.exec(text)?.[1] ?? text.replace(/\s+/g, " ").slice(0, 120);
    return { kind: "retry", error: `${status} ${type}`.trim() };
}
