import { ApmNodeSettings } from "../apm-node";
import { DataPrepperSettings } from "../data-prepper";
import { OpenSearchSettings } from "../opensearch";
import { SnapshotSettings } from "../opensearch-setup";
import { ServiceSettings } from "../service";
import { ApmNodeName, apmNodesOf } from "./apm-nodes";
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
    };
}

const peersOf = (v: ApmValues, nodes: ApmNodeName[]): ApmNodeName[] => nodes.filter(({ name }) => name !== v.nodeName);

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
        nodes: [v.nodeAddress, ...peersOf(v, nodes).map(({ address }) => address)],
        opensearchPort: v.opensearchHttpPort,
        dataDir: `${v.dataDir}/data-prepper`,
        memoryLimit: v.dataPrepperMemoryLimit,
        heap: v.dataPrepperHeap,
        flushTimeout: v.dataPrepperFlushTimeout,
        traceWait: v.dataPrepperTraceWait,
        greenTimeout: v.opensearchGreenTimeout,
    };
}
