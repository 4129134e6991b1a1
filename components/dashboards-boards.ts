import { TelemetryIndices } from "./data-prepper-pipelines";

// What the dashboards of OpenSearch Dashboards show: figures, and where they come from. How that becomes saved objects: dashboards-objects.ts.

/** What is drawn of what. */
export interface Curve {
    label: string;
    /** KQL. */
    filter: string;
    /** Of the documents in a step of time: their number, the figure's extreme, or how much a counter rises each second. @default "count" */
    figure?: "count" | "min" | "max" | "rate";
    /** Field by whose values there is a curve each. @default one curve */
    by?: string;
    chart?: "line" | "bar";
    stacked?: boolean;
    /** @default "number" */
    format?: "number" | "bytes";
    color?: string;
    /** Index pattern and field of time. @default the metrics' */
    from?: [pattern: string, time: string];
}

export interface Chart {
    id: string;
    title: string;
    curves: Curve[];
    /** Of its dashboard's 48 columns. @default 24 */
    width?: number;
}

export interface Board {
    id: string;
    title: string;
    description: string;
    charts: Chart[];
}

/** Field of a data point's, log record's or resource's attribute, whoever writes it. */
const attribute = (kind: "metric" | "log" | "resource", name: string): string =>
    `${kind}.attributes.${name.replaceAll(".", "@")}`;
const named = (name: string, more = ""): string => `name: "${name}"${more}`;

const NODE = attribute("resource", "opensearch.node.name");
const GREEN = "#54B399";
const YELLOW = "#D6BF57";
const RED = "#E7664C";
export const BLUE = "#6092C0";

export const CLUSTER: Board = {
    id: "otel-ha-cluster",
    title: "otel-ha: cluster health",
    description:
        "What OpenSearch says of itself, by the collector beside its manager; without a manager, by each node's own.",
    charts: [
        {
            id: "status",
            title: "Status: 0 green, 1 yellow, 2 red",
            curves: [
                {
                    label: "yellow",
                    filter: named("opensearch.cluster.status", ` and ${attribute("metric", "status")}: "yellow"`),
                    figure: "max",
                    chart: "bar",
                    color: YELLOW,
                },
                {
                    label: "red",
                    filter: named("opensearch.cluster.status", ` and ${attribute("metric", "status")}: "red"`),
                    figure: "max",
                    chart: "bar",
                    color: RED,
                },
                {
                    label: "green",
                    filter: named("opensearch.cluster.status", ` and ${attribute("metric", "status")}: "green"`),
                    figure: "max",
                    color: GREEN,
                },
            ],
        },
        {
            id: "shards",
            title: "Shards that are not where they should be",
            curves: [
                {
                    label: "shards",
                    filter: named(
                        "opensearch.cluster.shards",
                        ` and not ${attribute("metric", "state")}: (active or active_primary)`,
                    ),
                    figure: "max",
                    by: attribute("metric", "state"),
                    chart: "bar",
                },
            ],
        },
        {
            id: "nodes",
            title: "Nodes in the cluster",
            curves: [{ label: "nodes", filter: named("opensearch.cluster.nodes"), figure: "min", color: GREEN }],
        },
        {
            id: "pending",
            title: "Tasks that wait for the manager",
            curves: [{ label: "tasks", filter: named("opensearch.cluster.pending_tasks"), figure: "max" }],
        },
        {
            id: "heap",
            title: "Heap in use",
            curves: [
                { label: "heap", filter: named("opensearch.node.heap.used"), figure: "max", by: NODE, format: "bytes" },
            ],
        },
        {
            id: "disk",
            title: "Room on disks",
            curves: [
                {
                    label: "free",
                    filter: named("opensearch.node.disk.available"),
                    figure: "min",
                    by: NODE,
                    format: "bytes",
                },
            ],
        },
    ],
};

