import * as pulumi from "@pulumi/pulumi";
import { ContainerService, ContainerServiceArgs, ContainerSpec } from "./container-service";
import { PortUse, PRIVATE, Requirements } from "./host";
import { access, healthCheck, httpCheck, sendSignal, ServiceArgs, ServiceSettings, withDefaults } from "./service";
import { render } from "./templates";
import { bytes, Duration, mebibytes, prometheusDuration, seconds, Size } from "./units";

/** OpenTelemetry Collector of one node, as aggregator. Defaults are those of the two-host seed where they lose nothing. */
export interface OtelAggregatorSettings extends ServiceSettings {
    /** opentelemetry-collector-contrib with a shell for its health check; see `images/otel-aggregator`. @default "cmp-otel-aggregator:0.139.0" */
    image?: string;
    /** OTLP over HTTP, behind HAProxy. @default 14318 */
    httpPort?: number;
    /** OTLP over gRPC, behind HAProxy. @default 14317 */
    grpcPort?: number;
    /** The collector's own metrics. @default 9464 */
    metricsPort?: number;
    /** Answers 200 while all parts of the collector run. @default 13133 */
    healthPort?: number;
    /** Names the disks of this host that are nearly full. @default 9465 */
    diskPort?: number;
    /** Directory on the host with Prometheus' data, whose room is watched. @default none: it is not */
    prometheusDataDir?: string;
    /** With less room than this on the disk of the queues, or of Prometheus, nothing more is put there. @default "512MiB" */
    diskReserve?: Size;
    /** Above this, data is refused and the client retries. @default "4GiB" */
    memoryLimit?: Size;
    /** Room for a burst within the limit: refusing begins at limit minus spike. @default "1GiB" */
    memorySpikeLimit?: Size;
    /** Largest request that is taken, unpacked. gRPC's own default; what it becomes in memory is up to 90 times as much. @default "4MiB" */
    maxBody?: Size;
    /** Items that make a batch leave at once. @default 1024 */
    batchSize?: number;
    /** Largest batch. @default 2048 */
    batchMaxSize?: number;
    /** Longest wait for a batch to fill, for the back ends of this node. @default "10s" */
    batchTimeout?: Duration;
    /**
     * The same for the other node's back ends. What still waits is what a host takes with it when it is destroyed rather than switched off.
     * @default "200ms"
     */
    peerBatchTimeout?: Duration;
    /** Prometheus on this host, or what stands before it. @default "127.0.0.1:9090" */
    prometheus?: string;
    /** The other node's Prometheus, or what stands before it. @default none: a node by itself @example "192.168.110.119:9090" */
    peerPrometheus?: string;
    /** Loki on this host. @default "127.0.0.1:3100" */
    loki?: string;
    /** The other node's Loki. @default none: a node by itself @example "192.168.110.119:3100" */
    peerLoki?: string;
    /** Where traces go, each one to all of them. Without any, traces are refused. @example ["http://192.168.110.214:4328"] @default [] */
    tracesEndpoints?: string[];
    /** Leaves the other node's back ends out, for a long repair: nothing is kept for them. @default false */
    peerOut?: boolean;
    /** Rate that the queues are sized for. @default 1000 */
    dataPointsPerSecond?: number;
    /** Rate that the queues are sized for. @default 500 */
    logRecordsPerSecond?: number;
    /** Directory on the host with the queues. @default "/data/volume/otel/otel-aggregator" */
    dataDir?: string;
    /**
     * Adds the resource attribute `otel.aggregator.node`, as the seed does. A request that is repeated through the other node then differs, and
     * shows twice in queries. @default false
     */
    nodeAttribute?: boolean;
    /** `seed`: batches in memory, and only this node's back ends, as the seed has it. Loses data; for comparison. @default "durable" */
    dataPath?: DataPath;
}

/** How data gets from the client to the back ends. */
export type DataPath = "durable" | "seed";

