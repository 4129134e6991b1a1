import { BucketSettings } from "../bucket";
import { HaproxyTlsSettings } from "../haproxy";
import { NodeSettings } from "../node";
import { ScrapeTarget } from "../prometheus";
import { LOOPBACK, ServiceSettings } from "../service";
import { ThanosCompactorSettings } from "../thanos-compactor";
import { hostSettings, imageOf } from "./host-settings";
import { Values } from "./keys";

/** The settings of a node's parts out of the flat settings of its stack. Pure. */
export function nodeSettings(v: Values): NodeSettings {
    const service: ServiceSettings = {
        node: v.nodeName,
        configDir: v.configDir,
        healthCheckInterval: v.healthCheckInterval,
        healthCheckStartPeriod: v.healthCheckStartPeriod,
        readyTimeout: v.readyTimeout,
        maxPeerOutage: v.maxPeerOutage,
        listen: secured(v) ? LOOPBACK : undefined,
    };
    const image = imageOf(v);
    return {
        // Unicast has the node's address whatever it leaves by.
        host: hostSettings(v, {
            peers: [v.peerAddress],
            vrrpInterface: v.vrrpUnicast ? undefined : v.networkInterface,
        }),
        users: {
            objectStoreRoot: v.objectStoreRootUser,
            loki: v.lokiObjectStoreUser,
            thanosSidecar: v.thanosSidecarObjectStoreUser,
            thanosStore: v.thanosStoreObjectStoreUser,
            thanosCompactor: v.thanosCompactorObjectStoreUser,
            haproxyStats: v.haproxyStatsUser,
            query: v.queryUser,
        },
        ...storageSettings(v, service, image),
        ...ingestSettings(v, service, image),
    };
}

/** Whether HAProxy stands before everything that is reached from other hosts. */
const secured = (v: Values): boolean => v.tls !== "off";

type Image = (name: string) => string;

function storageSettings(
    v: Values,
    service: ServiceSettings,
    image: Image,
): Pick<NodeSettings, "objectStore" | "reaches" | "prometheus" | "loki" | keyof ThanosSettings> {
    return {
        ...objectStoreSettings(v, service, image),
        prometheus: {
            ...service,
            image: image(v.imagePrometheus),
            port: v.prometheusPort,
            dataDir: `${v.dataDir}/prometheus`,
            cluster: v.clusterName,
            scrapeInterval: v.prometheusScrapeInterval,
            evaluationInterval: v.prometheusEvaluationInterval,
            retention: v.prometheusRetention,
            blockDuration: v.prometheusBlockDuration,
            memoryLimit: v.prometheusMemoryLimit,
            targets: scrapeTargets(v),
        },
        loki: {
            ...service,
            ...bucketSettings(v),
            image: image(v.imageLoki),
            port: v.lokiPort,
            grpcPort: v.lokiGrpcPort,
            dataDir: v.lokiDataDir,
            retention: v.lokiRetention,
            memoryLimit: v.lokiMemoryLimit,
            bucket: v.lokiBucket,
            compactor: compacts(v),
        },
        ...thanosSettings(v, service, image),
    };
}

/** Whether this node has the compactors. A bucket may have one of each kind: one that both nodes share has them on the master. Pure. */
export function compacts(v: Values): boolean {
    return v.objectStore === "mirrored" || v.role === "MASTER";
}

function objectStoreSettings(
    v: Values,
    service: ServiceSettings,
    image: Image,
): Pick<NodeSettings, "objectStore" | "reaches"> {
    if (v.objectStore === "external")
        return {
            reaches: [{ endpoint: v.objectStoreEndpoint, key: "objectStoreEndpoint", use: "the object store" }],
        };
    return {
        objectStore: {
            ...service,
            image: image(v.imageObjectStore),
            port: v.objectStorePort,
            console: v.objectStoreConsole,
            consolePort: v.objectStoreConsolePort,
            tls: v.tls !== "off",
            dataDir: `${v.dataDir}/minio`,
            layout: v.objectStore,
            address: v.nodeAddress,
            pool: poolOrder(v),
            memoryLimit: v.objectStoreMemoryLimit,
            forceStop: v.objectStoreForceStop,
        },
    };
}

function bucketSettings(v: Values): BucketSettings {
    if (v.objectStore === "external")
        return {
            objectStore: v.objectStoreEndpoint,
            objectStoreInsecure: v.objectStoreInsecure,
            objectStoreRegion: v.objectStoreRegion,
        };
    return {
        objectStore: `127.0.0.1:${v.objectStorePort}`,
        objectStoreInsecure: v.tls === "off",
        objectStoreRegion: v.objectStoreRegion,
        // Only a pool waits for the other host.
        objectStoreContainer: v.objectStore === "pooled" ? `minio-${v.nodeName}` : undefined,
    };
}

