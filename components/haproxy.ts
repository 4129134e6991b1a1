import * as pulumi from "@pulumi/pulumi";
import { ContainerService, ContainerSpec } from "./container-service";
import { Requirements } from "./host";
import { DataPath, PROMETHEUS_DISK, QUEUE } from "./otel-aggregator";
import { healthCheck, sendSignal, ServiceArgs, ServiceSettings, withDefaults } from "./service";
import { render } from "./templates";
import { bytes, Size } from "./units";

/** HAProxy of one node. Defaults are those of the two-host seed. */
export interface HaproxySettings extends ServiceSettings {
    /** @default "haproxy:2.6.12" */
    image?: string;
    /** OTLP over HTTP, for clients. @default 4318 */
    otlpHttpPort?: number;
    /** OTLP over gRPC, for clients. @default 4317 */
    otlpGrpcPort?: number;
    /** Statistics page, metrics, and `/healthz` for Keepalived. @default 8404 */
    statsPort?: number;
    /** The collector on this host. @default 14318 */
    aggregatorHttpPort?: number;
    /** @default 14317 */
    aggregatorGrpcPort?: number;
    /** Where the collector says whether it works. @default 13133 */
    aggregatorHealthPort?: number;
    /** The collector's own metrics. @default 9464 */
    aggregatorMetricsPort?: number;
    /** Where each collector names the disks of its host that are nearly full. @default 9465 */
    aggregatorDiskPort?: number;
    /** Connections at a time. @default 8000 */
    maxConnections?: number;
    /**
     * Largest request, with its headers, that is sent again elsewhere when a collector dies on it. Each busy connection needs two buffers of this size.
     * @default "64KiB"
     */
    buffer?: Size;
    /** Largest body that is taken; a larger one gets a 413. @default "20MiB" */
    maxBody?: Size;
    /** The other node: takes over when something here is down. @default none: a node by itself @example "192.168.110.119" */
    peerAddress?: string;
    /** `seed`: this node's collector only, whatever happens to it. For comparison. @default "durable" */
    dataPath?: DataPath;
    /** On loopback: the collector's way to this node's Prometheus. @default 19091 */
    prometheusWriteLocalPort?: number;
    /** On loopback: the collector's way to the other node's Prometheus. @default 19092 */
    prometheusWritePeerPort?: number;
    /** Prometheus, on both nodes. @default 9090 */
    prometheusPort?: number;
    /** Metrics of both nodes and the bucket, for those who ask: Prometheus' API. @default 19090 */
    queryPort?: number;
    /** Logs, for those who ask: Loki's API. @default 13100 */
    lokiQueryPort?: number;
    /** Thanos Query, on both nodes. @default 10904 */
    thanosQueryHttpPort?: number;
    /** Loki, on both nodes. @default 3100 */
    lokiPort?: number;
}

export const HAPROXY_DEFAULTS = {
    image: "haproxy:2.6.12",
    otlpHttpPort: 4318,
    otlpGrpcPort: 4317,
    statsPort: 8404,
    aggregatorHttpPort: 14318,
    aggregatorGrpcPort: 14317,
    aggregatorHealthPort: 13133,
    aggregatorMetricsPort: 9464,
    aggregatorDiskPort: 9465,
    maxConnections: 8000,
    buffer: "64KiB",
    maxBody: "20MiB",
    dataPath: "durable" as DataPath,
    prometheusWriteLocalPort: 19091,
    prometheusWritePeerPort: 19092,
    prometheusPort: 9090,
    queryPort: 19090,
    lokiQueryPort: 13100,
    thanosQueryHttpPort: 10904,
    lokiPort: 3100,
};

/** Who may see the statistics. */
export interface StatsCredentials {
    /** @example "admin" */
    user: pulumi.Input<string>;
    /** Letters, digits, "_" or "-": it is written unquoted. */
    password: pulumi.Input<string>;
}

/** User of the upstream image. */
const HAPROXY_USER = "99:99";

/** The text of haproxy.cfg. Pure. */
export function haproxyConfig(settings: HaproxySettings): string {
    const s = withDefaults(settings, HAPROXY_DEFAULTS);
    return render("haproxy/haproxy.cfg", {
        ...s,
        bufferBytes: bytes(s.buffer),
        maxBodyBytes: bytes(s.maxBody),
        watchesDisks: s.dataPath !== "seed" && s.peerAddress !== undefined,
        prometheusDisk: PROMETHEUS_DISK,
        queueDisk: QUEUE,
        peerCollector: s.dataPath === "seed" ? undefined : s.peerAddress,
    });
}

