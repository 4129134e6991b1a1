import { Values } from "./settings/keys";

/** Where everything of a node is reached; known before anything runs, so that another stack can read it at once. Pure. */
export function addresses(v: Values): Record<string, string> {
    const at = (port: number, path = ""): string => `http://${v.nodeAddress}:${port}${path}`;
    return {
        otlpHttp: `http://${v.vip}:${v.otlpHttpPort}`,
        otlpGrpc: `${v.vip}:${v.otlpGrpcPort}`,
        haproxyStats: at(v.haproxyStatsPort, "/stats"),
        prometheus: at(v.prometheusPort),
        thanosSidecarGrpc: `${v.nodeAddress}:${v.thanosGrpcPort}`,
        thanosSidecar: at(v.thanosHttpPort),
        loki: at(v.lokiPort),
        objectStore: at(v.objectStorePort),
        objectStoreConsole: at(v.objectStoreConsolePort),
        otelAggregatorHttp: at(v.aggregatorHttpPort),
        otelAggregatorGrpc: `${v.nodeAddress}:${v.aggregatorGrpcPort}`,
        otelAggregatorMetrics: at(v.aggregatorMetricsPort, "/metrics"),
    };
}
