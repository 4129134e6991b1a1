import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { ObjectStoreClient } from "./bucket";
import { ContainerService, ContainerServiceArgs, ContainerSpec, gateArgs, ServiceFile } from "./container-service";
import { PortUse, PRIVATE, Requirements } from "./host";
import {
    healthCheck,
    httpCheck,
    sendSignal,
    SERVICE_DEFAULTS,
    ServiceArgs,
    ServiceSettings,
    withDefaults,
} from "./service";
import { helper } from "./shell";
import { Identity } from "./tls";
import { Duration, goMemoryLimit, seconds, Size } from "./units";

/** How the stores of several hosts belong together. */
export type ObjectStoreLayout = "pooled" | "mirrored";

/** MinIO on one node. Defaults are those of the two-host seed. */
export interface ObjectStoreSettings extends ServiceSettings {
    /** The seed's base image was withdrawn by its vendor; `images/minio` builds this one. @default "cmp-minio:2026.02.12" */
    image?: string;
    /** S3 API. @default 9000 */
    port?: number;
    /** Web console, at `address` only. @default false */
    console?: boolean;
    /** Where it listens. @default 9001 */
    consolePort?: number;
    /** TLS on the S3 API, the console, and between the hosts; with {@link ObjectStoreArgs.tls}. @default false */
    tls?: boolean;
    /** Directory on the host with the drives data1 and data2. @default "/data/volume/otel/minio" */
    dataDir?: string;
    /** Drives per host. @default 2 */
    drives?: number;
    /**
     * "pooled": one store over all hosts; two hosts need each other to write, three or more can spare one. "mirrored": a store by itself on each
     * host, which its own services fill. @default "pooled"
     */
    layout?: ObjectStoreLayout;
    /** This host's address in `pool`. @example "192.168.110.214" */
    address: string;
    /**
     * Addresses of all hosts with a store, in one order for all of them: in a pool it decides which drive is which.
     * @example ["192.168.110.214", "192.168.110.119"]
     */
    pool: string[];
    /** Memory of the container. @default "4GiB" */
    memoryLimit?: Size;
    /** Lets the container be replaced even while that stops what others read from it. @default false */
    forceStop?: boolean;
    /**
     * Longest wait for a pool's write quorum while the other hosts listen. When it takes longer, that is said as open, and the other host's `up`
     * completes it; after 20 s already where that one has other root credentials or TLS, since nothing but its `up` changes that. @default "45s"
     */
    quorumTimeout?: Duration;
}

export const OBJECT_STORE_DEFAULTS = {
    image: "cmp-minio:2026.02.12",
    port: 9000,
    console: false,
    consolePort: 9001,
    tls: false,
    dataDir: "/data/volume/otel/minio",
    drives: 2,
    layout: "pooled" as ObjectStoreLayout,
    memoryLimit: "4GiB",
    forceStop: false,
    quorumTimeout: "45s",
};

/** A host that acknowledges no packet for so long is away: MinIO's own 10 minutes leave requests waiting for drives that nobody answers for. */
const DEAD_HOST_TIMEOUT = "3s";

/** Any but root: upstream's image has no user of its own. */
const OBJECT_STORE_USER = "1000:1000";

/** Each host's drives, as they are called in its container. */
const drivePaths = (count: number): string[] => Array.from({ length: count }, (_, index) => `/data${index + 1}`);

const scheme = ({ tls }: Pick<ObjectStoreSettings, "tls">): "http" | "https" => (tls ? "https" : "http");

/**
 * What the server is told to be made of. A pool: every drive by itself, one erasure set over all hosts; a pattern per host would make a pool of two
 * drives of each. Mirrored: this host's drives. Pure.
 */
export function storeDrives(settings: ObjectStoreSettings): string[] {
    const s = withDefaults(settings, OBJECT_STORE_DEFAULTS);
    const own = drivePaths(s.drives);
    if (s.layout === "mirrored") return own;
    return s.pool.flatMap((address) => own.map((drive) => `${scheme(s)}://${address}:${s.port}${drive}`));
}

/** S3 endpoints of the other hosts. Pure. */
function peers(settings: ObjectStoreSettings): string[] {
    const s = withDefaults(settings, OBJECT_STORE_DEFAULTS);
    return s.pool.filter((address) => address !== s.address).map((address) => `${address}:${s.port}`);
}

