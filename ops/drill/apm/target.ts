/** The three nodes of Container APM, as far as drills need them. */
import type { ApmValues } from "../../../components/settings/keys";
import type { Deployment } from "../../deployment";
import { UserError } from "../../errors";
import { basic, stackOutputs } from "../../access";
import type { Door, Doors } from "../../http";
import type { ExecOptions } from "../../ssh";
import type { RunResult } from "../../run";

/** Settings that a drill looks at. */
export type ApmDrillValues = Pick<
    ApmValues,
    | "system"
    | "apm"
    | "tls"
    | "otlpTokens"
    | "opensearchHttpPort"
    | "otlpHttpPort"
    | "otlpGrpcPort"
    | "nodeCollectorHealthPort"
    | "nodeCollectorMetricsPort"
    | "dashboardsPort"
    | "dashboardsCopies"
    | "opensearchFaultDetection"
    | "opensearchDelayedTimeout"
    | "opensearchFloodWatermark"
    | "imageOpensearch"
    | "apmNodes"
    | "dataDir"
>;

/** One of the hosts. */
export interface ApmDrillNode {
    stack: string;
    /** As the settings call it. Reports name nodes as the cluster's API does. */
    name: string;
    address: string;
    values: ApmDrillValues;
    exec(line: string, options?: ExecOptions): Promise<RunResult>;
    container(service: string): string;
}

/** All hosts of a system. */
export interface ApmTarget {
    directory: string;
    nodes: ApmDrillNode[];
    pulumi: Deployment["pulumi"];
}

/** How the system is reached. Holds secrets. */
export interface ApmAccess {
    scheme: "http" | "https";
    /** By "host:port" of every OpenSearch, and by host. */
    doors: Doors;
    /** Of the collectors. @default in the clear */
    otlp?: Door;
    /** Of OpenSearch. @default in the clear */
    opensearch?: Door;
    url: (host: string, port: number, path?: string) => string;
}

/** Services of a node, as its containers are named. */
export const SERVICES = {
    opensearch: "opensearch",
    collector: "otel-node-collector",
} as const;

/** Whether dashboards run on a node: on the first ones of the list. Pure. */
export function hasDashboards({ name, values }: Pick<ApmDrillNode, "name" | "values">): boolean {
    const at = values.apmNodes.split(",").findIndex((node) => node.split("=")[0] === name);
    return at >= 0 && at < values.dashboardsCopies;
}

/** Reads it from the stacks' outputs. Errors: a stack that has none yet. */
export async function apmAccess({ nodes, pulumi }: ApmTarget): Promise<ApmAccess> {
    const secure = nodes.some(({ values }) => values.tls !== "off");
    const url = (host: string, port: number, path = ""): string =>
        `${secure ? "https" : "http"}://${host}:${port}${path}`;
    if (!secure) return { scheme: "http", doors: {}, url };
    const outputs = await Promise.all(nodes.map(({ stack }) => stackOutputs(pulumi, stack)));
    return { scheme: "https", url, ...doorsFrom(nodes, outputs) };
}

/** Of nodes with TLS. Errors: an output that is missing. Pure. */
export function doorsFrom(
    nodes: Pick<ApmDrillNode, "stack" | "address" | "values">[],
    outputs: Record<string, unknown>[],
): { doors: Doors; otlp: Door; opensearch: Door } {
    const text = (at: number, name: string): string => {
        const value = outputs[at]![name];
        if (typeof value === "string") return value;
        throw new UserError(
            `stack "${nodes[at]!.stack}" has no output ${name}, which a drill needs: bring it up first, with otel-ha up`,
        );
    };
    // While a CA is replaced, one stack may have both already and another one not yet.
    const ca = [...new Set(nodes.map((_, at) => text(at, "caCertificate").trim()))].join("\n") + "\n";
    const tokens = (outputs[0]!.otlpTokens ?? {}) as Record<string, string>;
    const [, token] = Object.entries(tokens).sort(([a], [b]) => a.localeCompare(b))[0] ?? [];
    const opensearch = { ca, authorization: basic("admin", text(0, "opensearchAdminPassword")) };
    const otlp = { ca, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    const doors: Doors = {};
    for (const { address, values } of nodes) {
        doors[address] = { ca };
        doors[`${address}:${values.opensearchHttpPort}`] = opensearch;
    }
    return { doors, otlp, opensearch };
}
