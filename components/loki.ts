import * as pulumi from "@pulumi/pulumi";
import { ContainerService, ContainerSpec, OpenCondition } from "./container-service";
import { Requirements } from "./host";
import { awsCredentials, ObjectStoreClient } from "./object-store";
import { healthCheck, httpCheck, ServiceArgs, ServiceSettings, withDefaults } from "./service";
import { helper } from "./shell";
import { render } from "./templates";
import { Duration, prometheusDuration } from "./units";

/** Loki of one node. Defaults are those of the two-host seed. */
export interface LokiSettings extends ServiceSettings {
    /** @default "grafana/loki:3.4.2" */
    image?: string;
    /** @default 3100 */
    port?: number;
    /** Internal gRPC, bound to loopback. @default 9095 */
    grpcPort?: number;
    /** Data directory on the host. The seed has it apart from the others. @default "/data/otel/volume/loki" */
    dataDir?: string;
    /** How long logs are kept. @default "90d" */
    retention?: Duration;
    /** Bucket for chunks and index. @default "loki-data" */
    bucket?: string;
    /** S3 endpoint. @default "127.0.0.1:9000" */
    objectStore?: string;
    /** Container of the object store on this host: while it has no write quorum, Loki need not be ready. @example "minio-mid-1" */
    objectStoreContainer?: string;
    /**
     * Whether this Loki compacts the bucket and deletes what has passed its retention. There must be just one per bucket
     * (Loki documentation, "Run the Compactor as a singleton"), so on a pair that shares a bucket the other one is false. @default true
     */
    compactor?: boolean;
}

export const LOKI_DEFAULTS = {
    image: "grafana/loki:3.4.2",
    port: 3100,
    grpcPort: 9095,
    dataDir: "/data/otel/volume/loki",
    retention: "90d",
    bucket: "loki-data",
    objectStore: "127.0.0.1:9000",
    compactor: true,
};

/** User of the upstream image. */
const LOKI_USER = "10001:10001";

/** The text of Loki's config.yaml. Pure. */
export function lokiConfig(settings: LokiSettings): string {
    const s = withDefaults(settings, LOKI_DEFAULTS);
    return render("loki/config.yaml", {
        ...s,
        retention: prometheusDuration(s.retention, "h"),
    });
}

/** Container, files and health of Loki. Pure but for the secret that it passes on. */
export function lokiSpec(settings: LokiSettings, client: ObjectStoreClient): ContainerSpec {
    const s = withDefaults(settings, LOKI_DEFAULTS);
    const directory = `${s.configDir}/loki`;
    return {
        container: `loki-${s.node}`,
        image: s.image,
        command: ["-config.file=/etc/loki/config.yaml"],
        environment: { AWS_SHARED_CREDENTIALS_FILE: "/etc/loki/credentials" },
        mounts: [
            { source: directory, target: "/etc/loki", readOnly: true },
            { source: s.dataDir, target: "/loki" },
        ],
        files: [
            {
                path: `${directory}/config.yaml`,
                content: lokiConfig(s),
                check: `docker run --rm --network none -v "$DIR":/etc/loki:ro ${s.image} -config.file="/etc/loki/$CANDIDATE" -verify-config`,
            },
            { path: `${directory}/credentials`, content: awsCredentials(client), mode: "0400", owner: LOKI_USER },
        ],
        healthCheck: healthCheck(s, httpCheck(`http://127.0.0.1:${s.port}/ready`)),
        readyTimeout: s.readyTimeout,
        openIf: withoutQuorum(s.objectStoreContainer),
        // Time to write the chunks in memory into the write-ahead log.
        stopSeconds: 60,
    };
}

function withoutQuorum(container: string | undefined): OpenCondition | undefined {
    if (!container) return undefined;
    return {
        command: `! ${helper("await-healthy", "--timeout", "0", container)}`,
        text: "Loki is not ready, since the object store has no write quorum yet; it starts by itself when the store has one",
    };
}

/** What Loki needs of its host. Pure. */
export function lokiRequirements(settings: LokiSettings): Requirements {
    const s = withDefaults(settings, LOKI_DEFAULTS);
    return {
        container: `loki-${s.node}`,
        directories: [{ path: `${s.configDir}/loki` }, { path: s.dataDir, owner: LOKI_USER }],
        ports: [
            { port: s.port, key: "lokiPort", use: "Loki" },
            { port: s.grpcPort, key: "lokiGrpcPort", use: "Loki gRPC" },
        ],
        dataPaths: [{ path: s.dataDir }],
    };
}

/** Arguments of {@link Loki}. */
export interface LokiArgs extends ServiceArgs<LokiSettings> {
    /** The user that reads and writes the bucket. */
    client: ObjectStoreClient;
}

/** Logs of one node: takes OTLP from the collector, keeps chunks and index in the object store. */
export class Loki extends ContainerService {
    constructor(name: string, args: LokiArgs, opts?: pulumi.ComponentResourceOptions) {
        super(name, { ...lokiSpec(args.settings, args.client), host: args.host, after: args.after }, opts, "Loki");
    }
}
