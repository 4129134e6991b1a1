import { BUCKET_DEFAULTS } from "../bucket";
import { HAPROXY_DEFAULTS } from "../haproxy";
import { KEEPALIVED_DEFAULTS } from "../keepalived";
import { LOKI_DEFAULTS } from "../loki";
import { OBJECT_STORE_DEFAULTS } from "../object-store";
import { OTEL_AGGREGATOR_DEFAULTS } from "../otel-aggregator";
import { PROMETHEUS_DEFAULTS } from "../prometheus";
import { THANOS_MEMORY } from "../thanos";
import { THANOS_COMPACTOR_DEFAULTS } from "../thanos-compactor";
import { THANOS_QUERY_DEFAULTS } from "../thanos-query";
import { THANOS_SIDECAR_DEFAULTS } from "../thanos-sidecar";
import { THANOS_STORE_DEFAULTS } from "../thanos-store";
import { optional, required } from "./key";

/** Settings of the two-host platform alone. */
export const PAIR_KEYS = {
    // What differs between the two hosts
    role: required("role"),
    priority: required("priority"),
    peerNodeName: required("name"),
    peerAddress: required("ipv4"),
    peerPriority: required("priority"),

    // Virtual IP
    vip: optional("ipv4", "192.168.110.140"),
    networkInterface: optional("interface", KEEPALIVED_DEFAULTS.interface),
    vrrpRouterId: optional("routerId", KEEPALIVED_DEFAULTS.routerId),
    vrrpAdvertInterval: optional("duration", KEEPALIVED_DEFAULTS.advertInterval),
    vrrpCheckInterval: optional("duration", KEEPALIVED_DEFAULTS.checkInterval),
    vrrpVersion: optional("vrrpVersion", KEEPALIVED_DEFAULTS.version),
    vrrpUnicast: optional("boolean", false),
    vrrpNopreempt: optional("boolean", KEEPALIVED_DEFAULTS.nopreempt),
    vrrpPreemptDelay: optional("delay", KEEPALIVED_DEFAULTS.preemptDelay),

    // Directories on the hosts
    lokiDataDir: optional("path", LOKI_DEFAULTS.dataDir),

    // Images
    imageKeepalived: optional("image", KEEPALIVED_DEFAULTS.image),
    imageLoki: optional("image", LOKI_DEFAULTS.image),
    imageObjectStore: optional("image", OBJECT_STORE_DEFAULTS.image),
    imagePrometheus: optional("image", PROMETHEUS_DEFAULTS.image),
    imageThanos: optional("image", THANOS_SIDECAR_DEFAULTS.image),

    // Ports
    haproxyStatsPort: optional("port", HAPROXY_DEFAULTS.statsPort),
    queryPort: optional("port", HAPROXY_DEFAULTS.queryPort),
    lokiQueryPort: optional("port", HAPROXY_DEFAULTS.lokiQueryPort),
    prometheusWriteLocalPort: optional("port", HAPROXY_DEFAULTS.prometheusWriteLocalPort),
    prometheusWritePeerPort: optional("port", HAPROXY_DEFAULTS.prometheusWritePeerPort),
    lokiWritePeerPort: optional("port", HAPROXY_DEFAULTS.lokiWritePeerPort),
    peerMetricsPort: optional("port", HAPROXY_DEFAULTS.peerMetricsPort),
    thanosPeerSidecarPort: optional("port", HAPROXY_DEFAULTS.thanosPeerSidecarPort),
    thanosPeerStorePort: optional("port", HAPROXY_DEFAULTS.thanosPeerStorePort),
    aggregatorHttpPort: optional("port", OTEL_AGGREGATOR_DEFAULTS.httpPort),
    aggregatorGrpcPort: optional("port", OTEL_AGGREGATOR_DEFAULTS.grpcPort),
    aggregatorMetricsPort: optional("port", OTEL_AGGREGATOR_DEFAULTS.metricsPort),
    aggregatorDiskPort: optional("port", OTEL_AGGREGATOR_DEFAULTS.diskPort),
    aggregatorHealthPort: optional("port", OTEL_AGGREGATOR_DEFAULTS.healthPort),
    prometheusPort: optional("port", PROMETHEUS_DEFAULTS.port),
    thanosGrpcPort: optional("port", THANOS_SIDECAR_DEFAULTS.grpcPort),
    thanosHttpPort: optional("port", THANOS_SIDECAR_DEFAULTS.httpPort),
    thanosQueryGrpcPort: optional("port", THANOS_QUERY_DEFAULTS.grpcPort),
    thanosQueryHttpPort: optional("port", THANOS_QUERY_DEFAULTS.httpPort),
    thanosStoreGrpcPort: optional("port", THANOS_STORE_DEFAULTS.grpcPort),
    thanosStoreHttpPort: optional("port", THANOS_STORE_DEFAULTS.httpPort),
    thanosCompactorPort: optional("port", THANOS_COMPACTOR_DEFAULTS.httpPort),
    lokiPort: optional("port", LOKI_DEFAULTS.port),
    lokiGrpcPort: optional("port", LOKI_DEFAULTS.grpcPort),
    objectStorePort: optional("port", OBJECT_STORE_DEFAULTS.port),
    objectStoreConsolePort: optional("port", OBJECT_STORE_DEFAULTS.consolePort),

    // TLS
    tlsCaCertificate: optional("pem", ""),
    tlsCertificate: optional("pem", ""),
    tlsKey: optional("keyPem", ""),
    otlpClientCa: optional("pem", ""),

    // Outages
    peerOut: optional("boolean", OTEL_AGGREGATOR_DEFAULTS.peerOut),
    dataPath: optional("dataPath", OTEL_AGGREGATOR_DEFAULTS.dataPath),

    // Object store
    objectStore: optional("storeMode", "pooled"),
    objectStoreMemoryLimit: optional("size", OBJECT_STORE_DEFAULTS.memoryLimit),
    objectStoreForceStop: optional("boolean", OBJECT_STORE_DEFAULTS.forceStop),
    objectStoreConsole: optional("boolean", OBJECT_STORE_DEFAULTS.console),
    objectStoreEndpoint: optional("endpoint", ""),
    objectStoreInsecure: optional("boolean", false),
    objectStoreRegion: optional("region", BUCKET_DEFAULTS.objectStoreRegion),
    lokiBucket: optional("bucket", LOKI_DEFAULTS.bucket),
    thanosBucket: optional("bucket", THANOS_SIDECAR_DEFAULTS.bucket),
    lokiObjectStoreUser: optional("accessKey", "loki"),
    thanosSidecarObjectStoreUser: optional("accessKey", "thanos-sidecar"),
    thanosStoreObjectStoreUser: optional("accessKey", "thanos-store"),
    thanosCompactorObjectStoreUser: optional("accessKey", "thanos-compactor"),

    // Services
    clusterName: optional("name", PROMETHEUS_DEFAULTS.cluster),
    prometheusScrapeInterval: optional("duration", PROMETHEUS_DEFAULTS.scrapeInterval),
    prometheusEvaluationInterval: optional("duration", PROMETHEUS_DEFAULTS.evaluationInterval),
    prometheusRetention: optional("duration", PROMETHEUS_DEFAULTS.retention),
    prometheusBlockDuration: optional("duration", PROMETHEUS_DEFAULTS.blockDuration),
    prometheusMemoryLimit: optional("size", PROMETHEUS_DEFAULTS.memoryLimit),
    lokiRetention: optional("duration", LOKI_DEFAULTS.retention),
    lokiMemoryLimit: optional("size", LOKI_DEFAULTS.memoryLimit),
    thanosMemoryLimit: optional("size", THANOS_MEMORY),
    thanosRetentionRaw: optional("retention", THANOS_COMPACTOR_DEFAULTS.retentionRaw),
    thanosRetention5m: optional("retention", THANOS_COMPACTOR_DEFAULTS.retention5m),
    thanosRetention1h: optional("retention", THANOS_COMPACTOR_DEFAULTS.retention1h),
    thanosDeleteDelay: optional("duration", THANOS_COMPACTOR_DEFAULTS.deleteDelay),
    thanosResponseTimeout: optional("duration", THANOS_QUERY_DEFAULTS.responseTimeout),
    thanosPeerTimeout: optional("duration", THANOS_QUERY_DEFAULTS.peerTimeout),
    aggregatorMemoryLimit: optional("size", OTEL_AGGREGATOR_DEFAULTS.memoryLimit),
    aggregatorMemorySpikeLimit: optional("size", OTEL_AGGREGATOR_DEFAULTS.memorySpikeLimit),
    aggregatorBatchSize: optional("count", OTEL_AGGREGATOR_DEFAULTS.batchSize),
    aggregatorBatchMaxSize: optional("count", OTEL_AGGREGATOR_DEFAULTS.batchMaxSize),
    aggregatorBatchTimeout: optional("duration", OTEL_AGGREGATOR_DEFAULTS.batchTimeout),
    aggregatorPeerBatchTimeout: optional("duration", OTEL_AGGREGATOR_DEFAULTS.peerBatchTimeout),
    aggregatorNodeAttribute: optional("boolean", OTEL_AGGREGATOR_DEFAULTS.nodeAttribute),
    tracesEndpoints: optional("urls", ""),
    otlpMaxBody: optional("size", OTEL_AGGREGATOR_DEFAULTS.maxBody),
    haproxyMaxConnections: optional("count", HAPROXY_DEFAULTS.maxConnections),
    haproxyMemoryLimit: optional("size", HAPROXY_DEFAULTS.memoryLimit),
    haproxyBuffer: optional("size", HAPROXY_DEFAULTS.buffer),

    // Health and checks
    diskReserve: optional("size", OTEL_AGGREGATOR_DEFAULTS.diskReserve),

    // Secrets
    objectStoreRootUser: optional("user", "otel-ha-root"),
    haproxyStatsUser: optional("user", "admin"),
    queryUser: optional("user", "query"),
    objectStoreRootPassword: optional("secret", ""),
    lokiObjectStoreSecret: optional("storeSecret", ""),
    thanosSidecarObjectStoreSecret: optional("storeSecret", ""),
    thanosStoreObjectStoreSecret: optional("storeSecret", ""),
    thanosCompactorObjectStoreSecret: optional("storeSecret", ""),
    vrrpPassword: optional("secret", ""),
    haproxyStatsPassword: optional("secret", ""),
    queryPassword: optional("secret", ""),
};
