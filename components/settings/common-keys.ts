import { FIREWALL_DEFAULTS } from "../firewall";
import { HAPROXY_DEFAULTS } from "../haproxy";
import { OTEL_AGGREGATOR_DEFAULTS } from "../otel-aggregator";
import { SERVICE_DEFAULTS } from "../service";
import { TLS_DEFAULTS } from "../tls";
import { optional, required } from "./key";

/** Settings that a host of either system has. */
export const COMMON_KEYS = {
    // What differs between the hosts
    system: optional("system", "otel-ha"),
    nodeName: required("name"),
    hostName: optional("hostname", ""),
    nodeAddress: required("ipv4"),
    hostKey: required("hostKey"),
    credentialsStack: optional("optionalText", ""),

    // SSH
    sshUser: optional("user", "root"),
    sshPort: optional("port", 22),
    sshPrivateKeyFile: optional("filePath", "~/.ssh/id_ed25519"),

    // Directories on the hosts
    configDir: optional("path", SERVICE_DEFAULTS.configDir),
    dataDir: optional("path", "/data/volume/otel"),

    // Images
    imageRegistry: optional("registry", ""),
    imageHaproxy: optional("image", HAPROXY_DEFAULTS.image),
    imageOtelAggregator: optional("image", OTEL_AGGREGATOR_DEFAULTS.image),

    // Ports
    otlpHttpPort: optional("port", HAPROXY_DEFAULTS.otlpHttpPort),
    otlpGrpcPort: optional("port", HAPROXY_DEFAULTS.otlpGrpcPort),

    // Firewall
    firewall: optional("boolean", true),
    clientCidrs: optional("networks", FIREWALL_DEFAULTS.clients.join(",")),
    adminCidrs: optional("networks", FIREWALL_DEFAULTS.admins.join(",")),

    // TLS
    tls: optional("tlsMode", TLS_DEFAULTS.mode),
    certificateLifetime: optional("duration", TLS_DEFAULTS.lifetime),
    certificateRenewBefore: optional("duration", TLS_DEFAULTS.renewBefore),
    caLifetime: optional("duration", TLS_DEFAULTS.caLifetime),
    otlpTokens: optional("names", ""),

    // Outages
    maxPeerOutage: optional("duration", SERVICE_DEFAULTS.maxPeerOutage),
    dataPointsPerSecond: optional("count", OTEL_AGGREGATOR_DEFAULTS.dataPointsPerSecond),
    logRecordsPerSecond: optional("count", OTEL_AGGREGATOR_DEFAULTS.logRecordsPerSecond),

    // Health and checks
    healthCheckInterval: optional("duration", SERVICE_DEFAULTS.healthCheckInterval),
    healthCheckStartPeriod: optional("duration", SERVICE_DEFAULTS.healthCheckStartPeriod),
    readyTimeout: optional("duration", SERVICE_DEFAULTS.readyTimeout),
    minimumDocker: optional("version", "20.10"),
    minimumFreeDisk: optional("size", "10GiB"),

    // Secrets
    secretGeneration: optional("count", 1),
    generation: optional("generations", {}),
    oldestGeneration: optional("overlaps", {}),
    issuingGeneration: optional("issuers", {}),
};
