import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { ContainerService, ContainerServiceArgs, ContainerSpec, gateArgs } from "./container-service";
import { Requirements } from "./host";
import { healthCheck, httpCheck, ServiceArgs, ServiceSettings, withDefaults } from "./service";
import { helper } from "./shell";
import { Duration, seconds } from "./units";

/** A user of the object store that may touch one bucket. */
export interface ObjectStoreClient {
    /** Name, also the access key. @example "loki" */
    user: string;
    /** Secret key, 8 to 64 letters, digits, "_" or "-". */
    secret: pulumi.Input<string>;
    /** The bucket, made when it is missing. @example "loki-data" */
    bucket: string;
}

/** One node of a MinIO pool. Defaults are those of the two-host seed. */
export interface ObjectStoreSettings extends ServiceSettings {
    /** The seed's base image was withdrawn by its vendor; `images/minio` builds this one. @default "cmp-minio:2026.02.12" */
    image?: string;
    /** S3 API. @default 9000 */
    port?: number;
    /** Web console. @default 9001 */
    consolePort?: number;
    /** Directory on the host with the drives data1 and data2. @default "/data/volume/otel/minio" */
    dataDir?: string;
    /** Drives per host. @default 2 */
    drives?: number;
    /** Addresses of all hosts of the pool in one order for all of them: it decides which drive is which. @example ["192.168.110.214", "192.168.110.119"] */
    pool: string[];
    /** The other host; its absence is no failure of this one. @example "192.168.110.119" */
    peerAddress: string;
    /**
     * Longest wait for the write quorum while the other host listens. When it takes longer, as when only one host has new root credentials, that is
     * said as open, and the other host's `up` completes it. @default "45s"
     */
    quorumTimeout?: Duration;
}

export const OBJECT_STORE_DEFAULTS = {
    image: "cmp-minio:2026.02.12",
    port: 9000,
    consolePort: 9001,
    dataDir: "/data/volume/otel/minio",
    drives: 2,
    quorumTimeout: "45s",
};

/** An AWS credentials file, which the S3 libraries of Loki and Thanos read. */
export function awsCredentials(client: ObjectStoreClient): pulumi.Output<string> {
    return pulumi.secret(
        pulumi.interpolate`[default]\naws_access_key_id = ${client.user}\naws_secret_access_key = ${client.secret}\n`,
    );
}

/** Each host's drives, as they are called in its container. */
const drivePaths = (count: number): string[] => Array.from({ length: count }, (_, index) => `/data${index + 1}`);

/** Every drive of the pool by itself: one erasure set over both hosts. A pattern per host would make two pools of two drives. Pure. */
export function poolEndpoints(settings: ObjectStoreSettings): string[] {
    const s = withDefaults(settings, OBJECT_STORE_DEFAULTS);
    return s.pool.flatMap((address) => drivePaths(s.drives).map((drive) => `http://${address}:${s.port}${drive}`));
}

/** Container, files and health of the object store. */
export function objectStoreSpec(settings: ObjectStoreSettings, root: RootCredentials): ContainerSpec {
    const s = withDefaults(settings, OBJECT_STORE_DEFAULTS);
    const directory = `${s.configDir}/minio`;
    return {
        container: `minio-${s.node}`,
        image: s.image,
        command: ["server", "--address", `:${s.port}`, "--console-address", `:${s.consolePort}`, ...poolEndpoints(s)],
        environment: { MINIO_CONFIG_ENV_FILE: "/etc/minio/root.env" },
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
            },
        ],
        // The endpoints live and ready always say 200; this one knows the write quorum.
        healthCheck: healthCheck(s, httpCheck(`http://127.0.0.1:${s.port}/minio/health/cluster`)),
        readyTimeout: s.readyTimeout,
    };
}

/** What the object store needs of its host. Pure. */
export function objectStoreRequirements(settings: ObjectStoreSettings): Requirements {
    const s = withDefaults(settings, OBJECT_STORE_DEFAULTS);
    const drives = drivePaths(s.drives).map((drive) => ({ path: `${s.dataDir}${drive}` }));
    return {
        container: `minio-${s.node}`,
        directories: [{ path: `${s.configDir}/minio` }, { path: s.dataDir }, ...drives],
        ports: [
            { port: s.port, key: "objectStorePort", use: "object store S3 API" },
            { port: s.consolePort, key: "objectStoreConsolePort", use: "object store console" },
        ],
        dataPaths: [{ path: s.dataDir }],
    };
}

/** The user that may do everything. Both hosts of a pool have the same. */
export interface RootCredentials {
    /** @example "otel-ha-root" */
    user: pulumi.Input<string>;
    /** At least 8 characters. */
    password: pulumi.Input<string>;
}

/** Arguments of {@link ObjectStore}. */
export interface ObjectStoreArgs extends ServiceArgs<ObjectStoreSettings> {
    /** The same on all hosts of the pool, which know each other by it. */
    root: RootCredentials;
    /** Each gets its bucket and a user that may touch nothing else. */
    clients: ObjectStoreClient[];
}

interface ObjectStoreServiceArgs extends ContainerServiceArgs {
    store: ObjectStoreArgs;
}

/** One host of a MinIO pool, with the buckets and users of its clients. */
export class ObjectStore extends ContainerService {
    constructor(name: string, args: ObjectStoreArgs, opts?: pulumi.ComponentResourceOptions) {
        const service: ObjectStoreServiceArgs = {
            ...objectStoreSpec(args.settings, args.root),
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
            (client) => pulumi.interpolate`${client.user} ${client.secret} ${client.bucket}`,
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

/** The gate's command line. Pure. */
export function setupObjectStoreCommand(settings: ObjectStoreSettings): string {
    const s = withDefaults(settings, OBJECT_STORE_DEFAULTS);
    const peer = `${s.peerAddress}:${s.port}`;
    const options = [
        "--container",
        `minio-${s.node}`,
        "--port",
        String(s.port),
        "--peer",
        peer,
        "--timeout",
        String(Math.ceil(seconds(s.quorumTimeout))),
    ];
    return helper("setup-object-store", ...options);
}
