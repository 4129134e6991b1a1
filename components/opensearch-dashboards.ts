import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { ContainerService, ContainerServiceArgs, ContainerSpec, gateArgs, ServiceFile } from "./container-service";
import { dashboardsObjects } from "./dashboards-objects";
import { TelemetryIndices, TELEMETRY_INDICES } from "./data-prepper-pipelines";
import { PRIVATE, Requirements } from "./host";
import { healthCheck, ServiceArgs, ServiceSettings, withDefaults } from "./service";
import { helper } from "./shell";
import { render, templateText } from "./templates";
import { Identity } from "./tls";
import { Duration, mebibytes, parseDuration, seconds, Size } from "./units";

/** OpenSearch Dashboards of one node: people look at telemetry with it. */
export interface OpenSearchDashboardsSettings extends ServiceSettings {
    /** Of OpenSearch's own version: it starts with no other. @default "opensearchproject/opensearch-dashboards:2.19.1" */
    image?: string;
    /** For {@link ApmFront} of all nodes, which people go to. @default 15601 */
    port?: number;
    /** Addresses of all nodes with OpenSearch, this one first. @example ["192.168.110.231", "192.168.110.232", "192.168.110.233"] */
    nodes: string[];
    /** OpenSearch's, on all nodes. @default 9200 */
    opensearchPort?: number;
    /** OpenSearch's user that keeps the dashboards. @default "dashboards" */
    user?: string;
    /** Where telemetry is. */
    indices?: Partial<TelemetryIndices>;
    /** Data directory on the host: nothing but the copy's own name. @default "/data/volume/otel/opensearch-dashboards" */
    dataDir?: string;
    /** Memory of the container. @default "1GiB" */
    memoryLimit?: Size;
    /** Memory for objects; the rest is for connections and the program. @default "auto": three quarters of `memoryLimit` */
    heap?: Size | "auto";
    /** Longest search. @default "30s" */
    requestTimeout?: Duration;
    /** Who does nothing for so long has to log in again. @default "8h" */
    sessionTtl?: Duration;
    /** How long a deployment waits for an OpenSearch that answers, before it says so and goes on. @default "300s" */
    openTimeout?: Duration;
}

export const OPENSEARCH_DASHBOARDS_DEFAULTS = {
    image: "opensearchproject/opensearch-dashboards:2.19.1",
    port: 15601,
    opensearchPort: 9200,
    user: "dashboards",
    dataDir: "/data/volume/otel/opensearch-dashboards",
    memoryLimit: "1GiB",
    heap: "auto" as Size | "auto",
    requestTimeout: "30s",
    sessionTtl: "8h",
    openTimeout: "300s",
    // Its first start makes its index, and reads some forty plugins.
    readyTimeout: "300s",
};

type Complete = OpenSearchDashboardsSettings &
    typeof OPENSEARCH_DASHBOARDS_DEFAULTS & { configDir: string; listen: string };

/** User of the upstream image (opensearch-dashboards). */
const DASHBOARDS_USER = "1000:1000";

/** Its files in the container. */
const INSIDE = "/etc/opensearch-dashboards";

/** Its program in the container. */
const HOME = "/usr/share/opensearch-dashboards";

/** What OpenSearch Dashboards shows and asks for. */
export interface OpenSearchDashboardsSecrets {
    /** OpenSearch's user that keeps the dashboards. @default {@link OpenSearchDashboardsSettings.user} */
    user?: pulumi.Input<string>;
    /** Of this user. Letters and digits. */
    password: pulumi.Input<string>;
    /** What cookies are sealed with, the same for all copies: 32 letters and digits at least. */
    cookieSecret: pulumi.Input<string>;
    /** For the fronts. Server; of the node's name, and 127.0.0.1. */
    identity: Identity;
    /** The CA certificates that are believed, PEM: one, or two while a CA is replaced. */
    trusted: pulumi.Input<string>;
}

const container = (s: OpenSearchDashboardsSettings): string => `opensearch-dashboards-${s.node}`;
const hosts = (s: Complete): string[] => s.nodes.map((address) => `https://${address}:${s.opensearchPort}`);
const heapMebibytes = (s: Complete): number =>
    Math.floor(s.heap === "auto" ? mebibytes(s.memoryLimit) * 0.75 : mebibytes(s.heap));

/** The text of opensearch_dashboards.yml. Pure. */
export function openSearchDashboardsConfig(settings: OpenSearchDashboardsSettings): string {
    const s = withDefaults(settings, OPENSEARCH_DASHBOARDS_DEFAULTS);
    return render("opensearch-dashboards/opensearch_dashboards.yml", {
        ...s,
        container: container(s),
        inside: INSIDE,
        hosts: hosts(s),
        requestTimeout: parseDuration(s.requestTimeout),
        sessionTtl: parseDuration(s.sessionTtl),
    });
}

