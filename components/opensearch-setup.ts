import { createHash } from "crypto";
import { securityLines } from "./opensearch-security";
import { mebibytes, parseDuration, seconds, Size, Duration } from "./units";

/** How fast copies are made again. */
export type RecoveryPreset = "safe" | "fast";

/** Where snapshots go. */
export type SnapshotSettings =
    | {
          /** A directory that all members share, as over NFS. */
          type: "fs";
          /** On each host. @example "/mnt/snapshots" */
          directory: string;
      }
    | {
          /** With the image's plugin repository-s3. */
          type: "s3";
          bucket: string;
          /** Host and port. @example "s3.example:443" */
          endpoint: string;
          /** @default "us-east-1" */
          region?: string;
          /** Without TLS. @default false */
          insecure?: boolean;
      };

/** What the cluster is to be, as far as the cluster itself keeps it. */
export interface OpenSearchClusterSettings {
    /** Primary shards of each new index. @default 1 */
    shards?: number;
    /** Copies of each shard besides the primary; one survives the loss of a node. @default 1 */
    replicas?: number;
    /** How long a node may be away before copies of what it has are made elsewhere. @default "1m" (OpenSearch's own) */
    delayedTimeout?: Duration;
    /** A document is found after this. @default "5s" */
    refreshInterval?: Duration;
    /** Most fields that an index may have; what would add more is refused. @default 2000 */
    fieldLimit?: number;
    /** A new index begins when the present one is as old. @default "1d" */
    rolloverAge?: Duration;
    /** A new index begins when the primaries of the present one are as large. @default "20GiB" */
    rolloverSize?: Size;
    /** An index is deleted when the youngest in it is as old. @default "7d" */
    retention?: Duration;
    /** Above this a disk gets no new shards. @default "85%" (OpenSearch's own) */
    watermarkLow?: string;
    /** Above this shards move away. @default "90%" (OpenSearch's own) */
    watermarkHigh?: string;
    /** Above this nothing is written any more. @default "95%" (OpenSearch's own) */
    watermarkFlood?: string;
    /**
     * "safe": OpenSearch's own limits, 2 copies at a time and 40 MB/s for each node. "fast": 6 and 200 MB/s, for SSDs and 10 Gbit/s. @default "safe"
     */
    recovery?: RecoveryPreset;
    /** @default none */
    snapshots?: SnapshotSettings;
}

export const OPENSEARCH_CLUSTER_DEFAULTS = {
    shards: 1,
    replicas: 1,
    delayedTimeout: "1m",
    refreshInterval: "5s",
    fieldLimit: 2000,
    rolloverAge: "1d",
    rolloverSize: "20GiB",
    retention: "7d",
    watermarkLow: "85%",
    watermarkHigh: "90%",
    watermarkFlood: "95%",
    recovery: "safe" as RecoveryPreset,
};

type Complete = OpenSearchClusterSettings & typeof OPENSEARCH_CLUSTER_DEFAULTS;

/** Names of the signals' indices; those that are rolled over are aliases of `NAME-000001` and so on. */
export const ROLLED = ["otel-v1-apm-span", "otel-logs", "otel-metrics"];
/** One document for each pair of services, written again and again: it is not rolled over. */
const SERVICE_MAP = "otel-v1-apm-service-map";

/** Where snapshots are in the container. */
export const SNAPSHOTS = "/mnt/snapshots";

/** One unit, as OpenSearch reads it. Pure. */
export function openSearchDuration(text: Duration): string {
    const all = parseDuration(text) ?? 0;
    const units: [unit: string, size: number][] = [
        ["d", 86_400_000],
        ["h", 3_600_000],
        ["m", 60_000],
        ["s", 1000],
    ];
    const [unit, size] = units.find(([, one]) => all > 0 && all % one === 0) ?? ["ms", 1];
    return `${all / size}${unit}`;
}

/** OpenSearch's mb are MiB. Pure. */
export const openSearchSize = (size: Size): string => `${mebibytes(size)}mb`;

