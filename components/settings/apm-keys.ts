import { APM_DEFAULTS } from "../apm-options";
import { optional, required } from "./key";

/** Settings of Container APM alone. */
export const APM_KEYS = {
    // Nodes and ways
    apmNodes: required("nodes"),
    apm: optional("apmOptions", APM_DEFAULTS),

    // Images
    imageOpensearch: optional("image", "opensearchproject/opensearch:2.19.1"),
    imageOpensearchDashboards: optional("image", "opensearchproject/opensearch-dashboards:2.19.1"),
    imageDataPrepper: optional("image", "opensearchproject/data-prepper:2.10.2"),

    // Ports
    opensearchHttpPort: optional("port", 9200),
    opensearchTransportPort: optional("port", 9300),
    dashboardsPort: optional("port", 5601),
    dataPrepperTracesPort: optional("port", 21890),
    dataPrepperMetricsPort: optional("port", 21891),
    dataPrepperLogsPort: optional("port", 21892),
    dataPrepperOtlpPort: optional("port", 21893),
    dataPrepperApiPort: optional("port", 4900),
    dataPrepperPeerPort: optional("port", 4994),
    nodeCollectorHealthPort: optional("port", 13133),
    nodeCollectorMetricsPort: optional("port", 8888),
    clusterCollectorHealthPort: optional("port", 13134),
    clusterCollectorMetricsPort: optional("port", 8889),

    // OpenSearch
    opensearchCluster: optional("name", "container-apm"),
    opensearchHeap: optional("heap", "auto"),
    opensearchMemoryLimit: optional("size", "4GiB"),
    opensearchShards: optional("count", 1),
    opensearchReplicas: optional("number", 1),
    opensearchRolloverSize: optional("size", "20GiB"),
    opensearchRolloverAge: optional("duration", "1d"),
    opensearchRetention: optional("duration", "7d"),
    opensearchRecovery: optional("recovery", "safe"),
    opensearchFaultDetection: optional("faultDetection", "tuned"),
    opensearchLowWatermark: optional("percentage", "85%"),
    opensearchHighWatermark: optional("percentage", "90%"),
    opensearchFloodWatermark: optional("percentage", "95%"),
    opensearchSnapshotEndpoint: optional("endpoint", ""),
    opensearchSnapshotBucket: optional("optionalBucket", ""),
    opensearchSnapshotRegion: optional("region", "us-east-1"),
    opensearchSnapshotInsecure: optional("boolean", false),
    opensearchSnapshotUser: optional("optionalAccessKey", ""),
    opensearchSnapshotSecret: optional("storeSecret", ""),

    // Other services
    dataPrepperHeap: optional("heap", "auto"),
    dataPrepperMemoryLimit: optional("size", "2GiB"),
    dashboardsCopies: optional("count", 2),
    dashboardsMemoryLimit: optional("size", "1GiB"),
    nodeCollectorMemoryLimit: optional("size", "1GiB"),
    clusterCollectorMemoryLimit: optional("size", "512MiB"),
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
