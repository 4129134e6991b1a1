import * as pulumi from "@pulumi/pulumi";
import { ContainerService } from "./container-service";
import { CredentialName, SharedCredentials } from "./credentials";
import { Haproxy, haproxyRequirements, HaproxySettings } from "./haproxy";
import { Host, HostArgs, Reach, Requirements } from "./host";
import { Keepalived, keepalivedRequirements, KeepalivedSettings } from "./keepalived";
import { Loki, LOKI_DEFAULTS, lokiRequirements, LokiSettings } from "./loki";
import { BucketRole, ObjectStoreClient } from "./bucket";
import { ObjectStore, objectStoreRequirements, ObjectStoreSettings } from "./object-store";
import { OtelAggregator, otelAggregatorRequirements, OtelAggregatorSettings } from "./otel-aggregator";
import { checked } from "./policy/enforce";
import { Prometheus, prometheusRequirements, PrometheusSettings } from "./prometheus";
import { ThanosCompactor, thanosCompactorRequirements, ThanosCompactorSettings } from "./thanos-compactor";
import { ThanosQuery, thanosQueryRequirements, ThanosQuerySettings } from "./thanos-query";
import {
    THANOS_SIDECAR_DEFAULTS,
    ThanosSidecar,
    thanosSidecarRequirements,
    ThanosSidecarSettings,
} from "./thanos-sidecar";
import { ThanosStore, thanosStoreRequirements, ThanosStoreSettings } from "./thanos-store";
import { NodeTls } from "./tls";

/** Those who keep their data in the object store. */
type StoreClientName = "loki" | "thanosSidecar" | "thanosStore" | "thanosCompactor";

/** One node of the pair: a host and the settings of everything on it. */
export interface NodeSettings {
    /** The machine and how to reach it. */
    host: Omit<HostArgs, "requirements" | "privateKey" | "connectionUnknown">;
    /** Starts first: Loki and Thanos keep their data in it. @default none: it is somewhere else */
    objectStore?: ObjectStoreSettings;
    /** Something outside that Loki and Thanos cannot do without. @default nothing */
    reaches?: Reach[];
    /** Starts when the object store is there, as does Loki. */
    prometheus: PrometheusSettings;
    /** Its bucket is made by the object store. */
    loki: LokiSettings;
    /** Starts after Prometheus, whose blocks it uploads. */
    thanosSidecar: ThanosSidecarSettings;
    /** Starts when the object store is there; nothing waits for it. */
    thanosStore: ThanosStoreSettings;
    /** There is one per bucket. Starts when the object store is there; nothing waits for it. @default none on this node */
    thanosCompactor?: ThanosCompactorSettings;
    /** Starts at once; nothing waits for it. */
    thanosQuery: ThanosQuerySettings;
    /** Starts after everything that it sends to. */
    otelAggregator: OtelAggregatorSettings;
    /** Starts after the collector that it sends to. */
    haproxy: HaproxySettings;
    /** Starts last: a node may have the virtual IP only when it can serve it. */
    keepalived: KeepalivedSettings;
    /** User names; they are no secrets. Root, statistics and query user as configured, one object store user per client. */
    users: Record<"objectStoreRoot" | "haproxyStats" | "query" | StoreClientName, string>;
}

/** Arguments of {@link Node}. */
export interface NodeArgs {
    /** Plain values of everything on the node. @example nodeSettings(values) */
    settings: NodeSettings;
    /** The pair's secrets: made by {@link Credentials}, or read from the stack that made them. */
    credentials: Record<CredentialName, SharedCredentials[CredentialName]>;
    /** Certificates and keys. @default none: connections are in the clear */
    tls?: NodeTls;
    /** Secrets by the names of those who send telemetry with them, as `Authorization: Bearer …`. @default {}: none are asked for */
    otlpTokens?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /** SSH key of the deployer. @default the SSH agent */
    privateKey?: pulumi.Input<string>;
    /** See {@link HostArgs.connectionUnknown}. @default false */
    connectionUnknown?: boolean;
}

/** What all services together need of the host. Pure. */
export function nodeRequirements(settings: NodeSettings): Requirements[] {
    return [
        ...(settings.objectStore ? [objectStoreRequirements(settings.objectStore)] : []),
        prometheusRequirements(settings.prometheus),
        { ...lokiRequirements(settings.loki), reaches: settings.reaches },
        thanosSidecarRequirements(settings.thanosSidecar),
        thanosStoreRequirements(settings.thanosStore),
        ...(settings.thanosCompactor ? [thanosCompactorRequirements(settings.thanosCompactor)] : []),
        thanosQueryRequirements(settings.thanosQuery),
        otelAggregatorRequirements(settings.otelAggregator),
        haproxyRequirements(settings.haproxy),
        keepalivedRequirements(settings.keepalived),
    ];
}

/** What each part of a node is made with. */
interface Parts extends Pick<NodeArgs, "settings" | "credentials" | "tls" | "otlpTokens"> {
    name: string;
    host: Host;
    /** What must have given up its ports at the node's address before the services take them. */
    freed: pulumi.Input<pulumi.Resource>[];
    inside: pulumi.ComponentResourceOptions;
}

/** A host with the whole stack, started in the order in which the parts need each other. */
export class Node extends pulumi.ComponentResource {
    readonly host: Host;
    /** Names of the containers. */
    readonly containers: pulumi.Output<string>[];

