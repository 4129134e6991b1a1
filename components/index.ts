/**
 * The library: every part of the stack, to be used alone or together. Another program imports from here and nowhere else.
 *
 * @example
 * const host = new Host("web", { address: "10.0.0.7", hostKey: "ssh-ed25519 AAAA…", requirements: [lokiRequirements(settings)] });
 * const loki = new Loki("web-loki", { host, settings, client });
 */
export { BucketRole, BucketSettings, ObjectStoreClient } from "./bucket";
export { ApmCollectorSecrets, ApmCollectorSettings, ApmMember } from "./apm-collector";
export {
    ContainerService,
    ContainerServiceArgs,
    ContainerSpec,
    HealthCheck,
    Mount,
    OpenCondition,
    ServiceFile,
} from "./container-service";
export { ContainerWatch, ContainerWatchArgs, ContainerWatchSettings } from "./container-watch";
export { CertificateGenerations } from "./ca-rotation";
export {
    Authority,
    CertificateAuthority,
    CertificateAuthorityArgs,
    Leaf,
    NodeCertificates,
    NodeCertificatesArgs,
    NodeNames,
    Purpose,
} from "./certificates";
export { CredentialName, Credentials, CredentialsArgs, SharedCredentials } from "./credentials";
export { Firewall, FirewallArgs, firewallRules, FirewallSettings } from "./firewall";
export {
    Haproxy,
    HaproxyArgs,
    haproxyRequirements,
    HaproxySecrets,
    HaproxySettings,
    HaproxyTlsSettings,
    StatsCredentials,
} from "./haproxy";
export { HaproxyCertificates } from "./haproxy-tls";
export { Audience, Directory, Host, HostArgs, PortUse, ProtocolUse, Reach, Requirements } from "./host";
export { Keepalived, KeepalivedArgs, keepalivedRequirements, KeepalivedSettings, VrrpRole } from "./keepalived";
export { Loki, LokiArgs, lokiRequirements, LokiSettings } from "./loki";
export { Node, NodeArgs, nodeRequirements, NodeSettings } from "./node";
export {
    ObjectStore,
    ObjectStoreArgs,
    ObjectStoreLayout,
    objectStoreRequirements,
    ObjectStoreSettings,
    RootCredentials,
    StoreTls,
} from "./object-store";
export {
    OtelAggregator,
    OtelAggregatorArgs,
    otelAggregatorRequirements,
    OtelAggregatorSettings,
} from "./otel-aggregator";
export {
    OtelClusterCollector,
    OtelClusterCollectorArgs,
    otelClusterCollectorRequirements,
    OtelClusterCollectorSecrets,
    OtelClusterCollectorSettings,
} from "./otel-cluster-collector";
export {
    OtelNodeCollector,
    OtelNodeCollectorArgs,
    otelNodeCollectorRequirements,
    OtelNodeCollectorSecrets,
    OtelNodeCollectorSettings,
} from "./otel-node-collector";
export { retireUsers, RetireUsersArgs, userOf, withOwnUser } from "./object-store-users";
export { addresses, newestTokens } from "./outputs";
export { Prometheus, prometheusRequirements, PrometheusSettings } from "./prometheus";
export { CertificateRecord } from "./renewal";
export { Reload, RemoteFile, RemoteFileArgs } from "./remote-file";
export { ServiceArgs, ServiceSettings } from "./service";
export { readSettings, StackSettings } from "./settings";
export {
    ownSecrets,
    OwnSecretsArgs,
    published,
    PublishedSecrets,
    SHARED_CREDENTIALS_OUTPUT,
    sharedSecrets,
    SharedSecrets,
    SharedSecretsArgs,
} from "./shared-secrets";
export { stackTls, StackTls } from "./stack-tls";
export { ThanosBucketSettings } from "./thanos";
export {
    ThanosCompactor,
    ThanosCompactorArgs,
    thanosCompactorRequirements,
    ThanosCompactorSettings,
} from "./thanos-compactor";
export { ThanosQuery, thanosQueryRequirements, ThanosQuerySettings } from "./thanos-query";
export { ThanosSidecar, ThanosSidecarArgs, thanosSidecarRequirements, ThanosSidecarSettings } from "./thanos-sidecar";
export { ThanosStore, ThanosStoreArgs, thanosStoreRequirements, ThanosStoreSettings } from "./thanos-store";
export { Identity, NodeTls, TlsMode } from "./tls";
export { Duration, Size } from "./units";
