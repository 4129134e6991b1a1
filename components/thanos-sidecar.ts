import * as pulumi from "@pulumi/pulumi";
import { ContainerService, ContainerSpec } from "./container-service";
import { Requirements } from "./host";
import { awsCredentials, ObjectStoreClient } from "./object-store";
import { PROMETHEUS_DEFAULTS, PROMETHEUS_USER } from "./prometheus";
import { healthCheck, httpCheck, ServiceArgs, ServiceSettings, withDefaults } from "./service";
import { render } from "./templates";

/** Thanos sidecar of one node. Defaults are those of the two-host seed. */
export interface ThanosSidecarSettings extends ServiceSettings {
    /** @default "thanosio/thanos:v0.40.1" */
    image?: string;
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
    /** Bucket that blocks go to. @default "thanos-metrics" */
    bucket?: string;
    /** S3 endpoint. @default "127.0.0.1:9000" */
    objectStore?: string;
}

export const THANOS_SIDECAR_DEFAULTS = {
    image: "thanosio/thanos:v0.40.1",
    grpcPort: 10901,
    httpPort: 10902,
    prometheusPort: PROMETHEUS_DEFAULTS.port,
    prometheusDataDir: PROMETHEUS_DEFAULTS.dataDir,
    dataDir: "/data/volume/otel/thanos",
    bucket: "thanos-metrics",
    objectStore: "127.0.0.1:9000",
};

/** Container, files and health of the sidecar. Pure but for the secret that it passes on. */
export function thanosSidecarSpec(settings: ThanosSidecarSettings, client: ObjectStoreClient): ContainerSpec {
    const s = withDefaults(settings, THANOS_SIDECAR_DEFAULTS);
    const directory = `${s.configDir}/thanos`;
    return {
        container: `thanos-sidecar-${s.node}`,
        image: s.image,
        command: [
            "sidecar",
            "--tsdb.path=/prometheus",
            `--prometheus.url=http://127.0.0.1:${s.prometheusPort}`,
            "--objstore.config-file=/etc/thanos/bucket.yml",
            `--grpc-address=0.0.0.0:${s.grpcPort}`,
            `--http-address=0.0.0.0:${s.httpPort}`,
        ],
        user: PROMETHEUS_USER,
        // The client library reads the key from a file of its own, so that bucket.yml can be shown in diffs.
        environment: { AWS_SHARED_CREDENTIALS_FILE: "/etc/thanos/credentials" },
        mounts: [
            { source: directory, target: "/etc/thanos", readOnly: true },
            { source: s.prometheusDataDir, target: "/prometheus" },
            { source: s.dataDir, target: "/thanos" },
        ],
        files: [
            { path: `${directory}/bucket.yml`, content: render("thanos/bucket.yml", s) },
            { path: `${directory}/credentials`, content: awsCredentials(client), mode: "0400", owner: PROMETHEUS_USER },
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
        directories: [{ path: `${s.configDir}/thanos` }, { path: s.dataDir, owner: PROMETHEUS_USER }],
        ports: [
            { port: s.grpcPort, key: "thanosGrpcPort", use: "Thanos sidecar gRPC" },
            { port: s.httpPort, key: "thanosHttpPort", use: "Thanos sidecar HTTP" },
        ],
    };
}

/** Arguments of {@link ThanosSidecar}. */
export interface ThanosSidecarArgs extends ServiceArgs<ThanosSidecarSettings> {
    /** The user that writes blocks. */
    client: ObjectStoreClient;
}

/** Copies Prometheus' finished blocks to the object store. */
export class ThanosSidecar extends ContainerService {
    constructor(name: string, args: ThanosSidecarArgs, opts?: pulumi.ComponentResourceOptions) {
        super(
            name,
            { ...thanosSidecarSpec(args.settings, args.client), host: args.host, after: args.after },
            opts,
            "ThanosSidecar",
        );
    }
}