export const OTEL_AGGREGATOR_DEFAULTS = {
    image: "cmp-otel-aggregator:0.139.0",
    httpPort: 14318,
    grpcPort: 14317,
    metricsPort: 9464,
    healthPort: 13133,
    diskPort: 9465,
    diskReserve: "512MiB",
    memoryLimit: "4GiB",
    memorySpikeLimit: "1GiB",
    maxBody: "4MiB",
    batchSize: 1024,
    batchMaxSize: 2048,
    batchTimeout: "10s",
    peerBatchTimeout: "200ms",
    prometheus: "127.0.0.1:9090",
    loki: "127.0.0.1:3100",
    tracesEndpoints: [] as string[],
    peerOut: false,
    dataPointsPerSecond: 1000,
    logRecordsPerSecond: 500,
    dataDir: "/data/volume/otel/otel-aggregator",
    nodeAttribute: false,
    dataPath: "durable" as DataPath,
};

/** The heap is small, since data waits on disk: Go's own 100 would collect all the time. GOMEMLIMIT bounds it. */
const GARBAGE_PERCENT = "400";

/**
 * GOMEMLIMIT as a share of where the memory limiter begins to refuse data, limit minus spike: above that, data would be refused for the sake of garbage.
 * The collector's documentation has 80 % of the limit, with a spike of 20 %, which is just there.
 */
const COLLECT_AT = 0.85;

/** Prometheus takes 10 minutes (storage/remote/write_handler.go); a minute is left for the way. */
const SAMPLE_MAY_BE_AHEAD_SECONDS = 540;

/** The queues in the container. */
export const QUEUE = "/var/lib/otelcol/queue";

/** Prometheus' data in the container: only its file system is looked at. */
export const PROMETHEUS_DISK = "/disk/prometheus";

/** User of the image. */
const COLLECTOR_USER = "10001:10001";

/** Bytes in a queue, with the attributes that SDKs usually send and a share of the resource; measured: 90 and 190 (docs/design.md). */
const QUEUED_BYTES = { metrics: 128, logs: 256, traces: 512 };
/** The rate is not steady, and a queue is not to be full. */
const QUEUE_MARGIN = 1.3;

type Signal = keyof typeof QUEUED_BYTES;

interface Exporter {
    name: string;
    signal: Signal;
    endpoint: string;
    flushTimeout: string;
    queueBytes: number;
}

/**
 * Memory that a request becomes, per byte of its body: measured with messages that are as small as can be, two bytes each, as nobody sends who means well.
 */
export const GROWTH = 90;

/** How many requests of the largest size fit into the collector's memory at a time, of those that are packed and of those that are large. Pure. */
export function heavyRequests(settings: Pick<OtelAggregatorSettings, "memoryLimit" | "maxBody">): HeavyRequests {
    const { memoryLimit, maxBody } = { ...OTEL_AGGREGATOR_DEFAULTS, ...settings };
    const perProtocol = Math.floor(bytes(memoryLimit) / (bytes(maxBody) * GROWTH) / 2);
    const packed = Math.max(1, Math.floor(perProtocol * 0.4));
    return { packed, large: Math.max(1, perProtocol - packed) };
}

/** Requests at a time, for each of HTTP and gRPC. */
export interface HeavyRequests {
    /** Compressed, and here as a whole. */
    packed: number;
    /** Larger than what HAProxy holds back until it is complete. */
    large: number;
}

/** Size of one queue: what arrives at the stated rate during the longest absence of a back end. Pure. */
export function queueBytes(settings: OtelAggregatorSettings, signal: Signal): number {
    const s = withDefaults(settings, OTEL_AGGREGATOR_DEFAULTS);
    const rate = signal === "metrics" ? s.dataPointsPerSecond : s.logRecordsPerSecond;
    return Math.ceil(rate * QUEUED_BYTES[signal] * seconds(s.maxPeerOutage) * QUEUE_MARGIN);
}

