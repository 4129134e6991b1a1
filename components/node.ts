import * as pulumi from "@pulumi/pulumi";
import { CredentialName, SharedCredentials } from "./credentials";
import { Haproxy, haproxyRequirements, HaproxySettings } from "./haproxy";
import { Host, HostArgs, Requirements } from "./host";
import { Keepalived, keepalivedRequirements, KeepalivedSettings } from "./keepalived";
import { Loki, LOKI_DEFAULTS, lokiRequirements, LokiSettings } from "./loki";
import { ObjectStore, ObjectStoreClient, objectStoreRequirements, ObjectStoreSettings } from "./object-store";
import { OtelAggregator, otelAggregatorRequirements, OtelAggregatorSettings } from "./otel-aggregator";
import { Prometheus, prometheusRequirements, PrometheusSettings } from "./prometheus";
import {
    THANOS_SIDECAR_DEFAULTS,
    ThanosSidecar,
    thanosSidecarRequirements,
    ThanosSidecarSettings,
} from "./thanos-sidecar";

/** One node of the pair: a host and the settings of everything on it. */
export interface NodeSettings {
    /** The machine and how to reach it. */
    host: Omit<HostArgs, "requirements" | "privateKey" | "connectionUnknown">;
    /** Starts first: Loki and Thanos keep their data in it. */
    objectStore: ObjectStoreSettings;
    /** Starts when the object store is there, as does Loki. */
    prometheus: PrometheusSettings;
    /** Its bucket is made by the object store. */
    loki: LokiSettings;
    /** Starts after Prometheus, whose blocks it uploads. */
    thanosSidecar: ThanosSidecarSettings;
    /** Starts after everything that it sends to. */
    otelAggregator: OtelAggregatorSettings;
    /** Starts after the collector that it sends to. */
    haproxy: HaproxySettings;
    /** Starts last: a node may have the virtual IP only when it can serve it. */
    keepalived: KeepalivedSettings;
    /** User names; they are no secrets. Root and statistics user as configured, one object store user per client. */
    users: { objectStoreRoot: string; loki: string; thanos: string; haproxyStats: string };
}

/** Arguments of {@link Node}. */
export interface NodeArgs {
    /** Plain values of everything on the node. @example nodeSettings(values) */
    settings: NodeSettings;
    /** The pair's secrets: made by {@link Credentials}, or read from the stack that made them. */
    credentials: Record<CredentialName, SharedCredentials[CredentialName]>;
    /** SSH key of the deployer. @default the SSH agent */
    privateKey?: pulumi.Input<string>;
    /** See {@link HostArgs.connectionUnknown}. @default false */
    connectionUnknown?: boolean;
}

/** What all services together need of the host. Pure. */
export function nodeRequirements(settings: NodeSettings): Requirements[] {
    return [
        objectStoreRequirements(settings.objectStore),
        prometheusRequirements(settings.prometheus),
        lokiRequirements(settings.loki),
        thanosSidecarRequirements(settings.thanosSidecar),
        otelAggregatorRequirements(settings.otelAggregator),
        haproxyRequirements(settings.haproxy),
        keepalivedRequirements(settings.keepalived),
    ];
}

/** A host with the whole stack, started in the order in which the parts need each other. */
export class Node extends pulumi.ComponentResource {
    readonly host: Host;
    /** Names of the containers. */
    readonly containers: pulumi.Output<string>[];

    constructor(name: string, args: NodeArgs, opts?: pulumi.ComponentResourceOptions) {
        super("otel-ha:index:Node", name, {}, opts);
        const { settings, credentials } = args;
        const inside = { parent: this };
        const lokiClient: ObjectStoreClient = {
            user: settings.users.loki,
            secret: credentials.lokiObjectStoreSecret,
            bucket: settings.loki.bucket ?? LOKI_DEFAULTS.bucket,
        };
        const thanosClient: ObjectStoreClient = {
            user: settings.users.thanos,
            secret: credentials.thanosObjectStoreSecret,
            bucket: settings.thanosSidecar.bucket ?? THANOS_SIDECAR_DEFAULTS.bucket,
        };

        const host = new Host(
            `${name}-host`,
            {
                ...settings.host,
                privateKey: args.privateKey,
                connectionUnknown: args.connectionUnknown,
                requirements: nodeRequirements(settings),
            },
            inside,
        );
        const root = { user: settings.users.objectStoreRoot, password: credentials.objectStoreRootPassword };
        const stats = { user: settings.users.haproxyStats, password: credentials.haproxyStatsPassword };

        const objectStore = new ObjectStore(
            `${name}-minio`,
            { host, settings: settings.objectStore, root, clients: [lokiClient, thanosClient] },
            inside,
        );
        const prometheus = new Prometheus(
            `${name}-prometheus`,
            { host, settings: settings.prometheus, after: [objectStore.ready] },
            inside,
        );
        const loki = new Loki(
            `${name}-loki`,
            { host, settings: settings.loki, client: lokiClient, after: [objectStore.ready] },
            inside,
        );
        const thanos = new ThanosSidecar(
            `${name}-thanos-sidecar`,
            { host, settings: settings.thanosSidecar, client: thanosClient, after: [prometheus.ready, loki.ready] },
            inside,
        );
        const aggregator = new OtelAggregator(
            `${name}-otel-aggregator`,
            { host, settings: settings.otelAggregator, after: [thanos.ready] },
            inside,
        );
        const haproxy = new Haproxy(
            `${name}-haproxy`,
            { host, settings: settings.haproxy, stats, after: [aggregator.ready] },
            inside,
        );
        const keepalived = new Keepalived(
            `${name}-keepalived`,
            { host, settings: settings.keepalived, password: credentials.vrrpPassword, after: [haproxy.ready] },
            inside,
        );

        this.host = host;
        this.containers = [objectStore, prometheus, loki, thanos, aggregator, haproxy, keepalived].map(
            (service) => service.container,
        );
        this.registerOutputs({ containers: this.containers });
    }
}
