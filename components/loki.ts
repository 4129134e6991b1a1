import * as pulumi from "@pulumi/pulumi";
import {
    BUCKET_DEFAULTS,
    BucketServiceArgs,
    BucketSettings,
    credentialsFile,
    ObjectStoreClient,
    TRUSTED_FILE,
    trustedFiles,
    whenReadable,
    withoutQuorum,
} from "./bucket";
import { ContainerService, ContainerSpec } from "./container-service";
import { PRIVATE, Requirements } from "./host";
import { access, healthCheck, httpCheck, SERVICE_DEFAULTS, ServiceSettings, withDefaults } from "./service";
import { render } from "./templates";
import { Duration, goMemoryLimit, mebibytes, parseDuration, prometheusDuration, Size } from "./units";

/** Loki of one node. Defaults are those of the two-host seed. */
export interface LokiSettings extends ServiceSettings, BucketSettings {
    /** One with a shell, for its health check: upstream's own have none from 3.6 on (Loki issue 20149). @default "grafana/loki:3.4.2" */
    image?: string;
    /** @default 3100 */
    port?: number;
    /** Internal gRPC, bound to loopback. @default 9095 */
    grpcPort?: number;
    /** Data directory on the host. The seed has it apart from the others. @default "/data/otel/volume/loki" */
    dataDir?: string;
    /** How long logs are kept; older ones are not taken either. @default "90d" */
    retention?: Duration;
    /**
     * Memory of the container. Chunks wait in it while the bucket takes no writes; when it is full, Loki is started anew, refuses data, and goes on from
     * its write-ahead log when the bucket is back. @default "4GiB"
     */
    memoryLimit?: Size;
    /** Bucket for chunks and index. @default "loki-data" */
    bucket?: string;
    /**
     * Whether this Loki compacts the bucket and deletes what has passed its retention. There must be just one per bucket
     * (Loki documentation, "Run the Compactor as a singleton"), so on a pair that shares a bucket the other one is false. @default true
     */
    compactor?: boolean;
}

export const LOKI_DEFAULTS = {
    ...BUCKET_DEFAULTS,
    image: "grafana/loki:3.4.2",
    port: 3100,
    grpcPort: 9095,
    dataDir: "/data/otel/volume/loki",
    retention: "90d",
    memoryLimit: "4GiB",
    bucket: "loki-data",
    compactor: true,
};

/** User of the upstream image. */
const LOKI_USER = "10001:10001";

/** The text of Loki's config.yaml. With `trusted` the store is believed by the certificates in that file in the container. Pure. */
export function lokiConfig(settings: LokiSettings, trusted?: string): string {
    const s = withDefaults(settings, LOKI_DEFAULTS);
    return render("loki/config.yaml", {
        ...s,
        trusted,
        // Loki's own default is everywhere.
        listen: s.listen === SERVICE_DEFAULTS.listen ? undefined : s.listen,
        objectStoreUrl: `${s.objectStoreInsecure ? "http" : "https"}://${s.objectStore}`,
        retention: prometheusDuration(s.retention, "h"),
        // Loki takes entries that are half of this older than the newest of their stream (3.4.2, storeEntries).
        maxChunkAge: prometheusDuration(
            `${2 * (parseDuration(s.maxPeerOutage ?? SERVICE_DEFAULTS.maxPeerOutage) ?? 0)}ms`,
            "h",
        ),
        // What is read back from the write-ahead log before Loki flushes, counted before compression. With half, a replay of lines that do not
        // compress ran out of memory four times (256 MiB); with a quarter, never.
        replayCeiling: `${Math.floor(mebibytes(s.memoryLimit) / 4)}MB`,
    });
}

/** Container, files and health of Loki. Pure but for what it passes on. */
export function lokiSpec(
    settings: LokiSettings,
    client: ObjectStoreClient,
    trusted?: pulumi.Input<string>,
): ContainerSpec {
    const s = withDefaults(settings, LOKI_DEFAULTS);
    const directory = `${s.configDir}/loki`;
    return {
        container: `loki-${s.node}`,
        image: s.image,
        entrypoint: whenReadable(s, "/usr/bin/loki"),
        command: ["-config.file=/etc/loki/config.yaml"],
        environment: {
            AWS_SHARED_CREDENTIALS_FILE: "/etc/loki/credentials",
            GOMEMLIMIT: goMemoryLimit(s.memoryLimit),
        },
        memoryLimit: s.memoryLimit,
        mounts: [
            { source: directory, target: "/etc/loki", readOnly: true },
            { source: s.dataDir, target: "/loki" },
        ],
        files: [
            ...trustedFiles(directory, trusted),
            {
                path: `${directory}/config.yaml`,
                content: lokiConfig(s, trusted && `/etc/loki/${TRUSTED_FILE}`),
                check: `docker run --rm --network none -v "$DIR":/etc/loki:ro ${s.image} -config.file="/etc/loki/$CANDIDATE" -verify-config`,
            },
            credentialsFile(directory, LOKI_USER, client),
        ],
        healthCheck: healthCheck(s, httpCheck(`http://127.0.0.1:${s.port}/ready`)),
        readyTimeout: s.readyTimeout,
        openIf: withoutQuorum("Loki", s),
        // Time to write the chunks in memory into the write-ahead log.
        stopSeconds: 60,
    };
}

/** What Loki needs of its host. Pure. */
export function lokiRequirements(settings: LokiSettings): Requirements {
    const s = withDefaults(settings, LOKI_DEFAULTS);
    return {
        container: `loki-${s.node}`,
        directories: [
            { path: `${s.configDir}/loki` },
            { path: s.dataDir, owner: LOKI_USER, mode: PRIVATE },
            // A line is acknowledged when it is written to this. Loki syncs a segment only when it is full.
            { path: `${s.dataDir}/wal`, owner: LOKI_USER, mode: PRIVATE, synchronous: true },
            { path: `${s.dataDir}/index`, owner: LOKI_USER, mode: PRIVATE },
            // Where the chunks in the bucket are: the log above forgets a chunk when this knows it.
            { path: `${s.dataDir}/index/wal`, owner: LOKI_USER, mode: PRIVATE, synchronous: true },
        ],
        ports: [
            {
                port: s.port,
                key: "lokiPort",
                use: "Loki",
                audience: ["admins", "peer"],
                ...access(s, "admins"),
                why: "API; the other node's collector writes its copy, its HAProxy asks",
            },
            { port: s.grpcPort, key: "lokiGrpcPort", use: "Loki gRPC", audience: [] },
        ],
        dataPaths: [{ path: s.dataDir }],
    };
}

/** Arguments of {@link Loki}. */
export interface LokiArgs extends BucketServiceArgs<LokiSettings> {}

/** Logs of one node: takes OTLP from the collector, keeps chunks and index in the object store. */
export class Loki extends ContainerService {
    constructor(name: string, args: LokiArgs, opts?: pulumi.ComponentResourceOptions) {
        const spec = lokiSpec(args.settings, args.client, args.trusted);
        super(name, { ...spec, host: args.host, after: args.after }, opts, "Loki");
    }
}
