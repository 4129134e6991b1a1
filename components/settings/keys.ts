import { BUCKET_DEFAULTS } from "../bucket";
import { FIREWALL_DEFAULTS } from "../firewall";
import { HAPROXY_DEFAULTS } from "../haproxy";
import { KEEPALIVED_DEFAULTS } from "../keepalived";
import { LOKI_DEFAULTS } from "../loki";
import { OBJECT_STORE_DEFAULTS } from "../object-store";
import { DataPath, OTEL_AGGREGATOR_DEFAULTS } from "../otel-aggregator";
import { PROMETHEUS_DEFAULTS } from "../prometheus";
import { SERVICE_DEFAULTS } from "../service";
import { THANOS_MEMORY } from "../thanos";
import { THANOS_COMPACTOR_DEFAULTS } from "../thanos-compactor";
import { THANOS_QUERY_DEFAULTS } from "../thanos-query";
import { THANOS_SIDECAR_DEFAULTS } from "../thanos-sidecar";
import { THANOS_STORE_DEFAULTS } from "../thanos-store";
import { TLS_DEFAULTS, TlsMode } from "../tls";

/** How the text of a setting is read and what is said when it cannot be. */
export type Kind =
    | "ipv4"
    | "name"
    | "hostname"
    | "optionalText"
    | "role"
    | "priority"
    | "routerId"
    | "port"
    | "count"
    | "duration"
    | "size"
    | "path"
    | "filePath"
    | "registry"
    | "image"
    | "bucket"
    | "user"
    | "hostKey"
    | "interface"
    | "version"
    | "secret"
    | "vrrpVersion"
    | "delay"
    | "dataPath"
    | "urls"
    | "networks"
    | "names"
    | "tlsMode"
    | "pem"
    | "keyPem"
    | "storeSecret"
    | "accessKey"
    | "endpoint"
    | "region"
    | "storeMode"
    | "retention"
    | "boolean";

export interface Key {
    kind: Kind;
    /** Undefined: the stack must say. */
    default?: string | number | boolean;
}

const required = <K extends Kind>(kind: K): { kind: K } => ({ kind });
const optional = <K extends Kind>(
    kind: K,
    value: string | number | boolean,
): { kind: K; default: string | number | boolean } => ({
    kind,
    default: value,
});

/** Every setting of a stack. Pulumi.yaml declares the same ones for people; a test compares the two. */
export const KEYS = {
    // What differs between the two hosts
    nodeName: required("name"),
    hostName: optional("hostname", ""),
    nodeAddress: required("ipv4"),
    hostKey: required("hostKey"),
    role: required("role"),
    priority: required("priority"),
    peerNodeName: required("name"),
    peerAddress: required("ipv4"),
    peerPriority: required("priority"),
    credentialsStack: optional("optionalText", ""),

    // SSH
    sshUser: optional("user", "root"),
    sshPort: optional("port", 22),
    sshPrivateKeyFile: optional("filePath", "~/.ssh/id_ed25519"),

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
    configDir: optional("path", SERVICE_DEFAULTS.configDir),
    dataDir: optional("path", "/data/volume/otel"),
    lokiDataDir: optional("path", LOKI_DEFAULTS.dataDir),

    // Images
    imageRegistry: optional("registry", ""),
    imageHaproxy: optional("image", HAPROXY_DEFAULTS.image),
    imageKeepalived: optional("image", KEEPALIVED_DEFAULTS.image),
    imageLoki: optional("image", LOKI_DEFAULTS.image),
    imageObjectStore: optional("image", OBJECT_STORE_DEFAULTS.image),
    imageOtelAggregator: optional("image", OTEL_AGGREGATOR_DEFAULTS.image),
    imagePrometheus: optional("image", PROMETHEUS_DEFAULTS.image),
    imageThanos: optional("image", THANOS_SIDECAR_DEFAULTS.image),

    // Ports
    otlpHttpPort: optional("port", HAPROXY_DEFAULTS.otlpHttpPort),
    otlpGrpcPort: optional("port", HAPROXY_DEFAULTS.otlpGrpcPort),
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

    // Firewall
    firewall: optional("boolean", true),
    clientCidrs: optional("networks", FIREWALL_DEFAULTS.clients.join(",")),
    adminCidrs: optional("networks", FIREWALL_DEFAULTS.admins.join(",")),

    // TLS
    tls: optional("tlsMode", TLS_DEFAULTS.mode),
    certificateLifetime: optional("duration", TLS_DEFAULTS.lifetime),
    certificateRenewBefore: optional("duration", TLS_DEFAULTS.renewBefore),
    caLifetime: optional("duration", TLS_DEFAULTS.caLifetime),
    tlsCaCertificate: optional("pem", ""),
    tlsCertificate: optional("pem", ""),
    tlsKey: optional("keyPem", ""),
    otlpTokens: optional("names", ""),
    otlpClientCa: optional("pem", ""),

    // Outages
    maxPeerOutage: optional("duration", SERVICE_DEFAULTS.maxPeerOutage),
    dataPointsPerSecond: optional("count", OTEL_AGGREGATOR_DEFAULTS.dataPointsPerSecond),
    logRecordsPerSecond: optional("count", OTEL_AGGREGATOR_DEFAULTS.logRecordsPerSecond),
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
    healthCheckInterval: optional("duration", SERVICE_DEFAULTS.healthCheckInterval),
    healthCheckStartPeriod: optional("duration", SERVICE_DEFAULTS.healthCheckStartPeriod),
    readyTimeout: optional("duration", SERVICE_DEFAULTS.readyTimeout),
    minimumDocker: optional("version", "20.10"),
    minimumFreeDisk: optional("size", "10GiB"),
    diskReserve: optional("size", OTEL_AGGREGATOR_DEFAULTS.diskReserve),

    // Secrets
    secretGeneration: optional("count", 1),
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

/** Settings of these kinds are secrets. */
export const SECRET_KINDS: Kind[] = ["secret", "storeSecret", "keyPem"];

export type KeyName = keyof typeof KEYS;

/** Settings after reading: numbers and booleans are such, everything else is text. */
export type Values = { [K in KeyName]: ValueOf<(typeof KEYS)[K]["kind"]> };

type ValueOf<K extends Kind> = K extends "port" | "count" | "priority" | "routerId" | "vrrpVersion"
    ? number
    : K extends "boolean"
      ? boolean
      : K extends "role"
        ? "MASTER" | "BACKUP"
        : K extends "dataPath"
          ? DataPath
          : K extends "storeMode"
            ? "pooled" | "mirrored" | "external"
            : K extends "tlsMode"
              ? TlsMode
              : string;
