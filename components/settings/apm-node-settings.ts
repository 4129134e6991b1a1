import * as pulumi from "@pulumi/pulumi";
import { ApmCollectorSettings } from "../apm-collector";
import { ApmFrontSettings } from "../apm-front";
import { ApmNodeSettings } from "../apm-node";
import { ContainerWatchSettings } from "../container-watch";
import { DATA_PREPPER_DEFAULTS, DataPrepperSettings } from "../data-prepper";
import { OpenSearchSettings, S3Keys } from "../opensearch";
import { OpenSearchDashboardsSettings } from "../opensearch-dashboards";
import { SnapshotSettings } from "../opensearch-setup";
import { OtelClusterCollectorSettings } from "../otel-cluster-collector";
import { OtelNodeCollectorSettings } from "../otel-node-collector";
import { ServiceSettings } from "../service";
import { ApmNodeName, apmNodesOf, runsDashboards } from "./apm-nodes";
import { hostSettings, imageOf } from "./host-settings";
import { ApmValues } from "./keys";

type Image = (name: string) => string;

/** The settings of a node's parts out of the flat settings of its stack. Pure. */
export function apmNodeSettings(v: ApmValues): ApmNodeSettings {
    const nodes = apmNodesOf(v);
    const service: ServiceSettings = {
        node: v.nodeName,
        configDir: v.configDir,
        healthCheckInterval: v.healthCheckInterval,
        healthCheckStartPeriod: v.healthCheckStartPeriod,
        readyTimeout: v.readyTimeout,
        maxPeerOutage: v.maxPeerOutage,
    };
    const image = imageOf(v);
    return {
        host: hostSettings(v, { peers: peersOf(v, nodes).map(({ address }) => address) }),
        opensearch: openSearchSettings(v, service, nodes, image),
        dataPrepper: v.apm.ingest === "data-prepper" ? dataPrepperSettings(v, service, nodes, image) : undefined,
        dashboards: runsDashboards(v) ? dashboardsSettings(v, service, nodes, image) : undefined,
        front: v.dashboardsCopies > 0 ? frontSettings(v, service, nodes, image) : undefined,
        watch: watchSettings(v),
        nodeCollector: nodeCollectorSettings(v, service, nodes, image),
        clusterCollector: clusterCollectorSettings(v, service, nodes, image),
    };
}

const peersOf = (v: ApmValues, nodes: ApmNodeName[]): ApmNodeName[] => nodes.filter(({ name }) => name !== v.nodeName);

/** Addresses of all nodes: whoever asks OpenSearch asks its own host's first. */
const ownFirst = (v: ApmValues, nodes: ApmNodeName[]): string[] => [
    v.nodeAddress,
    ...peersOf(v, nodes).map(({ address }) => address),
];

function openSearchSettings(
    v: ApmValues,
    service: ServiceSettings,
    members: ApmNodeName[],
    image: Image,
): OpenSearchSettings {
    return {
        ...service,
        image: image(v.imageOpensearch),
        httpPort: v.opensearchHttpPort,
        transportPort: v.opensearchTransportPort,
        dataDir: `${v.dataDir}/opensearch`,
        clusterName: v.opensearchClusterName,
        address: v.nodeAddress,
        members,
        memoryLimit: v.opensearchMemoryLimit,
        heap: v.opensearchHeap,
        memoryLock: v.opensearchMemoryLock,
        mmap: v.opensearchMmap,
        tls: v.tls !== "off",
        faultDetection: v.opensearchFaultDetection,
        formation: v.opensearchFormation,
        forceStop: v.opensearchForceStop,
        greenTimeout: v.opensearchGreenTimeout,
        shards: v.opensearchShards,
        replicas: v.opensearchReplicas,
        refreshInterval: v.opensearchRefreshInterval,
        delayedTimeout: v.opensearchDelayedTimeout,
        rolloverAge: v.opensearchRolloverAge,
        rolloverSize: v.opensearchRolloverSize,
        retention: v.opensearchRetention,
        watermarkLow: v.opensearchLowWatermark,
        watermarkHigh: v.opensearchHighWatermark,
        watermarkFlood: v.opensearchFloodWatermark,
        recovery: v.opensearchRecovery,
        snapshots: snapshotSettings(v),
    };
}

/** What opens the S3 store of snapshots; undefined: there is none. */
export function snapshotKeys(v: ApmValues): S3Keys | undefined {
    if (v.opensearchSnapshotSecret === "") return undefined;
    return { accessKey: v.opensearchSnapshotUser, secretKey: pulumi.secret(v.opensearchSnapshotSecret) };
}

function snapshotSettings(v: ApmValues): SnapshotSettings | undefined {
    if (v.opensearchSnapshotDirectory !== "") return { type: "fs", directory: v.opensearchSnapshotDirectory };
    if (v.opensearchSnapshotBucket === "") return undefined;
    return {
        type: "s3",
        bucket: v.opensearchSnapshotBucket,
        endpoint: v.opensearchSnapshotEndpoint,
        region: v.opensearchSnapshotRegion,
        insecure: v.opensearchSnapshotInsecure,
    };
}

