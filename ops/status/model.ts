import { PROMETHEUS_DISK } from "../../components/otel-aggregator";
import { AnyValues, Values } from "../../components/settings/keys";
import { CertificateEnds } from "./certificates";
import { Answer, ContainerFacts, HostFacts, parseSamples } from "./facts";
import { Queue, readQueues } from "./queues";
import { drift, RecordedContainers } from "./state";

/** The system in one word. */
export type Verdict = "healthy" | "degraded" | "broken" | "unknown";

/** What `otel-ha status` ends with, for monitoring. */
export const EXIT_CODES: Record<Verdict, number> = { healthy: 0, degraded: 1, broken: 2, unknown: 3 };

/** Something that is not as it should be. */
export interface Finding {
    /** `note` does not change the verdict. */
    severity: "broken" | "degraded" | "unknown" | "note";
    text: string;
}

export interface ServiceStatus {
    /** @example "haproxy" */
    service: string;
    container: string;
    /** ok: it says so itself, and Docker does not say otherwise. */
    state: "ok" | "starting" | "failing" | "down" | "missing" | "unknown";
    /** What is wrong; "" when nothing is. */
    reason: string;
    /** Docker's health; undefined when there is no such container. */
    docker?: string;
    /** HTTP status where its health check asks; undefined when that is not HTTP, or nobody answers. */
    endpoint?: number;
    image?: string;
    restarts?: number;
    /** "" none; undefined not known. */
    drift?: string;
}

/** A disk that gets no more data. */
export interface FullDisk {
    of: "Prometheus" | "the queues";
    freeBytes: number;
}

/** A host of either system. */
export interface HostStatus {
    stack: string;
    name: string;
    address: string;
    reachable: boolean;
    /** Why it cannot be reached. */
    error?: string;
    clockOffsetMs?: number;
    clockErrorMs?: number;
    services: ServiceStatus[];
    /** Undefined: the collector does not say. */
    queues?: Queue[];
    /** When each of its certificates ends; undefined without TLS. */
    certificates?: CertificateEnds;
}

/** A node of the pair. */
export interface NodeStatus extends HostStatus {
    holdsVip?: boolean;
    /** Addresses that Thanos Query on this node reads from, and what is wrong with each ("": nothing); undefined when it does not say. */
    stores?: Record<string, string>;
    /** Write quorum of the object store as this node sees it; undefined when it has none, or does not say. */
    writeQuorum?: boolean;
    /** Disks with so little room that they are given no more data (`diskReserve`). */
    fullDisks?: FullDisk[];
    /** Writes to Prometheus' log that have failed since it started; undefined when it does not say. */
    failedLogWrites?: number;
    /** Logs that Prometheus had to mend when it started, or since; undefined when it does not say. */
    mendedLogs?: number;
    /** Last successful upload of a block, seconds since 1970; undefined when there was none since the start, or it is not known. */
    lastUploadSeconds?: number;
}

export interface Redundancy {
    /** Undefined: cannot be told. */
    full?: boolean;
    text: string;
    /** Data that waits for a node, by its name. */
    waiting: Record<string, { bytes: number; oldestSeconds?: number }>;
}

/** How a system is, whichever it is. */
export interface SystemStatus<N extends HostStatus = HostStatus> {
    verdict: Verdict;
    /** Largest difference between the hosts' clocks, and how far off that may be. */
    clock?: { differenceMs: number; errorMs: number };
    findings: Finding[];
    nodes: N[];
}

/** How the pair is. */
export interface Status extends SystemStatus<NodeStatus> {
    vip: { address: string; owners: string[]; answers?: boolean };
    redundancy: Redundancy;
}

/** What is known of one node. */
export interface NodeFacts<V extends AnyValues = Values> {
    stack: string;
    values: V;
    /** Services that it should have. @example ["minio", "prometheus"] */
    services: string[];
    facts: HostFacts;
    recorded: RecordedContainers;
}

