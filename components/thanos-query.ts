import * as pulumi from "@pulumi/pulumi";
import { ContainerService, ContainerSpec } from "./container-service";
import { Requirements } from "./host";
import { access, healthCheck, httpCheck, LOOPBACK, ServiceArgs, ServiceSettings, withDefaults } from "./service";
import { render } from "./templates";
import { THANOS_IMAGE, THANOS_MEMORY, THANOS_USER } from "./thanos";
import { Duration, goMemoryLimit, prometheusDuration, seconds, Size } from "./units";

/** Thanos Query of one node: one view over both nodes and the bucket, in which each sample is there once. */
export interface ThanosQuerySettings extends ServiceSettings {
    /** @default "thanosio/thanos:v0.40.1" */
    image?: string;
    /** Memory of the container. @default "4GiB" */
    memoryLimit?: Size;
    /** Store API, for another Thanos Query above this one. @default 10903 */
    grpcPort?: number;
    /** Prometheus' query API, metrics and health. @default 10904 */
    httpPort?: number;
    /** Store APIs on this host, asked always. @default ["127.0.0.1:10901", "127.0.0.1:10905"] */
    localEndpoints?: string[];
    /** Store APIs on other hosts, left out while they do not answer. @default none @example ["192.168.110.119:10901", "192.168.110.119:10905"] */
    peerEndpoints?: string[];
    /** External label that differs between copies of the same data. @default "replica" */
    replicaLabel?: string;
    /** A store on this host that sends nothing for this long is left out of the answer, which then has a warning. @default "5s" */
    responseTimeout?: Duration;
    /**
     * Longest time that a store on another host has for its whole answer; else it is left out, with a warning. It bounds the queries that are under way
     * when that host dies. @default "2500ms"
     */
    peerTimeout?: Duration;
}

export const THANOS_QUERY_DEFAULTS = {
    image: THANOS_IMAGE,
    memoryLimit: THANOS_MEMORY,
    grpcPort: 10903,
    httpPort: 10904,
    localEndpoints: ["127.0.0.1:10901", "127.0.0.1:10905"],
    peerEndpoints: [] as string[],
    replicaLabel: "replica",
    responseTimeout: "5s",
    peerTimeout: "2500ms",
};

/** Container, files and health of Thanos Query. Pure. */
export function thanosQuerySpec(settings: ThanosQuerySettings): ContainerSpec {
    const s = withDefaults(settings, THANOS_QUERY_DEFAULTS);
    const directory = `${s.configDir}/thanos-query`;
    return {
        container: `thanos-query-${s.node}`,
        image: s.image,
        command: [
            "query",
            `--grpc-address=${s.listen}:${s.grpcPort}`,
            `--http-address=${s.listen}:${s.httpPort}`,
            "--endpoint.sd-config-file=/etc/thanos/endpoints.yml",
            `--query.replica-label=${s.replicaLabel}`,
            // Both nodes get the same samples. The default, penalty, takes such copies for two scrapes at different instants and may leave gaps.
            "--deduplication.func=chain",
            "--query.partial-response",
            // How often endpoints are checked, and how long a check may take: a dead host is left out after two of these at most.
            "--endpoint.info-timeout=1s",
            `--store.response-timeout=${prometheusDuration(s.responseTimeout)}`,
        ],
        user: THANOS_USER,
        environment: { GOMEMLIMIT: goMemoryLimit(s.memoryLimit) },
        memoryLimit: s.memoryLimit,
        mounts: [{ source: directory, target: "/etc/thanos", readOnly: true }],
        files: [
            {
                path: `${directory}/endpoints.yml`,
                content: render("thanos/endpoints.yml", {
                    local: s.localEndpoints,
                    peers: s.peerEndpoints,
                    peerTimeoutSeconds: seconds(s.peerTimeout),
                }),
            },
        ],
        healthCheck: healthCheck(s, httpCheck(`http://127.0.0.1:${s.httpPort}/-/ready`)),
        readyTimeout: s.readyTimeout,
    };
}

/** What Thanos Query needs of its host. Pure. */
export function thanosQueryRequirements(settings: ThanosQuerySettings): Requirements {
    const s = withDefaults(settings, THANOS_QUERY_DEFAULTS);
    return {
        container: `thanos-query-${s.node}`,
        directories: [{ path: `${s.configDir}/thanos-query` }],
        ports: [
            {
                port: s.grpcPort,
                key: "thanosQueryGrpcPort",
                use: "Thanos Query gRPC",
                // HAProxy cannot ask for a password there, and nobody but the other node has a certificate.
                ...(s.listen === LOOPBACK
                    ? { audience: [] }
                    : { audience: ["admins" as const], why: "another Thanos Query above this one" }),
            },
            {
                port: s.httpPort,
                key: "thanosQueryHttpPort",
                use: "Thanos Query HTTP",
                audience: ["admins", "peer"],
                ...access(s, "admins"),
                why: "API; the other node's HAProxy, when its own is away",
            },
        ],
    };
}

/** Metrics of both nodes and of the bucket as one. */
export class ThanosQuery extends ContainerService {
    constructor(name: string, args: ServiceArgs<ThanosQuerySettings>, opts?: pulumi.ComponentResourceOptions) {
        super(name, { ...thanosQuerySpec(args.settings), host: args.host, after: args.after }, opts, "ThanosQuery");
    }
}
