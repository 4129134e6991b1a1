/** Sends one request body and says what became of it. */
import * as grpc from "@grpc/grpc-js";
import type { OutgoingHttpHeaders } from "node:http";
import { trust, wayTo, type Door } from "../../http";
import { rejectedItems } from "./encode";
import type { ClientPlan, LoadPlan, Signal } from "./plan";

/** What an OTLP client makes of an answer. */
export type Answer =
    | { kind: "acknowledged"; rejectedItems: number }
    | { kind: "retry"; error: string; afterMs?: number }
    | { kind: "refused"; error: string };

/** A connection, or several, to the OTLP address. */
export interface Transport {
    send(body: Uint8Array): Promise<Answer>;
    /** From now on; what is under way ends as it began. */
    useDoor?(door: Door): void;
    close(): void;
}

/** The transport of a client's protocol. */
export function transport(plan: LoadPlan, client: ClientPlan): Transport {
    return client.protocol === "http" ? new HttpTransport(plan, client) : new GrpcTransport(plan, client);
}

/** HTTP answers after which the OTLP specification has a client send again. */
const RETRYABLE_HTTP = [429, 502, 503, 504];

class HttpTransport implements Transport {
    private way: ReturnType<typeof wayTo>;
    private headers: OutgoingHttpHeaders;

    constructor(
        private readonly plan: LoadPlan,
        private readonly client: ClientPlan,
    ) {
        [this.way, this.headers] = through(plan.door);
    }

    useDoor(door: Door): void {
        const left = this.way;
        [this.way, this.headers] = through(door);
        setTimeout(() => left.agent.destroy(), this.client.timeoutMs).unref();
    }

    send(body: Uint8Array): Promise<Answer> {
        const path = `/v1/${this.client.signal}`;
        const to = { host: this.plan.host, port: this.plan.httpPort, path, headers: this.headers };
        return exchange(this.way, to, body, this.client.timeoutMs, (status, retryAfter, answer) =>
            httpAnswer(this.client, status, retryAfter, answer),
        );
    }

    close(): void {
        this.way.agent.destroy();
    }
}

/** Posts a body, and has the answer judged; one that does not come in time, or a connection that breaks, is to be tried again. */
export function exchange(
    way: ReturnType<typeof wayTo>,
    to: { host: string; port: number; path: string; headers: OutgoingHttpHeaders },
    body: Uint8Array,
    timeoutMs: number,
    judge: (status: number, retryAfter: string | undefined, body: Uint8Array) => Answer,
): Promise<Answer> {
    return new Promise((resolve) => {
        const finish = (answer: Answer): void => {
            clearTimeout(timer);
            resolve(answer);
        };
        const headers = { ...to.headers, "content-length": body.length };
        const outgoing = way.request({ ...to, method: "POST", agent: way.agent, headers }, (incoming) => {
            const chunks: Buffer[] = [];
            incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
            incoming.on("error", (error) => finish({ kind: "retry", error: message(error) }));
            incoming.on("end", () => {
                const { statusCode = 0, headers: said } = incoming;
                finish(judge(statusCode, said["retry-after"], Buffer.concat(chunks)));
            });
        });
        outgoing.on("error", (error) => finish({ kind: "retry", error: message(error) }));
        // Covers connecting, too. A connection that did not answer is not used again.
        const timer = setTimeout(() => outgoing.destroy(new Error("timeout")), timeoutMs);
        outgoing.end(body);
    });
}

function through(door: Door | undefined): [ReturnType<typeof wayTo>, OutgoingHttpHeaders] {
    const headers = { "content-type": "application/x-protobuf", ...authorization(door) };
    return [wayTo(door, { keepAlive: true, maxSockets: 64, maxFreeSockets: 8 }), headers];
}

/** What an HTTP answer means. Pure. */
export function httpAnswer(
    client: ClientPlan,
    status: number,
    retryAfter: string | undefined,
    body: Uint8Array,
): Answer {
    if (status === 200) {
        try {
            return { kind: "acknowledged", rejectedItems: rejectedItems(client, body) };
        } catch (error) {
            return { kind: "refused", error: `200 with a body that is no OTLP answer: ${message(error)}` };
        }
    }
    if (!RETRYABLE_HTTP.includes(status)) {
        const said = Buffer.from(body).toString("utf8").replace(/\s+/g, " ").slice(0, 200);
        return { kind: "refused", error: `${status} ${said}` };
    }
    const seconds = Number(retryAfter);
    return { kind: "retry", error: String(status), afterMs: seconds > 0 ? seconds * 1000 : undefined };
}

const SERVICES: Record<Exclude<Signal, "documents">, string> = {
    metrics: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    logs: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    traces: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
};

