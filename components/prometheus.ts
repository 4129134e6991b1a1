import * as pulumi from "@pulumi/pulumi";
import { ContainerService, ContainerSpec } from "./container-service";
import { PRIVATE, Requirements } from "./host";
import {
    access,
    healthCheck,
    httpCheck,
    sendSignal,
    SERVICE_DEFAULTS,
    ServiceArgs,
    ServiceSettings,
    withDefaults,
} from "./service";
import { render } from "./templates";
import { Duration, prometheusDuration, seconds, Size } from "./units";

/** Prometheus of one node. Defaults are those of the two-host seed. */
export interface PrometheusSettings extends ServiceSettings {
    /** @default "prom/prometheus:v3.7.3" */
    image?: string;
    /** @default 9090 */
    port?: number;
    /** Data directory on the host. @default "/data/volume/otel/prometheus" */
    dataDir?: string;
    /** External label `cluster`, the same on both nodes. @default "monitoring-ha" */
    cluster?: string;
    /** @default "5s" */
    scrapeInterval?: Duration;
    /** @default "15s" */
    evaluationInterval?: Duration;
    /** How long samples stay on this host. Thanos wants at least three blocks. @default "15d" */
    retention?: Duration;
    /** Length of a block, least and most alike, as the Thanos sidecar needs while it uploads. @default "2h" */
    blockDuration?: Duration;
    /** Memory of the container. A replay of the log after a crash must fit. @default "8GiB" */
    memoryLimit?: Size;
    /** What is scraped besides Prometheus itself. @default [] */
    targets?: ScrapeTarget[];
}

/** Something with metrics. Each node scrapes its own parts: two that scrape the same one would make two different series of it. */
export interface ScrapeTarget {
    /** Label `job`. @example "otel-aggregator" */
    job: string;
    /** Host and port. @example "127.0.0.1:9464" */
    address: string;
    /** Label `instance`: a node's name, since every node calls itself 127.0.0.1. @example "mid-1" */
    instance: string;
    /** @default "/metrics" */
    path?: string;
}

export const PROMETHEUS_DEFAULTS = {
    image: "prom/prometheus:v3.7.3",
    port: 9090,
    dataDir: "/data/volume/otel/prometheus",
    cluster: "monitoring-ha",
    scrapeInterval: "5s",
    evaluationInterval: "15s",
    retention: "15d",
    blockDuration: "2h",
    memoryLimit: "8GiB",
    targets: [] as ScrapeTarget[],
};

/** User of the upstream image (nobody). The sidecar runs as the same one: it writes into the same directory. */
export const PROMETHEUS_USER = "65534:65534";

/** The text of prometheus.yml. Pure. */
export function prometheusConfig(settings: PrometheusSettings): string {
    const s = withDefaults(settings, PROMETHEUS_DEFAULTS);
    return render("prometheus/prometheus.yml", {
        ...s,
        scrapeInterval: prometheusDuration(s.scrapeInterval),
        evaluationInterval: prometheusDuration(s.evaluationInterval),
        // The seed's documents set replica "node1" on both nodes; Thanos needs a value of its own per Prometheus (reference: Thanos, external labels).
        replica: s.node,
        // As late as a client may be, and then as long in a queue.
        outOfOrderWindow: prometheusDuration(`${2 * seconds(s.maxPeerOutage)}s`),
        targets: s.targets.map((target) => ({ ...target, path: target.path ?? "/metrics" })),
    });
}

/** Container, files and health of Prometheus. Pure. */
export function prometheusSpec(settings: PrometheusSettings): ContainerSpec {
    const s = withDefaults(settings, PROMETHEUS_DEFAULTS);
    const directory = `${s.configDir}/prometheus`;
    const container = `prometheus-${s.node}`;
    const url = `http://127.0.0.1:${s.port}`;
    return {
        container,
        image: s.image,
        command: [
            "--config.file=/etc/prometheus/prometheus.yml",
            "--storage.tsdb.path=/prometheus",
            `--storage.tsdb.retention.time=${prometheusDuration(s.retention)}`,
            `--storage.tsdb.min-block-duration=${prometheusDuration(s.blockDuration)}`,
            `--storage.tsdb.max-block-duration=${prometheusDuration(s.blockDuration)}`,
            "--web.enable-otlp-receiver",
            "--web.enable-remote-write-receiver",
            // Late data makes blocks that overlap. The Thanos compactor merges those, since the sidecar may have uploaded one already.
            "--no-storage.tsdb.allow-overlapping-compaction",
            `--web.listen-address=${s.listen === SERVICE_DEFAULTS.listen ? "" : s.listen}:${s.port}`,
        ],
        user: PROMETHEUS_USER,
        // Prometheus keeps its garbage collector below 90 % of it by itself.
        memoryLimit: s.memoryLimit,
        mounts: [
            { source: directory, target: "/etc/prometheus", readOnly: true },
            { source: s.dataDir, target: "/prometheus" },
        ],
        files: [
            {
                path: `${directory}/prometheus.yml`,
                content: prometheusConfig(s),
                check: `docker run --rm --network none --entrypoint promtool -v "$DIR":/etc/prometheus:ro ${s.image} check config "/etc/prometheus/$CANDIDATE"`,
                // Prometheus tells in a metric whether it took the file; the signal alone does not.
                reload: `${sendSignal("HUP", container)} && sleep 1 && docker exec ${container} wget -q -O - ${url}/metrics | grep -q '^prometheus_config_last_reload_successful 1'`,
            },
        ],
        // Ready, not healthy: 503 while the write-ahead log is replayed.
        healthCheck: healthCheck(s, httpCheck(`${url}/-/ready`)),
        readyTimeout: s.readyTimeout,
        // Shutting down means flushing the head.
        stopSeconds: 60,
    };
}

/** What Prometheus needs of its host. Pure. */
export function prometheusRequirements(settings: PrometheusSettings): Requirements {
    const s = withDefaults(settings, PROMETHEUS_DEFAULTS);
    return {
        container: `prometheus-${s.node}`,
        directories: [
            { path: `${s.configDir}/prometheus` },
            { path: s.dataDir, owner: PROMETHEUS_USER, mode: PRIVATE },
            // A sample is acknowledged when it is written to these, in order or out of order. Prometheus syncs a segment only when it is full.
            { path: `${s.dataDir}/wal`, owner: PROMETHEUS_USER, mode: PRIVATE, synchronous: true },
            { path: `${s.dataDir}/wbl`, owner: PROMETHEUS_USER, mode: PRIVATE, synchronous: true },
        ],
        ports: [
            {
                port: s.port,
                key: "prometheusPort",
                use: "Prometheus",
                audience: ["admins", "peer"],
                ...access(s, "admins"),
                why: "API; the other node's collector writes its copy, its Prometheus scrapes",
            },
        ],
        dataPaths: [{ path: s.dataDir }],
    };
}

/** Metrics of one node: takes OTLP from both collectors, scrapes the node's own services, keeps some days on local disk. */
export class Prometheus extends ContainerService {
    constructor(name: string, args: ServiceArgs<PrometheusSettings>, opts?: pulumi.ComponentResourceOptions) {
        super(name, { ...prometheusSpec(args.settings), host: args.host, after: args.after }, opts, "Prometheus");
    }
}