/** One exporter per back end and signal. Pure. */
function exporters(settings: OtelAggregatorSettings): Exporter[] {
    const s = withDefaults(settings, OTEL_AGGREGATOR_DEFAULTS);
    const to = (name: string, signal: Signal, url: string | undefined, peer: boolean): Exporter[] =>
        url === undefined || (peer && s.peerOut)
            ? []
            : [
                  {
                      name: `otlphttp/${name}`,
                      signal,
                      endpoint: url,
                      flushTimeout: prometheusDuration(peer ? s.peerBatchTimeout : s.batchTimeout, "h"),
                      queueBytes: queueBytes(s, signal),
                  },
              ];
    const prometheus = (at: string | undefined): string | undefined => at && `http://${at}/api/v1/otlp`;
    const loki = (at: string | undefined): string | undefined => at && `http://${at}/otlp`;
    return [
        ...to("prometheus-local", "metrics", prometheus(s.prometheus), false),
        ...to("prometheus-peer", "metrics", prometheus(s.peerPrometheus), true),
        ...to("loki-local", "logs", loki(s.loki), false),
        ...to("loki-peer", "logs", loki(s.peerLoki), true),
        ...s.tracesEndpoints.flatMap((url, index) => to(`traces-${index + 1}`, "traces", url, false)),
    ];
}

/** The text of the collector's config.yaml. Pure. */
export function otelAggregatorConfig(settings: OtelAggregatorSettings): string {
    const s = withDefaults(settings, OTEL_AGGREGATOR_DEFAULTS);
    const all = exporters(s);
    const signals: Signal[] = ["metrics", "logs", "traces"];
    return render(s.dataPath === "seed" ? "otel-collector/config-seed.yaml" : "otel-collector/config.yaml", {
        ...s,
        memoryLimitMib: mebibytes(s.memoryLimit),
        memorySpikeLimitMib: mebibytes(s.memorySpikeLimit),
        maxBodyBytes: bytes(s.maxBody),
        maxBodyMib: mebibytes(s.maxBody),
        queue: QUEUE,
        disk: s.prometheusDataDir && PROMETHEUS_DISK,
        reserveBytes: bytes(s.diskReserve),
        aheadNanoseconds: SAMPLE_MAY_BE_AHEAD_SECONDS * 1e9,
        lateNanoseconds: seconds(s.maxPeerOutage) * 1e9,
        batchTimeout: prometheusDuration(s.batchTimeout, "h"),
        exporters: all,
        pipelines: signals
            .filter((signal) => all.some((exporter) => exporter.signal === signal))
            .map((signal) => ({
                signal,
                processors: [
                    "memory_limiter",
                    ...(signal === "metrics" ? ["filter/clock"] : []),
                    ...(s.nodeAttribute ? ["resource"] : []),
                ].join(", "),
                exporters: all
                    .filter((exporter) => exporter.signal === signal)
                    .map(({ name }) => name)
                    .join(", "),
            })),
    });
}

/** Whether this collector says when Prometheus' disk is nearly full. Pure. */
function watchesDisk({ prometheusDataDir, dataPath }: OtelAggregatorSettings): boolean {
    return prometheusDataDir !== undefined && dataPath !== "seed";
}

/** Container, files and health of the collector. Pure. */
export function otelAggregatorSpec(settings: OtelAggregatorSettings): ContainerSpec {
    const s = withDefaults(settings, OTEL_AGGREGATOR_DEFAULTS);
    const directory = `${s.configDir}/otel-collector`;
    const container = `otel-aggregator-${s.node}`;
    return {
        container,
        image: s.image,
        command: ["--config", "/etc/otelcol-contrib/config.yaml"],
        // What the limiter looks at is the heap; the process has more.
        memoryLimit: `${Math.ceil(mebibytes(s.memoryLimit) * 1.25)}MiB`,
        environment: {
            GOMEMLIMIT: `${Math.floor((mebibytes(s.memoryLimit) - mebibytes(s.memorySpikeLimit)) * COLLECT_AT)}MiB`,
            GOGC: GARBAGE_PERCENT,
        },
        mounts: [
            { source: directory, target: "/etc/otelcol-contrib", readOnly: true },
            { source: `${s.dataDir}/queue`, target: QUEUE },
            ...(watchesDisk(s) ? [{ source: s.prometheusDataDir!, target: PROMETHEUS_DISK, readOnly: true }] : []),
        ],
        files: [
            {
                path: `${directory}/config.yaml`,
                content: otelAggregatorConfig(s),
                check: `docker run --rm --network none --tmpfs ${QUEUE} -v "$DIR":/etc/otelcol-contrib:ro ${s.image} validate --config "/etc/otelcol-contrib/$CANDIDATE"`,
                // The pipelines stop and start again: the pause lets the health check see the new ones rather than the old.
                reload: `${sendSignal("HUP", container)} && sleep 1`,
            },
        ],
        healthCheck: healthCheck(s, httpCheck(`http://127.0.0.1:${s.healthPort}/`)),
        readyTimeout: s.readyTimeout,
    };
}

