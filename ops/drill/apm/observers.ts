/** Everything that runs beside a drill of Container APM: load, probes, and what follows the cluster and the hosts. */
import type { ClusterApi } from "../../apm/cluster";
import { ClusterPoller, ClusterRecord } from "../../apm/poller";
import type { ClientPlan } from "../load/plan";
import { Worker, type WorkerResult } from "../load/process";
import type { TimelineEvent } from "../report/schema";
import { HostWatch } from "../watch/hosts";
import { chronicle } from "./chronicle";
import { ANSWER_TIMEOUT_MS, applications, intakeProbes, writeProbes } from "./load";
import type { ApmDrillOptions } from "./options";
import type { ApmPreflight } from "./preflight";
import { QueueWatch } from "./queues";
import { hasDashboards } from "./target";

/** Requests that a settling generator still waits for, milliseconds. */
const GRACE_MS = 20_000;
const SEARCH_INTERVAL_MS = 500;

/** What the observers have seen. */
export interface ApmObserved {
    /** Applications, and the probes of the collectors. */
    load: WorkerResult;
    /** Probes that write straight into OpenSearch. */
    writes: WorkerResult;
    searches: WorkerResult;
}

/** Started together, stopped together. */
export class ApmObservers {
    readonly record: ClusterRecord;
    readonly queues: QueueWatch;
    readonly startedAt = Date.now();
    private readonly poller: ClusterPoller;
    private readonly hosts: HostWatch;
    private readonly load: Worker;
    private readonly writes: Worker;
    private readonly searches: Worker;

    constructor(
        run: string,
        index: { name: string; routings: string[] },
        options: ApmDrillOptions,
        before: ApmPreflight,
        note: (event: TimelineEvent) => void,
    ) {
        const { access, members, system } = before;
        const { values } = members[0]!.node;
        const nodes = members.map(({ name, node }) => ({ name, address: node.address }));
        const apis = new Map<string, ClusterApi>(members.map(({ name, api }) => [name, api]));
        const offsets = Object.fromEntries(system.nodes.map(({ name, clockOffsetMs }) => [name, clockOffsetMs ?? 0]));
        this.record = new ClusterRecord(chronicle(note));
        this.poller = new ClusterPoller(apis, this.record);
        this.queues = new QueueWatch(members);
        this.hosts = new HostWatch(
            members.map(({ name, node }) => ({ name, exec: (...line) => node.exec(...line) })),
            undefined,
            offsets,
            note,
        );
        const ports = { host: nodes[0]!.address, grpcPort: values.otlpGrpcPort };
        const clients: ClientPlan[] = [...applications(nodes, options), ...intakeProbes(nodes)];
        this.load = Worker.send({ run, ...ports, httpPort: values.otlpHttpPort, door: access.otlp, clients });
        this.writes = Worker.send({
            ...{ run, ...ports, httpPort: values.opensearchHttpPort, door: access.opensearch, index: index.name },
            clients: writeProbes(nodes, index.routings),
        });
        this.searches = Worker.search({
            ...{ run, index: index.name, doors: access.doors },
            ...{ intervalMs: SEARCH_INTERVAL_MS, timeoutMs: ANSWER_TIMEOUT_MS },
            nodes: members.map(({ name, node }) => ({
                node: name,
                url: access.url(node.address, values.opensearchHttpPort),
            })),
            dashboards: members
                .filter(({ node }) => hasDashboards(node))
                .map(({ name, node }) => ({
                    node: name,
                    url: access.url(node.address, values.dashboardsPort, "/api/status"),
                })),
        });
        this.poller.start();
        this.queues.start();
        this.hosts.start();
    }

    /** Requests of the applications acknowledged so far. */
    get acknowledged(): number {
        return this.load.stats.acknowledged;
    }

    /** How the applications' last attempt that failed ended. */
    get lastError(): string | undefined {
        return this.load.stats.lastError;
    }

    get unsettled(): number {
        return this.load.stats.unsettled;
    }

    /** Ends what sends, and waits for outstanding answers. Searches go on: what arrives late is to be seen. */
    async settle(): Promise<Omit<ApmObserved, "searches">> {
        const [load, writes] = await Promise.all([this.load.settle(GRACE_MS), this.writes.settle(ANSWER_TIMEOUT_MS)]);
        return { load, writes };
    }

    /** Ends the searches. */
    settleSearches(): Promise<WorkerResult> {
        return this.searches.settle(0);
    }

    /** Ends everything that still runs. */
    async stop(): Promise<void> {
        this.poller.stop();
        this.queues.stop();
        for (const worker of [this.load, this.writes, this.searches]) worker.kill();
        await this.hosts.stop();
    }
}
