/** OTLP at full speed: requests that are encoded once and only get new timestamps, so that the sender costs little next to what it measures. */
import { ProtobufLogsSerializer, ProtobufMetricsSerializer } from "@opentelemetry/otlp-transformer";
import type { ReadableLogRecord } from "@opentelemetry/sdk-logs";
import { AggregationTemporality, DataPointType, type ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { text } from "node:stream/consumers";
import { wayTo, type Door } from "../ops/http";

export type Signal = "metrics" | "logs";

export interface Load {
    signal: Signal;
    /** Host and port that takes OTLP over HTTP. */
    host: string;
    port: number;
    /** @default in the clear */
    door?: Door;
    /** Requests on the wire at a time, each on a connection of its own with series of its own. */
    connections: number;
    itemsPerRequest: number;
    seconds: number;
}

export interface Outcome {
    /** Items of requests answered with 200. */
    acknowledged: number;
    /** Requests by answer other than 200: a status, or an error's code. */
    refused: Record<string, number>;
    seconds: number;
    perSecond: number;
    /** Milliseconds until a 200. */
    p50: number;
    p99: number;
}

/** Sends until the time is over; every connection waits for its answer before it sends again. */
export async function sendAtFullSpeed(load: Load): Promise<Outcome> {
    const way = wayTo(load.door, { keepAlive: true, maxSockets: load.connections });
    const latencies: number[] = [];
    const refused: Record<string, number> = {};
    const started = performance.now();
    const end = started + load.seconds * 1000;
    const connection = async (index: number): Promise<void> => {
        const body = timedBody(load, index);
        while (performance.now() < end) {
            const sent = performance.now();
            const answer = await post(way, load, body.now());
            if (answer === "200") latencies.push(performance.now() - sent);
            else {
                refused[answer] = (refused[answer] ?? 0) + 1;
                await new Promise((resolve) => setTimeout(resolve, 50));
            }
        }
    };
    await Promise.all(Array.from({ length: load.connections }, (_, index) => connection(index)));
    way.agent.destroy();
    const seconds = (performance.now() - started) / 1000;
    const acknowledged = latencies.length * load.itemsPerRequest;
    latencies.sort((a, b) => a - b);
    const at = (share: number): number =>
        latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? NaN;
    return { acknowledged, refused, seconds, perSecond: acknowledged / seconds, p50: at(0.5), p99: at(0.99) };
}

function post({ request, agent }: ReturnType<typeof wayTo>, load: Load, body: Buffer): Promise<string> {
    const { authorization } = load.door ?? {};
    return new Promise((resolve) => {
        const sent = request(
            {
                agent,
                host: load.host,
                port: load.port,
                path: `/v1/${load.signal}`,
                method: "POST",
                headers: {
                    "content-type": "application/x-protobuf",
                    "content-length": body.length,
                    ...(authorization === undefined ? {} : { authorization }),
                },
                timeout: 30_000,
            },
            (response) => {
                response.resume();
                response.on("end", () => resolve(String(response.statusCode)));
                response.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
            },
        );
        sent.on("timeout", () => sent.destroy(new Error("timeout")));
        sent.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
        sent.end(body);
    });
}

/** A time that stands for "when it is sent": a pattern of eight bytes that nothing else in a request has. */
const MARK: [number, number] = [1_234_567_890, 123_456_789];
const MARK_NANOSECONDS = 1_234_567_890_123_456_789n;

/** A connection's request; `now` gives it back with the present time in all its items. */
function timedBody(load: Load, connection: number): { now: () => Buffer } {
    const bytes = load.signal === "metrics" ? metrics(load, connection) : logs(load, connection);
    const body = Buffer.from(bytes);
    const mark = Buffer.alloc(8);
    mark.writeBigUInt64LE(MARK_NANOSECONDS);
    const places: number[] = [];
    for (let at = body.indexOf(mark); at >= 0; at = body.indexOf(mark, at + 8)) places.push(at);
    let last = 0n;
    return {
        now() {
            const milliseconds = BigInt(Date.now());
            // Strictly later than the request before, by a millisecond, which is what a back end tells apart.
            last = milliseconds > last ? milliseconds : last + 1n;
            places.forEach((at, index) =>
                // Two log lines of one stream with one time are told apart by their text, but not by all readers.
                body.writeBigUInt64LE(last * 1_000_000n + (load.signal === "logs" ? BigInt(index) : 0n), at),
            );
            return body;
        },
    };
}

const RESOURCE = {
    attributes: { "service.name": "bench", "service.instance.id": "bench-1", "host.name": "bench" },
} as unknown as ResourceMetrics["resource"];
const SCOPE = { name: "otel-ha.bench" };

function metrics(load: Load, connection: number): Uint8Array {
    const dataPoints = Array.from({ length: load.itemsPerRequest }, (_, index) => ({
        startTime: MARK,
        endTime: MARK,
        attributes: { connection: String(connection), route: `/orders/${index}`, method: "GET" },
        value: index + 0.5,
    }));
    const metric = {
        descriptor: { name: "bench_gauge", description: "", unit: "", valueType: 1 },
        aggregationTemporality: AggregationTemporality.CUMULATIVE,
        dataPointType: DataPointType.GAUGE as const,
        dataPoints,
    };
    return ProtobufMetricsSerializer.serializeRequest({
        resource: RESOURCE,
        scopeMetrics: [{ scope: SCOPE, metrics: [metric] }],
    })!;
}

function logs(load: Load, connection: number): Uint8Array {
    const records = Array.from({ length: load.itemsPerRequest }, (_, index) => ({
        hrTime: MARK,
        hrTimeObserved: MARK,
        severityNumber: 9,
        severityText: "INFO",
        body: `10.0.0.${index % 250} GET /orders/${index} 200 connection=${connection} took ${index % 97} ms for customer ${index * 7919}`,
        attributes: { "http.route": `/orders/${index % 20}`, "http.response.status_code": 200 },
        droppedAttributesCount: 0,
        resource: RESOURCE,
        instrumentationScope: SCOPE,
    }));
    return ProtobufLogsSerializer.serializeRequest(records as unknown as ReadableLogRecord[])!;
}

// As a program of its own, so that its work and the measuring of the hosts do not wait for each other. A token may be in what it is told.
if (require.main === module) {
    text(process.stdin)
        .then((load) => sendAtFullSpeed(JSON.parse(load) as Load))
        .then(
            (outcome) => console.log(JSON.stringify(outcome)),
            (error: Error) => {
                console.error(error.message);
                process.exitCode = 1;
            },
        );
}