/** Container, files and health of the object store. Errors: TLS without a certificate, or the other way around. */
export function objectStoreSpec(settings: ObjectStoreSettings, root: RootCredentials, tls?: StoreTls): ContainerSpec {
    const s = withDefaults(settings, OBJECT_STORE_DEFAULTS);
    if (s.tls !== (tls !== undefined))
        throw new Error(
            `object store of ${s.node}: the setting tls is ${s.tls}, but ${tls ? "a" : "no"} certificate is given; both or neither`,
        );
    const directory = `${s.configDir}/minio`;
    return {
        container: `minio-${s.node}`,
        image: s.image,
        user: OBJECT_STORE_USER,
        command: [
            "server",
            "--certs-dir",
            // Without TLS: MinIO makes a directory for certificates beside its user's home, which is not writable.
            s.tls ? "/etc/minio/certs" : "/tmp/certs",
            "--address",
            `:${s.port}`,
            ...(s.console ? ["--console-address", `${s.address}:${s.consolePort}`] : []),
            ...storeDrives(s),
        ],
        environment: {
            MINIO_CONFIG_ENV_FILE: "/etc/minio/root.env",
            MINIO_CONN_USER_TIMEOUT: DEAD_HOST_TIMEOUT,
            ...(s.console ? {} : { MINIO_BROWSER: "off" }),
            // For mc in this container; our scripts tell by it that the store speaks TLS.
            ...(s.tls ? { SSL_CERT_FILE: "/etc/minio/certs/CAs/trusted.crt" } : {}),
            GOMEMLIMIT: goMemoryLimit(s.memoryLimit),
        },
        mounts: [
            { source: directory, target: "/etc/minio", readOnly: true },
            ...drivePaths(s.drives).map((drive) => ({ source: `${s.dataDir}${drive}`, target: drive })),
        ],
        files: [
            {
                path: `${directory}/root.env`,
                content: pulumi.secret(
                    pulumi.interpolate`MINIO_ROOT_USER=${root.user}\nMINIO_ROOT_PASSWORD=${root.password}\n`,
                ),
                mode: "0400",
                owner: OBJECT_STORE_USER,
            },
            ...(tls ? certificateFiles(s, `${directory}/certs`, tls) : []),
        ],
        memoryLimit: s.memoryLimit,
        // The endpoints live and ready always say 200; this one knows the write quorum.
        healthCheck: healthCheck(
            s,
            s.tls ? ready(s.port) : httpCheck(`http://127.0.0.1:${s.port}/minio/health/cluster`),
        ),
        readyTimeout: s.readyTimeout,
        mayStop: mayStopCommand(s),
    };
}

// With TLS: busybox' wget has few ciphers, and checks no certificates. Asks until the store is ready, hence the limit.
const ready = (port: number): string => `MC_HOST_store=https://127.0.0.1:${port} timeout 3 mc ready store`;

// Those that it believes MinIO reads only when it starts. Its own certificate it reads again when a file is written in place, not when one is
// renamed, and on a hang-up (minio/pkg v3.1.3, certs.Manager); a pair that does not fit yet, as between the two files, it passes over.
function certificateFiles(s: ObjectStoreSettings & { port: number }, directory: string, tls: StoreTls): ServiceFile[] {
    const again = {
        reload: sendSignal("HUP", `minio-${s.node}`),
        // A pool without quorum, "not ready", hears as well.
        reloaded: `${ready(s.port)} | grep -q ready`,
    };
    return [
        { path: `${directory}/CAs/trusted.crt`, content: tls.trusted },
        { path: `${directory}/public.crt`, content: tls.identity.certificate, ...again },
        {
            path: `${directory}/private.key`,
            content: pulumi.secret(tls.identity.key),
            mode: "0400",
            owner: OBJECT_STORE_USER,
            ...again,
        },
    ];
}

/** What the object store needs of its host. Pure. */
export function objectStoreRequirements(settings: ObjectStoreSettings): Requirements {
    const s = withDefaults(settings, OBJECT_STORE_DEFAULTS);
    const drives = drivePaths(s.drives).map((drive) => ({
        path: `${s.dataDir}${drive}`,
        owner: OBJECT_STORE_USER,
        mode: PRIVATE,
    }));
    const certificates = s.tls ? [`${s.configDir}/minio/certs`, `${s.configDir}/minio/certs/CAs`] : [];
    const configuration = [`${s.configDir}/minio`, ...certificates].map((path) => ({ path }));
    return {
        container: `minio-${s.node}`,
        directories: [...configuration, { path: s.dataDir }, ...drives],
        ports: [
            {
                port: s.port,
                key: "objectStorePort",
                use: "object store S3 API",
                audience: ["admins", "peer"],
                access: s.tls ? STORE_ACCESS : undefined,
                why: "the other half of the pool, `otel-ha resync`, health",
            },
            ...(s.console ? [consoleUse(s.consolePort, s.tls)] : []),
        ],
        dataPaths: [{ path: s.dataDir }],
    };
}

