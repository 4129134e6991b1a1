import * as pulumi from "@pulumi/pulumi";
import { ContainerService, ContainerServiceArgs, ContainerSpec, ServiceFile } from "./container-service";
import { CLIENT_CA, HaproxyCertificates, haproxyTlsFiles, TOKENS } from "./haproxy-tls";
import { PortUse, Requirements } from "./host";
import { DataPath, heavyRequests, PROMETHEUS_DISK, QUEUE } from "./otel-aggregator";
import { ACCESS, healthCheck, sendSignal, ServiceArgs, ServiceSettings, withDefaults } from "./service";
import { helper } from "./shell";
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
    /** Memory of the container. @default "2GiB": `maxConnections` times two buffers, and as much again */
    memoryLimit?: Size;
    /** Largest body that is taken; a larger one gets a 413. @default "4MiB" */
    maxBody?: Size;
    /** Memory of the collectors: decides how many large or compressed requests they get at a time. @default "4GiB" */
    aggregatorMemoryLimit?: Size;
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
    /** The Thanos sidecar's gRPC, on both nodes. @default 10901 */
    thanosGrpcPort?: number;
    /** Thanos Store's gRPC, on both nodes. @default 10905 */
    thanosStoreGrpcPort?: number;
    /** On loopback, with TLS: the collector's way to the other node's Loki. @default 19093 */
    lokiWritePeerPort?: number;
    /** On loopback, with TLS: Prometheus' way to the metrics of the other node's collector and Prometheus. @default 19094 */
    peerMetricsPort?: number;
    /** On loopback, with TLS: Thanos Query's way to the other node's sidecar. @default 19095 */
    thanosPeerSidecarPort?: number;
    /** On loopback, with TLS: Thanos Query's way to the other node's Thanos Store. @default 19096 */
    thanosPeerStorePort?: number;
    /** Secures whatever is reached from other hosts; needs {@link HaproxyArgs.tls}. @default none: no TLS, and a login for the statistics only */
    tls?: HaproxyTlsSettings;
}

/** What HAProxy secures, and how. */
export interface HaproxyTlsSettings {
    /** This host's own address. Its services listen on 127.0.0.1; the ports below are there under the same numbers. @example "192.168.110.214" */
    address: string;
    /** HTTP for the administrator and the other node. @example [9090, 3100] */
    adminPorts: number[];
    /** For the other node only, by its certificate. @example [14318] */
    peerPorts: number[];
    /** The same, for gRPC. @example [14317, 10901] */
    peerGrpcPorts: number[];
    /** Name of the other node, which its certificate must have. @default none: a node by itself @example "mid-2" */
    peerNode?: string;
    /** Takes telemetry from those who have a certificate of this CA, PEM. With neither it nor tokens, from everybody. @default none */
    otlpClientCa?: string;
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
    memoryLimit: "2GiB",
    maxBody: "4MiB",
    aggregatorMemoryLimit: "4GiB",
    dataPath: "durable" as DataPath,
    prometheusWriteLocalPort: 19091,
    prometheusWritePeerPort: 19092,
    prometheusPort: 9090,
    queryPort: 19090,
    lokiQueryPort: 13100,
    thanosQueryHttpPort: 10904,
    lokiPort: 3100,
    thanosGrpcPort: 10901,
    thanosStoreGrpcPort: 10905,
    lokiWritePeerPort: 19093,
    peerMetricsPort: 19094,
    thanosPeerSidecarPort: 19095,
    thanosPeerStorePort: 19096,
};

/** Somebody with a password. */
export interface StatsCredentials {
    /** @example "admin" */
    user: pulumi.Input<string>;
    /** Letters, digits, "_" or "-": it is written unquoted. */
    password: pulumi.Input<string>;
}

/** Who is let in, and what HAProxy shows of itself. */
export interface HaproxySecrets {
    /** The administrator: statistics and, with TLS, every API. A file of its own, 0400. */
    stats: StatsCredentials;
    /** With TLS, a user who may query metrics and logs. @default none: the administrator only */
    query?: StatsCredentials;
    /** Certificates and keys, with `settings.tls`. @default none */
    tls?: HaproxyCertificates;
    /** With TLS: secrets by the names of those who send telemetry with them, several while they are replaced. The host gets to know their hashes only. @default {}: none are asked for */
    otlpTokens?: pulumi.Input<Record<string, pulumi.Input<string | string[]>>>;
}

/** User of the upstream image. */
const HAPROXY_USER = "99:99";

/** Its directory in the container. */
const INSIDE = "/usr/local/etc/haproxy";