    constructor(name: string, args: NodeArgs, opts?: pulumi.ComponentResourceOptions) {
        super("otel-ha:index:Node", name, {}, checked(opts));
        const { settings, credentials } = args;
        const inside = { parent: this };
        this.host = new Host(
            `${name}-host`,
            {
                ...settings.host,
                privateKey: args.privateKey,
                connectionUnknown: args.connectionUnknown,
                requirements: nodeRequirements(settings),
            },
            inside,
        );
        // With TLS the ports at the node's address are HAProxy's, else the services' own. When that changes, those go first that give them up.
        const door = deferred<pulumi.Resource>();
        const freed = settings.haproxy.tls ? [] : [door.promise];
        const { tls, otlpTokens } = args;
        const parts = { name, host: this.host, settings, credentials, tls, otlpTokens, freed, inside };
        const storage = createStorage(parts);
        const aggregator = createAggregator(parts, storage.ready);
        const services = [...storage.services, aggregator];
        const haproxy = createHaproxy(parts, aggregator, settings.haproxy.tls ? services : []);
        door.resolve(haproxy.configured);
        const keepalived = createKeepalived(parts, haproxy);

        this.containers = [...services, haproxy, keepalived].map((service) => service.container);
        this.registerOutputs({ containers: this.containers });
    }
}

// What keeps telemetry and gives it back. Only what ingest needs is waited for: the view over old data comes up beside it.
function createStorage(parts: Parts): { services: ContainerService[]; ready: pulumi.Resource } {
    const { name, host, settings, inside } = parts;
    const clients = objectStoreClients(parts);
    const store = createObjectStore(parts, Object.values(clients));
    const after = [...(store ? [store.ready] : []), ...parts.freed];
    // Another store has its certificate of a CA that the images know.
    const trusted = store ? parts.tls?.trusted : undefined;
    const of = (client: StoreClientName): { host: Host; client: ObjectStoreClient; trusted?: pulumi.Input<string> } => {
        return { host, client: clients[client], trusted };
    };
    const prometheus = new Prometheus(`${name}-prometheus`, { host, settings: settings.prometheus, after }, inside);
    const loki = new Loki(`${name}-loki`, { ...of("loki"), settings: settings.loki, after }, inside);
    const sidecar = new ThanosSidecar(
        `${name}-thanos-sidecar`,
        { ...of("thanosSidecar"), settings: settings.thanosSidecar, after: [prometheus.ready, loki.ready] },
        inside,
    );
    const view: ContainerService[] = [
        new ThanosStore(
            `${name}-thanos-store`,
            { ...of("thanosStore"), settings: settings.thanosStore, after },
            inside,
        ),
        new ThanosQuery(`${name}-thanos-query`, { host, settings: settings.thanosQuery, after: parts.freed }, inside),
    ];
    if (settings.thanosCompactor)
        view.push(
            new ThanosCompactor(
                `${name}-thanos-compactor`,
                { ...of("thanosCompactor"), settings: settings.thanosCompactor, after },
                inside,
            ),
        );
    return { services: [...(store ? [store] : []), prometheus, loki, sidecar, ...view], ready: sidecar.ready };
}

// Each may do what it has to, and nothing else.
function objectStoreClients({ settings, credentials }: Parts): Record<StoreClientName, ObjectStoreClient> {
    const blocks = settings.thanosSidecar.bucket ?? THANOS_SIDECAR_DEFAULTS.bucket;
    const client = (name: StoreClientName, bucket: string, role: BucketRole): ObjectStoreClient => {
        return { user: settings.users[name], secret: credentials[`${name}ObjectStoreSecret`], bucket, role };
    };
    return {
        loki: client("loki", settings.loki.bucket ?? LOKI_DEFAULTS.bucket, "all"),
        thanosSidecar: client("thanosSidecar", blocks, "upload"),
        thanosStore: client("thanosStore", blocks, "read"),
        thanosCompactor: client("thanosCompactor", blocks, "all"),
    };
}

function createObjectStore(parts: Parts, clients: ObjectStoreClient[]): ObjectStore | undefined {
    const { name, host, settings, credentials, inside } = parts;
    if (!settings.objectStore) return undefined;
    const root = { user: settings.users.objectStoreRoot, password: credentials.objectStoreRootPassword };
    const tls = parts.tls?.objectStore && { trusted: parts.tls.trusted, identity: parts.tls.objectStore };
    return new ObjectStore(`${name}-minio`, { host, settings: settings.objectStore, root, clients, tls }, inside);
}

function createAggregator(parts: Parts, storage: pulumi.Resource): OtelAggregator {
    const { name, host, settings, freed, inside } = parts;
    return new OtelAggregator(
        `${name}-otel-aggregator`,
        { host, settings: settings.otelAggregator, after: [storage], configAfter: freed },
        inside,
    );
}

function createHaproxy(parts: Parts, aggregator: ContainerService, behind: ContainerService[]): Haproxy {
    const { name, host, settings, credentials, tls, otlpTokens, inside } = parts;
    return new Haproxy(
        `${name}-haproxy`,
        {
            host,
            settings: settings.haproxy,
            stats: { user: settings.users.haproxyStats, password: credentials.haproxyStatsPassword },
            query: { user: settings.users.query, password: credentials.queryPassword },
            tls,
            otlpTokens,
            after: [aggregator.ready],
            configAfter: behind.map(({ started }) => started),
        },
        inside,
    );
}

function createKeepalived({ name, host, settings, credentials, inside }: Parts, haproxy: Haproxy): Keepalived {
    return new Keepalived(
        `${name}-keepalived`,
        { host, settings: settings.keepalived, password: credentials.vrrpPassword, after: [haproxy.ready] },
        inside,
    );
}

interface Deferred<T> {
    promise: Promise<T>;
    resolve: (value: T) => void;
}

function deferred<T>(): Deferred<T> {
    let resolve: Deferred<T>["resolve"] = () => undefined;
    const promise = new Promise<T>((settle) => (resolve = settle));
    return { promise, resolve };
}
