import { Values } from "./settings/keys";
import { compacts } from "./settings/node-settings";

/** Where everything of a node is reached; known before anything runs, so that another stack can read it at once. Pure. */
export function addresses(v: Values): Record<string, string> {
    const scheme = v.tls === "off" ? "http" : "https";
    const at = (port: number, path = ""): string => `${scheme}://${v.nodeAddress}:${port}${path}`;
    return {
        otlpHttp: `${scheme}://${v.vip}:${v.otlpHttpPort}`,
        otlpGrpc: `${v.vip}:${v.otlpGrpcPort}`,
        haproxyStats: at(v.haproxyStatsPort, "/stats"),
        prometheus: at(v.prometheusPort),
        thanosSidecarGrpc: `${v.nodeAddress}:${v.thanosGrpcPort}`,
        thanosSidecar: at(v.thanosHttpPort),
        thanosStore: at(v.thanosStoreHttpPort),
        thanosQuery: at(v.thanosQueryHttpPort),
        ...(compacts(v) ? { thanosCompactor: at(v.thanosCompactorPort) } : {}),
        loki: at(v.lokiPort),
        ...objectStoreAddresses(v, at),
        otelAggregatorHttp: at(v.aggregatorHttpPort),
        otelAggregatorGrpc: `${v.nodeAddress}:${v.aggregatorGrpcPort}`,
        otelAggregatorMetrics: at(v.aggregatorMetricsPort, "/metrics"),
    };
}

function objectStoreAddresses(v: Values, at: (port: number) => string): Record<string, string> {
    const objectStore = at(v.objectStorePort);
    if (v.objectStore === "external")
        return { objectStore: `${v.objectStoreInsecure ? "http" : "https"}://${v.objectStoreEndpoint}` };
    return v.objectStoreConsole ? { objectStore, objectStoreConsole: at(v.objectStoreConsolePort) } : { objectStore };
}
