import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { ApmCredentials } from "./apm-credentials";
import { ApmFront, apmFrontRequirements, ApmFrontSettings } from "./apm-front";
import { ContainerService } from "./container-service";
import { ContainerWatch, ContainerWatchSettings } from "./container-watch";
import { DataPrepper, dataPrepperRequirements, DataPrepperSettings } from "./data-prepper";
import { Host, HostArgs, Requirements } from "./host";
import {
    OpenSearch,
    openSearchRequirements,
    OpenSearchSettings,
    retireOpenSearchUsersCommand,
    S3Keys,
} from "./opensearch";
import {
    OpenSearchDashboards,
    openSearchDashboardsRequirements,
    OpenSearchDashboardsSettings,
} from "./opensearch-dashboards";
import { OpenSearchPasswords, OpenSearchRole, openSearchUser } from "./opensearch-security";
import {
    OtelClusterCollector,
    otelClusterCollectorRequirements,
    OtelClusterCollectorSettings,
} from "./otel-cluster-collector";
import { OtelNodeCollector, otelNodeCollectorRequirements, OtelNodeCollectorSettings } from "./otel-node-collector";
import { checked } from "./policy/enforce";
import { ApmTls } from "./tls";

/** One node of Container APM: a host and the settings of everything on it. */
export interface ApmNodeSettings {
    /** The machine and how to reach it. */
    host: Omit<HostArgs, "requirements" | "privateKey" | "connectionUnknown">;
    /** Starts first: everything else writes to the cluster, or reads of it. */
    opensearch: OpenSearchSettings;
    /** Starts when OpenSearch is part of its cluster. @default none: the collectors write to OpenSearch themselves */
    dataPrepper?: DataPrepperSettings;
    /** Starts when OpenSearch is part of its cluster; nothing but the way to it waits for it. @default none on this node */
    dashboards?: OpenSearchDashboardsSettings;
    /** The way to OpenSearch Dashboards, wherever one works. @default none: there is no copy on any node */
    front?: ApmFrontSettings;
    /** What the host says about its containers, for the collectors. Starts at once. */
    watch: ContainerWatchSettings;
    /** Starts after what it sends to. */
    nodeCollector: OtelNodeCollectorSettings;
    /** Starts after what it sends to. The one beside the elected cluster manager works. */
    clusterCollector: OtelClusterCollectorSettings;
}

/** Arguments of {@link ApmNode}. */
export interface ApmNodeArgs {
    /** Plain values of everything on the node. @example apmNodeSettings(values) */
    settings: ApmNodeSettings;
    /** The system's secrets: made by {@link Credentials}, or read from the stack that made them. */
    credentials: ApmCredentials;
    /** Certificates and keys. @default none: connections are in the clear */
    tls?: ApmTls;
    /** Secrets by the names of those who send telemetry with them, as `Authorization: Bearer …`; each may have several. @default {}: none are asked for */
    otlpTokens?: pulumi.Input<Record<string, pulumi.Input<string[]>>>;
    /** Of snapshots in an S3 store. @default none */
    snapshotKeys?: S3Keys;
    /** SSH key of the deployer. @default the SSH agent */
    privateKey?: pulumi.Input<string>;
    /** See {@link HostArgs.connectionUnknown}. @default false */
    connectionUnknown?: boolean;
}

/** What all services together need of the host. Pure. */
export function apmNodeRequirements(settings: ApmNodeSettings): Requirements[] {
    return [
        openSearchRequirements(settings.opensearch),
        ...(settings.dataPrepper ? [dataPrepperRequirements(settings.dataPrepper)] : []),
        ...(settings.dashboards ? [openSearchDashboardsRequirements(settings.dashboards)] : []),
        ...(settings.front ? [apmFrontRequirements(settings.front)] : []),
        otelNodeCollectorRequirements(settings.nodeCollector),
        otelClusterCollectorRequirements(settings.clusterCollector),
    ];
}

/** What each part of a node is made with. */
interface Parts extends Pick<ApmNodeArgs, "settings" | "credentials" | "tls" | "otlpTokens" | "snapshotKeys"> {
    name: string;
    host: Host;
    inside: pulumi.ComponentResourceOptions;
}

/** A host of Container APM, its services started in the order in which they need each other. */
export class ApmNode extends pulumi.ComponentResource {
    readonly host: Host;
    /** Names of the containers. */
    readonly containers: pulumi.Output<string>[];

    constructor(name: string, args: ApmNodeArgs, opts?: pulumi.ComponentResourceOptions) {
        super("otel-ha:index:ApmNode", name, {}, checked(opts));
        const { settings, credentials, tls, otlpTokens, snapshotKeys } = args;
        const inside = { parent: this };
        this.host = new Host(
            `${name}-host`,
            {
                ...settings.host,
                privateKey: args.privateKey,
                connectionUnknown: args.connectionUnknown,
                requirements: apmNodeRequirements(settings),
            },
            inside,
        );
        const parts = { name, host: this.host, settings, credentials, tls, otlpTokens, snapshotKeys, inside };
        const opensearch = createOpenSearch(parts);
        const dataPrepper = createDataPrepper(parts, opensearch);
        const clients = [
            ...(dataPrepper ? [dataPrepper] : []),
            ...createDashboards(parts, opensearch),
            ...createCollectors(parts, dataPrepper ?? opensearch),
        ];
        retireUsers(parts, opensearch, clients);

        this.containers = [opensearch, ...clients].map((service) => service.container);
        this.registerOutputs({ containers: this.containers });
    }
}

