import * as pulumi from "@pulumi/pulumi";
import { BucketServiceArgs, ObjectStoreClient } from "./bucket";
import { ContainerService, ContainerSpec } from "./container-service";
import { PRIVATE, Requirements } from "./host";
import { PROMETHEUS_DEFAULTS } from "./prometheus";
import { access, healthCheck, httpCheck, withDefaults } from "./service";
import { OBJSTORE_FLAG, THANOS_BUCKET_DEFAULTS, THANOS_USER, thanosBucket, ThanosBucketSettings } from "./thanos";

/** Thanos sidecar of one node. Defaults are those of the two-host seed. */
export interface ThanosSidecarSettings extends ThanosBucketSettings {
    /** Store API, for Thanos Query. @default 10901 */
    grpcPort?: number;
    /** Metrics and health. @default 10902 */
    httpPort?: number;
    /** Port of Prometheus on this host. @default 9090 */
    prometheusPort?: number;
    /** Prometheus' data directory on the host. @default "/data/volume/otel/prometheus" */
    prometheusDataDir?: string;
    /** The sidecar's own directory on the host. @default "/data/volume/otel/thanos" */
    dataDir?: string;
}

export const THANOS_SIDECAR_DEFAULTS = {
    ...THANOS_BUCKET_DEFAULTS,
    grpcPort: 10901,
    httpPort: 10902,
    prometheusPort: PROMETHEUS_DEFAULTS.port,
    prometheusDataDir: PROMETHEUS_DEFAULTS.dataDir,
    dataDir: "/data/volume/otel/thanos",
};

/** Container, files and health of the sidecar. Pure but for what it passes on. */
export function thanosSidecarSpec(
    settings: ThanosSidecarSettings,
    client: ObjectStoreClient,
    trusted?: pulumi.Input<string>,
): ContainerSpec {
    const s = withDefaults(settings, THANOS_SIDECAR_DEFAULTS);
    const bucket = thanosBucket(`${s.configDir}/thanos`, s, client, trusted);
    return {
        ...bucket,
        container: `thanos-sidecar-${s.node}`,
        image: s.image,
        command: [
            "sidecar",
            "--tsdb.path=/prometheus",
            `--prometheus.url=http://127.0.0.1:${s.prometheusPort}`,
            OBJSTORE_FLAG,
            `--grpc-address=${s.listen}:${s.grpcPort}`,
            `--http-address=${s.listen}:${s.httpPort}`,
        ],
        mounts: [
            ...bucket.mounts,
            { source: s.prometheusDataDir, target: "/prometheus" },
            { source: s.dataDir, target: "/thanos" },
        ],
        healthCheck: healthCheck(s, httpCheck(`http://127.0.0.1:${s.httpPort}/-/ready`)),
        readyTimeout: s.readyTimeout,
    };
}

/** What the sidecar needs of its host. Pure. */
export function thanosSidecarRequirements(settings: ThanosSidecarSettings): Requirements {
    const s = withDefaults(settings, THANOS_SIDECAR_DEFAULTS);
    return {
        container: `thanos-sidecar-${s.node}`,
        directories: [{ path: `${s.configDir}/thanos` }, { path: s.dataDir, owner: THANOS_USER, mode: PRIVATE }],
        ports: [
            {
                port: s.grpcPort,
                key: "thanosGrpcPort",
                use: "Thanos sidecar gRPC",
                audience: ["peer"],
                ...access(s, "peer"),
                why: "the other node's Thanos Query",
            },
            {
                port: s.httpPort,
                key: "thanosHttpPort",
                use: "Thanos sidecar HTTP",
                audience: ["admins"],
                ...access(s, "admins"),
                why: "metrics, health",
            },
        ],
    };
}

/** Arguments of {@link ThanosSidecar}. */
export interface ThanosSidecarArgs extends BucketServiceArgs<ThanosSidecarSettings> {}

/** Copies Prometheus' finished blocks to the object store. */
export class ThanosSidecar extends ContainerService {
    constructor(name: string, args: ThanosSidecarArgs, opts?: pulumi.ComponentResourceOptions) {
        const spec = thanosSidecarSpec(args.settings, args.client, args.trusted);
        super(name, { ...spec, host: args.host, after: args.after }, opts, "ThanosSidecar");
    }
}
