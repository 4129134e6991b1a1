import { createHash } from "crypto";
import { BLUE, Board, Chart, CLUSTER, Curve, ingest, notReady } from "./dashboards-boards";
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
