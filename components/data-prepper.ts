import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { ContainerService, ContainerServiceArgs, ContainerSpec, gateArgs, ServiceFile } from "./container-service";
import { dataPrepperPipelines, DOORS, TelemetryIndices, TELEMETRY_INDICES } from "./data-prepper-pipelines";
import { PortUse, PRIVATE, Requirements } from "./host";
import { withIssuer } from "./pem";
import { pkcs12OfPem } from "./pkcs12";
import { healthCheck, ServiceArgs, ServiceSettings, withDefaults } from "./service";
import { helper } from "./shell";
import { render, templateText } from "./templates";
import { Identity } from "./tls";
import { Duration, mebibytes, parseDuration, seconds, Size } from "./units";

/** Data Prepper of one node: takes OTLP, makes traces whole together with the other nodes', and writes to OpenSearch. */
export interface DataPrepperSettings extends ServiceSettings {
    /**
     * From 2.15.1 on a connection that is reset is not taken by the sender for a refusal of what it sent; before 2.12.2 OpenSearch's certificate was not
     * looked at, and before 2.12.0 spans of different traces could be the same document (release notes). @default "opensearchproject/data-prepper:2.15.1"
     */
    image?: string;
    /** OTLP/gRPC: traces. @default 21890 */
    tracesPort?: number;
    /** OTLP/gRPC: metrics. @default 21891 */
    metricsPort?: number;
    /** OTLP/gRPC: logs. @default 21892 */
    logsPort?: number;
    /** OTLP/gRPC: all three. @default 21893 */
    otlpPort?: number;
    /** Its own metrics, and its shutdown. @default 4900 */
    apiPort?: number;
    /** The other nodes' spans of traces that belong here. @default 4994 */
    peerPort?: number;
    /** Addresses of all nodes, this one first. Data Prepper runs on each of them. @example ["192.168.110.231", "192.168.110.232", "192.168.110.233"] */
    nodes: string[];
    /** OpenSearch's, on all nodes. @default 9200 */
    opensearchPort?: number;
    /** OpenSearch's user that may write telemetry. @default "writer" */
    writer?: string;
    /** Who collectors, and those who ask for its metrics, say they are. @default "collector" */
    user?: string;
    /** Where telemetry goes: aliases that OpenSearch rolls over. */
    indices?: Partial<TelemetryIndices>;
    /** Attribute that the collectors give each log record, the same whenever they send it: a document is known by it. @default "log.record.uid" */
    logId?: string;
    /** The same for data points. @default "metric.point.uid" */
    pointId?: string;
    /** Data directory on the host. @default "/data/volume/otel/data-prepper" */
    dataDir?: string;
    /** Memory of the container. @default "2GiB" */
    memoryLimit?: Size;
    /** Memory for what is on its way; the rest is for threads and connections. @default "auto": half of `memoryLimit` */
    heap?: Size | "auto";
    /** Threads per pipeline; each sends requests of its own. @default 2 */
    workers?: number;
    /** Records that wait in each pipeline, at most. @default 12800 (Data Prepper's own) */
    bufferRecords?: number;
    /** What is written waits so long for company. Data Prepper's own is a minute. @default "1s" */
    flushTimeout?: Duration;
    /** How long spans wait for the root of their trace, and how often the map of services is drawn. Data Prepper's own is 180 s. @default "30s" */
    traceWait?: Duration;
    /** After a start, how long OpenSearch must be all green; then it will do that it can be written to. @default "120s" */
    greenGrace?: Duration;
    /** How long a deployment waits for an OpenSearch that can be written to, before it says so and goes on. @default "300s" */
    greenTimeout?: Duration;
    /** How often a deployment starts it anew when some of its pipelines are stuck. @default 2 */
    restarts?: number;
}

export const DATA_PREPPER_DEFAULTS = {
    image: "opensearchproject/data-prepper:2.15.1",
    tracesPort: 21890,
    metricsPort: 21891,
    logsPort: 21892,
    otlpPort: 21893,
    apiPort: 4900,
    peerPort: 4994,
    opensearchPort: 9200,
    writer: "writer",
    user: "collector",
    logId: "log.record.uid",
    pointId: "metric.point.uid",
    dataDir: "/data/volume/otel/data-prepper",
    memoryLimit: "2GiB",
    heap: "auto" as Size | "auto",
    workers: 2,
    bufferRecords: 12_800,
    flushTimeout: "1s",
    traceWait: "30s",
    greenGrace: "120s",
    greenTimeout: "300s",
    restarts: 2,
};

type Complete = DataPrepperSettings & typeof DATA_PREPPER_DEFAULTS & { configDir: string };

/** User of the upstream image since 2.11 (nobody). */
const DATA_PREPPER_USER = "65534:65534";

/** Its files in the container. */
const INSIDE = "/etc/data-prepper";

/** Copies with the secrets in them, in memory. */
const RUN = "/tmp/data-prepper";

