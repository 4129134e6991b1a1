import * as pulumi from "@pulumi/pulumi";
import { BucketServiceArgs, ObjectStoreClient, whenReadable, withoutQuorum } from "./bucket";
import { ContainerService, ContainerSpec } from "./container-service";
import { PRIVATE, Requirements } from "./host";
import { access, healthCheck, httpCheck, withDefaults } from "./service";
import { OBJSTORE_FLAG, THANOS_BUCKET_DEFAULTS, THANOS_USER, thanosBucket, ThanosBucketSettings } from "./thanos";
import { Duration, parseDuration, prometheusDuration } from "./units";

/** Thanos Store Gateway of one node: shows the bucket's blocks to Thanos Query. */
export interface ThanosStoreSettings extends ThanosBucketSettings {
    /** Store API, for Thanos Query. @default 10905 */
    grpcPort?: number;
    /** Metrics and health. @default 10906 */
    httpPort?: number;
    /** Cache of blocks' index headers on the host; may be removed at any time. @default "/data/volume/otel/thanos-store" */
    dataDir?: string;
    /** The compactor's: a block that it has marked is left out after half of this. @default "48h" */
    deleteDelay?: Duration;
}

export const THANOS_STORE_DEFAULTS = {
    ...THANOS_BUCKET_DEFAULTS,
    grpcPort: 10905,
    httpPort: 10906,
    dataDir: "/data/volume/otel/thanos-store",
    deleteDelay: "48h",
};

/** Container, files and health of the Store Gateway. Pure but for what it passes on. */
export function thanosStoreSpec(
    settings: ThanosStoreSettings,
    client: ObjectStoreClient,
    trusted?: pulumi.Input<string>,
): ContainerSpec {
    const s = withDefaults(settings, THANOS_STORE_DEFAULTS);
    const bucket = thanosBucket(`${s.configDir}/thanos-store`, s, client, trusted);
    const ignored = prometheusDuration(`${(parseDuration(s.deleteDelay) ?? 0) / 2}ms`, "h");
    return {
        ...bucket,
        container: `thanos-store-${s.node}`,
        image: s.image,
        entrypoint: whenReadable(s, "/bin/thanos"),
        command: [
            "store",
            "--data-dir=/thanos",
            OBJSTORE_FLAG,
            `--grpc-address=${s.listen}:${s.grpcPort}`,
            `--http-address=${s.listen}:${s.httpPort}`,
            `--ignore-deletion-marks-delay=${ignored}`,
            // Index headers of blocks that nobody asks for need no memory.
            "--store.enable-index-header-lazy-reader",
        ],
        mounts: [...bucket.mounts, { source: s.dataDir, target: "/thanos" }],
        healthCheck: healthCheck(s, httpCheck(`http://127.0.0.1:${s.httpPort}/-/ready`)),
        readyTimeout: s.readyTimeout,
        openIf: withoutQuorum("Thanos Store", s, 10),
    };
}

/** What the Store Gateway needs of its host. Pure. */
export function thanosStoreRequirements(settings: ThanosStoreSettings): Requirements {
    const s = withDefaults(settings, THANOS_STORE_DEFAULTS);
    return {
        container: `thanos-store-${s.node}`,
        directories: [{ path: `${s.configDir}/thanos-store` }, { path: s.dataDir, owner: THANOS_USER, mode: PRIVATE }],
        ports: [
            {
                port: s.grpcPort,
                key: "thanosStoreGrpcPort",
                use: "Thanos Store gRPC",
                audience: ["peer"],
                ...access(s, "peer"),
                why: "the other node's Thanos Query",
            },
            {
                port: s.httpPort,
                key: "thanosStoreHttpPort",
                use: "Thanos Store HTTP",
                audience: ["admins"],
                ...access(s, "admins"),
                why: "metrics, health",
            },
        ],
    };
}

/** Arguments of {@link ThanosStore}. */
export interface ThanosStoreArgs extends BucketServiceArgs<ThanosStoreSettings> {}

/** Reads old metrics from the bucket, for Thanos Query. */
export class ThanosStore extends ContainerService {
    constructor(name: string, args: ThanosStoreArgs, opts?: pulumi.ComponentResourceOptions) {
        const spec = thanosStoreSpec(args.settings, args.client, args.trusted);
        super(name, { ...spec, host: args.host, after: args.after }, opts, "ThanosStore");
    }
}