export const ingest = (indices: TelemetryIndices): Board => ({
    id: "otel-ha-ingest",
    title: "otel-ha: ingest",
    description:
        "By arrival an outage is a gap, and the time after it a peak; by the time when things happened there is no gap once the collectors have sent what they kept.",
    charts: [
        {
            id: "arrival",
            title: "By arrival: what OpenSearch writes per second, copies included",
            curves: [
                {
                    label: "written",
                    filter: named("opensearch.node.indexing.operations"),
                    figure: "rate",
                    by: NODE,
                    chart: "bar",
                    stacked: true,
                },
            ],
            width: 48,
        },
        {
            id: "events",
            title: "By the time when it happened: documents",
            curves: [
                {
                    label: "spans",
                    filter: "",
                    chart: "bar",
                    stacked: true,
                    color: BLUE,
                    from: [`${indices.spans}*`, "startTime"],
                },
                {
                    label: "log records",
                    filter: "",
                    chart: "bar",
                    stacked: true,
                    color: GREEN,
                    from: [`${indices.logs}*`, "time"],
                },
                { label: "data points", filter: "", chart: "bar", stacked: true, color: YELLOW },
            ],
            width: 48,
        },
        {
            id: "queues",
            title: "What waits in the collectors",
            curves: [
                {
                    label: "queue",
                    filter: named("otelcol_exporter_queue_size"),
                    figure: "max",
                    by: attribute("metric", "node"),
                },
            ],
        },
        {
            id: "refused",
            title: "What OpenSearch did not write, per second",
            curves: [
                {
                    label: "failed",
                    filter: named("opensearch.node.indexing.failures"),
                    figure: "rate",
                    by: NODE,
                    chart: "bar",
                },
                {
                    label: "rejected",
                    filter: named("opensearch.node.pool.rejected", ` and ${attribute("metric", "pool")}: "write"`),
                    figure: "rate",
                    by: NODE,
                    chart: "bar",
                },
            ],
        },
    ],
});

export const notReady = (indices: TelemetryIndices): Board => ({
    id: "otel-ha-not-ready",
    title: "otel-ha: nodes that are not ready",
    description: "A node whose OpenSearch is down is 0; one whose host is down is silent, and the others miss it.",
    charts: [
        {
            id: "missing",
            title: "Nodes that the cluster misses",
            curves: [
                {
                    label: "missing",
                    filter: named("opensearch.cluster.nodes.missing"),
                    figure: "max",
                    chart: "bar",
                    color: RED,
                },
            ],
            width: 48,
        },
        {
            id: "up",
            title: "OpenSearch answers on its node",
            curves: [{ label: "up", filter: named("opensearch.node.up"), figure: "min", by: NODE }],
        },
        {
            id: "manager",
            title: "Nodes that see a manager",
            curves: [{ label: "sees one", filter: named("opensearch.node.sees_manager"), figure: "min", by: NODE }],
        },
        {
            id: "reports",
            title: "Reports of each node: none from a host that is down",
            curves: [{ label: "reports", filter: named("opensearch.node.up"), by: NODE, chart: "bar", stacked: true }],
        },
        {
            id: "elected",
            title: "Who is manager",
            curves: [
                {
                    label: "manager",
                    filter: named("opensearch.node.is_manager"),
                    figure: "max",
                    by: NODE,
                    chart: "bar",
                    stacked: true,
                },
            ],
        },
        {
            id: "scraped",
            title: "Data Prepper and collectors answer",
            curves: [
                { label: "up", filter: named("up"), figure: "min", by: attribute("resource", "service.instance.id") },
            ],
        },
        {
            id: "containers",
            title: "Containers that start and end",
            curves: [
                {
                    label: "events",
                    filter: `${attribute("log", "docker.event.action")}: (start or die or oom or kill or restart or "health_status: unhealthy")`,
                    by: attribute("log", "docker.event.action"),
                    chart: "bar",
                    stacked: true,
                    from: [`${indices.logs}*`, "time"],
                },
            ],
        },
    ],
});
