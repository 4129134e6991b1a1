/** Real telemetry, as an application sends it: the OpenTelemetry SDK over HTTP/protobuf and gRPC, and plain JSON over HTTP. */
import { credentials, Metadata } from "@grpc/grpc-js";
import { SeverityNumber } from "@opentelemetry/api-logs";
import { OTLPLogExporter as GrpcLogExporter } from "@opentelemetry/exporter-logs-otlp-grpc";
import { OTLPLogExporter as HttpLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPMetricExporter as GrpcMetricExporter } from "@opentelemetry/exporter-metrics-otlp-grpc";
import { OTLPMetricExporter as HttpMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { LoggerProvider, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { access, ask, type HttpAnswer } from "./access";
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

const HTTP_PORT = 4318;
const GRPC_PORT = 4317;

/** Sends a counter and a log line to the virtual IP. Errors: what the exporter said. */
export async function send(protocol: Protocol, sample: Sample): Promise<void> {
    if (protocol === "http/json") return sendJson(sample);
    const http = protocol === "http/protobuf";
    await Promise.all([sendMetric(sample, http), sendLog(sample, http)]);
}

/** What an application's exporter over HTTP is told. */
async function httpOptions(path: string) {
    const { otlp, url } = await access();
    const headers: Record<string, string> = otlp?.authorization ? { authorization: otlp.authorization } : {};
    return {
        url: url(NETWORK.vip, HTTP_PORT, path),
        headers,
        httpAgentOptions: otlp ? { ca: otlp.ca } : {},
    };
}

/** What one over gRPC is told. */
async function grpcOptions() {
    const { otlp, url } = await access();
    const metadata = new Metadata();
    if (otlp?.authorization) metadata.set("authorization", otlp.authorization);
    const ca = otlp?.ca === undefined ? undefined : Buffer.from(otlp.ca);
    return {
        url: url(NETWORK.vip, GRPC_PORT),
        metadata,
        credentials: otlp ? credentials.createSsl(ca) : credentials.createInsecure(),
    };
}

async function sendMetric(sample: Sample, http: boolean): Promise<void> {
    const exporter = http
        ? new HttpMetricExporter(await httpOptions("/v1/metrics"))
        : new GrpcMetricExporter(await grpcOptions());
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
        ? new HttpLogExporter(await httpOptions("/v1/logs"))
        : new GrpcLogExporter(await grpcOptions());
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
export async function post(path: string, body: unknown): Promise<HttpAnswer> {
    const headers = { "content-type": "application/json" };
    const question = { method: "POST", headers, body: JSON.stringify(body), timeoutMs: 5000 };
    const answer = await ask(NETWORK.vip, HTTP_PORT, path, question);
    if (answer.status !== 200) throw new Error(`POST ${path} at ${NETWORK.vip}: ${answer.status} ${answer.text}`);
    return answer;
}
