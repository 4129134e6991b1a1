import { HostArgs } from "../host";
import { NodeSettings } from "../node";
import { ServiceSettings } from "../service";
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
    };
    const image = (name: string): string => (v.imageRegistry ? `${v.imageRegistry}/${name}` : name);
    return {
        host: hostSettings(v),
        users: {
            objectStoreRoot: v.objectStoreRootUser,
            loki: "loki",
            thanos: "thanos",
            haproxyStats: v.haproxyStatsUser,
        },
        ...storageSettings(v, service, image),
        ...ingestSettings(v, service, image),
    };
}

function hostSettings(v: Values): Omit<HostArgs, "requirements"> {
    return {
        address: v.nodeAddress,
        hostName: v.hostName || undefined,
        sshPort: v.sshPort,
        sshUser: v.sshUser,
        hostKey: v.hostKey,
        privateKeyFile: v.sshPrivateKeyFile || undefined,
        directories: [{ path: v.configDir }, { path: v.dataDir }],
        minimumDocker: v.minimumDocker,
        minimumFreeDisk: v.minimumFreeDisk,
    };
}

type Image = (name: string) => string;

function storageSettings(
    v: Values,
    service: ServiceSettings,
    image: Image,
): Pick<NodeSettings, "objectStore" | "prometheus" | "loki" | "thanosSidecar"> {
    const first = poolOrder(v);
    const owner = v.role === "MASTER" ? v.nodeAddress : v.peerAddress;
    return {
        objectStore: {
            ...service,
            image: image(v.imageObjectStore),
            port: v.objectStorePort,
            consolePort: v.objectStoreConsolePort,
            dataDir: `${v.dataDir}/minio`,
            pool: first,
            peerAddress: v.peerAddress,
        },
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
            aggregatorMetricsPort: v.aggregatorMetricsPort,
            thanosHttpPort: v.thanosHttpPort,
        },
        loki: {
            ...service,
            image: image(v.imageLoki),
            port: v.lokiPort,
            grpcPort: v.lokiGrpcPort,
            dataDir: v.lokiDataDir,
            retention: v.lokiRetention,
            bucket: v.lokiBucket,
            objectStore: `127.0.0.1:${v.objectStorePort}`,
            objectStoreContainer: `minio-${v.nodeName}`,
            // Both Lokis share the bucket, and it may have one compactor only.
            compactor: v.role === "MASTER",
            compactorUrl: `http://${owner}:${v.lokiPort}`,
        },
        thanosSidecar: {
            ...service,
            image: image(v.imageThanos),
            grpcPort: v.thanosGrpcPort,
            httpPort: v.thanosHttpPort,
            prometheusPort: v.prometheusPort,
            prometheusDataDir: `${v.dataDir}/prometheus`,
            dataDir: `${v.dataDir}/thanos`,
            bucket: v.thanosBucket,
            objectStore: `127.0.0.1:${v.objectStorePort}`,
        },
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
            memoryLimit: v.aggregatorMemoryLimit,
            memorySpikeLimit: v.aggregatorMemorySpikeLimit,
            batchSize: v.aggregatorBatchSize,
            batchMaxSize: v.aggregatorBatchMaxSize,
            batchTimeout: v.aggregatorBatchTimeout,
            prometheusPort: v.prometheusPort,
            lokiPort: v.lokiPort,
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
            maxConnections: v.haproxyMaxConnections,
        },
        keepalived: {
            ...service,
            image: image(v.imageKeepalived),
            role: v.role,
            priority: v.priority,
            routerId: v.vrrpRouterId,
            vip: v.vip,
            interface: v.networkInterface,
            advertInterval: v.vrrpAdvertInterval,
            checkInterval: v.vrrpCheckInterval,
            haproxyStatsPort: v.haproxyStatsPort,
        },
    };
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