type ThanosSettings = Pick<NodeSettings, "thanosSidecar" | "thanosStore" | "thanosCompactor" | "thanosQuery">;

function thanosSettings(v: Values, service: ServiceSettings, image: Image): ThanosSettings {
    const common = { ...service, image: image(v.imageThanos), memoryLimit: v.thanosMemoryLimit };
    const bucket = { ...common, ...bucketSettings(v), bucket: v.thanosBucket };
    const stores = (host: string): string[] => [`${host}:${v.thanosGrpcPort}`, `${host}:${v.thanosStoreGrpcPort}`];
    return {
        thanosSidecar: {
            ...bucket,
            grpcPort: v.thanosGrpcPort,
            httpPort: v.thanosHttpPort,
            prometheusPort: v.prometheusPort,
            prometheusDataDir: `${v.dataDir}/prometheus`,
            dataDir: `${v.dataDir}/thanos`,
        },
        thanosStore: {
            ...bucket,
            grpcPort: v.thanosStoreGrpcPort,
            httpPort: v.thanosStoreHttpPort,
            dataDir: `${v.dataDir}/thanos-store`,
            deleteDelay: v.thanosDeleteDelay,
        },
        thanosCompactor: compacts(v) ? { ...bucket, ...compactorSettings(v) } : undefined,
        thanosQuery: {
            ...common,
            grpcPort: v.thanosQueryGrpcPort,
            httpPort: v.thanosQueryHttpPort,
            localEndpoints: stores("127.0.0.1"),
            peerEndpoints: secured(v)
                ? [`${LOOPBACK}:${v.thanosPeerSidecarPort}`, `${LOOPBACK}:${v.thanosPeerStorePort}`]
                : stores(v.peerAddress),
            responseTimeout: v.thanosResponseTimeout,
            peerTimeout: v.thanosPeerTimeout,
        },
    };
}

function compactorSettings(v: Values): Omit<ThanosCompactorSettings, "node"> {
    return {
        httpPort: v.thanosCompactorPort,
        dataDir: `${v.dataDir}/thanos-compactor`,
        retentionRaw: v.thanosRetentionRaw,
        retention5m: v.thanosRetention5m,
        retention1h: v.thanosRetention1h,
        deleteDelay: v.thanosDeleteDelay,
    };
}

function ingestSettings(
    v: Values,
    service: ServiceSettings,
    image: Image,
): Pick<NodeSettings, "otelAggregator" | "haproxy" | "keepalived"> {
    return {
        otelAggregator: {
            ...service,
            image: image(v.imageOtelAggregator),
            httpPort: v.aggregatorHttpPort,
            grpcPort: v.aggregatorGrpcPort,
            metricsPort: v.aggregatorMetricsPort,
            healthPort: v.aggregatorHealthPort,
            diskPort: v.aggregatorDiskPort,
            prometheusDataDir: `${v.dataDir}/prometheus`,
            diskReserve: v.diskReserve,
            memoryLimit: v.aggregatorMemoryLimit,
            memorySpikeLimit: v.aggregatorMemorySpikeLimit,
            batchSize: v.aggregatorBatchSize,
            batchMaxSize: v.aggregatorBatchMaxSize,
            batchTimeout: v.aggregatorBatchTimeout,
            peerBatchTimeout: v.aggregatorPeerBatchTimeout,
            maxBody: v.otlpMaxBody,
            // Through HAProxy, which turns a full disk's 500 into a 503: see its template.
            prometheus: `127.0.0.1:${v.dataPath === "seed" ? v.prometheusPort : v.prometheusWriteLocalPort}`,
            peerPrometheus: `127.0.0.1:${v.prometheusWritePeerPort}`,
            loki: `127.0.0.1:${v.lokiPort}`,
            peerLoki: secured(v) ? `${LOOPBACK}:${v.lokiWritePeerPort}` : `${v.peerAddress}:${v.lokiPort}`,
            tracesEndpoints: v.tracesEndpoints === "" ? [] : v.tracesEndpoints.split(","),
            peerOut: v.peerOut,
            dataPointsPerSecond: v.dataPointsPerSecond,
            logRecordsPerSecond: v.logRecordsPerSecond,
            dataDir: `${v.dataDir}/otel-aggregator`,
            nodeAttribute: v.aggregatorNodeAttribute,
            dataPath: v.dataPath,
        },
        haproxy: {
            ...service,
            image: image(v.imageHaproxy),
            otlpHttpPort: v.otlpHttpPort,
            otlpGrpcPort: v.otlpGrpcPort,
            statsPort: v.haproxyStatsPort,
            aggregatorHttpPort: v.aggregatorHttpPort,
            aggregatorGrpcPort: v.aggregatorGrpcPort,
            aggregatorHealthPort: v.aggregatorHealthPort,
            aggregatorMetricsPort: v.aggregatorMetricsPort,
            aggregatorDiskPort: v.aggregatorDiskPort,
            maxConnections: v.haproxyMaxConnections,
            memoryLimit: v.haproxyMemoryLimit,
            buffer: v.haproxyBuffer,
            maxBody: v.otlpMaxBody,
            aggregatorMemoryLimit: v.aggregatorMemoryLimit,
            peerAddress: v.peerAddress,
            dataPath: v.dataPath,
            queryPort: v.queryPort,
            lokiQueryPort: v.lokiQueryPort,
            thanosQueryHttpPort: v.thanosQueryHttpPort,
            prometheusWriteLocalPort: v.prometheusWriteLocalPort,
            prometheusWritePeerPort: v.prometheusWritePeerPort,
            prometheusPort: v.prometheusPort,
            lokiPort: v.lokiPort,
            thanosGrpcPort: v.thanosGrpcPort,
            thanosStoreGrpcPort: v.thanosStoreGrpcPort,
            lokiWritePeerPort: v.lokiWritePeerPort,
            peerMetricsPort: v.peerMetricsPort,
            thanosPeerSidecarPort: v.thanosPeerSidecarPort,
            thanosPeerStorePort: v.thanosPeerStorePort,
            tls: secured(v) ? haproxyTls(v) : undefined,
        },
        keepalived: {
            ...service,
            image: image(v.imageKeepalived),
            role: v.role,
            priority: v.priority,
            peerPriority: v.peerPriority,
            peerAddress: v.peerAddress,
            routerId: v.vrrpRouterId,
            vip: v.vip,
            interface: v.networkInterface,
            version: v.vrrpVersion,
            advertInterval: v.vrrpAdvertInterval,
            unicast: v.vrrpUnicast ? { address: v.nodeAddress, peerAddress: v.peerAddress } : undefined,
            nopreempt: v.vrrpNopreempt,
            preemptDelay: v.vrrpPreemptDelay,
            checkInterval: v.vrrpCheckInterval,
            haproxyStatsPort: v.haproxyStatsPort,
        },
    };
}