/** The text of haproxy.cfg. Errors: TLS with another node that has no name. Pure. */
export function haproxyConfig(settings: HaproxySettings): string {
    const s = withDefaults(settings, HAPROXY_DEFAULTS);
    if (s.tls && s.peerAddress && !s.tls.peerNode)
        throw new pulumi.RunError(
            `tls.peerNode is missing; write the name of the node at ${s.peerAddress}, which its certificate has`,
        );
    return render("haproxy/haproxy.cfg", {
        ...s,
        tls: s.tls,
        bufferBytes: bytes(s.buffer),
        maxBodyBytes: bytes(s.maxBody),
        ...bounds(s),
        watchesDisks: s.dataPath !== "seed" && s.peerAddress !== undefined,
        prometheusDisk: PROMETHEUS_DISK,
        queueDisk: QUEUE,
        peerCollector: s.dataPath === "seed" ? undefined : s.peerAddress,
        certificates: `${INSIDE}/tls`,
        pair: [s.node, ...(s.tls?.peerNode ? [s.tls.peerNode] : [])].join(" "),
        otlpAccess: s.tls && otlpAccess(s.tls),
        clientCa: s.tls?.otlpClientCa ? ` ca-file ${CLIENT_CA} verify optional` : "",
    });
}

/** Small requests that a collector gets at a time, of each protocol: more than it has use for, and little memory. */
const SMALL_REQUESTS = 64;

// So that no client, whatever it sends, takes from others what they need.
function bounds(s: HaproxySettings & typeof HAPROXY_DEFAULTS): Record<string, unknown> {
    const { packed, large } = heavyRequests({ memoryLimit: s.aggregatorMemoryLimit, maxBody: s.maxBody });
    const lanes = (of: string, port: number, h2: boolean): object[] => [
        { name: `${of}_packed`, of, port, h2, most: packed },
        { name: `${of}_large`, of, port, h2, most: large },
    ];
    return {
        clientConnections: Math.ceil(s.maxConnections / 4),
        smallRequests: SMALL_REQUESTS,
        // With the largest headers there is still room in the buffer for it: a body that seems small is complete.
        smallBytes: bytes(s.buffer) / 2,
        headerBytes: bytes(s.buffer) / 4,
        lanes: [...lanes("otlp_http", s.aggregatorHttpPort, false), ...lanes("otlp_grpc", s.aggregatorGrpcPort, true)],
    };
}

// The same for both protocols: clients of gRPC make UNAUTHENTICATED of a 401.
function otlpAccess({ otlpClientCa }: HaproxyTlsSettings): string {
    return render("haproxy/otlp-access.cfg", { otlpClientCa, tokens: `${INSIDE}/tls/${TOKENS}` }).trimEnd();
}

/** Container, files and health of HAProxy. Pure but for the secrets that it passes on. Errors: TLS without certificates. */
export function haproxySpec(settings: HaproxySettings, secrets: HaproxySecrets): ContainerSpec {
    const s = withDefaults(settings, HAPROXY_DEFAULTS);
    const directory = `${s.configDir}/haproxy`;
    const container = `haproxy-${s.node}`;
    const validate = (...files: string[]): string =>
        `docker run --rm --network none -v "$DIR":${INSIDE}:ro ${s.image} haproxy -c ${files.map((file) => `-f "${INSIDE}/${file}"`).join(" ")}`;
    // USR2 makes the master start a new worker that takes over the listening sockets. One that cannot have them all is not noticed by that.
    const reload = s.tls ? helper("reload-haproxy", container) : sendSignal("USR2", container);
    return {
        container,
        image: s.image,
        command: ["haproxy", "-f", `${INSIDE}/stats-users.cfg`, "-f", `${INSIDE}/haproxy.cfg`],
        mounts: [{ source: directory, target: INSIDE, readOnly: true }],
        files: [
            {
                path: `${directory}/stats-users.cfg`,
                content: pulumi.secret(userLists(secrets)),
                mode: "0400",
                owner: HAPROXY_USER,
                check: validate("$CANDIDATE"),
                reload,
            },
            ...(s.tls ? tlsFiles(s, secrets).map((file) => ({ ...file, owner: HAPROXY_USER, reload })) : []),
            {
                path: `${directory}/haproxy.cfg`,
                content: haproxyConfig(s),
                check: validate("stats-users.cfg", "$CANDIDATE"),
                reload,
            },
        ],
        memoryLimit: s.memoryLimit,
        // Requests under way end within this. The other node's tunnels never do, and nobody else gets in meanwhile.
        stopSeconds: 10,
        healthCheck: healthCheck(s, haproxyCheck(s.statsPort)),
        readyTimeout: s.readyTimeout,
    };
}

function tlsFiles(s: HaproxySettings & typeof HAPROXY_DEFAULTS, secrets: HaproxySecrets): ServiceFile[] {
    if (!secrets.tls)
        throw new pulumi.RunError(`haproxy-${s.node}: settings.tls needs certificates; give args.tls, too`);
    return haproxyTlsFiles({
        directory: `${s.configDir}/haproxy/tls`,
        image: s.image,
        certificates: secrets.tls,
        tokens: secrets.otlpTokens ?? {},
        clientCa: s.tls?.otlpClientCa,
    });
}

