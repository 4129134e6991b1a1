import * as pulumi from "@pulumi/pulumi";
import {
    APM_COLLECTOR_DEFAULTS,
    apmBacklogBytes,
    ApmCollectorSecrets,
    ApmCollectorSettings,
    apmGoMemoryLimit,
    backEndFiles,
    bodyLimits,
    commonView,
    INSIDE,
    QUEUE,
    reloadable,
    secretOf,
    validator,
} from "./apm-collector";
import { WATCH_DEFAULTS } from "./container-watch";
import { ContainerService, ContainerServiceArgs, ContainerSpec, ServiceFile } from "./container-service";
import { PortUse, PRIVATE, Requirements } from "./host";
import { healthCheck, httpCheck, ServiceArgs, withDefaults } from "./service";
import { HELPERS } from "./shell";
import { render } from "./templates";
import { Identity, identityFile } from "./tls";
import { Size } from "./units";

/** Collector of one host of Container APM: what applications send, and what the host and its containers do. */
export interface OtelNodeCollectorSettings extends ApmCollectorSettings {
    /** OTLP over gRPC, for applications. @default 4317 */
    grpcPort?: number;
    /** OTLP over HTTP, for applications. @default 4318 */
    httpPort?: number;
    /** On loopback: 200 while all parts of the collector run. @default 13133 */
    healthPort?: number;
    /** On loopback: the collector's own metrics. @default 8888 */
    metricsPort?: number;
    /** Whether applications must show a token; without, whoever reaches the port may send. @default false */
    tokens?: boolean;
    /** Largest request that is taken, unpacked: gRPC's own default. @default "4MiB" */
    maxBody?: Size;
    /** Directory on the host with the queues. @default "/data/volume/otel/otel-node-collector" */
    dataDir?: string;
    /** Directory on the host that {@link ContainerWatch} writes. @default "/data/volume/otel/otel-watch" */
    watchDir?: string;
    /** Where Docker keeps the containers' logs. @default "/var/lib/docker/containers" */
    containerLogs?: string;
}

export const OTEL_NODE_COLLECTOR_DEFAULTS = {
    ...APM_COLLECTOR_DEFAULTS,
    grpcPort: 4317,
    httpPort: 4318,
    healthPort: 13133,
    metricsPort: 8888,
    tokens: false,
    maxBody: "4MiB",
    memoryLimit: "1GiB",
    dataDir: "/data/volume/otel/otel-node-collector",
    watchDir: WATCH_DEFAULTS.directory,
    containerLogs: "/var/lib/docker/containers",
};

/** What the collector is given besides its settings. */
export interface OtelNodeCollectorSecrets extends ApmCollectorSecrets {
    /** What it shows to applications. Needed with TLS. */
    identity?: Identity;
    /** Tokens of those who send, by name. @default none */
    otlpTokens?: pulumi.Input<Record<string, pulumi.Input<string | string[]>>>;
}

/** What watch-containers writes, in the container. */
const WATCH = "/watch";

/** A directory on the host's root file system, in the container: to see how full that is. */
const ROOT_DISK = "/disk/root";

/**
 * The logs of containers are root's, in directories that only root lists; and Docker gives no capability to another user. So it is root, which owns
 * them, without any right of root's beyond that (no capability at all), in a container that it cannot write to. Of the host it has what is mounted, to
 * read: not its file system.
 */
const USER = "0:0";

/** The text of the collector's config.yaml. Pure. */
export function otelNodeCollectorConfig(settings: OtelNodeCollectorSettings): string {
    const s = withDefaults(settings, OTEL_NODE_COLLECTOR_DEFAULTS);
    return render("otel-node-collector/config.yaml", {
        ...commonView(s, ["traces", "metrics", "logs"], s),
        ...bodyLimits(s.maxBody),
        grpcPort: s.grpcPort,
        httpPort: s.httpPort,
        tokens: s.tokens,
        watch: WATCH,
        rootDisk: ROOT_DISK,
        dataDir: s.dataDir,
    });
}

function files(
    s: OtelNodeCollectorSettings & typeof OTEL_NODE_COLLECTOR_DEFAULTS,
    secrets: OtelNodeCollectorSecrets,
): ServiceFile[] {
    const directory = `${s.configDir}/otel-node-collector`;
    const secret = secretOf(USER);
    if (s.tls && !secrets.identity)
        throw new pulumi.RunError(`otel-node-collector-${s.node}: with tls it needs a certificate (identity)`);
    const { identity } = secrets;
    return [
        ...backEndFiles(s, directory, USER, secrets),
        ...(s.tls && identity ? [{ path: `${directory}/node.pem`, ...identityFile(identity), ...secret }] : []),
        ...(s.tokens
            ? [{ path: `${directory}/otlp-tokens`, content: tokenLines(secrets.otlpTokens ?? {}), ...secret }]
            : []),
        { path: `${directory}/config.yaml`, content: otelNodeCollectorConfig(s), check: validator(s.image, USER) },
    ];
}