// The whole other node away, for as long as may be: both signals of one side, and the traces.
function backlogBytes(settings: OtelAggregatorSettings): number {
    const signals: Signal[] = ["metrics", "logs", ...(settings.tracesEndpoints?.length ? ["traces" as const] : [])];
    return signals.reduce((total, signal) => total + queueBytes(settings, signal), 0);
}

const BACKUP: Pick<PortUse, "audience" | "why"> = {
    audience: ["peer"],
    why: "the other node's HAProxy, when its own collector is away",
};

const diskPort = (port: number, settings: OtelAggregatorSettings): PortUse => ({
    port,
    ...access(settings, "admins"),
    key: "aggregatorDiskPort",
    use: "OTel aggregator disks",
    audience: ["admins", "peer"],
    why: "which disks are nearly full; the other node's HAProxy asks",
});

/** What the collector needs of its host. Pure. */
export function otelAggregatorRequirements(settings: OtelAggregatorSettings): Requirements {
    const s = withDefaults(settings, OTEL_AGGREGATOR_DEFAULTS);
    const queue = `${s.dataDir}/queue`;
    const backup = { ...BACKUP, ...access(s, "peer") };
    return {
        container: `otel-aggregator-${s.node}`,
        directories: [
            { path: `${s.configDir}/otel-collector` },
            { path: s.dataDir },
            { path: queue, owner: COLLECTOR_USER, mode: PRIVATE },
        ],
        ports: [
            { port: s.httpPort, key: "aggregatorHttpPort", use: "OTel aggregator OTLP/HTTP", ...backup },
            { port: s.grpcPort, key: "aggregatorGrpcPort", use: "OTel aggregator OTLP/gRPC", ...backup },
            {
                port: s.metricsPort,
                key: "aggregatorMetricsPort",
                use: "OTel aggregator metrics",
                audience: ["admins", "peer"],
                ...access(s, "admins"),
                why: "metrics; the other node's HAProxy sees what waits here, its Prometheus that this node is there",
            },
            {
                port: s.healthPort,
                key: "aggregatorHealthPort",
                use: "OTel aggregator health",
                audience: ["admins", "peer"],
                ...access(s, "admins"),
                why: "health; the other node's HAProxy checks it",
            },
            ...(watchesDisk(s) ? [diskPort(s.diskPort, s)] : []),
        ],
        dataPaths: s.dataPath === "seed" ? [] : [{ path: queue, needs: backlogBytes(s), of: "maxPeerOutage" }],
    };
}

/** Arguments of {@link OtelAggregator}. */
export interface OtelAggregatorArgs
    extends ServiceArgs<OtelAggregatorSettings>,
        Pick<ContainerServiceArgs, "configAfter"> {}

/** Takes OTLP, writes it to disk, answers, and passes metrics to both Prometheus and logs to both Loki. */
export class OtelAggregator extends ContainerService {
    constructor(name: string, args: OtelAggregatorArgs, opts?: pulumi.ComponentResourceOptions) {
        super(
            name,
            { ...otelAggregatorSpec(args.settings), host: args.host, after: args.after, configAfter: args.configAfter },
            opts,
            "OtelAggregator",
        );
    }
}