/** Container, files and health of HAProxy. Pure but for the secret that it passes on. */
export function haproxySpec(settings: HaproxySettings, stats: StatsCredentials): ContainerSpec {
    const s = withDefaults(settings, HAPROXY_DEFAULTS);
    const directory = `${s.configDir}/haproxy`;
    const inside = "/usr/local/etc/haproxy";
    const container = `haproxy-${s.node}`;
    const validate = (...files: string[]): string =>
        `docker run --rm --network none -v "$DIR":${inside}:ro ${s.image} haproxy -c ${files.map((file) => `-f "${inside}/${file}"`).join(" ")}`;
    // USR2 makes the master start a new worker that takes over the listening sockets.
    const reload = sendSignal("USR2", container);
    return {
        container,
        image: s.image,
        command: ["haproxy", "-f", `${inside}/stats-users.cfg`, "-f", `${inside}/haproxy.cfg`],
        mounts: [{ source: directory, target: inside, readOnly: true }],
        files: [
            {
                path: `${directory}/stats-users.cfg`,
                content: pulumi.secret(
                    pulumi.interpolate`userlist stats\n    user ${stats.user} insecure-password ${stats.password}\n`,
                ),
                mode: "0400",
                owner: HAPROXY_USER,
                check: validate("$CANDIDATE"),
                reload,
            },
            {
                path: `${directory}/haproxy.cfg`,
                content: haproxyConfig(s),
                check: validate("stats-users.cfg", "$CANDIDATE"),
                reload,
            },
        ],
        healthCheck: healthCheck(s, haproxyCheck(s.statsPort)),
        readyTimeout: s.readyTimeout,
    };
}

// The upstream image has bash, but no HTTP client. 200 only while a collector is there to take data.
function haproxyCheck(port: number): string {
    return `bash -c 'exec 3<>/dev/tcp/127.0.0.1/${port} && printf "GET /healthz HTTP/1.0\\r\\n\\r\\n" >&3 && read -r -t 4 line <&3 && [[ $line == *" 200 "* ]]'`;
}

/** What HAProxy needs of its host. Pure. */
export function haproxyRequirements(settings: HaproxySettings): Requirements {
    const s = withDefaults(settings, HAPROXY_DEFAULTS);
    const pairPorts = [
        { port: s.queryPort, key: "queryPort", use: "HAProxy metrics queries" },
        { port: s.lokiQueryPort, key: "lokiQueryPort", use: "HAProxy log queries" },
        { port: s.prometheusWriteLocalPort, key: "prometheusWriteLocalPort", use: "HAProxy before Prometheus" },
        {
            port: s.prometheusWritePeerPort,
            key: "prometheusWritePeerPort",
            use: "HAProxy before the peer's Prometheus",
        },
    ];
    return {
        container: `haproxy-${s.node}`,
        directories: [{ path: `${s.configDir}/haproxy` }],
        ports: [
            { port: s.otlpHttpPort, key: "otlpHttpPort", use: "HAProxy OTLP/HTTP" },
            { port: s.otlpGrpcPort, key: "otlpGrpcPort", use: "HAProxy OTLP/gRPC" },
            { port: s.statsPort, key: "haproxyStatsPort", use: "HAProxy statistics" },
            ...(s.peerAddress ? pairPorts : []),
        ],
        // A burst of new connections must not be cut off before HAProxy sees it; older kernels have 128.
        sysctls: { "net.core.somaxconn": "4096" },
    };
}

/** Arguments of {@link Haproxy}. */
export interface HaproxyArgs extends ServiceArgs<HaproxySettings> {
    /** Login of the statistics page; a file of its own, 0400. */
    stats: StatsCredentials;
}

/** The door for clients: OTLP to a collector that works, queries to the side that has the data. */
export class Haproxy extends ContainerService {
    constructor(name: string, args: HaproxyArgs, opts?: pulumi.ComponentResourceOptions) {
        super(name, { ...haproxySpec(args.settings, args.stats), host: args.host, after: args.after }, opts, "Haproxy");
    }
}
