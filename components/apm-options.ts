/** Which way telemetry takes from the collectors to OpenSearch: through Data Prepper, or by the collectors' own exporter. */
export type ApmIngest = "data-prepper" | "direct";

/** The setting `apm`. */
export interface ApmOptions {
    /** @default "data-prepper" */
    ingest: ApmIngest;
}

export const APM_DEFAULTS: ApmOptions = { ingest: "data-prepper" };