// One on a line. Errors: none, which would let in whoever sends an empty one.
function tokenLines(tokens: NonNullable<OtelNodeCollectorSecrets["otlpTokens"]>): pulumi.Output<string> {
    const lines = pulumi.all([pulumi.output(tokens)]).apply(([all]) => {
        const every = Object.values(all as Record<string, string | string[]>)
            .flat()
            .sort();
        if (every.length === 0)
            throw new pulumi.RunError("tokens: there are none, so nobody could send; name senders in otlpTokens");
        return every.join("\n");
    });
    return pulumi.secret(lines);
}

/** Container, files and health of the collector. Pure but for the secrets that it passes on. Errors: TLS without certificates. */
export function otelNodeCollectorSpec(
    settings: OtelNodeCollectorSettings,
    secrets: OtelNodeCollectorSecrets,
): ContainerSpec {
    const s = withDefaults(settings, OTEL_NODE_COLLECTOR_DEFAULTS);
    const container = `otel-node-collector-${s.node}`;
    return {
        container,
        image: s.image,
        user: USER,
        command: ["--config", `${INSIDE}/config.yaml`],
        memoryLimit: s.memoryLimit,
        // What applications send is taken while OpenSearch beside it starts, or makes copies with all processors.
        cpuShares: 4096,
        environment: { GOMEMLIMIT: apmGoMemoryLimit(s.memoryLimit) },
        mounts: [
            { source: `${s.configDir}/otel-node-collector`, target: INSIDE, readOnly: true },
            { source: `${s.dataDir}/queue`, target: QUEUE },
            { source: s.watchDir, target: WATCH, readOnly: true },
            // Where the links in the former lead to.
            { source: s.containerLogs, target: s.containerLogs, readOnly: true },
            { source: HELPERS, target: ROOT_DISK, readOnly: true },
        ],
        files: files(s, secrets).map(reloadable(container)),
        healthCheck: healthCheck(s, httpCheck(`http://127.0.0.1:${s.healthPort}/`)),
        readyTimeout: s.readyTimeout,
    };
}

function access(s: { tls: boolean; tokens: boolean }): string | undefined {
    const token = s.tokens ? "a token (otlpTokens)" : "open to its networks";
    return s.tls ? `TLS; ${token}` : s.tokens ? token : undefined;
}

/** What the collector needs of its host. Pure. */
export function otelNodeCollectorRequirements(settings: OtelNodeCollectorSettings): Requirements {
    const s = withDefaults(settings, OTEL_NODE_COLLECTOR_DEFAULTS);
    const queue = `${s.dataDir}/queue`;
    // Applications run on the hosts, too.
    const ingest: Pick<PortUse, "audience" | "why" | "access"> = {
        audience: ["clients", "peer"],
        why: "telemetry of applications",
        access: access(s),
    };
    return {
        container: `otel-node-collector-${s.node}`,
        directories: [
            { path: `${s.configDir}/otel-node-collector` },
            { path: s.dataDir },
            { path: queue, owner: USER, mode: PRIVATE },
            { path: s.watchDir, mode: "0711" },
        ],
        ports: [
            { port: s.grpcPort, key: "otlpGrpcPort", use: "OTel node collector OTLP/gRPC", ...ingest },
            { port: s.httpPort, key: "otlpHttpPort", use: "OTel node collector OTLP/HTTP", ...ingest },
            { port: s.healthPort, key: "nodeCollectorHealthPort", use: "OTel node collector health", audience: [] },
            { port: s.metricsPort, key: "nodeCollectorMetricsPort", use: "OTel node collector metrics", audience: [] },
        ],
        dataPaths: [{ path: queue, needs: apmBacklogBytes(s), of: "maxPeerOutage" }],
        scripts: ["watch-containers"],
    };
}

/** Arguments of {@link OtelNodeCollector}. */
export interface OtelNodeCollectorArgs
    extends ServiceArgs<OtelNodeCollectorSettings>,
        OtelNodeCollectorSecrets,
        Pick<ContainerServiceArgs, "configAfter"> {}

/** Takes OTLP of applications, and what host and containers do, writes it to disk, and passes it on. Needs {@link ContainerWatch} beside it. */
export class OtelNodeCollector extends ContainerService {
    constructor(name: string, args: OtelNodeCollectorArgs, opts?: pulumi.ComponentResourceOptions) {
        const { host, after, configAfter } = args;
        super(
            name,
            { ...otelNodeCollectorSpec(args.settings, args), host, after, configAfter },
            opts,
            "OtelNodeCollector",
        );
    }
}
