import { createHash } from "crypto";
import { TelemetryIndices } from "./data-prepper-pipelines";

// Saved objects of OpenSearch Dashboards: index patterns, charts ("TSVB", which ask for figures by themselves and need no index pattern's fields), dashboards.

/** An object as it is exported and imported. The first two are read by objects.sh, too. */
interface SavedObject {
    type: "index-pattern" | "visualization" | "dashboard";
    id: string;
    attributes: Record<string, unknown>;
    references: { name: string; type: string; id: string }[];
    /** What was last changed in objects of its kind: newer ones are taken as they are. */
    migrationVersion: Record<string, string>;
}

/** What is drawn of what. */
interface Curve {
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

interface Chart {
    id: string;
    title: string;
    curves: Curve[];
    /** Of its dashboard's 48 columns. @default 24 */
    width?: number;
}

interface Board {
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
const BLUE = "#6092C0";

const CLUSTER: Board = {
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

const ingest = (indices: TelemetryIndices): Board => ({
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

const notReady = (indices: TelemetryIndices): Board => ({
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

// A counter's rise is that of the highest value in each step; what a start takes back is left out.
function metrics(id: string, figure: Curve["figure"]): object[] {
    if (figure === undefined || figure === "count") return [{ id: `${id}-count`, type: "count" }];
    const value = { id: `${id}-value`, type: figure === "rate" ? "max" : figure, field: "value" };
    if (figure !== "rate") return [value];
    return [
        value,
        { id: `${id}-rise`, type: "derivative", field: value.id, unit: "1s" },
        { id: `${id}-up`, type: "positive_only", field: `${id}-rise`, unit: "" },
    ];
}

function series(curve: Curve, id: string): object {
    const { label, filter, figure, by, chart = "line", stacked, format = "number", color = BLUE, from } = curve;
    return {
        id,
        label,
        color,
        type: "timeseries",
        split_mode: by ? "terms" : "everything",
        split_color_mode: "opensearchDashboards",
        ...(by ? { terms_field: by, terms_size: "20", terms_order_by: "_count", terms_direction: "desc" } : {}),
        metrics: metrics(id, figure),
        filter: { query: filter, language: "kuery" },
        ...(from
            ? {
                  override_index_pattern: 1,
                  series_index_pattern: from[0],
                  series_time_field: from[1],
                  series_interval: STEP,
                  series_drop_last_bucket: 0,
              }
            : {}),
        separate_axis: 0,
        axis_position: "right",
        formatter: format,
        chart_type: chart,
        line_width: 1,
        point_size: 1,
        fill: chart === "bar" ? 0.8 : 0.1,
        stacked: stacked ? "stacked" : "none",
        value_template: "{{value}}",
    };
}

/** As often as figures of OpenSearch come: in smaller steps there are gaps that are none. */
const STEP = ">=10s";

const EVERYTHING = JSON.stringify({ query: { query: "", language: "kuery" }, filter: [] });

const visualization = (id: string, title: string, description: string, visState: object): SavedObject => ({
    type: "visualization",
    id,
    attributes: {
        title,
        description,
        visState: JSON.stringify(visState),
        uiStateJSON: "{}",
        version: 1,
        kibanaSavedObjectMeta: { searchSourceJSON: EVERYTHING },
    },
    references: [],
    migrationVersion: { visualization: "7.10.0" },
});

function chartObject(board: Board, chart: Chart, indices: TelemetryIndices): SavedObject {
    const id = `${board.id}-${chart.id}`;
    const params = {
        id,
        type: "timeseries",
        series: chart.curves.map((curve, at) => series(curve, `${chart.id}-${at}`)),
        index_pattern: `${indices.metrics}*`,
        time_field: "time",
        interval: STEP,
        axis_position: "left",
        axis_formatter: "number",
        axis_scale: "normal",
        axis_min: "0",
        show_legend: 1,
        legend_position: "bottom",
        show_grid: 1,
        tooltip_mode: "show_all",
        drop_last_bucket: 1,
        isModelInvalid: false,
    };
    return visualization(id, `${board.title}: ${chart.title}`, "", {
        title: chart.title,
        type: "metrics",
        aggs: [],
        params,
    });
}

// Side by side as long as there is room.
function panels(charts: Chart[]): { x: number; y: number; w: number; h: number }[] {
    const height = 12;
    let [x, y] = [0, 0];
    return charts.map(({ width = 24 }) => {
        if (x + width > 48) [x, y] = [0, y + height];
        const place = { x, y, w: width, h: height };
        x += width;
        return place;
    });
}

function boardObject(board: Board): SavedObject {
    const places = panels(board.charts);
    return {
        type: "dashboard",
        id: board.id,
        attributes: {
            title: board.title,
            description: board.description,
            hits: 0,
            version: 1,
            panelsJSON: JSON.stringify(
                board.charts.map(({ title }, at) => ({
                    version: "2.13.0",
                    gridData: { ...places[at], i: String(at) },
                    panelIndex: String(at),
                    embeddableConfig: { title },
                    title,
                    panelRefName: `panel_${at}`,
                })),
            ),
            optionsJSON: JSON.stringify({ useMargins: true, hidePanelTitles: false }),
            timeRestore: true,
            timeFrom: "now-1h",
            timeTo: "now",
            refreshInterval: { pause: false, value: 10_000 },
            kibanaSavedObjectMeta: { searchSourceJSON: EVERYTHING },
        },
        references: board.charts.map((chart, at) => ({
            name: `panel_${at}`,
            type: "visualization",
            id: `${board.id}-${chart.id}`,
        })),
        migrationVersion: { dashboard: "7.9.3" },
    };
}

const indexPattern = (id: string, title: string, timeFieldName?: string): SavedObject => ({
    type: "index-pattern",
    id,
    attributes: { title, ...(timeFieldName ? { timeFieldName } : {}) },
    references: [],
    migrationVersion: { "index-pattern": "7.6.0" },
});

const ABOUT =
    "Index patterns and dashboards whose names begin with `otel-ha` are made by the program: what is changed in them is undone. Copies under other names stay.";

// Says what all of them are, for objects.sh.
function about(hash: string): SavedObject {
    const params = { fontSize: 12, openLinksInNewTab: false, markdown: ABOUT };
    const title = "otel-ha: about";
    return visualization("otel-ha-about", title, `otel-ha ${hash}`, { title, type: "markdown", aggs: [], params });
}

/** The text of objects.ndjson: one object a line. The last one has the hash of all. Pure. */
export function dashboardsObjects(indices: TelemetryIndices): string {
    const boards = [CLUSTER, ingest(indices), notReady(indices)];
    const objects = [
        indexPattern("otel-ha-spans", `${indices.spans}*`, "startTime"),
        indexPattern("otel-ha-services", `${indices.services}*`),
        indexPattern("otel-ha-logs", `${indices.logs}*`, "time"),
        indexPattern("otel-ha-metrics", `${indices.metrics}*`, "time"),
        ...boards.flatMap((board) => [
            ...board.charts.map((chart) => chartObject(board, chart, indices)),
            boardObject(board),
        ]),
    ];
    const lines = (all: SavedObject[]): string => all.map((one) => `${JSON.stringify(one)}\n`).join("");
    const hash = createHash("sha256")
        .update(lines([...objects, about("")]))
        .digest("hex");
    return lines([...objects, about(hash)]);
}