function dataPrepperSettings(
    v: ApmValues,
    service: ServiceSettings,
    nodes: ApmNodeName[],
    image: Image,
): DataPrepperSettings {
    return {
        ...service,
        image: image(v.imageDataPrepper),
        tracesPort: v.dataPrepperTracesPort,
        metricsPort: v.dataPrepperMetricsPort,
        logsPort: v.dataPrepperLogsPort,
        otlpPort: v.dataPrepperOtlpPort,
        apiPort: v.dataPrepperApiPort,
        peerPort: v.dataPrepperPeerPort,
        // Its own OpenSearch first.
        nodes: ownFirst(v, nodes),
        opensearchPort: v.opensearchHttpPort,
        dataDir: `${v.dataDir}/data-prepper`,
        memoryLimit: v.dataPrepperMemoryLimit,
        heap: v.dataPrepperHeap,
        flushTimeout: v.dataPrepperFlushTimeout,
        traceWait: v.dataPrepperTraceWait,
        greenTimeout: v.opensearchGreenTimeout,
    };
}

function dashboardsSettings(
    v: ApmValues,
    service: ServiceSettings,
    nodes: ApmNodeName[],
    image: Image,
): OpenSearchDashboardsSettings {
    return {
        ...service,
        // Its first start takes longer than other services'.
        readyTimeout: undefined,
        image: image(v.imageOpensearchDashboards),
        port: v.dashboardsBackendPort,
        nodes: ownFirst(v, nodes),
        opensearchPort: v.opensearchHttpPort,
        dataDir: `${v.dataDir}/opensearch-dashboards`,
        memoryLimit: v.dashboardsMemoryLimit,
        openTimeout: v.opensearchGreenTimeout,
    };
}

function frontSettings(v: ApmValues, service: ServiceSettings, nodes: ApmNodeName[], image: Image): ApmFrontSettings {
    return {
        ...service,
        image: image(v.imageHaproxy),
        port: v.dashboardsPort,
        backendPort: v.dashboardsBackendPort,
        healthPort: v.dashboardsFrontHealthPort,
        copies: nodes.slice(0, v.dashboardsCopies).map(({ name, address }) => ({ node: name, address })),
    };
}

const watchDirectory = (v: ApmValues): string => `${v.dataDir}/otel-watch`;

function watchSettings(v: ApmValues): ContainerWatchSettings {
    return {
        directory: watchDirectory(v),
        interval: v.nodeCollectorInterval,
        // Each line of theirs would make another.
        skip: ["otel-node-collector", "otel-cluster-collector"].map((name) => `${name}-${v.nodeName}`),
    };
}

function collectorSettings(
    v: ApmValues,
    service: ServiceSettings,
    nodes: ApmNodeName[],
    image: Image,
): ApmCollectorSettings {
    return {
        ...service,
        image: image(v.imageOtelAggregator),
        members: nodes.map(({ name, address }) => ({ node: name, address })),
        ingest: v.apm.ingest,
        opensearchHttpPort: v.opensearchHttpPort,
        dataPrepperTracesPort: v.dataPrepperTracesPort,
        dataPrepperMetricsPort: v.dataPrepperMetricsPort,
        dataPrepperLogsPort: v.dataPrepperLogsPort,
        tls: v.tls !== "off",
        dataPrepperUser: DATA_PREPPER_DEFAULTS.user,
    };
}

function nodeCollectorSettings(
    v: ApmValues,
    service: ServiceSettings,
    nodes: ApmNodeName[],
    image: Image,
): OtelNodeCollectorSettings {
    return {
        ...collectorSettings(v, service, nodes, image),
        grpcPort: v.otlpGrpcPort,
        httpPort: v.otlpHttpPort,
        healthPort: v.nodeCollectorHealthPort,
        metricsPort: v.nodeCollectorMetricsPort,
        interval: v.nodeCollectorInterval,
        tokens: v.otlpTokens !== "",
        memoryLimit: v.nodeCollectorMemoryLimit,
        spansPerSecond: v.spansPerSecond,
        dataPointsPerSecond: v.dataPointsPerSecond,
        logRecordsPerSecond: v.logRecordsPerSecond,
        dataDir: `${v.dataDir}/otel-node-collector`,
        watchDir: watchDirectory(v),
    };
}

function clusterCollectorSettings(
    v: ApmValues,
    service: ServiceSettings,
    nodes: ApmNodeName[],
    image: Image,
): OtelClusterCollectorSettings {
    return {
        ...collectorSettings(v, service, nodes, image),
        healthPort: v.clusterCollectorHealthPort,
        metricsPort: v.clusterCollectorMetricsPort,
        interval: v.clusterCollectorInterval,
        nodeCollectorMetricsPort: v.nodeCollectorMetricsPort,
        dataPrepperApiPort: v.dataPrepperApiPort,
        memoryLimit: v.clusterCollectorMemoryLimit,
        dataDir: `${v.dataDir}/otel-cluster-collector`,
        watchDir: watchDirectory(v),
    };
}
