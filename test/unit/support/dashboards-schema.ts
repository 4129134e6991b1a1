// What OpenSearch Dashboards 2.19 knows of the options that we use, and of their neighbours.
import { Schema } from "./schema";

const TEXTS: Schema = { list: "string" };

/**
 * opensearch_dashboards.yml. Sources, in opensearch-project/OpenSearch-Dashboards: config/opensearch_dashboards.yml, src/core/server/http/http_config.ts and
 * ssl_config.ts (TLSv1.3 since 2.12: pull request 5133), src/core/server/opensearch/opensearch_config.ts, src/legacy/server/config/schema.js; in
 * opensearch-project/security-dashboards-plugin: server/index.ts.
 */
export const DASHBOARDS_YML: Schema = {
    options: {
        "server.name": "string",
        "server.host": "string",
        "server.port": "port",
        "server.basePath": "string",
        "server.rewriteBasePath": "boolean",
        "server.maxPayloadBytes": "integer",
        "server.ssl.enabled": "boolean",
        "server.ssl.certificate": "string",
        "server.ssl.key": "string",
        "server.ssl.certificateAuthorities": TEXTS,
        "server.ssl.cipherSuites": TEXTS,
        "server.ssl.supportedProtocols": { list: { oneOf: ["TLSv1.2", "TLSv1.3"] } },
        "server.ssl.clientAuthentication": { oneOf: ["none", "optional", "required"] },
        "opensearch.hosts": { list: "url" },
        "opensearch.username": "string",
        "opensearch.password": "string",
        "opensearch.requestHeadersAllowlist": TEXTS,
        "opensearch.pingTimeout": "integer",
        "opensearch.requestTimeout": "integer",
        "opensearch.shardTimeout": "integer",
        "opensearch.ssl.verificationMode": { oneOf: ["none", "certificate", "full"] },
        "opensearch.ssl.certificateAuthorities": TEXTS,
        "opensearch.ssl.certificate": "string",
        "opensearch.ssl.key": "string",
        "opensearch_security.cookie.secure": "boolean",
        "opensearch_security.cookie.name": "string",
        "opensearch_security.cookie.password": "string",
        "opensearch_security.cookie.ttl": "integer",
        "opensearch_security.cookie.isSameSite": { oneOf: ["Strict", "Lax", "None", false] },
        "opensearch_security.session.ttl": "integer",
        "opensearch_security.session.keepalive": "boolean",
        "opensearch_security.multitenancy.enabled": "boolean",
        "opensearch_security.readonly_mode.roles": TEXTS,
        "map.includeOpenSearchMapsService": "boolean",
        "data.search.usageTelemetry.enabled": "boolean",
        "logging.quiet": "boolean",
        "logging.verbose": "boolean",
        "path.data": "string",
    },
    required: [
        "server.host",
        "server.port",
        "server.ssl.certificate",
        "server.ssl.key",
        "opensearch.hosts",
        "opensearch.username",
        "opensearch.ssl.certificateAuthorities",
    ],
};

const QUERY: Schema = { options: { query: "text", language: { oneOf: ["kuery", "lucene"] } }, required: ["query"] };
const FLAG: Schema = { oneOf: [0, 1] };

const METRIC: Schema = {
    options: {
        id: "string",
        type: {
            oneOf: ["count", "avg", "max", "min", "sum", "cardinality", "derivative", "positive_only", "series_agg"],
        },
        field: "string",
        unit: "text",
        function: "string",
    },
    required: ["id", "type"],
};

const SERIES: Schema = {
    options: {
        id: "string",
        label: "string",
        color: "string",
        type: "string",
        split_mode: { oneOf: ["everything", "terms", "filter", "filters"] },
        split_color_mode: { oneOf: ["opensearchDashboards", "rainbow", "gradient"] },
        terms_field: "string",
        terms_size: "string",
        terms_order_by: "string",
        terms_direction: { oneOf: ["asc", "desc"] },
        metrics: { list: METRIC },
        filter: QUERY,
        override_index_pattern: FLAG,
        series_index_pattern: "string",
        series_time_field: "string",
        series_interval: "string",
        series_drop_last_bucket: FLAG,
        separate_axis: FLAG,
        axis_position: { oneOf: ["left", "right"] },
        formatter: "string",
        chart_type: { oneOf: ["line", "bar"] },
        line_width: "number",
        point_size: "number",
        fill: "number",
        stacked: { oneOf: ["none", "stacked", "percent", "stacked_within_series"] },
        value_template: "string",
    },
    required: ["id", "color", "split_mode", "metrics", "axis_position", "formatter", "chart_type", "stacked"],
};

/** What a chart asks its server for. Source: src/plugins/vis_type_timeseries/common/vis_schema.ts, which takes no unknown options either. */
export const CHART: Schema = {
    options: {
        id: "string",
        type: { oneOf: ["timeseries", "metric", "top_n", "gauge", "markdown", "table"] },
        series: { list: SERIES },
        index_pattern: "string",
        time_field: "string",
        interval: "string",
        axis_position: { oneOf: ["left", "right"] },
        axis_formatter: "string",
        axis_scale: { oneOf: ["normal", "log"] },
        axis_min: "string",
        axis_max: "string",
        show_legend: FLAG,
        legend_position: { oneOf: ["right", "left", "bottom"] },
        show_grid: FLAG,
        tooltip_mode: { oneOf: ["show_all", "show_focused"] },
        drop_last_bucket: FLAG,
        isModelInvalid: "boolean",
    },
    required: [
        "id",
        "type",
        "series",
        "index_pattern",
        "interval",
        "axis_position",
        "axis_formatter",
        "axis_scale",
        "show_legend",
        "show_grid",
    ],
};

/** Of an exported object: src/core/server/saved_objects/export and import. */
export const OBJECT: Schema = {
    options: {
        type: { oneOf: ["index-pattern", "visualization", "dashboard"] },
        id: "string",
        attributes: {
            options: {
                title: "string",
                description: "text",
                timeFieldName: "string",
                visState: "string",
                uiStateJSON: "string",
                version: "integer",
                kibanaSavedObjectMeta: { options: { searchSourceJSON: "string" } },
                hits: "integer",
                panelsJSON: "string",
                optionsJSON: "string",
                timeRestore: "boolean",
                timeFrom: "string",
                timeTo: "string",
                refreshInterval: { options: { pause: "boolean", value: "integer" } },
            },
            required: ["title"],
        },
        references: {
            list: { options: { name: "string", type: "string", id: "string" }, required: ["name", "type", "id"] },
        },
        migrationVersion: { map: "string" },
    },
    required: ["type", "id", "attributes", "references"],
};
