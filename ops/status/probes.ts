import { Values } from "../../components/settings/keys";

/** A question that is asked on the host itself. */
export interface Probe {
    /** One word. */
    name: string;
    /** @default "127.0.0.1" */
    address?: string;
    port: number;
    /** Asked over HTTP. @default nothing is asked: can a connection be made? */
    path?: string;
    /** Lines of the answer that are wanted; an extended regular expression without blanks. @default none */
    lines?: string;
}

/** Where each service says that it works, by the settings; the answer is 200. Keepalived has no such place. */
const ENDPOINTS: Record<string, (v: Values) => { port: number; path: string }> = {
    minio: (v) => ({ port: v.objectStorePort, path: "/minio/health/cluster" }),
    prometheus: (v) => ({ port: v.prometheusPort, path: "/-/ready" }),
    loki: (v) => ({ port: v.lokiPort, path: "/ready" }),
    "thanos-sidecar": (v) => ({ port: v.thanosHttpPort, path: "/-/ready" }),
    "thanos-store": (v) => ({ port: v.thanosStoreHttpPort, path: "/-/ready" }),
    "thanos-compactor": (v) => ({ port: v.thanosCompactorPort, path: "/-/ready" }),
    "thanos-query": (v) => ({ port: v.thanosQueryHttpPort, path: "/-/ready" }),
    "otel-aggregator": (v) => ({ port: v.aggregatorHealthPort, path: "/" }),
    haproxy: (v) => ({ port: v.haproxyStatsPort, path: "/healthz" }),
};

/** Endpoints of these services. Pure. */
export function endpoints(values: Values, services: string[]): { service: string; port: number; path: string }[] {
    return services.flatMap((service) => {
        const endpoint = ENDPOINTS[service];
        return endpoint ? [{ service, ...endpoint(values) }] : [];
    });
}

const NOTHING = "-";

// Lines of a metric, labels or not.
const metric = (...names: string[]): string => `^(${names.join("|")})[{[:space:]]`;

/** A queue that holds less than this may be called empty. */
export const NEARLY_EMPTY_BYTES = 1_048_576;

// What is in a queue came after the queue was empty for the last time.
const SINCE_EMPTY = `time()-max by(exporter,data_type)(max_over_time(timestamp(otelcol_exporter_queue_size{instance="NODE"}<${NEARLY_EMPTY_BYTES})[6h:15s]))`;

// A host has nothing that speaks TLS: with it, that somebody takes connections there has to do; its owner says the rest.
const vipProbe = (values: Values): Probe =>
    values.tls === "off"
        ? { name: "vip", address: values.vip, port: values.haproxyStatsPort, path: "/healthz" }
        : { name: "vip", address: values.vip, port: values.otlpHttpPort };

/** Where a collector tells its queues. Pure. */
export const queueProbe = (name: string, port: number): Probe => ({
    name,
    port,
    path: "/metrics",
    lines: metric("otelcol_exporter_queue_size", "otelcol_exporter_queue_capacity"),
});

/** All that is asked on a node, besides what each container's own health check asks. Pure. */
export function probes(values: Values): Probe[] {
    const query = encodeURIComponent(SINCE_EMPTY.replace("NODE", values.nodeName));
    return [
        vipProbe(values),
        queueProbe("queues", values.aggregatorMetricsPort),
        {
            name: "uploads",
            port: values.thanosHttpPort,
            path: "/metrics",
            lines: metric("thanos_objstore_bucket_last_successful_upload_time"),
        },
        {
            name: "log-writes",
            port: values.prometheusPort,
            path: "/metrics",
            lines: metric("prometheus_tsdb_wal_writes_failed_total", "prometheus_tsdb_wal_corruptions_total"),
        },
        {
            name: "disks",
            port: values.aggregatorDiskPort,
            path: "/metrics",
            lines: metric("system_filesystem_usage_bytes"),
        },
        {
            name: "stores",
            port: values.thanosQueryHttpPort,
            path: "/api/v1/stores",
            lines: '^\\{"status"',
        },
        {
            name: "since-empty",
            port: values.prometheusPort,
            path: `/api/v1/query?query=${query}`,
            lines: '^\\{"status"',
        },
    ];
}

/** The settings line of the host's script. Pure. */
export function probeLines(all: Probe[]): string {
    return all
        .map(({ name, address, port, path, lines }) =>
            [name, address ?? "127.0.0.1", port, path ?? NOTHING, lines ?? NOTHING].join(" "),
        )
        .join("\n");
}
