import * as pulumi from "@pulumi/pulumi";
import { ContainerService, ContainerSpec } from "./container-service";
import { Requirements } from "./host";
import { healthCheck, httpCheck, sendSignal, ServiceArgs, ServiceSettings, withDefaults } from "./service";
import { render } from "./templates";
import { Duration, mebibytes, prometheusDuration, Size } from "./units";

/** OpenTelemetry Collector of one node, as aggregator. Defaults are those of the two-host seed. */
export interface OtelAggregatorSettings extends ServiceSettings {
    /** opentelemetry-collector-contrib with a shell for its health check; see `images/otel-aggregator`. @default "cmp-otel-aggregator:0.139.0" */
    image?: string;
    /** OTLP over HTTP, behind HAProxy. @default 14318 */
    httpPort?: number;
    /** OTLP over gRPC, behind HAProxy. @default 14317 */
    grpcPort?: number;
    /** The collector's own metrics. @default 9464 */
    metricsPort?: number;
    /** Answers 200 while all parts of the collector run. @default 13133 */
    healthPort?: number;
    /** Above this, data is refused and the client retries. @default "4GiB" */
    memoryLimit?: Size;
    /** Room for a burst within the limit: refusing begins at limit minus spike. @default "1GiB" */
    memorySpikeLimit?: Size;
    /** Items that make a batch leave at once. @default 1024 */
    batchSize?: number;
    /** Largest batch. @default 2048 */
    batchMaxSize?: number;
    /** Longest wait for a batch to fill. @default "10s" */
    batchTimeout?: Duration;
    /** Prometheus on this host. @default 9090 */
    prometheusPort?: number;
    /** Loki on this host. @default 3100 */
    lokiPort?: number;
}

export const OTEL_AGGREGATOR_DEFAULTS = {
    image: "cmp-otel-aggregator:0.139.0",
    httpPort: 14318,
    grpcPort: 14317,
    metricsPort: 9464,
    healthPort: 13133,
    memoryLimit: "4GiB",
    memorySpikeLimit: "1GiB",
    batchSize: 1024,
    batchMaxSize: 2048,
    batchTimeout: "10s",
    prometheusPort: 9090,
    lokiPort: 3100,
};

/** The text of the collector's config.yaml. Pure. */
export function otelAggregatorConfig(settings: OtelAggregatorSettings): string {
    const s = withDefaults(settings, OTEL_AGGREGATOR_DEFAULTS);
    return render("otel-collector/config.yaml", {
        ...s,
        memoryLimitMib: mebibytes(s.memoryLimit),
        memorySpikeLimitMib: mebibytes(s.memorySpikeLimit),
        batchTimeout: prometheusDuration(s.batchTimeout, "h"),
    });
}

/** Container, files and health of the collector. Pure. */
export function otelAggregatorSpec(settings: OtelAggregatorSettings): ContainerSpec {
    const s = withDefaults(settings, OTEL_AGGREGATOR_DEFAULTS);
    const directory = `${s.configDir}/otel-collector`;
    const container = `otel-aggregator-${s.node}`;
    return {
        container,
        image: s.image,
        command: ["--config", "/etc/otelcol-contrib/config.yaml"],
        // Go collects garbage before the memory limiter has to refuse data (collector documentation: 80 % of the hard limit).
        environment: { GOMEMLIMIT: `${Math.floor(mebibytes(s.memoryLimit) * 0.8)}MiB` },
        mounts: [{ source: directory, target: "/etc/otelcol-contrib", readOnly: true }],
        files: [
            {
                path: `${directory}/config.yaml`,
                content: otelAggregatorConfig(s),
                check: `docker run --rm --network none -v "$DIR":/etc/otelcol-contrib:ro ${s.image} validate --config "/etc/otelcol-contrib/$CANDIDATE"`,
                // The pipelines stop and start again: the pause lets the health check see the new ones rather than the old.
                reload: `${sendSignal("HUP", container)} && sleep 1`,
            },
        ],
        healthCheck: healthCheck(s, httpCheck(`http://127.0.0.1:${s.healthPort}/`)),
        readyTimeout: s.readyTimeout,
    };
}

/** What the collector needs of its host. Pure. */
export function otelAggregatorRequirements(settings: OtelAggregatorSettings): Requirements {
    const s = withDefaults(settings, OTEL_AGGREGATOR_DEFAULTS);
    return {
        container: `otel-aggregator-${s.node}`,
        directories: [{ path: `${s.configDir}/otel-collector` }],
        ports: [
            { port: s.httpPort, key: "aggregatorHttpPort", use: "OTel aggregator OTLP/HTTP" },
            { port: s.grpcPort, key: "aggregatorGrpcPort", use: "OTel aggregator OTLP/gRPC" },
            { port: s.metricsPort, key: "aggregatorMetricsPort", use: "OTel aggregator metrics" },
            { port: s.healthPort, key: "aggregatorHealthPort", use: "OTel aggregator health" },
        ],
    };
}

/** Takes OTLP, marks it with the node's name, and passes metrics to Prometheus and logs to Loki. */
export class OtelAggregator extends ContainerService {
    constructor(name: string, args: ServiceArgs<OtelAggregatorSettings>, opts?: pulumi.ComponentResourceOptions) {
        super(
            name,
            { ...otelAggregatorSpec(args.settings), host: args.host, after: args.after },
            opts,
            "OtelAggregator",
        );
    }
}
