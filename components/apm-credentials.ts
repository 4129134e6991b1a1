import * as pulumi from "@pulumi/pulumi";

/** The secrets that all nodes of Container APM share. */
export interface ApmCredentials {
    /** Of OpenSearch's user `admin`, who may do everything. */
    opensearchAdminPassword: pulumi.Input<string>;
    /** Of the user `writer`, with whom telemetry is written, and nothing else done. */
    opensearchWriterPassword: pulumi.Input<string>;
    /** Of the user `reader`, who may search telemetry. */
    opensearchReaderPassword: pulumi.Input<string>;
    /** Of the user `dashboards`, as which OpenSearch Dashboards keeps its own indexes. */
    opensearchDashboardsPassword: pulumi.Input<string>;
    /** Of the user `monitor`, who may ask how the cluster is. */
    opensearchMonitorPassword: pulumi.Input<string>;
    /** What the collectors show to Data Prepper. */
    dataPrepperPassword: pulumi.Input<string>;
    /** What OpenSearch Dashboards signs the cookies of its sessions with; the same on all nodes, so that a session outlives one. */
    dashboardsCookieSecret: pulumi.Input<string>;
}

/** Name of one of the secrets of Container APM. */
export type ApmCredentialName = keyof ApmCredentials;

/** Letters and digits only, as the other system's: 32 of them are 190 bits. */
export const APM_CREDENTIAL_LENGTHS: Record<ApmCredentialName, number> = {
    opensearchAdminPassword: 32,
    opensearchWriterPassword: 32,
    opensearchReaderPassword: 32,
    opensearchDashboardsPassword: 32,
    opensearchMonitorPassword: 32,
    dataPrepperPassword: 32,
    dashboardsCookieSecret: 32,
};

/** Names of the secrets of Container APM that can be made anew, one by one. */
export const APM_SECRET_NAMES = [
    "opensearchAdmin",
    "opensearchWriter",
    "opensearchReader",
    "opensearchDashboards",
    "opensearchMonitor",
    "dataPrepper",
    "dashboardsCookie",
    "otlpTokens",
    "certificates",
    "ca",
] as const;

/** Name of one of them. */
export type ApmSecretName = (typeof APM_SECRET_NAMES)[number];

/** Which generation each credential is of. */
export const APM_SECRET_OF: Record<ApmCredentialName, ApmSecretName> = {
    opensearchAdminPassword: "opensearchAdmin",
    opensearchWriterPassword: "opensearchWriter",
    opensearchReaderPassword: "opensearchReader",
    opensearchDashboardsPassword: "opensearchDashboards",
    opensearchMonitorPassword: "opensearchMonitor",
    dataPrepperPassword: "dataPrepper",
    dashboardsCookieSecret: "dashboardsCookie",
};