/** What Data Prepper shows and asks for. */
export interface DataPrepperSecrets {
    /** OpenSearch's user that may write telemetry. @default {@link DataPrepperSettings.writer} */
    writerUser?: pulumi.Input<string>;
    /** Of this user. Letters and digits. */
    writerPassword: pulumi.Input<string>;
    /** Of {@link DataPrepperSettings.user}, for its sources and its API. Letters and digits. */
    password: pulumi.Input<string>;
    /** For collectors and the other nodes. Server and client; of the node's name and address, and 127.0.0.1. */
    identity: Identity;
    /** The CA certificates that are believed, PEM: one, or two while a CA is replaced. */
    trusted: pulumi.Input<string>;
}

const heapMebibytes = (s: Complete): number => (s.heap === "auto" ? mebibytes(s.memoryLimit) / 2 : mebibytes(s.heap));

const hosts = (s: Complete): string[] => s.nodes.map((address) => `https://${address}:${s.opensearchPort}`);

const ports = (s: Complete): number[] => DOORS.map(({ port }) => s[port]);

/** Its pipelines, with words for secrets. Pure. */
export function dataPrepperPipelinesConfig(settings: DataPrepperSettings): string {
    const s = withDefaults(settings, DATA_PREPPER_DEFAULTS);
    const pipelines = dataPrepperPipelines({ ...TELEMETRY_INDICES, ...s.indices }, s);
    return render("data-prepper/pipelines.yaml", {
        ...s,
        pipelines,
        hosts: hosts(s),
        inside: INSIDE,
        // Milliseconds between looks into an empty buffer; also how late a flush can be.
        delay: 100,
        batchRecords: 200,
        threads: 50,
        flushTimeout: parseDuration(s.flushTimeout),
        traceWait: Math.ceil(seconds(s.traceWait)),
    });
}

/** Its server, its memory, and the other nodes, with words for secrets. Pure. */
export function dataPrepperConfig(settings: DataPrepperSettings): string {
    const s = withDefaults(settings, DATA_PREPPER_DEFAULTS);
    return render("data-prepper/data-prepper-config.yaml", {
        ...s,
        inside: INSIDE,
        run: RUN,
        breaker: Math.floor(heapMebibytes(s) * 0.8),
        // By itself it has nobody to share traces with.
        peers: s.nodes.length > 1,
        // In one order on all nodes: so that their files are alike.
        nodes: [...s.nodes].sort(),
    });
}

/** Container, files and health of Data Prepper. Pure but for the secrets that it passes on. */
export function dataPrepperSpec(settings: DataPrepperSettings, secrets: DataPrepperSecrets): ContainerSpec {
    const s = withDefaults(settings, DATA_PREPPER_DEFAULTS);
    const directory = `${s.configDir}/data-prepper`;
    const heap = heapMebibytes(s);
    const pipelines = dataPrepperPipelines({ ...TELEMETRY_INDICES, ...s.indices }, s);
    return {
        container: `data-prepper-${s.node}`,
        image: s.image,
        user: DATA_PREPPER_USER,
        entrypoint: ["/bin/sh", `${INSIDE}/start.sh`],
        environment: {
            JAVA_OPTS: [
                `-Xms${heap}m -Xmx${heap}m -XX:MaxDirectMemorySize=${Math.floor(heap / 2)}m`,
                "-XX:+ExitOnOutOfMemoryError",
                `-Dlog4j.configurationFile=${INSIDE}/log4j2.properties`,
            ].join(" "),
            OPENSEARCH_HOSTS: hosts(s).join(" "),
            INDICES: [...new Set(pipelines.flatMap(({ index }) => index ?? []))].join(" "),
            GREEN_GRACE: String(Math.ceil(seconds(s.greenGrace))),
            PIPELINES: pipelines.map(({ name }) => name).join(" "),
            SOURCE_PORTS: ports(s).join(" "),
            API_PORT: String(s.apiPort),
            API_USER: s.user,
        },
        memoryLimit: s.memoryLimit,
        mounts: [
            { source: directory, target: INSIDE, readOnly: true },
            { source: `${s.dataDir}/dlq`, target: "/dlq" },
            // Where the map of services is kept while it is drawn: more than fits into memory, and of no worth after a start.
            { source: `${s.dataDir}/service-map`, target: "/tmp/data/service-map" },
        ],
        files: dataPrepperFiles(s, directory, secrets),
        healthCheck: { ...healthCheck(s, `/bin/sh ${INSIDE}/health.sh`), timeout: "15s" },
        readyTimeout: s.readyTimeout,
        // What is in its buffers is written first: 10 s for what is to be forwarded, and 30 s each for processors and sinks.
        stopSeconds: 90,
    };
}