function haproxyTls(v: Values): HaproxyTlsSettings {
    return {
        address: v.nodeAddress,
        peerNode: v.peerNodeName,
        adminPorts: [
            v.prometheusPort,
            v.lokiPort,
            v.thanosHttpPort,
            v.thanosQueryHttpPort,
            v.thanosStoreHttpPort,
            ...(compacts(v) ? [v.thanosCompactorPort] : []),
            v.aggregatorMetricsPort,
            v.aggregatorHealthPort,
            ...(v.dataPath === "seed" ? [] : [v.aggregatorDiskPort]),
        ],
        peerPorts: [v.aggregatorHttpPort],
        peerGrpcPorts: [v.aggregatorGrpcPort, v.thanosGrpcPort, v.thanosStoreGrpcPort],
        otlpClientCa: v.otlpClientCa || undefined,
    };
}

// A node's own parts, and the other node by its collector and Prometheus: enough to tell that it is away, under jobs of their own.
function scrapeTargets(v: Values): ScrapeTarget[] {
    const own = (job: string, port: number, path?: string): ScrapeTarget => ({
        job,
        address: `127.0.0.1:${port}`,
        instance: v.nodeName,
        path,
    });
    const peer = (job: string, port: number): ScrapeTarget => ({
        job: `peer-${job}`,
        instance: v.peerNodeName,
        ...(secured(v)
            ? { address: `${LOOPBACK}:${v.peerMetricsPort}`, path: `/${job}/metrics` }
            : { address: `${v.peerAddress}:${port}` }),
    });
    return [
        own("otel-aggregator", v.aggregatorMetricsPort),
        own("thanos-sidecar", v.thanosHttpPort),
        own("thanos-store", v.thanosStoreHttpPort),
        own("thanos-query", v.thanosQueryHttpPort),
        ...(compacts(v) ? [own("thanos-compactor", v.thanosCompactorPort)] : []),
        own("loki", v.lokiPort),
        own("haproxy", v.haproxyStatsPort),
        peer("otel-aggregator", v.aggregatorMetricsPort),
        peer("prometheus", v.prometheusPort),
    ];
}

// The same list on both hosts: by name, the lower number first.
function poolOrder(v: Values): string[] {
    const byName = (a: [string, string], b: [string, string]): number =>
        a[0].localeCompare(b[0], "en", { numeric: true });
    const hosts: [string, string][] = [
        [v.nodeName, v.nodeAddress],
        [v.peerNodeName, v.peerAddress],
    ];
    return hosts.sort(byName).map(([, address]) => address);
}
