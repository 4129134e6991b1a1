// What the two collectors of Container APM have in common: where they send, how, and what waits meanwhile.
import * as pulumi from "@pulumi/pulumi";
import type { ServiceFile } from "./container-service";
import { sendSignal, ServiceSettings, withDefaults } from "./service";
import { render } from "./templates";
import { bytes, Duration, mebibytes, seconds, Size } from "./units";

/** A host of Container APM. */
export interface ApmMember {
    /** Its name in the cluster. @example "apm-1" */
    node: string;
    /** IP address. @example "192.168.110.231" */
    address: string;
}

/** A collector of Container APM: where its data go. */
export interface ApmCollectorSettings extends ServiceSettings {
    /** opentelemetry-collector-contrib with a shell and the components of ours; see `images/otel-aggregator`. @default "cmp-otel-aggregator:0.139.0" */
    image?: string;
    /** All hosts, this one among them. */
    members: ApmMember[];
    /** Through Data Prepper, or straight to OpenSearch. Either way this host's own is asked first, and another one when that does not take the data. @default "data-prepper" */
    ingest?: "data-prepper" | "direct";
    /** @default 9200 */
    opensearchHttpPort?: number;
    /** @default 21890 */
    dataPrepperTracesPort?: number;
    /** @default 21891 */
    dataPrepperMetricsPort?: number;
    /** @default 21892 */
    dataPrepperLogsPort?: number;
    /** Whether the back ends use TLS and ask for a login, and applications get TLS; needs certificates. @default true */
    tls?: boolean;
    /** OpenSearch's user who may write. @default "writer" */
    opensearchUser?: string;
    /** Data Prepper's user. @default "data-prepper" */
    dataPrepperUser?: string;
    /** Index, or alias with a write index, for spans that are written straight. @default "otel-v1-apm-span" */
    tracesIndex?: string;
    /** Also for documents that OpenSearch refuses for what they say: as text, of the service "otel-refused". @default "otel-logs" */
    logsIndex?: string;
    /** @default "otel-metrics" */
    metricsIndex?: string;
    /** Memory of the container; above 80 % of it, data is refused and whoever sends tries again. @default "1GiB" for the node's, "512MiB" for the cluster's */
    memoryLimit?: Size;
    /** Rate that the queue is sized for. @default 500 */
    spansPerSecond?: number;
    /** Rate that the queue is sized for. @default 1000 */
    dataPointsPerSecond?: number;
    /** Rate that the queue is sized for. @default 500 */
    logRecordsPerSecond?: number;
    /** Between two looks at what is collected here. @default "10s" */
    interval?: Duration;
}

export const APM_COLLECTOR_DEFAULTS = {
    image: "cmp-otel-aggregator:0.139.0",
    ingest: "data-prepper" as "data-prepper" | "direct",
    opensearchHttpPort: 9200,
    dataPrepperTracesPort: 21890,
    dataPrepperMetricsPort: 21891,
    dataPrepperLogsPort: 21892,
    tls: true,
    opensearchUser: "writer",
    dataPrepperUser: "data-prepper",
    tracesIndex: "otel-v1-apm-span",
    logsIndex: "otel-logs",
    metricsIndex: "otel-metrics",
    spansPerSecond: 500,
    dataPointsPerSecond: 1000,
    logRecordsPerSecond: 500,
    interval: "10s",
};

type Complete = ApmCollectorSettings & typeof APM_COLLECTOR_DEFAULTS & { maxPeerOutage: Duration };

/** The queues in the container. */
export const QUEUE = "/var/lib/otelcol/queue";

/** Configuration in the container. */
export const INSIDE = "/etc/otelcol-contrib";

/** What the settings are given besides. */
export interface ApmCollectorSecrets {
    /** The back end's user: OpenSearch's or Data Prepper's, whichever `ingest` says. Not used without TLS. @default as the settings call it */
    backEndUser?: pulumi.Input<string>;
    /** Of this user. */
    backEndPassword: pulumi.Input<string>;
    /** The CA certificates that are believed, PEM. Needed with TLS. */
    trusted?: pulumi.Input<string>;
}

/** Bytes of an item in a queue: as measured for the aggregator's (docs/design.md), and spans with the attributes of an HTTP request. */
const QUEUED_BYTES = { traces: 512, metrics: 128, logs: 256 };
/** The rate is not steady, and a queue is not to be full. */
const QUEUE_MARGIN = 1.3;

export type ApmSignal = keyof typeof QUEUED_BYTES;

const SIGNALS: ApmSignal[] = ["traces", "metrics", "logs"];

/** Size of one queue: what arrives at the stated rate during the longest absence of the back ends. Pure. */
export function apmQueueBytes(settings: ApmCollectorSettings, signal: ApmSignal): number {
    const s = withDefaults(settings, APM_COLLECTOR_DEFAULTS);
    const rate = { traces: s.spansPerSecond, metrics: s.dataPointsPerSecond, logs: s.logRecordsPerSecond }[signal];
    return Math.ceil(rate * QUEUED_BYTES[signal] * seconds(s.maxPeerOutage) * QUEUE_MARGIN);
}

