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
    close(): void;
}

/** The transport of a client's protocol. */
export function transport(plan: LoadPlan, client: ClientPlan): Transport {
    return client.protocol === "http" ? new HttpTransport(plan, client) : new GrpcTransport(plan, client);
}

/** HTTP answers after which the OTLP specification has a client send again. */
const RETRYABLE_HTTP = [429, 502, 503, 504];

class HttpTransport implements Transport {
    private readonly way: ReturnType<typeof wayTo>;
    private readonly headers: OutgoingHttpHeaders;

    constructor(
        private readonly plan: LoadPlan,
        private readonly client: ClientPlan,
    ) {
        this.way = wayTo(plan.door, { keepAlive: true, maxSockets: 64, maxFreeSockets: 8 });
        this.headers = { "content-type": "application/x-protobuf", ...authorization(plan.door) };
    }

    send(body: Uint8Array): Promise<Answer> {
        return new Promise((resolve) => {
            const finish = (answer: Answer): void => {
                clearTimeout(timer);
                resolve(answer);
            };
            const outgoing = this.way.request(
                {
                    host: this.plan.host,
                    port: this.plan.httpPort,
                    path: `/v1/${this.client.signal}`,
                    method: "POST",
                    agent: this.way.agent,
                    headers: { ...this.headers, "content-length": body.length },
                },
                (incoming) => {
                    const chunks: Buffer[] = [];
                    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
                    incoming.on("error", (error) => finish({ kind: "retry", error: message(error) }));
                    incoming.on("end", () => {
                        const { statusCode = 0, headers } = incoming;
                        finish(httpAnswer(this.client, statusCode, headers["retry-after"], Buffer.concat(chunks)));
                    });
                },
            );
            outgoing.on("error", (error) => finish({ kind: "retry", error: message(error) }));
            // Covers connecting, too. A connection that did not answer is not used again.
            const timer = setTimeout(() => outgoing.destroy(new Error("timeout")), this.client.timeoutMs);
            outgoing.end(body);
        });
    }

    close(): void {
        this.way.agent.destroy();
    }
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

const SERVICES: Record<Signal, string> = {
    metrics: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    logs: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
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
    private readonly credentials: grpc.ChannelCredentials;
    private readonly metadata = new grpc.Metadata();
    private channel: grpc.Client;
    private readonly candidates = new Set<grpc.Client>();
    private triedAt = 0;
    /** When the first request since the last success was made. */
    private wantedSince?: number;

    constructor(
        private readonly plan: LoadPlan,
        private readonly client: ClientPlan,
    ) {
        const { door } = plan;
        this.credentials = door
            ? grpc.credentials.createFromSecureContext(trust(door))
            : grpc.credentials.createInsecure();
        for (const [name, value] of Object.entries(authorization(door))) this.metadata.set(name, value);
        this.channel = this.open();
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
            const path = SERVICES[this.client.signal];
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
            const left = this.channel;
            this.channel = candidate;
            // What is under way on it may still end well.
            setTimeout(() => left.close(), this.client.timeoutMs).unref();
        });
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
