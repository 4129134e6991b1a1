import * as pulumi from "@pulumi/pulumi";
import { apmNodesOf } from "./settings/apm-nodes";
import { ApmValues, Values } from "./settings/keys";
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

/** Where everything of a node of Container APM is reached, and OpenSearch on all of them. Pure. */
export function apmAddresses(v: ApmValues): Record<string, string> {
    const scheme = v.tls === "off" ? "http" : "https";
    const at = (port: number, host = v.nodeAddress): string => `${scheme}://${host}:${port}`;
    const through = v.apm.ingest === "data-prepper";
    return {
        otlpHttp: at(v.otlpHttpPort),
        otlpGrpc: `${v.nodeAddress}:${v.otlpGrpcPort}`,
        opensearch: at(v.opensearchHttpPort),
        opensearchNodes: apmNodesOf(v)
            .map(({ address }) => at(v.opensearchHttpPort, address))
            .join(","),
        ...(v.dashboardsCopies > 0 ? { dashboards: at(v.dashboardsPort) } : {}),
        ...(through ? { dataPrepper: at(v.dataPrepperApiPort) } : {}),
    };
}

/** The tokens that senders are to be given: those that will still be accepted when a rotation is over. */
export function newestTokens(all: pulumi.Output<Record<string, string[]>>): pulumi.Output<Record<string, string>> {
    return all.apply((tokens) =>
        Object.fromEntries(Object.entries(tokens).map(([name, newestFirst]) => [name, newestFirst[0]!])),
    );
}
