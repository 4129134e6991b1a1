import * as pulumi from "@pulumi/pulumi";
import { BucketServiceArgs, ObjectStoreClient, whenReadable, withoutQuorum } from "./bucket";
import { ContainerService, ContainerSpec } from "./container-service";
import { PRIVATE, Requirements } from "./host";
import { access, healthCheck, httpCheck, withDefaults } from "./service";
import { OBJSTORE_FLAG, THANOS_BUCKET_DEFAULTS, THANOS_USER, thanosBucket, ThanosBucketSettings } from "./thanos";
import { Duration, prometheusDuration } from "./units";

/** Thanos Compactor: merges and thins out the bucket's blocks, and deletes what has passed its retention. There must be just one per bucket. */
export interface ThanosCompactorSettings extends ThanosBucketSettings {
    /** Metrics and health. @default 10912 */
    httpPort?: number;
    /** Working directory on the host; needs room for the blocks of two weeks, twice. @default "/data/volume/otel/thanos-compactor" */
    dataDir?: string;
    /** How long samples stay as they came in. "0d": for ever. @default "0d" */
    retentionRaw?: Duration;
    /** How long samples of 5 minutes stay, which are made after 40 hours. @default "0d" */
    retention5m?: Duration;
    /** How long samples of an hour stay, which are made after 10 days. @default "0d" */
    retention1h?: Duration;
    /** How long a block that is no longer needed stays, for those who still read it. @default "48h" */
    deleteDelay?: Duration;
}

export const THANOS_COMPACTOR_DEFAULTS = {
    ...THANOS_BUCKET_DEFAULTS,
    httpPort: 10912,
    dataDir: "/data/volume/otel/thanos-compactor",
    retentionRaw: "0d",
    retention5m: "0d",
    retention1h: "0d",
    deleteDelay: "48h",
};

/** Container, files and health of the compactor. Pure but for what it passes on. */
export function thanosCompactorSpec(
    settings: ThanosCompactorSettings,
    client: ObjectStoreClient,
    trusted?: pulumi.Input<string>,
): ContainerSpec {
    const s = withDefaults(settings, THANOS_COMPACTOR_DEFAULTS);
    const bucket = thanosBucket(`${s.configDir}/thanos-compactor`, s, client, trusted);
    const url = `http://127.0.0.1:${s.httpPort}`;
    return {
        ...bucket,
        container: `thanos-compactor-${s.node}`,
        image: s.image,
        entrypoint: whenReadable(s, "/bin/thanos"),
        command: [
            "compact",
            "--wait",
            "--data-dir=/thanos",
            OBJSTORE_FLAG,
            `--http-address=${s.listen}:${s.httpPort}`,
            `--retention.resolution-raw=${prometheusDuration(s.retentionRaw)}`,
            `--retention.resolution-5m=${prometheusDuration(s.retention5m)}`,
            `--retention.resolution-1h=${prometheusDuration(s.retention1h)}`,
            `--delete-delay=${prometheusDuration(s.deleteDelay, "h")}`,
            // Samples that come late make blocks that overlap others in time; without this the compactor halts at the first one.
            "--compact.enable-vertical-compaction",
        ],
        mounts: [...bucket.mounts, { source: s.dataDir, target: "/thanos" }],
        // A compactor that has halted goes on saying that it is ready.
        healthCheck: healthCheck(
            s,
            `${httpCheck(`${url}/-/ready`)} && wget -q -O - ${url}/metrics | grep -q '^thanos_compact_halted 0'`,
        ),
        readyTimeout: s.readyTimeout,
        openIf: withoutQuorum("Thanos Compactor", s, 10),
    };
}

/** What the compactor needs of its host. Pure. */
export function thanosCompactorRequirements(settings: ThanosCompactorSettings): Requirements {
    const s = withDefaults(settings, THANOS_COMPACTOR_DEFAULTS);
    return {
        container: `thanos-compactor-${s.node}`,
        directories: [
            { path: `${s.configDir}/thanos-compactor` },
            { path: s.dataDir, owner: THANOS_USER, mode: PRIVATE },
        ],
        ports: [
            {
                port: s.httpPort,
                key: "thanosCompactorPort",
                use: "Thanos Compactor HTTP",
                audience: ["admins"],
                ...access(s, "admins"),
                why: "state of the bucket, metrics, health",
            },
        ],
        dataPaths: [{ path: s.dataDir }],
    };
}

/** Arguments of {@link ThanosCompactor}. */
export interface ThanosCompactorArgs extends BucketServiceArgs<ThanosCompactorSettings> {}

/** Keeps the bucket of blocks small and quick to read. */
export class ThanosCompactor extends ContainerService {
    constructor(name: string, args: ThanosCompactorArgs, opts?: pulumi.ComponentResourceOptions) {
        const spec = thanosCompactorSpec(args.settings, args.client, args.trusted);
        super(name, { ...spec, host: args.host, after: args.after }, opts, "ThanosCompactor");
    }
}