const RECOVERY: Record<RecoveryPreset, Record<string, string | null>> = {
    safe: {
        "cluster.routing.allocation.node_concurrent_recoveries": null,
        "cluster.routing.allocation.cluster_concurrent_rebalance": null,
        "indices.recovery.max_bytes_per_sec": null,
    },
    fast: {
        "cluster.routing.allocation.node_concurrent_recoveries": "6",
        "cluster.routing.allocation.cluster_concurrent_rebalance": "4",
        "indices.recovery.max_bytes_per_sec": "200mb",
    },
};

function clusterSettings(s: Complete): Record<string, string | null> {
    return {
        "cluster.routing.allocation.disk.watermark.low": s.watermarkLow,
        "cluster.routing.allocation.disk.watermark.high": s.watermarkHigh,
        "cluster.routing.allocation.disk.watermark.flood_stage": s.watermarkFlood,
        // Without a manager: what is written is refused, what is read may be old.
        "cluster.no_cluster_manager_block": "write",
        // An index with an alias' name would keep the alias from being made.
        "action.auto_create_index": [...ROLLED, SERVICE_MAP].map((name) => `-${name}`).join(",") + ",+*",
        "action.destructive_requires_name": "true",
        ...RECOVERY[s.recovery],
    };
}

/** Settings of the indices that are there already, too. */
const liveSettings = (s: Complete): Record<string, string> => ({
    "index.number_of_replicas": String(s.replicas),
    "index.refresh_interval": openSearchDuration(s.refreshInterval),
    "index.unassigned.node_left.delayed_timeout": openSearchDuration(s.delayedTimeout),
});

// As the server tells them: text, one object for each part of a name.
function nested(flat: Record<string, string>): object {
    const root: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(flat)) {
        const parts = key.split(".");
        let at = root;
        for (const part of parts.slice(0, -1)) at = (at[part] ??= {}) as Record<string, unknown>;
        at[parts.at(-1)!] = value;
    }
    return root;
}

const keyword = (most: number): object => ({ type: "keyword", ignore_above: most });
const time = { type: "date_nanos" };

/** Of all signals. As keywords: attributes are looked for as they are. A number that comes as text elsewhere is no reason to refuse a document. */
const COMMON = {
    date_detection: false,
    dynamic_templates: [{ text: { match_mapping_type: "string", mapping: keyword(1024) } }],
};

const SCOPE = { properties: { name: keyword(256), version: keyword(64), schemaUrl: keyword(256) } };
const IDS = { traceId: keyword(64), spanId: keyword(32) };

/** The fields that Data Prepper 2 and the collector's exporter for OpenSearch write. */
const PROPERTIES: Record<string, object> = {
    "otel-v1-apm-span": {
        ...IDS,
        parentSpanId: keyword(32),
        name: keyword(1024),
        kind: keyword(32),
        serviceName: keyword(256),
        traceState: keyword(1024),
        traceGroup: keyword(1024),
        "@timestamp": time,
        time,
        startTime: time,
        endTime: time,
        durationInNanos: { type: "long" },
        // A number from the one, a word from the other.
        status: { properties: { code: keyword(32), message: keyword(2048) } },
        instrumentationScope: SCOPE,
        events: { type: "nested", properties: { name: keyword(256), time, "@timestamp": time } },
        links: { type: "nested", properties: IDS },
    },
    "otel-logs": {
        ...IDS,
        body: { type: "text" },
        "@timestamp": time,
        time,
        observedTime: time,
        observedTimestamp: time,
        serviceName: keyword(256),
        severity: { properties: { number: { type: "integer" }, text: keyword(32) } },
        instrumentationScope: SCOPE,
    },
    "otel-metrics": {
        "@timestamp": time,
        time,
        startTime: time,
        name: keyword(256),
        kind: keyword(32),
        unit: keyword(128),
        description: { type: "text" },
        serviceName: keyword(256),
        value: { type: "double" },
        sum: { type: "double" },
        count: { type: "long" },
        min: { type: "double" },
        max: { type: "double" },
        instrumentationScope: SCOPE,
    },
    [SERVICE_MAP]: {
        hashId: keyword(1024),
        serviceName: keyword(1024),
        kind: keyword(1024),
        traceGroupName: keyword(1024),
    },
};