/** gRPC states after which the OTLP specification has a client send again; UNKNOWN and INTERNAL are what a broken connection can end as. */
const RETRYABLE_GRPC = [
    grpc.status.CANCELLED,
    grpc.status.DEADLINE_EXCEEDED,
    grpc.status.ABORTED,
    grpc.status.OUT_OF_RANGE,
    grpc.status.UNAVAILABLE,
    grpc.status.DATA_LOSS,
    grpc.status.RESOURCE_EXHAUSTED,
];

/**
 * So many intervals without a success, and another channel is tried; so many later, one more. The first that is connected takes over, unless the
 * present one works again. The library by itself waits longer and longer, and a client that waits measures its own waiting.
 */
const RECONNECT_INTERVALS = 5;

class GrpcTransport implements Transport {
    private credentials!: grpc.ChannelCredentials;
    private metadata = new grpc.Metadata();
    private channel: grpc.Client;
    private readonly candidates = new Set<grpc.Client>();
    private triedAt = 0;
    /** When the first request since the last success was made. */
    private wantedSince?: number;

    constructor(
        private readonly plan: LoadPlan,
        private readonly client: ClientPlan,
    ) {
        this.enter(plan.door);
        this.channel = this.open();
    }

    useDoor(door: Door): void {
        this.enter(door);
        this.switchTo(this.open());
    }

    private enter(door: Door | undefined): void {
        this.credentials = door
            ? grpc.credentials.createFromSecureContext(trust(door))
            : grpc.credentials.createInsecure();
        this.metadata = new grpc.Metadata();
        for (const [name, value] of Object.entries(authorization(door))) this.metadata.set(name, value);
    }

    send(body: Uint8Array): Promise<Answer> {
        this.reconnect();
        const used = this.channel;
        return new Promise((resolve) => {
            const done = (error: grpc.ServiceError | null, answer?: Uint8Array): void => {
                if (!error) this.wantedSince = undefined;
                resolve(error ? grpcAnswer(error) : acknowledged(this.client, answer!));
            };
            const options = { deadline: Date.now() + this.client.timeoutMs };
            const path = SERVICES[this.client.signal as keyof typeof SERVICES];
            used.makeUnaryRequest(path, toBuffer, (buffer) => buffer, body, this.metadata.clone(), options, done);
        });
    }

    close(): void {
        this.channel.close();
        for (const candidate of this.candidates) candidate.close();
    }

    // A channel notices a dead host late, and after a refusal fails requests at once while its next attempt hangs.
    private reconnect(): void {
        const now = Date.now();
        this.wantedSince ??= now;
        if (now - Math.max(this.triedAt, this.wantedSince) < RECONNECT_INTERVALS * this.client.intervalMs) return;
        this.triedAt = now;
        const candidate = this.open();
        this.candidates.add(candidate);
        candidate.waitForReady(now + this.client.timeoutMs, (error) => {
            this.candidates.delete(candidate);
            if (error || this.wantedSince === undefined) return candidate.close();
            this.switchTo(candidate);
        });
    }

    private switchTo(channel: grpc.Client): void {
        const left = this.channel;
        this.channel = channel;
        // What is under way on it may still end well.
        setTimeout(() => left.close(), this.client.timeoutMs).unref();
    }

    private open(): grpc.Client {
        return new grpc.Client(`${this.plan.host}:${this.plan.grpcPort}`, this.credentials, {
            "grpc.use_local_subchannel_pool": 1,
            "grpc.enable_retries": 0,
        });
    }
}

const authorization = (door: Door | undefined): { authorization?: string } =>
    door?.authorization === undefined ? {} : { authorization: door.authorization };

const toBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function acknowledged(client: ClientPlan, answer: Uint8Array): Answer {
    return { kind: "acknowledged", rejectedItems: rejectedItems(client, answer) };
}

/** What a gRPC state means. Pure. */
export function grpcAnswer(error: { code: grpc.status; details: string }): Answer {
    // What the library says of a deadline has times and addresses in it: each would be an error of its own.
    const details = error.code === grpc.status.DEADLINE_EXCEEDED ? "" : ` ${error.details}`;
    const text = `${grpc.status[error.code] ?? error.code}${details}`.slice(0, 200);
    // A connection that breaks in the middle of a stream is reported as INTERNAL with the transport's words, by the library itself.
    const transportBroke = /RST_STREAM|connection|socket|ECONN|GOAWAY|Stream removed/i.test(error.details);
    const retry =
        RETRYABLE_GRPC.includes(error.code) ||
        ([grpc.status.INTERNAL, grpc.status.UNKNOWN].includes(error.code) && transportBroke);
    return { kind: retry ? "retry" : "refused", error: text };
}

function message(error: unknown): string {
    const { code, message } = error as NodeJS.ErrnoException;
    return code ?? message;
}
