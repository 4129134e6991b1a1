/** A client's requests as OTLP protobuf, or as a document. The same arguments give the same bytes: a request that is sent again is the same request. */
import {
    ProtobufLogsSerializer,
    ProtobufMetricsSerializer,
    ProtobufTraceSerializer,
} from "@opentelemetry/otlp-transformer";
import { createHash } from "node:crypto";
import type { ReadableLogRecord } from "@opentelemetry/sdk-logs";
import { AggregationTemporality, DataPointType, type ResourceMetrics } from "@opentelemetry/sdk-metrics";
import type { DrillDocument } from "./document-transport";
import { logLine, seriesName } from "./ledger";
import { METRIC, SERVICE, type ClientPlan, type Signal } from "./plan";

// The same for all requests of all clients: labels that differ would make a series or a stream of their own.
const RESOURCE = { attributes: { "service.name": SERVICE } } as unknown as ResourceMetrics["resource"];
const SCOPE = { name: "otel-ha.drill" };
/** ValueType.DOUBLE of @opentelemetry/api: every whole number up to 2^53 is exact. */
const DOUBLE = 1;
const INFO = 9;

/** Body of request `n` with items of time `at` (milliseconds). Pure. */
export function encode(run: string, client: ClientPlan, n: number, at: number): Uint8Array {
    const bytes = ENCODERS[client.signal](run, client, n, at);
    if (!bytes) throw new Error(`request ${n} of ${client.id} cannot be encoded`);
    return bytes;
}

type Encoder = (run: string, client: ClientPlan, n: number, at: number) => Uint8Array | undefined;

const ENCODERS: Record<Signal, Encoder> = {
    metrics: (...item) => ProtobufMetricsSerializer.serializeRequest(metricsRequest(...item)),
    logs: (...item) => ProtobufLogsSerializer.serializeRequest(logsRequest(...item)),
    traces: (...item) => ProtobufTraceSerializer.serializeRequest(spans(...item)),
    documents: (...item) => Buffer.from(JSON.stringify(document(...item))),
};

/** Items that an answer's partial success says were not taken. */
export function rejectedItems(client: ClientPlan, answer: Uint8Array): number {
    if (answer.length === 0) return 0;
    if (client.signal === "metrics") {
        const { partialSuccess } = ProtobufMetricsSerializer.deserializeResponse(answer);
        return Number(partialSuccess?.rejectedDataPoints ?? 0);
    }
    if (client.signal === "traces") {
        const { partialSuccess } = ProtobufTraceSerializer.deserializeResponse(answer);
        return Number(partialSuccess?.rejectedSpans ?? 0);
    }
    const { partialSuccess } = ProtobufLogsSerializer.deserializeResponse(answer);
    return Number(partialSuccess?.rejectedLogRecords ?? 0);
}

function metricsRequest(run: string, client: ClientPlan, n: number, at: number): ResourceMetrics {
    const time = hrTime(at, 0);
    const dataPoints = Array.from({ length: client.itemsPerRequest }, (_, i) => ({
        startTime: time,
        endTime: time,
        attributes: client.labelled
            ? labels(run, client, n * client.itemsPerRequest + i)
            : { run, client: client.id, series: seriesName(i) },
        value: n,
    }));
    const metric = {
        descriptor: { name: METRIC, description: "", unit: "", valueType: DOUBLE },
        aggregationTemporality: AggregationTemporality.CUMULATIVE,
        dataPointType: DataPointType.GAUGE as const,
        dataPoints,
    };
    return { resource: RESOURCE, scopeMetrics: [{ scope: SCOPE, metrics: [metric] }] };
}

function logsRequest(run: string, client: ClientPlan, n: number, at: number): ReadableLogRecord[] {
    return Array.from(
        { length: client.itemsPerRequest },
        (_, i) =>
            ({
                hrTime: hrTime(at, i),
                hrTimeObserved: hrTime(at, i),
                severityNumber: INFO,
                severityText: "INFO",
                body: logLine(run, client.id, n * client.itemsPerRequest + i),
                attributes: client.labelled ? labels(run, client, n * client.itemsPerRequest + i) : {},
                droppedAttributesCount: 0,
                resource: RESOURCE,
                instrumentationScope: SCOPE,
            }) as ReadableLogRecord,
    );
}

type Span = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0][number];

/** SpanKind.SERVER and SpanStatusCode.OK of @opentelemetry/api. */
const SERVER = 1;
const OK = 1;

// Each is a trace of its own.
function spans(run: string, client: ClientPlan, n: number, at: number): Span[] {
    return Array.from({ length: client.itemsPerRequest }, (_, i) => {
        const seq = n * client.itemsPerRequest + i;
        const id = createHash("sha256").update(`${run} ${client.id} ${seq}`).digest("hex");
        const context = { traceId: id.slice(0, 32), spanId: id.slice(32, 48), traceFlags: 1 };
        return {
            ...{ name: "drill", kind: SERVER, spanContext: () => context, status: { code: OK }, ended: true },
            ...{ startTime: hrTime(at, i), endTime: hrTime(at + 1, i), duration: [0, 1_000_000] },
            attributes: labels(run, client, seq),
            ...{ links: [], events: [], resource: RESOURCE, instrumentationScope: SCOPE },
            ...{ droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
        } as unknown as Span;
    });
}

const labels = (run: string, client: ClientPlan, seq: number) => ({ run, client: client.id, seq });

function document(run: string, client: ClientPlan, n: number, at: number): DrillDocument {
    const { id, routings = [""] } = client;
    return { id: `${run}-${id}-${n}`, run, client: id, seq: n, at, routing: routings[n % routings.length]! };
}

function hrTime(at: number, extraNanos: number): [number, number] {
    return [Math.floor(at / 1000), (at % 1000) * 1_000_000 + extraNanos];
}
