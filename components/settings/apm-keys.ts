import { APM_DEFAULTS } from "../apm-options";
import { DATA_PREPPER_DEFAULTS } from "../data-prepper";
import { OPENSEARCH_DEFAULTS } from "../opensearch";
import { optional, required } from "./key";

/** Settings of Container APM alone. */
export const APM_KEYS = {
    // Nodes and ways
    apmNodes: required("nodes"),
    apm: optional("apmOptions", APM_DEFAULTS),

    // Images
    imageOpensearch: optional("image", OPENSEARCH_DEFAULTS.image),
    imageOpensearchDashboards: optional("image", "opensearchproject/opensearch-dashboards:2.19.1"),
    imageDataPrepper: optional("image", DATA_PREPPER_DEFAULTS.image),

    // Ports
    opensearchHttpPort: optional("port", OPENSEARCH_DEFAULTS.httpPort),
    opensearchTransportPort: optional("port", OPENSEARCH_DEFAULTS.transportPort),
    dashboardsPort: optional("port", 5601),
    dataPrepperTracesPort: optional("port", DATA_PREPPER_DEFAULTS.tracesPort),
    dataPrepperMetricsPort: optional("port", DATA_PREPPER_DEFAULTS.metricsPort),
    dataPrepperLogsPort: optional("port", DATA_PREPPER_DEFAULTS.logsPort),
    dataPrepperOtlpPort: optional("port", DATA_PREPPER_DEFAULTS.otlpPort),
    dataPrepperApiPort: optional("port", DATA_PREPPER_DEFAULTS.apiPort),
    dataPrepperPeerPort: optional("port", DATA_PREPPER_DEFAULTS.peerPort),
    nodeCollectorHealthPort: optional("port", 13133),
    nodeCollectorMetricsPort: optional("port", 8888),
    clusterCollectorHealthPort: optional("port", 13134),
    clusterCollectorMetricsPort: optional("port", 8889),
    clusterCollectorDiscoveryPort: optional("port", 8890),

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
    dashboardsCopies: optional("count", 2),
    dashboardsMemoryLimit: optional("size", "1GiB"),
    nodeCollectorMemoryLimit: optional("size", "1GiB"),
    clusterCollectorMemoryLimit: optional("size", "512MiB"),
    collectorInterval: optional("duration", "10s"),
    spansPerSecond: optional("count", 500),

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
