/** A client's requests as OTLP protobuf. The same arguments give the same bytes: a request that is sent again is the same request. */
import { ProtobufLogsSerializer, ProtobufMetricsSerializer } from "@opentelemetry/otlp-transformer";
import type { ReadableLogRecord } from "@opentelemetry/sdk-logs";
import { AggregationTemporality, DataPointType, type ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { logLine, seriesName } from "./ledger";
import { METRIC, SERVICE, type ClientPlan } from "./plan";

// The same for all requests of all clients: labels that differ would make a series or a stream of their own.
const RESOURCE = { attributes: { "service.name": SERVICE } } as unknown as ResourceMetrics["resource"];
const SCOPE = { name: "otel-ha.drill" };
/** ValueType.DOUBLE of @opentelemetry/api: every whole number up to 2^53 is exact. */
const DOUBLE = 1;
const INFO = 9;

/** Body of request `n` with items of time `at` (milliseconds). Pure. */
export function encode(run: string, client: ClientPlan, n: number, at: number): Uint8Array {
    const bytes =
        client.signal === "metrics"
            ? ProtobufMetricsSerializer.serializeRequest(metricsRequest(run, client, n, at))
            : ProtobufLogsSerializer.serializeRequest(logsRequest(run, client, n, at));
    if (!bytes) throw new Error(`request ${n} of ${client.id} cannot be encoded`);
    return bytes;
}

/** Items that an answer's partial success says were not taken. */
export function rejectedItems(client: ClientPlan, answer: Uint8Array): number {
    if (answer.length === 0) return 0;
    if (client.signal === "metrics") {
        const { partialSuccess } = ProtobufMetricsSerializer.deserializeResponse(answer);
        return Number(partialSuccess?.rejectedDataPoints ?? 0);
    }
    const { partialSuccess } = ProtobufLogsSerializer.deserializeResponse(answer);
    return Number(partialSuccess?.rejectedLogRecords ?? 0);
}

function metricsRequest(run: string, client: ClientPlan, n: number, at: number): ResourceMetrics {
    const time = hrTime(at, 0);
    const dataPoints = Array.from({ length: client.itemsPerRequest }, (_, i) => ({
        startTime: time,
        endTime: time,
        attributes: { run, client: client.id, series: seriesName(i) },
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
                attributes: {},
                droppedAttributesCount: 0,
                resource: RESOURCE,
                instrumentationScope: SCOPE,
            }) as ReadableLogRecord,
    );
}

function hrTime(at: number, extraNanos: number): [number, number] {
    return [Math.floor(at / 1000), (at % 1000) * 1_000_000 + extraNanos];
}