/** One host's facts, made sense of, whichever system it is of. Pure. */
export function hostStatus({ stack, values, services, facts, recorded }: NodeFacts<AnyValues>): HostStatus {
    const { host, error } = facts;
    const node = { stack, name: values.nodeName, address: values.nodeAddress };
    if (!host) {
        const unknown = services.map((service): ServiceStatus => {
            return { service, container: `${service}-${values.nodeName}`, state: "unknown", reason: "" };
        });
        return { ...node, reachable: false, error, services: unknown };
    }
    return {
        ...node,
        reachable: true,
        clockOffsetMs: host.clockOffsetMs,
        clockErrorMs: host.clockErrorMs,
        services: services.map((service) => {
            const container = `${service}-${values.nodeName}`;
            const found = host.containers[container];
            return {
                service,
                container,
                ...serviceState(host.dockerVersion !== undefined, found, host.answers[container]),
                docker: found?.health,
                endpoint: host.answers[container]?.status,
                image: found?.image,
                restarts: found?.restarts,
                drift: host.dockerVersion === undefined ? undefined : drift(found, recorded, container),
            };
        }),
        certificates: values.tls === "off" ? undefined : host.certificates,
    };
}

/** The same of a node of the pair. Pure. */
export function nodeStatus(facts: NodeFacts): NodeStatus {
    const { values, services } = facts;
    const { host } = facts.facts;
    if (!host) return hostStatus(facts);
    return {
        ...hostStatus(facts),
        holdsVip: host.holdsVip,
        queues: readQueues(values, host.answers.queues, host.answers["since-empty"]),
        writeQuorum: services.includes("minio") ? quorum(host.answers[`minio-${values.nodeName}`]) : undefined,
        stores: readStores(host.answers.stores),
        fullDisks: fullDisks(host.answers.disks),
        failedLogWrites: sample(host.answers["log-writes"], "prometheus_tsdb_wal_writes_failed_total"),
        mendedLogs: sample(host.answers["log-writes"], "prometheus_tsdb_wal_corruptions_total"),
        lastUploadSeconds: lastUpload(host.answers.uploads),
    };
}

function serviceState(
    dockerAnswers: boolean,
    container: ContainerFacts | undefined,
    answer: Answer | undefined,
): Pick<ServiceStatus, "state" | "reason"> {
    const answers = answer?.status === undefined ? "does not answer" : `answers ${answer.status}`;
    const works = answer === undefined || answer.status === 200;
    if (!dockerAnswers) return { state: "unknown", reason: "Docker does not answer" };
    if (!container) return { state: "missing", reason: "no such container" };
    if (container.status !== "running") return { state: "down", reason: container.status };
    if (container.health === "starting" && !(works && answer))
        return { state: "starting", reason: works ? "Docker: starting" : answers };
    if (!works) return { state: "failing", reason: answers };
    if (container.health === "unhealthy") return { state: "failing", reason: "Docker: unhealthy" };
    return { state: "ok", reason: "" };
}

function quorum(answer: Answer | undefined): boolean | undefined {
    return answer?.status === undefined ? undefined : answer.status === 200;
}

const sample = (answer: Answer | undefined, metric: string): number | undefined =>
    parseSamples(answer?.lines ?? []).find(({ name }) => name === metric)?.value;

// The collector has a line for a disk only while there is too little room.
function fullDisks(answer: Answer | undefined): FullDisk[] {
    return parseSamples(answer?.lines ?? []).map(({ labels, value }) => {
        return { of: labels.mountpoint === PROMETHEUS_DISK ? "Prometheus" : "the queues", freeBytes: value };
    });
}

function readStores(answer: Answer | undefined): Record<string, string> | undefined {
    try {
        const { data } = JSON.parse(answer?.lines[0] ?? "") as {
            data: Record<string, { name: string; lastError: unknown }[]>;
        };
        const all = Object.values(data).flat();
        return Object.fromEntries(all.map(({ name, lastError }) => [name, lastError ? errorText(lastError) : ""]));
    } catch {
        return undefined;
    }
}

// Thanos writes Go's errors as they come: as text, or as an object without any.
const errorText = (error: unknown): string => (typeof error === "string" ? error : "cannot be reached");

function lastUpload(answer: Answer | undefined): number | undefined {
    const times = parseSamples(answer?.lines ?? []).map(({ value }) => value);
    // Thanos starts with 0, and has one line per bucket.
    const latest = Math.max(0, ...times);
    return latest > 0 ? latest : undefined;
}
