import { APM_DEFAULTS } from "../apm-options";
import { APM_FRONT_DEFAULTS } from "../apm-front";
import { DATA_PREPPER_DEFAULTS } from "../data-prepper";
import { OPENSEARCH_DEFAULTS } from "../opensearch";
import { OPENSEARCH_DASHBOARDS_DEFAULTS } from "../opensearch-dashboards";
import { OTEL_CLUSTER_COLLECTOR_DEFAULTS } from "../otel-cluster-collector";
import { OTEL_NODE_COLLECTOR_DEFAULTS } from "../otel-node-collector";
import { optional, required } from "./key";

/** Settings of Container APM alone. */
export const APM_KEYS = {
    // Nodes and ways
    apmNodes: required("nodes"),
    apm: optional("apmOptions", APM_DEFAULTS),

    // Images
    imageOpensearch: optional("image", OPENSEARCH_DEFAULTS.image),
    imageOpensearchDashboards: optional("image", OPENSEARCH_DASHBOARDS_DEFAULTS.image),
    imageDataPrepper: optional("image", DATA_PREPPER_DEFAULTS.image),

    // Ports
    opensearchHttpPort: optional("port", OPENSEARCH_DEFAULTS.httpPort),
    opensearchTransportPort: optional("port", OPENSEARCH_DEFAULTS.transportPort),
    dashboardsPort: optional("port", APM_FRONT_DEFAULTS.port),
    dashboardsBackendPort: optional("port", OPENSEARCH_DASHBOARDS_DEFAULTS.port),
    dashboardsFrontHealthPort: optional("port", APM_FRONT_DEFAULTS.healthPort),
    dataPrepperTracesPort: optional("port", DATA_PREPPER_DEFAULTS.tracesPort),
    dataPrepperMetricsPort: optional("port", DATA_PREPPER_DEFAULTS.metricsPort),
    dataPrepperLogsPort: optional("port", DATA_PREPPER_DEFAULTS.logsPort),
    dataPrepperOtlpPort: optional("port", DATA_PREPPER_DEFAULTS.otlpPort),
    dataPrepperApiPort: optional("port", DATA_PREPPER_DEFAULTS.apiPort),
    dataPrepperPeerPort: optional("port", DATA_PREPPER_DEFAULTS.peerPort),
    nodeCollectorHealthPort: optional("port", OTEL_NODE_COLLECTOR_DEFAULTS.healthPort),
    nodeCollectorMetricsPort: optional("port", OTEL_NODE_COLLECTOR_DEFAULTS.metricsPort),
    clusterCollectorHealthPort: optional("port", OTEL_CLUSTER_COLLECTOR_DEFAULTS.healthPort),
    clusterCollectorMetricsPort: optional("port", OTEL_CLUSTER_COLLECTOR_DEFAULTS.metricsPort),

    // OpenSearch
    opensearchClusterName: optional("name", OPENSEARCH_DEFAULTS.clusterName),
    opensearchHeap: optional("heap", OPENSEARCH_DEFAULTS.heap),
    opensearchMemoryLimit: optional("size", OPENSEARCH_DEFAULTS.memoryLimit),
    opensearchMemoryLock: optional("boolean", OPENSEARCH_DEFAULTS.memoryLock),
    opensearchMmap: optional("boolean", OPENSEARCH_DEFAULTS.mmap),
    opensearchShards: optional("count", OPENSEARCH_DEFAULTS.shards),
    opensearchReplicas: optional("number", OPENSEARCH_DEFAULTS.replicas),
    opensearchRefreshInterval: optional("duration", OPENSEARCH_DEFAULTS.refreshInterval),
    opensearchRolloverSize: optional("size", OPENSEARCH_DEFAULTS.rolloverSize),
    opensearchRolloverAge: optional("duration", OPENSEARCH_DEFAULTS.rolloverAge),
    opensearchRetention: optional("duration", OPENSEARCH_DEFAULTS.retention),
    opensearchRecovery: optional("recovery", OPENSEARCH_DEFAULTS.recovery),
    opensearchDelayedTimeout: optional("delay", OPENSEARCH_DEFAULTS.delayedTimeout),
    opensearchFaultDetection: optional("faultDetection", OPENSEARCH_DEFAULTS.faultDetection),
    opensearchLowWatermark: optional("percentage", OPENSEARCH_DEFAULTS.watermarkLow),
    opensearchHighWatermark: optional("percentage", OPENSEARCH_DEFAULTS.watermarkHigh),
    opensearchFloodWatermark: optional("percentage", OPENSEARCH_DEFAULTS.watermarkFlood),
    opensearchFormation: optional("formation", OPENSEARCH_DEFAULTS.formation),
    opensearchForceStop: optional("boolean", OPENSEARCH_DEFAULTS.forceStop),
    opensearchGreenTimeout: optional("duration", OPENSEARCH_DEFAULTS.greenTimeout),
    opensearchSnapshotDirectory: optional("optionalPath", ""),
    opensearchSnapshotEndpoint: optional("endpoint", ""),
    opensearchSnapshotBucket: optional("optionalBucket", ""),
    opensearchSnapshotRegion: optional("region", "us-east-1"),
    opensearchSnapshotInsecure: optional("boolean", false),
    opensearchSnapshotUser: optional("optionalAccessKey", ""),
    opensearchSnapshotSecret: optional("storeSecret", ""),

    // Other services
    dataPrepperHeap: optional("heap", DATA_PREPPER_DEFAULTS.heap),
    dataPrepperMemoryLimit: optional("size", DATA_PREPPER_DEFAULTS.memoryLimit),
    dataPrepperFlushTimeout: optional("duration", DATA_PREPPER_DEFAULTS.flushTimeout),
    dataPrepperTraceWait: optional("duration", DATA_PREPPER_DEFAULTS.traceWait),
    dashboardsCopies: optional("number", 2),
    dashboardsMemoryLimit: optional("size", OPENSEARCH_DASHBOARDS_DEFAULTS.memoryLimit),
    nodeCollectorMemoryLimit: optional("size", OTEL_NODE_COLLECTOR_DEFAULTS.memoryLimit),
    clusterCollectorMemoryLimit: optional("size", OTEL_CLUSTER_COLLECTOR_DEFAULTS.memoryLimit),
    nodeCollectorInterval: optional("duration", OTEL_NODE_COLLECTOR_DEFAULTS.interval),
    clusterCollectorInterval: optional("duration", OTEL_CLUSTER_COLLECTOR_DEFAULTS.interval),
    spansPerSecond: optional("count", OTEL_NODE_COLLECTOR_DEFAULTS.spansPerSecond),

    // Secrets
    generation: optional("apmGenerations", {}),
    opensearchAdminPassword: optional("secret", ""),
    opensearchWriterPassword: optional("secret", ""),
    opensearchReaderPassword: optional("secret", ""),
    opensearchDashboardsPassword: optional("secret", ""),
    opensearchMonitorPassword: optional("secret", ""),
    dataPrepperPassword: optional("secret", ""),
    dashboardsCookieSecret: optional("secret", ""),
};