// Both lists are there with and without TLS: haproxy.cfg may need the second one until it has been written anew.
function userLists({ stats, query }: HaproxySecrets): pulumi.Output<string> {
    const user = (one: StatsCredentials): pulumi.Output<string> =>
        pulumi.interpolate`    user ${one.user} insecure-password ${one.password}\n`;
    return pulumi.interpolate`userlist stats\n${user(stats)}userlist query\n${query ? user(query) : ""}${user(stats)}`;
}

// The upstream image has bash, but no HTTP client. 200 only while a collector is there to take data.
function haproxyCheck(port: number): string {
    return `bash -c 'exec 3<>/dev/tcp/127.0.0.1/${port} && printf "GET /healthz HTTP/1.0\\r\\n\\r\\n" >&3 && read -r -t 4 line <&3 && [[ $line == *" 200 "* ]]'`;
}

// Programs on the other node are clients, too.
const INGEST: Pick<PortUse, "audience" | "why"> = { audience: ["clients", "peer"], why: "telemetry" };
const QUERIES: Pick<PortUse, "audience" | "why"> = { audience: ["clients", "peer"], why: "dashboards" };

// With TLS, how each of them is let in.
const INGEST_ACCESS =
    "TLS; a token (otlpTokens) or a client certificate (otlpClientCa), when there are such; else open to its networks";
const QUERY_ACCESS = "TLS; the query user's or the administrator's password, or the other node's certificate";
const STATS_ACCESS = `${ACCESS.admins}; open: /healthz and /healthz/local, which say no more than whether a collector takes data`;

/** What HAProxy needs of its host. Pure. */
export function haproxyRequirements(settings: HaproxySettings): Requirements {
    const s = withDefaults(settings, HAPROXY_DEFAULTS);
    const withTls = (access: string): Pick<PortUse, "access"> => ({ access: s.tls && access });
    const ingest = { ...INGEST, ...withTls(INGEST_ACCESS) };
    const queries = { ...QUERIES, ...withTls(QUERY_ACCESS) };
    const pairPorts: PortUse[] = [
        { port: s.queryPort, key: "queryPort", use: "HAProxy metrics queries", ...queries },
        { port: s.lokiQueryPort, key: "lokiQueryPort", use: "HAProxy log queries", ...queries },
        ...loopbackPorts(s),
    ];
    return {
        container: `haproxy-${s.node}`,
        directories: [
            { path: `${s.configDir}/haproxy` },
            ...(s.tls ? [{ path: `${s.configDir}/haproxy/tls`, mode: "0755" }] : []),
        ],
        ports: [
            { port: s.otlpHttpPort, key: "otlpHttpPort", use: "HAProxy OTLP/HTTP", ...ingest },
            { port: s.otlpGrpcPort, key: "otlpGrpcPort", use: "HAProxy OTLP/gRPC", ...ingest },
            {
                port: s.statsPort,
                key: "haproxyStatsPort",
                use: "HAProxy statistics",
                audience: ["admins", "peer"],
                ...withTls(STATS_ACCESS),
                why: "statistics; `otel-ha status` asks for /healthz at the virtual IP from both hosts",
            },
            ...(s.peerAddress ? pairPorts : []),
        ],
        // A burst of new connections must not be cut off before HAProxy sees it; older kernels have 128.
        sysctls: { "net.core.somaxconn": "4096" },
    };
}

// The ways of this host's own services, for nobody else.
function loopbackPorts(s: HaproxySettings & typeof HAPROXY_DEFAULTS): PortUse[] {
    const uses: [port: number, key: string, use: string][] = [
        [s.prometheusWriteLocalPort, "prometheusWriteLocalPort", "HAProxy before Prometheus"],
        [s.prometheusWritePeerPort, "prometheusWritePeerPort", "HAProxy before the peer's Prometheus"],
    ];
    if (s.tls)
        uses.push(
            [s.lokiWritePeerPort, "lokiWritePeerPort", "HAProxy before the peer's Loki"],
            [s.peerMetricsPort, "peerMetricsPort", "HAProxy before the peer's metrics"],
            [s.thanosPeerSidecarPort, "thanosPeerSidecarPort", "HAProxy before the peer's Thanos sidecar"],
            [s.thanosPeerStorePort, "thanosPeerStorePort", "HAProxy before the peer's Thanos Store"],
        );
    return uses.map(([port, key, use]) => ({ port, key, use, audience: [] }));
}

/** Arguments of {@link Haproxy}. */
export interface HaproxyArgs
    extends ServiceArgs<HaproxySettings>,
        HaproxySecrets,
        Pick<ContainerServiceArgs, "configAfter"> {}

/** The door for clients: OTLP to a collector that works, queries to the side that has the data. With TLS, for all that is asked of this host. */
export class Haproxy extends ContainerService {
    constructor(name: string, args: HaproxyArgs, opts?: pulumi.ComponentResourceOptions) {
        const { host, after, configAfter } = args;
        super(name, { ...haproxySpec(args.settings, args), host, after, configAfter }, opts, "Haproxy");
    }
}