/** All hosts, this one first. Errors: it is not among them. Pure. */
export function ownFirst({ node, members }: Pick<ApmCollectorSettings, "node" | "members">): ApmMember[] {
    const own = members.filter((member) => member.node === node);
    if (own.length !== 1) throw new pulumi.RunError(`members: ${node} must be there once, with its address`);
    return [...own, ...members.filter((member) => member.node !== node)];
}

function exporterView(s: Complete, signal: ApmSignal): object {
    const ports = {
        traces: s.dataPrepperTracesPort,
        metrics: s.dataPrepperMetricsPort,
        logs: s.dataPrepperLogsPort,
    };
    const direct = s.ingest === "direct";
    const endpoint = ({ address }: ApmMember): string =>
        direct ? opensearchUrl(s, address) : `${address}:${ports[signal]}`;
    return {
        name: `${exporterType(s)}/${signal}`,
        direct,
        endpoints: ownFirst(s).map(endpoint),
        queueBytes: apmQueueBytes(s, signal),
    };
}

const exporterType = (s: Complete): string => (s.ingest === "direct" ? "opensearch_bulk" : "otlp_failover");

/** Where a host's OpenSearch is asked. Pure. */
export const opensearchUrl = (s: Pick<Complete, "tls" | "opensearchHttpPort">, address: string): string =>
    `${s.tls ? "https" : "http"}://${address}:${s.opensearchHttpPort}`;

/** The parts of a collector's config.yaml that both have. Pure. */
export function commonView(
    s: Complete,
    signals: ApmSignal[],
    ports: { healthPort: number; metricsPort: number },
): object {
    const view = { ...s, ...ports, queue: QUEUE, inside: INSIDE };
    const part = (name: string, more = {}): string =>
        render(`apm-collector/${name}.yaml`, { ...view, ...more }).trimEnd();
    // Without Data Prepper the exporter makes the id.
    const uid = s.ingest === "data-prepper";
    return {
        ...view,
        extensions: part("extensions"),
        exporters: part("exporters", { exporters: signals.map((signal) => exporterView(s, signal)) }),
        telemetry: part("telemetry"),
        exporter: exporterType(s),
        uid: uid ? part("uid") : "",
        uidProcessor: uid ? ", transform/uid" : "",
        memoryLimitMib: Math.floor(mebibytes(s.memoryLimit!) * 0.8),
        memorySpikeLimitMib: Math.floor(mebibytes(s.memoryLimit!) * 0.2),
    };
}

type Named = Pick<Complete, "ingest" | "opensearchUser" | "dataPrepperUser">;

const backEndUser = (s: Named): string => (s.ingest === "direct" ? s.opensearchUser : s.dataPrepperUser);

/** Below where data is refused: 80 % of the limit less the spike of 20 %, and 85 % of that. Pure. */
export const apmGoMemoryLimit = (limit: Size): string => `${Math.floor(mebibytes(limit) * 0.6 * 0.85)}MiB`;

/** What the collector of a container has to itself: a file that is given again is taken without a restart. Pure. */
export function reloadable(container: string): (file: ServiceFile) => ServiceFile {
    // The pipelines stop and start again: the pause lets the health check see the new ones rather than the old.
    return (file) => ({ ...file, reload: `${sendSignal("HUP", container)} && sleep 1` });
}

/** Certificates and passwords for the back ends. Errors: TLS without the CA's certificate. */
export function backEndFiles(
    settings: Named & Pick<Complete, "node" | "tls">,
    directory: string,
    owner: string,
    secrets: ApmCollectorSecrets,
): ServiceFile[] {
    if (!settings.tls) return [];
    if (secrets.trusted === undefined)
        throw new pulumi.RunError(
            `the collectors of ${settings.node}: with tls they need the CA's certificate (trusted)`,
        );
    return [
        { path: `${directory}/trusted.pem`, content: secrets.trusted },
        {
            path: `${directory}/back-end-user`,
            content: secrets.backEndUser ?? backEndUser(settings),
            ...secretOf(owner),
        },
        { path: `${directory}/back-end-password`, content: pulumi.secret(secrets.backEndPassword), ...secretOf(owner) },
    ];
}

/** How a secret's file is kept. Pure. */
export const secretOf = (owner: string): Pick<ServiceFile, "mode" | "owner"> => ({ mode: "0400", owner });

/** The collector's own validator, which reads the files that the configuration names, as the collector's user. Pure. */
export function validator(image: string, user: string): string {
    return `docker run --rm --network none --user ${user} --cap-drop ALL --tmpfs ${QUEUE} -v "$DIR":${INSIDE}:ro ${image} validate --config "${INSIDE}/$CANDIDATE"`;
}

/** What is to have room on the host while the back ends are away. Pure. */
export function apmBacklogBytes(settings: ApmCollectorSettings, signals: ApmSignal[] = SIGNALS): number {
    return signals.reduce((total, signal) => total + apmQueueBytes(settings, signal), 0);
}

/** Bytes and MiB of the largest request. Pure. */
export const bodyLimits = (maxBody: Size): object => ({ maxBodyBytes: bytes(maxBody), maxBodyMib: mebibytes(maxBody) });
