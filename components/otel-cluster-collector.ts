import * as pulumi from "@pulumi/pulumi";
import {
    APM_COLLECTOR_DEFAULTS,
    apmBacklogBytes,
    ApmCollectorSecrets,
    ApmCollectorSettings,
    apmGoMemoryLimit,
    ApmSignal,
    backEndFiles,
    commonView,
    INSIDE,
    opensearchUrl,
    ownFirst,
    QUEUE,
    reloadable,
    secretOf,
    validator,
} from "./apm-collector";
import { WATCH_DEFAULTS } from "./container-watch";
import { ContainerService, ContainerServiceArgs, ContainerSpec } from "./container-service";
import { PRIVATE, Requirements } from "./host";
import { healthCheck, httpCheck, ServiceArgs, withDefaults } from "./service";
import { render } from "./templates";

/** Collector of the cluster, on each host of Container APM. The one beside OpenSearch's elected cluster manager reports for all. */
export interface OtelClusterCollectorSettings extends ApmCollectorSettings {
    /** On loopback: 200 while all parts of the collector run. @default 13134 */
    healthPort?: number;
    /** On loopback: the collector's own metrics. @default 8889 */
    metricsPort?: number;
    /** On loopback: the node collector's own metrics. @default 8888 */
    nodeCollectorMetricsPort?: number;
    /** Data Prepper's metrics. @default 4900 */
    dataPrepperApiPort?: number;
    /** OpenSearch's user who may look at health and figures. @default "monitor" */
    monitorUser?: string;
    /** Directory on the host with the queues. @default "/data/volume/otel/otel-cluster-collector" */
    dataDir?: string;
    /** Directory on the host that {@link ContainerWatch} writes. @default "/data/volume/otel/otel-watch" */
    watchDir?: string;
}

// Three hosts' figures are a few hundred points each time. Another collector takes over within one interval after the election of another manager.
export const OTEL_CLUSTER_COLLECTOR_DEFAULTS = {
    ...APM_COLLECTOR_DEFAULTS,
    healthPort: 13134,
    metricsPort: 8889,
    nodeCollectorMetricsPort: 8888,
    dataPrepperApiPort: 4900,
    monitorUser: "monitor",
    memoryLimit: "512MiB",
    interval: "5s",
    dataPointsPerSecond: 100,
    logRecordsPerSecond: 10,
    dataDir: "/data/volume/otel/otel-cluster-collector",
    watchDir: WATCH_DEFAULTS.directory,
};

/** What the collector is given besides its settings. */
export interface OtelClusterCollectorSecrets extends ApmCollectorSecrets {
    /** OpenSearch's user who may look at health and figures. @default {@link OtelClusterCollectorSettings.monitorUser} */
    monitorUser?: pulumi.Input<string>;
    /** Of this user. */
    monitorPassword: pulumi.Input<string>;
}

/** User of the image. */
const USER = "10001:10001";

/** What the engine says has happened, in the container. */
const EVENTS = "/events";

const SENDS: ApmSignal[] = ["metrics", "logs"];

/** The text of the collector's config.yaml. Pure. */
export function otelClusterCollectorConfig(settings: OtelClusterCollectorSettings): string {
    const s = withDefaults(settings, OTEL_CLUSTER_COLLECTOR_DEFAULTS);
    const members = ownFirst(s);
    return render("otel-cluster-collector/config.yaml", {
        ...commonView(s, SENDS, s),
        opensearch: opensearchUrl(s, members[0]!.address),
        nodes: members.length,
        nodeCollectorMetricsPort: s.nodeCollectorMetricsPort,
        events: EVENTS,
        dataPrepper: s.ingest === "data-prepper",
        targets: members.map(({ node, address }) => ({
            node,
            url: `${s.tls ? "https" : "http"}://${address}:${s.dataPrepperApiPort}/metrics/prometheus`,
        })),
    });
}

/** Container, files and health of the collector. Pure but for the secrets that it passes on. Errors: TLS without certificates. */
export function otelClusterCollectorSpec(
    settings: OtelClusterCollectorSettings,
    secrets: OtelClusterCollectorSecrets,
): ContainerSpec {
    const s = withDefaults(settings, OTEL_CLUSTER_COLLECTOR_DEFAULTS);
    const directory = `${s.configDir}/otel-cluster-collector`;
    const container = `otel-cluster-collector-${s.node}`;
    const login = (name: string, content: pulumi.Input<string>): ContainerSpec["files"] =>
        s.tls ? [{ path: `${directory}/${name}`, content, ...secretOf(USER) }] : [];
    const files = [
        ...backEndFiles(s, directory, USER, secrets),
        ...login("monitor-user", secrets.monitorUser ?? s.monitorUser),
        ...login("monitor-password", pulumi.secret(secrets.monitorPassword)),
        { path: `${directory}/config.yaml`, content: otelClusterCollectorConfig(s), check: validator(s.image, USER) },
    ];
    return {
        container,
        image: s.image,
        user: USER,
        command: ["--config", `${INSIDE}/config.yaml`],
        memoryLimit: s.memoryLimit,
        environment: { GOMEMLIMIT: apmGoMemoryLimit(s.memoryLimit) },
        mounts: [
            { source: directory, target: INSIDE, readOnly: true },
            { source: `${s.dataDir}/queue`, target: QUEUE },
            { source: `${s.watchDir}/events`, target: EVENTS, readOnly: true },
        ],
        files: files.map(reloadable(container)),
        healthCheck: healthCheck(s, httpCheck(`http://127.0.0.1:${s.healthPort}/`)),
        readyTimeout: s.readyTimeout,
    };
}

/** What the collector needs of its host. Pure. */
export function otelClusterCollectorRequirements(settings: OtelClusterCollectorSettings): Requirements {
    const s = withDefaults(settings, OTEL_CLUSTER_COLLECTOR_DEFAULTS);
    const queue = `${s.dataDir}/queue`;
    const local = (port: number, key: string, use: string): Requirements["ports"][number] => ({
        port,
        key,
        use,
        audience: [],
    });
    return {
        container: `otel-cluster-collector-${s.node}`,
        directories: [
            { path: `${s.configDir}/otel-cluster-collector` },
            { path: s.dataDir },
            { path: queue, owner: USER, mode: PRIVATE },
            { path: s.watchDir, mode: "0711" },
            { path: `${s.watchDir}/events` },
        ],
        ports: [
            local(s.healthPort, "clusterCollectorHealthPort", "OTel cluster collector health"),
            local(s.metricsPort, "clusterCollectorMetricsPort", "OTel cluster collector metrics"),
        ],
        dataPaths: [{ path: queue, needs: apmBacklogBytes(s, SENDS), of: "maxPeerOutage" }],
        scripts: ["watch-containers"],
    };
}

/** Arguments of {@link OtelClusterCollector}. */
export interface OtelClusterCollectorArgs
    extends ServiceArgs<OtelClusterCollectorSettings>,
        OtelClusterCollectorSecrets,
        Pick<ContainerServiceArgs, "configAfter"> {}

/** Reports OpenSearch and Data Prepper, once for all hosts, and what this host's engine does. Needs {@link ContainerWatch} beside it. */
export class OtelClusterCollector extends ContainerService {
    constructor(name: string, args: OtelClusterCollectorArgs, opts?: pulumi.ComponentResourceOptions) {
        const { host, after, configAfter } = args;
        super(
            name,
            { ...otelClusterCollectorSpec(args.settings, args), host, after, configAfter },
            opts,
            "OtelClusterCollector",
        );
    }
}