/** Container, files and health of OpenSearch Dashboards. Pure but for the secrets that it passes on. */
export function openSearchDashboardsSpec(
    settings: OpenSearchDashboardsSettings,
    secrets: OpenSearchDashboardsSecrets,
): ContainerSpec {
    const s = withDefaults(settings, OPENSEARCH_DASHBOARDS_DEFAULTS);
    const directory = `${s.configDir}/opensearch-dashboards`;
    return {
        container: container(s),
        image: s.image,
        user: DASHBOARDS_USER,
        entrypoint: ["/bin/sh", `${INSIDE}/start.sh`],
        // What both files have is read as one.
        command: [
            `${HOME}/opensearch-dashboards-docker-entrypoint.sh`,
            "opensearch-dashboards",
            ...["opensearch_dashboards.yml", "secrets.yml"].flatMap((file) => ["--config", `${INSIDE}/${file}`]),
        ],
        environment: {
            NODE_OPTIONS: `--max-old-space-size=${heapMebibytes(s)}`,
            PORT: String(s.port),
            OPENSEARCH_HOSTS: hosts(s).join(" "),
        },
        memoryLimit: s.memoryLimit,
        mounts: [
            { source: directory, target: INSIDE, readOnly: true },
            { source: s.dataDir, target: `${HOME}/data` },
        ],
        files: dashboardsFiles(s, directory, secrets),
        healthCheck: { ...healthCheck(s, `/bin/sh ${INSIDE}/health.sh`), timeout: "15s" },
        readyTimeout: s.readyTimeout,
        stopSeconds: 15,
    };
}

function dashboardsFiles(s: Complete, directory: string, secrets: OpenSearchDashboardsSecrets): ServiceFile[] {
    const secret: Pick<ServiceFile, "mode" | "owner"> = { mode: "0400", owner: DASHBOARDS_USER };
    const user = secrets.user ?? s.user;
    return [
        {
            path: `${directory}/secrets.yml`,
            content: pulumi.secret(
                pulumi.interpolate`opensearch.username: ${user}\nopensearch.password: "${secrets.password}"\nopensearch_security.cookie.password: "${secrets.cookieSecret}"\n`,
            ),
            ...secret,
        },
        {
            path: `${directory}/curl.conf`,
            content: pulumi.secret(
                pulumi.interpolate`user = "${user}:${secrets.password}"\ncacert = "${INSIDE}/trusted.pem"\n`,
            ),
            ...secret,
        },
        { path: `${directory}/server.key`, content: pulumi.secret(secrets.identity.key), ...secret },
        { path: `${directory}/server.pem`, content: secrets.identity.certificate },
        { path: `${directory}/trusted.pem`, content: secrets.trusted },
        ...["start.sh", "health.sh", "objects.sh"].map((name) => ({
            path: `${directory}/${name}`,
            content: templateText(`opensearch-dashboards/${name}`),
        })),
        {
            path: `${directory}/objects.ndjson`,
            content: dashboardsObjects({ ...TELEMETRY_INDICES, ...s.indices }),
            reload: setupDashboardsCommand(s),
        },
        { path: `${directory}/opensearch_dashboards.yml`, content: openSearchDashboardsConfig(s) },
    ];
}

/** What OpenSearch Dashboards needs of its host. Pure. */
export function openSearchDashboardsRequirements(settings: OpenSearchDashboardsSettings): Requirements {
    const s = withDefaults(settings, OPENSEARCH_DASHBOARDS_DEFAULTS);
    return {
        container: container(s),
        directories: [
            { path: `${s.configDir}/opensearch-dashboards` },
            { path: s.dataDir, owner: DASHBOARDS_USER, mode: PRIVATE },
        ],
        ports: [
            {
                port: s.port,
                key: "dashboardsBackendPort",
                use: "OpenSearch Dashboards",
                audience: ["peer"],
                access: "TLS; a user of OpenSearch's",
                why: "the fronts of all nodes, when their own host's does not answer",
            },
        ],
        scripts: ["setup-dashboards"],
    };
}

/** The gate's command line, which also takes changed objects. Pure. */
export function setupDashboardsCommand(settings: OpenSearchDashboardsSettings): string {
    const s = withDefaults(settings, OPENSEARCH_DASHBOARDS_DEFAULTS);
    const words = ["--timeout", String(Math.ceil(seconds(s.readyTimeout)))];
    words.push("--open-timeout", String(Math.ceil(seconds(s.openTimeout))));
    return helper("setup-dashboards", ...words, container(s));
}

/** Arguments of {@link OpenSearchDashboards}. `after`: OpenSearch's `ready`. */
export interface OpenSearchDashboardsArgs
    extends ServiceArgs<OpenSearchDashboardsSettings>,
        OpenSearchDashboardsSecrets {}

interface DashboardsServiceArgs extends ContainerServiceArgs {
    settings: OpenSearchDashboardsSettings;
}

/** OpenSearch Dashboards on one host, ready when its dashboards are there. */
export class OpenSearchDashboards extends ContainerService {
    constructor(name: string, args: OpenSearchDashboardsArgs, opts?: pulumi.ComponentResourceOptions) {
        const { host, after, settings } = args;
        const service: DashboardsServiceArgs = { ...openSearchDashboardsSpec(settings, args), host, after, settings };
        super(name, service, opts, "OpenSearchDashboards");
    }

    /** Waits, and makes the dashboards what they should be. */
    protected override createGate(
        name: string,
        args: DashboardsServiceArgs,
        container: docker.Container,
    ): pulumi.Resource {
        return new command.remote.Command(
            `${name}-ready`,
            {
                ...gateArgs(args, setupDashboardsCommand(args.settings)),
                stdin: pulumi.interpolate`container ${container.id}\n`,
            },
            { parent: this, dependsOn: container, ...args.host.commandOptions },
        );
    }
}
