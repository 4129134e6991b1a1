/** Real telemetry, as an application sends it: the OpenTelemetry SDK over HTTP/protobuf and gRPC, and plain JSON over HTTP. */
import { SeverityNumber } from "@opentelemetry/api-logs";
import { OTLPLogExporter as GrpcLogExporter } from "@opentelemetry/exporter-logs-otlp-grpc";
import { OTLPLogExporter as HttpLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPMetricExporter as GrpcMetricExporter } from "@opentelemetry/exporter-metrics-otlp-grpc";
import { OTLPMetricExporter as HttpMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { LoggerProvider, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { NETWORK } from "./nodes";

export type Protocol = "http/protobuf" | "http/json" | "grpc";
export const PROTOCOLS: Protocol[] = ["http/protobuf", "http/json", "grpc"];

/** What is sent and is to be found again. */
export interface Sample {
    /** Becomes the label service_name. */
    service: string;
    /** Value of the counter `lab_orders_total{kind="…"}`. */
    value: number;
    kind: string;
    /** A log line. */
    line: string;
}

const HTTP = `http://${NETWORK.vip}:4318`;

/** Sends a counter and a log line to the virtual IP. Errors: what the exporter said. */
export async function send(protocol: Protocol, sample: Sample): Promise<void> {
    if (protocol === "http/json") return sendJson(sample);
    const http = protocol === "http/protobuf";
    await Promise.all([sendMetric(sample, http), sendLog(sample, http)]);
}

async function sendMetric(sample: Sample, http: boolean): Promise<void> {
    const exporter = http
        ? new HttpMetricExporter({ url: `${HTTP}/v1/metrics` })
        : new GrpcMetricExporter({ url: `http://${NETWORK.vip}:4317` });
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({
        resource: resourceFromAttributes({ "service.name": sample.service }),
        readers: [reader],
    });
    provider.getMeter("lab").createCounter("lab_orders").add(sample.value, { kind: sample.kind });
    await provider.forceFlush();
    await provider.shutdown();
}

async function sendLog(sample: Sample, http: boolean): Promise<void> {
    const exporter = http
        ? new HttpLogExporter({ url: `${HTTP}/v1/logs` })
        : new GrpcLogExporter({ url: `http://${NETWORK.vip}:4317` });
    const provider = new LoggerProvider({
        resource: resourceFromAttributes({ "service.name": sample.service }),
        processors: [new SimpleLogRecordProcessor(exporter)],
    });
    const attributes = { kind: sample.kind };
    provider
        .getLogger("lab")
        .emit({ severityNumber: SeverityNumber.INFO, severityText: "INFO", body: sample.line, attributes });
    await provider.forceFlush();
    await provider.shutdown();
}

async function sendJson(sample: Sample): Promise<void> {
    const now = `${Date.now()}000000`;
    const resource = { attributes: [{ key: "service.name", value: { stringValue: sample.service } }] };
    const attributes = [{ key: "kind", value: { stringValue: sample.kind } }];
    const sum = {
        aggregationTemporality: 2,
        isMonotonic: true,
        dataPoints: [{ asDouble: sample.value, timeUnixNano: now, startTimeUnixNano: now, attributes }],
    };
    await post("/v1/metrics", {
        resourceMetrics: [{ resource, scopeMetrics: [{ metrics: [{ name: "lab_orders", sum }] }] }],
    });
    const logRecords = [{ timeUnixNano: now, severityText: "INFO", body: { stringValue: sample.line }, attributes }];
    await post("/v1/logs", { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] });
}

/** Posts OTLP/JSON to the virtual IP. */
export async function post(path: string, body: unknown): Promise<Response> {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${HTTP}${path}`, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(5000),
    });
    if (!response.ok) throw new Error(`POST ${HTTP}${path}: ${response.status} ${await response.text()}`);
    return response;
}
