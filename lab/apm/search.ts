/** Finding the sample's telemetry in OpenSearch, and what the cluster says of itself. */
import type { LabNode } from "../nodes";
import type { SampleOutcome, ServiceName } from "../sample-service";
import type { ApmAccess } from "./access";

export const INDICES = { spans: "otel-v1-apm-span", logs: "otel-logs", metrics: "otel-metrics" } as const;
export type Signal = keyof typeof INDICES;

/** As much as one search may return, and more than the sample makes. */
const MOST = 10_000;

export interface Hit {
    _id: string;
    _source: Record<string, unknown>;
}

interface SearchAnswer {
    _shards: { failed: number };
    hits: { total: { value: number }; hits: Hit[] };
}

/** Everything of a run that one service has told. Errors: more than one search returns, or a shard that did not answer. */
export async function documentsOf(
    access: ApmAccess,
    node: LabNode,
    signal: Signal,
    service: ServiceName,
    run: string,
): Promise<Hit[]> {
    // A dot in an attribute's name is written as this.
    const instance = { "resource.attributes.service@instance@id": `${service}-${run}` };
    const answer = await access.ask<SearchAnswer>(node, `/${INDICES[signal]}/_search`, {
        body: { size: MOST, track_total_hits: true, query: { match_phrase: instance } },
    });
    if (answer._shards.failed > 0)
        throw new Error(`${answer._shards.failed} shards of ${INDICES[signal]} did not answer`);
    if (answer.hits.total.value > MOST) throw new Error(`${answer.hits.total.value} documents are more than ${MOST}`);
    return answer.hits.hits;
}

export interface Found {
    service: ServiceName;
    spans: number;
    logs: number;
    /** The counter's value, over all its series. */
    requests: number;
}

/** What of a run is found. Errors: something is there twice. */
export async function foundOf(access: ApmAccess, node: LabNode, { expected, run }: SampleOutcome): Promise<Found[]> {
    const services = Object.keys(expected) as ServiceName[];
    return Promise.all(
        services.map(async (service) => {
            const [spans, logs, metrics] = await Promise.all(
                (["spans", "logs", "metrics"] as const).map((signal) =>
                    documentsOf(access, node, signal, service, run),
                ),
            );
            once(spans!, ({ traceId, spanId }) => `span ${String(traceId)} ${String(spanId)}`);
            once(logs!, ({ spanId, body }) => `line "${String(body)}" of span ${String(spanId)}`);
            const requests = metrics!
                .filter(({ _source }) => _source.name === "sample.requests")
                .reduce((sum, { _source }) => sum + Number(_source.value), 0);
            return { service, spans: spans!.length, logs: logs!.length, requests };
        }),
    );
}

/** Errors: two documents of one record. Pure. */
export function once(hits: Hit[], identity: (source: Hit["_source"]) => string): void {
    const seen = new Set<string>();
    for (const { _source } of hits) {
        const name = identity(_source);
        if (seen.has(name)) throw new Error(`found twice: ${name}`);
        seen.add(name);
    }
}

/** What is missing of what must be found, or too much; empty when nothing is. Pure. */
export function differences({ expected }: SampleOutcome, found: Found[]): string[] {
    return found.flatMap(({ service, ...counts }) =>
        (["spans", "logs", "requests"] as const).flatMap((what) =>
            counts[what] === expected[service][what]
                ? []
                : [`${service}: ${counts[what]} of ${expected[service][what]} ${what}`],
        ),
    );
}

export interface ClusterHealth {
    status: "green" | "yellow" | "red";
    number_of_nodes: number;
    active_shards: number;
    unassigned_shards: number;
}

export const health = (access: ApmAccess, node: LabNode): Promise<ClusterHealth> =>
    access.ask(node, "/_cluster/health", { as: "admin" });

/** The elected one's name, by what a node knows. */
export async function manager(access: ApmAccess, node: LabNode): Promise<string> {
    const [elected] = await access.ask<{ node: string }[]>(node, "/_cat/cluster_manager?format=json", { as: "admin" });
    return elected!.node;
}