const passwordsOf = (credentials: ApmCredentials): OpenSearchPasswords => ({
    admin: credentials.opensearchAdminPassword,
    writer: credentials.opensearchWriterPassword,
    reader: credentials.opensearchReaderPassword,
    dashboards: credentials.opensearchDashboardsPassword,
    monitor: credentials.opensearchMonitorPassword,
});

function createOpenSearch({ name, host, settings, credentials, tls, snapshotKeys, inside }: Parts): OpenSearch {
    return new OpenSearch(
        `${name}-opensearch`,
        {
            host,
            settings: settings.opensearch,
            tls: tls && { trusted: tls.trusted, node: tls.opensearch, admin: tls.opensearchAdmin },
            users: tls && passwordsOf(credentials),
            s3: snapshotKeys,
        },
        inside,
    );
}

function createDataPrepper(parts: Parts, opensearch: OpenSearch): DataPrepper | undefined {
    const { name, host, settings, credentials, tls, inside } = parts;
    if (!settings.dataPrepper) return undefined;
    if (!tls?.dataPrepper) throw new pulumi.RunError(`${name}: Data Prepper needs a certificate (tls.dataPrepper)`);
    return new DataPrepper(
        `${name}-data-prepper`,
        {
            host,
            settings: settings.dataPrepper,
            writerUser: userOf("writer", credentials.opensearchWriterPassword),
            writerPassword: credentials.opensearchWriterPassword,
            password: credentials.dataPrepperPassword,
            identity: tls.dataPrepper,
            trusted: tls.trusted,
            after: [opensearch.ready],
        },
        inside,
    );
}

// People look at what is there: nothing of the path from applications to disk waits for this.
function createDashboards(parts: Parts, opensearch: OpenSearch): ContainerService[] {
    const { name, host, settings, credentials, inside } = parts;
    if (!settings.front) return [];
    const identity = parts.tls?.dashboards;
    if (!parts.tls || !identity)
        throw new pulumi.RunError(`${name}: OpenSearch Dashboards needs a certificate (tls.dashboards)`);
    const shown = { identity, trusted: parts.tls.trusted };
    const copy =
        settings.dashboards &&
        new OpenSearchDashboards(
            `${name}-opensearch-dashboards`,
            {
                ...shown,
                host,
                settings: settings.dashboards,
                user: userOf("dashboards", credentials.opensearchDashboardsPassword),
                password: credentials.opensearchDashboardsPassword,
                cookieSecret: credentials.dashboardsCookieSecret,
                after: [opensearch.ready],
            },
            inside,
        );
    const after = copy ? [copy.ready] : [];
    const front = new ApmFront(`${name}-haproxy`, { ...shown, host, settings: settings.front, after }, inside);
    return [...(copy ? [copy] : []), front];
}

function createCollectors(parts: Parts, backEnd: ContainerService): ContainerService[] {
    const { name, host, settings, credentials, tls, otlpTokens, inside } = parts;
    const { ready: watched } = new ContainerWatch(`${name}-watch`, { host, settings: settings.watch }, inside);
    const writer = {
        backEndUser: userOf("writer", credentials.opensearchWriterPassword),
        backEndPassword: credentials.opensearchWriterPassword,
    };
    const common = {
        host,
        ...(settings.dataPrepper ? { backEndPassword: credentials.dataPrepperPassword } : writer),
        trusted: tls?.trusted,
        after: [backEnd.ready, watched],
    };
    return [
        new OtelNodeCollector(
            `${name}-otel-node-collector`,
            { ...common, settings: settings.nodeCollector, identity: tls?.collector, otlpTokens },
            inside,
        ),
        new OtelClusterCollector(
            `${name}-otel-cluster-collector`,
            {
                ...common,
                settings: settings.clusterCollector,
                monitorUser: userOf("monitor", credentials.opensearchMonitorPassword),
                monitorPassword: credentials.opensearchMonitorPassword,
            },
            inside,
        ),
    ];
}

// Another password is another user.
const userOf = (role: OpenSearchRole, password: pulumi.Input<string>): pulumi.Output<string> =>
    pulumi.output(password).apply((known) => openSearchUser(role, known).user);

// The last step of a change of passwords: users that no service of any node is any more. It runs again when there are other ones.
function retireUsers(parts: Parts, opensearch: OpenSearch, clients: ContainerService[]): void {
    const { name, host, settings, credentials, tls } = parts;
    if (!tls) return;
    const users = pulumi
        .all(passwordsOf(credentials))
        .apply((passwords) =>
            (Object.keys(passwords) as OpenSearchRole[]).map((role) => openSearchUser(role, passwords[role]).user),
        );
    new command.remote.Command(
        `${name}-opensearch-retired`,
        {
            connection: host.connection,
            create: host.asRoot(retireOpenSearchUsersCommand(settings.opensearch)),
            stdin: pulumi.secret(users.apply((names) => [...names, ""].join("\n"))),
            addPreviousOutputInEnv: false,
            // Whom it has taken away is said once, and not kept.
            logging: "stdout",
        },
        { parent: opensearch, dependsOn: clients.map(({ ready }) => ready), ...host.commandOptions },
    );
}