function template(name: string, s: Complete): object {
    const rolled = ROLLED.includes(name);
    const settings = {
        "index.number_of_shards": String(s.shards),
        ...liveSettings(s),
        "index.mapping.total_fields.limit": String(s.fieldLimit),
        "index.mapping.ignore_malformed": "true",
        ...(rolled ? { "index.plugins.index_state_management.rollover_alias": name } : {}),
    };
    return {
        index_patterns: rolled ? [`${name}-0*`] : [name],
        template: { settings: nested(settings), mappings: { ...COMMON, properties: PROPERTIES[name] } },
        composed_of: [],
        priority: 200,
    };
}

function policy(s: Complete): object {
    const body = {
        default_state: "written",
        states: [
            {
                name: "written",
                actions: [
                    {
                        rollover: {
                            min_index_age: openSearchDuration(s.rolloverAge),
                            min_size: openSearchSize(s.rolloverSize),
                        },
                    },
                ],
                transitions: [
                    { state_name: "deleted", conditions: { min_rollover_age: openSearchDuration(s.retention) } },
                ],
            },
            { name: "deleted", actions: [{ delete: {} }], transitions: [] },
        ],
        ism_template: [{ index_patterns: ROLLED.map((name) => `${name}-0*`), priority: 200 }],
    };
    const digest = createHash("sha256").update(JSON.stringify(body)).digest("hex").slice(0, 16);
    return { policy: { description: `otel-ha ${digest}`, ...body } };
}

function repository(snapshots: SnapshotSettings): object {
    if (snapshots.type === "fs") return { type: "fs", settings: { location: SNAPSHOTS } };
    const { bucket, endpoint, region = "us-east-1", insecure } = snapshots;
    // The client's endpoint is the repository's, so that nothing of it is in opensearch.yml.
    return {
        type: "s3",
        settings: {
            bucket,
            endpoint,
            region,
            protocol: insecure ? "http" : "https",
            path_style_access: "true",
        },
    };
}

/** Of the index in which nodes note who is being restarted. */
const ownIndex = (s: { delayedTimeout: Duration }) => ({
    "index.hidden": true,
    "index.auto_expand_replicas": "0-1",
    "index.unassigned.node_left.delayed_timeout": s.delayedTimeout,
});

/** What setup-opensearch makes the cluster: one line each, KIND NAME JSON. Pure. */
export function desiredText(settings: OpenSearchClusterSettings): string {
    const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
    const s = { ...OPENSEARCH_CLUSTER_DEFAULTS, ...given } as Complete;
    const line = (kind: string, name: string, value: unknown): string => `${kind} ${name} ${JSON.stringify(value)}`;
    const all = [...ROLLED, SERVICE_MAP];
    return [
        ...securityLines(),
        ...Object.entries(clusterSettings(s)).map(([key, value]) => line("setting", key, value)),
        line("policy", "otel-ha", policy(s)),
        ...all.map((name) => line("template", name, template(name, s))),
        line("index", ".otel-ha", { settings: ownIndex(s) }),
        ...ROLLED.map((name) => line("index", name, { aliases: { [name]: { is_write_index: true } } })),
        line("index", SERVICE_MAP, {}),
        line("live", `${ROLLED.map((name) => `${name}-0*`).join(",")},${SERVICE_MAP}`, liveSettings(s)),
        ...(s.snapshots ? [line("repository", "snapshots", repository(s.snapshots))] : []),
        "",
    ].join("\n");
}

/** Options of start-opensearch, where the plugin that rolls indices over is not there. Pure. */
export function rollOptions(settings: OpenSearchClusterSettings): string[] {
    const { rolloverAge, rolloverSize, retention } = { ...OPENSEARCH_CLUSTER_DEFAULTS, ...settings };
    return [
        ...ROLLED.flatMap((name) => ["--roll", name]),
        "--roll-age",
        openSearchDuration(rolloverAge),
        "--roll-size",
        openSearchSize(rolloverSize),
        "--keep",
        String(Math.ceil(seconds(retention))),
    ];
}