const STORE_ACCESS =
    "TLS; a user of the store and its secret; open: /minio/health/live, /minio/health/ready and /minio/health/cluster, which say no more than whether it works";

const consoleUse = (port: number, tls: boolean): PortUse => ({
    port,
    key: "objectStoreConsolePort",
    use: "object store console",
    audience: ["admins"],
    access: tls ? "TLS; a user of the store and its secret; open: the page that asks for them" : undefined,
    why: "console",
});

/** The user that may do everything. All hosts have the same. */
export interface RootCredentials {
    /** @example "otel-ha-root" */
    user: pulumi.Input<string>;
    /** At least 8 characters. */
    password: pulumi.Input<string>;
}

/** What the store shows to all who connect, and whom it believes: the other hosts of its pool. */
export interface StoreTls {
    /** CA certificates, PEM. */
    trusted: pulumi.Input<string>;
    /** For the host's name and address, and 127.0.0.1. Server only. */
    identity: Identity;
}

/** Arguments of {@link ObjectStore}. */
export interface ObjectStoreArgs extends ServiceArgs<ObjectStoreSettings> {
    /** The same on all hosts: those of a pool know each other by it. */
    root: RootCredentials;
    /** Each gets its bucket and a user that may touch nothing else. */
    clients: ObjectStoreClient[];
    /** With the setting `tls`. A renewed certificate is taken without a restart. @default none: plain HTTP */
    tls?: StoreTls;
}

interface ObjectStoreServiceArgs extends ContainerServiceArgs {
    store: ObjectStoreArgs;
}

/** MinIO on one host, alone or as part of a pool, with the buckets and users of its clients. */
export class ObjectStore extends ContainerService {
    constructor(name: string, args: ObjectStoreArgs, opts?: pulumi.ComponentResourceOptions) {
        const service: ObjectStoreServiceArgs = {
            ...objectStoreSpec(args.settings, args.root, args.tls),
            host: args.host,
            after: args.after,
            store: args,
        };
        super(name, service, opts, "ObjectStore");
    }

    /** Not only healthy, but with buckets and users; runs again when one of their secrets has changed. */
    protected override createGate(
        name: string,
        args: ObjectStoreServiceArgs,
        container: docker.Container,
    ): pulumi.Resource {
        const clients = args.store.clients.map(
            ({ user, secret, bucket, role = "all" }) => pulumi.interpolate`${user} ${secret} ${bucket} ${role}`,
        );
        const line = setupObjectStoreCommand(args.store.settings);
        return new command.remote.Command(
            `${name}-ready`,
            {
                ...gateArgs(args, line),
                stdin: pulumi.secret(
                    pulumi
                        .all([container.id, ...clients])
                        .apply(([id, ...lines]) => [`# container ${id}`, ...lines, ""].join("\n")),
                ),
            },
            { parent: this, dependsOn: container, ...args.host.commandOptions },
        );
    }
}

const peerOptions = (settings: ObjectStoreSettings): string[] => peers(settings).flatMap((peer) => ["--peer", peer]);

/** The gate's command line. Nothing of a mirrored store waits for another host. Pure. */
export function setupObjectStoreCommand(settings: ObjectStoreSettings): string {
    const s = withDefaults(settings, OBJECT_STORE_DEFAULTS);
    const pooled = s.layout === "pooled";
    const options = ["--container", `minio-${s.node}`, "--port", String(s.port), "--group", s.node];
    if (pooled) options.push(...peerOptions(s));
    options.push(
        "--timeout",
        String(Math.ceil(seconds(pooled ? s.quorumTimeout : (s.readyTimeout ?? SERVICE_DEFAULTS.readyTimeout)))),
    );
    return helper("setup-object-store", ...options);
}

/** What asks, before the container is replaced, whether the store can spare it. Pure. */
export function mayStopCommand(settings: ObjectStoreSettings): string {
    const s = withDefaults(settings, OBJECT_STORE_DEFAULTS);
    const options = ["--container", `minio-${s.node}`, "--layout", s.layout, "--port", String(s.port)];
    options.push("--data", s.dataDir, "--drives", String(storeDrives(s).length), ...peerOptions(s));
    if (s.forceStop) options.push("--force", "true");
    return helper("may-stop-object-store", ...options);
}
