/** What one service of the sample tells about itself, as an application does: the OpenTelemetry SDK, OTLP in protobuf over HTTP. */
import type { Counter, Histogram, Tracer } from "@opentelemetry/api";
import { SeverityNumber, type Logger } from "@opentelemetry/api-logs";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

/** Where a service's telemetry goes: a collector's OTLP over HTTP. */
export interface Collector {
    /** @example "https://192.168.110.231:4318" */
    url: string;
    /** The CA that the collector's certificate is of, in PEM. */
    ca?: string;
    /** A header's whole value. */
    authorization?: string;
}

/** More than a run makes, so that nothing is dropped before it is sent. */
const QUEUE = { maxQueueSize: 20_000, maxExportBatchSize: 512, scheduledDelayMillis: 1_000 };

export class Telemetry {
    readonly tracer: Tracer;
    readonly requests: Counter;
    readonly duration: Histogram;
    private readonly logger: Logger;
    private readonly providers: { shutdown(): Promise<void> }[];

    constructor(service: string, run: string, collector: Collector) {
        const resource = resourceFromAttributes({
            "service.name": service,
            "service.namespace": "sample",
            "service.instance.id": `${service}-${run}`,
        });
        const to = (signal: string) => ({
            url: `${collector.url}/v1/${signal}`,
            headers: headersOf(collector),
            httpAgentOptions: { keepAlive: true, ...(collector.ca ? { ca: collector.ca } : {}) },
        });
        const traces = new NodeTracerProvider({
            resource,
            spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter(to("traces")), QUEUE)],
        });
        // Sent when the run ends: one point of each series, whose value is known.
        const exporter = new OTLPMetricExporter(to("metrics"));
        const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
        const metrics = new MeterProvider({ resource, readers: [reader] });
        const logs = new LoggerProvider({
            resource,
            processors: [new BatchLogRecordProcessor(new OTLPLogExporter(to("logs")), QUEUE)],
        });
        this.providers = [traces, metrics, logs];
        this.tracer = traces.getTracer("sample");
        this.logger = logs.getLogger("sample");
        const meter = metrics.getMeter("sample");
        this.requests = meter.createCounter("sample.requests", { unit: "{request}" });
        this.duration = meter.createHistogram("sample.request.duration", { unit: "ms" });
    }

    /** A log line; it carries the ids of the span that is active. */
    log(body: string, attributes: Record<string, string>, failed = false): void {
        const severity = failed
            ? { severityNumber: SeverityNumber.ERROR, severityText: "ERROR" }
            : { severityNumber: SeverityNumber.INFO, severityText: "INFO" };
        this.logger.emit({ ...severity, body, attributes });
    }

    /** Sends what is still here. Errors: what the exporters said. */
    async end(): Promise<void> {
        const ended = await Promise.allSettled(this.providers.map((provider) => provider.shutdown()));
        const failures = ended.flatMap((one) => (one.status === "rejected" ? [one.reason as Error] : []));
        if (failures.length) throw new Error(failures.map(({ message }) => message).join("; "));
    }
}

const headersOf = ({ authorization }: Collector): Record<string, string> => (authorization ? { authorization } : {});
