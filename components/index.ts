/**
 * The library: every part of the stack, to be used alone or together. Another program imports from here and nowhere else.
 *
 * @example
 * const host = new Host("web", { address: "10.0.0.7", hostKey: "ssh-ed25519 AAAA…", requirements: [lokiRequirements(settings)] });
 * const loki = new Loki("web-loki", { host, settings, client });
 */
export { ApmCredentialName, ApmCredentials } from "./apm-credentials";
export { ApmCollectorSecrets, ApmCollectorSettings, ApmMember } from "./apm-collector";
export {
    ApmFront,
    ApmFrontArgs,
    apmFrontRequirements,
    ApmFrontSecrets,
    ApmFrontSettings,
    DashboardsCopy,
} from "./apm-front";
export { ApmNode, ApmNodeArgs, apmNodeRequirements, ApmNodeSettings } from "./apm-node";
export { ApmIngest, ApmOptions } from "./apm-options";
export { BucketRole, BucketSettings, ObjectStoreClient } from "./bucket";
export {
    ContainerService,
    ContainerServiceArgs,
    ContainerSpec,
    HealthCheck,
    Mount,
    OpenCondition,
    Scratch,
    ServiceFile,
    Ulimit,
} from "./container-service";
export { ContainerWatch, ContainerWatchArgs, ContainerWatchSettings } from "./container-watch";
export { CertificateGenerations } from "./ca-rotation";
export {
    ApmPurpose,
    Authority,
    CertificateAuthority,
    CertificateAuthorityArgs,
    Leaf,
    NodeCertificates,
    NodeCertificatesArgs,
    NodeNames,
    PairPurpose,
    Purpose,
} from "./certificates";
export { CredentialName, Credentials, CredentialsArgs, SharedCredentials } from "./credentials";
export {
    DataPrepper,
    DataPrepperArgs,
    dataPrepperRequirements,
    DataPrepperSecrets,
    DataPrepperSettings,
} from "./data-prepper";
export { TelemetryIndices } from "./data-prepper-pipelines";
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
    OpenSearch,
    OpenSearchArgs,
    OpenSearchMember,
    openSearchRequirements,
    OpenSearchSecrets,
    OpenSearchSettings,
    OpenSearchTls,
    S3Keys,
} from "./opensearch";
export {
    OpenSearchDashboards,
    OpenSearchDashboardsArgs,
    openSearchDashboardsRequirements,
    OpenSearchDashboardsSecrets,
    OpenSearchDashboardsSettings,
} from "./opensearch-dashboards";
export { OpenSearchPasswords, OpenSearchRole, openSearchUser, OpenSearchUser } from "./opensearch-security";
export { OpenSearchClusterSettings, RecoveryPreset, SnapshotSettings } from "./opensearch-setup";
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
export { addresses, apmAddresses, newestTokens } from "./outputs";
export { Prometheus, prometheusRequirements, PrometheusSettings } from "./prometheus";
export { CertificateRecord } from "./renewal";
export { Reload, RemoteFile, RemoteFileArgs } from "./remote-file";
export { ServiceArgs, ServiceSettings } from "./service";
export { readSettings, StackSettings } from "./settings";
export { snapshotKeys } from "./settings/apm-node-settings";
export { System } from "./settings/key";
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
export { ApmTls, Identity, NodeTls, TlsMode } from "./tls";
export { Duration, Size } from "./units";
