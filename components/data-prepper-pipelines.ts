/** Where each kind of telemetry goes. */
export interface TelemetryIndices {
    /** @default "otel-v1-apm-span" */
    spans: string;
    /** @default "otel-v1-apm-service-map" */
    services: string;
    /** @default "otel-metrics" */
    metrics: string;
    /** @default "otel-logs" */
    logs: string;
}

export const TELEMETRY_INDICES: TelemetryIndices = {
    spans: "otel-v1-apm-span",
    services: "otel-v1-apm-service-map",
    metrics: "otel-metrics",
    logs: "otel-logs",
};

type Signal = "traces" | "metrics" | "logs";
type PortName = "tracesPort" | "metricsPort" | "logsPort" | "otlpPort";

/** A source that collectors send to. */
interface Door {
    /** First word of its pipelines' names. */
    name: Signal | "otlp";
    /** Name of its plugin. */
    plugin: string;
    /** Setting of the component. */
    port: PortName;
    /** Setting of the stack. */
    key: string;
    /** @example "traces" */
    what: string;
}

export const DOORS: Door[] = [
    {
        name: "traces",
        plugin: "otel_trace_source",
        port: "tracesPort",
        key: "dataPrepperTracesPort",
        what: "traces",
    },
    {
        name: "metrics",
        plugin: "otel_metrics_source",
        port: "metricsPort",
        key: "dataPrepperMetricsPort",
        what: "metrics",
    },
    { name: "logs", plugin: "otel_logs_source", port: "logsPort", key: "dataPrepperLogsPort", what: "logs" },
    { name: "otlp", plugin: "otlp", port: "otlpPort", key: "dataPrepperOtlpPort", what: "traces, metrics and logs" },
];

/** A pipeline as the template needs it. */
export interface Pipeline {
    /** None is the beginning of another, before a "-": its metrics are found by it. */
    name: string;
    /** Its own source. */
    listens?: { plugin: string; port: number; unified: boolean };
    /** The pipeline that it gets its events from. */
    from?: string;
    /** Whether it has processors, and which. */
    processing: boolean;
    spans: boolean;
    services: boolean;
    metrics: boolean;
    routed: boolean;
    /** Pipelines that its events go to. */
    to: { pipeline: string; route?: string }[];
    /** Alias that it writes to. */
    index?: string;
    documentId?: string;
}

const NONE: Omit<Pipeline, "name"> = {
    listens: undefined,
    from: undefined,
    processing: false,
    spans: false,
    services: false,
    metrics: false,
    routed: false,
    to: [],
    index: undefined,
    documentId: undefined,
};

/** Attributes by which the collectors name what has no name of its own. */
export interface RecordIds {
    /** Of a log record. */
    logId: string;
    /** Of a data point. */
    pointId: string;
}

// Spans have a name of their own; an edge of the map of services, the hash of what it is (Data Prepper's own index types use the same).
const SPAN_ID = "${traceId}-${spanId}";
const EDGE_ID = "${hashId}";

/** What is done with each kind of event. */
function stages(
    indices: TelemetryIndices,
    { logId, pointId }: RecordIds,
): Record<"spans" | "services" | "metrics" | "logs", Omit<Pipeline, "name">> {
    const processes = { ...NONE, processing: true };
    // In the form that OpenSearch gets, the kind is before an attribute's name, and no dot is in it: that would make it an object.
    const attribute = (kind: string, name: string): string =>
        `\${/attributes/${kind}.attributes.${name.replaceAll(".", "@")}}`;
    return {
        spans: { ...processes, spans: true, index: indices.spans, documentId: SPAN_ID },
        services: { ...processes, services: true, index: indices.services, documentId: EDGE_ID },
        metrics: { ...processes, metrics: true, index: indices.metrics, documentId: attribute("metric", pointId) },
        logs: { ...NONE, index: indices.logs, documentId: attribute("log", logId) },
    };
}

/**
 * All pipelines. A pipeline can get its events from one other only (`source: pipeline`), so that the source of all three signals has stages of its own.
 * Pure.
 */
export function dataPrepperPipelines(
    indices: TelemetryIndices,
    settings: Record<PortName, number> & RecordIds,
): Pipeline[] {
    const does = stages(indices, settings);
    return DOORS.flatMap(({ name, plugin, port }): Pipeline[] => {
        const listens = { plugin, port: settings[port], unified: name === "otlp" };
        if (name === "metrics" || name === "logs") return [{ ...does[name], name: `${name}-entry`, listens }];
        const entry = `${name}-entry`;
        const stage = (of: keyof typeof does): Pipeline => ({ ...does[of], name: `${name}-${of}`, from: entry });
        const route = (of: Signal): string | undefined => (name === "otlp" ? of : undefined);
        const to = [
            { pipeline: `${name}-spans`, route: route("traces") },
            { pipeline: `${name}-services`, route: route("traces") },
        ];
        if (name === "traces") return [{ ...NONE, name: entry, listens, to }, stage("spans"), stage("services")];
        to.push({ pipeline: "otlp-metrics", route: "metrics" }, { pipeline: "otlp-logs", route: "logs" });
        const all: Pipeline = { ...NONE, name: entry, listens, routed: true, to };
        return [all, stage("spans"), stage("services"), stage("metrics"), stage("logs")];
    });
}