// It reads all of them only when it starts, so that whatever changes makes the container anew.
function dataPrepperFiles(s: Complete, directory: string, secrets: DataPrepperSecrets): ServiceFile[] {
    const secret: Pick<ServiceFile, "mode" | "owner"> = { mode: "0400", owner: DATA_PREPPER_USER };
    const chain = pulumi
        .all([secrets.identity.certificate, secrets.trusted])
        .apply(([certificate, trusted]) => withIssuer(certificate, trusted).map(String));
    const store = pulumi
        .all([secrets.identity.certificate, secrets.trusted, secrets.identity.key, secrets.password])
        .apply(([certificate, trusted, key, password]) =>
            pkcs12OfPem(withIssuer(certificate, trusted), key, "data-prepper", password).toString("base64"),
        );
    return [
        {
            path: `${directory}/secrets.env`,
            content: pulumi.secret(
                pulumi.interpolate`WRITER_USER=${secrets.writerUser ?? s.writer}\nWRITER_PASSWORD=${secrets.writerPassword}\nOWN_PASSWORD=${secrets.password}\nKEYSTORE=${store}\n`,
            ),
            ...secret,
        },
        { path: `${directory}/server.key`, content: pulumi.secret(secrets.identity.key), ...secret },
        { path: `${directory}/server.pem`, content: chain.apply((all) => all.join("")) },
        { path: `${directory}/opensearch-ca.pem`, content: chain.apply((all) => all.at(-1)!) },
        { path: `${directory}/trusted.pem`, content: secrets.trusted },
        ...["start.sh", "health.sh", "log4j2.properties"].map((name) => ({
            path: `${directory}/${name}`,
            content: templateText(`data-prepper/${name}`),
        })),
        { path: `${directory}/data-prepper-config.yaml`, content: dataPrepperConfig(s) },
        { path: `${directory}/pipelines.yaml`, content: dataPrepperPipelinesConfig(s) },
    ];
}

const OTLP_ACCESS = "TLS; the collectors' password";

/** What Data Prepper needs of its host. Pure. */
export function dataPrepperRequirements(settings: DataPrepperSettings): Requirements {
    const s = withDefaults(settings, DATA_PREPPER_DEFAULTS);
    const own = { owner: DATA_PREPPER_USER, mode: PRIVATE };
    const sources = DOORS.map(
        ({ port, key, what }): PortUse => ({
            port: s[port],
            key,
            use: `Data Prepper OTLP ${what}`,
            audience: ["peer"],
            access: OTLP_ACCESS,
            why: "the collectors of all nodes, when their own host's does not take what they send",
        }),
    );
    return {
        container: `data-prepper-${s.node}`,
        directories: [
            { path: `${s.configDir}/data-prepper` },
            { path: s.dataDir, ...own },
            { path: `${s.dataDir}/dlq`, ...own },
            { path: `${s.dataDir}/service-map`, ...own },
        ],
        ports: [
            ...sources,
            {
                port: s.apiPort,
                key: "dataPrepperApiPort",
                use: "Data Prepper API",
                audience: ["admins", "peer"],
                access: OTLP_ACCESS,
                why: "its metrics, for the cluster collector",
            },
            {
                port: s.peerPort,
                key: "dataPrepperPeerPort",
                use: "Data Prepper peer forwarder",
                audience: s.nodes.length > 1 ? ["peer"] : [],
                access: "TLS; a certificate of the system's CA",
                why: "spans of traces that are made whole on this node",
            },
        ],
        dataPaths: [{ path: s.dataDir }],
        scripts: ["await-data-prepper"],
    };
}

/** The gate's command line. Pure. */
export function awaitDataPrepperCommand(settings: DataPrepperSettings): string {
    const s = withDefaults(settings, DATA_PREPPER_DEFAULTS);
    const words = ["--timeout", String(Math.ceil(seconds(s.readyTimeout)))];
    words.push("--green-timeout", String(Math.ceil(seconds(s.greenTimeout))), "--restarts", String(s.restarts));
    return helper("await-data-prepper", ...words, `data-prepper-${s.node}`);
}

/** Arguments of {@link DataPrepper}. `after`: OpenSearch's `ready`. */
export interface DataPrepperArgs extends ServiceArgs<DataPrepperSettings>, DataPrepperSecrets {}

interface DataPrepperServiceArgs extends ContainerServiceArgs {
    settings: DataPrepperSettings;
}

/** Data Prepper on one host, ready when each of its pipelines runs. */
export class DataPrepper extends ContainerService {
    constructor(name: string, args: DataPrepperArgs, opts?: pulumi.ComponentResourceOptions) {
        const { host, after, settings } = args;
        const service: DataPrepperServiceArgs = { ...dataPrepperSpec(settings, args), host, after, settings };
        super(name, service, opts, "DataPrepper");
    }

    /** Looks at each pipeline, and starts a stuck one anew. */
    protected override createGate(
        name: string,
        args: DataPrepperServiceArgs,
        container: docker.Container,
    ): pulumi.Resource {
        return new command.remote.Command(
            `${name}-ready`,
            {
                ...gateArgs(args, awaitDataPrepperCommand(args.settings)),
                stdin: pulumi.interpolate`container ${container.id}\n`,
            },
            { parent: this, dependsOn: container, ...args.host.commandOptions },
        );
    }
}
