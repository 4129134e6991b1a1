/** Everything that runs beside a drill of Container APM: load, probes, and what follows the cluster and the hosts. */
import type { ClusterApi } from "../../apm/cluster";
import { ClusterPoller, ClusterRecord } from "../../apm/poller";
import type { LoadPlan } from "../load/plan";
import { Worker, type WorkerResult } from "../load/process";
import type { TimelineEvent } from "../report/schema";
import { HostWatch } from "../watch/hosts";
import { chronicle } from "./chronicle";
import { ANSWER_TIMEOUT_MS, applications, intakeProbes, writeProbes } from "./load";
import type { ApmDrillOptions } from "./options";
import type { ApmPreflight } from "./preflight";
import { QueueWatch } from "./queues";
import type { SearchPlan } from "./search-probe";
import { hasDashboards } from "./target";
import type { DrillIndex } from "./views";

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
        index: DrillIndex,
        options: ApmDrillOptions,
        before: ApmPreflight,
        note: (event: TimelineEvent) => void,
    ) {
        const { members, system } = before;
        const apis = new Map<string, ClusterApi>(members.map(({ name, api }) => [name, api]));
        this.record = new ClusterRecord(chronicle(note));
        this.poller = new ClusterPoller(apis, this.record);
        this.queues = new QueueWatch(members);
        const hosts = members.map(({ name, node }) => ({ name, exec: node.exec }));
        const offsets = Object.fromEntries(system.nodes.map(({ name, clockOffsetMs }) => [name, clockOffsetMs ?? 0]));
        this.hosts = new HostWatch(hosts, undefined, offsets, note);
        const plans = sendPlans(run, index, options, before);
        this.load = Worker.send(plans.load);
        this.writes = Worker.send(plans.writes);
        this.searches = Worker.search(searchPlan(run, index, before));
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

/** What goes to the collectors, and what goes straight to OpenSearch. Pure. */
function sendPlans(
    run: string,
    index: DrillIndex,
    options: ApmDrillOptions,
    { access, members }: ApmPreflight,
): Record<"load" | "writes", LoadPlan> {
    const { values } = members[0]!.node;
    const nodes = members.map(({ name, node }) => ({ name, address: node.address }));
    const base = { run, host: nodes[0]!.address, grpcPort: values.otlpGrpcPort };
    return {
        load: {
            ...{ ...base, httpPort: values.otlpHttpPort, door: access.otlp },
            clients: [...applications(nodes, options), ...intakeProbes(nodes)],
        },
        writes: {
            ...{ ...base, httpPort: values.opensearchHttpPort, door: access.opensearch, index: index.name },
            clients: writeProbes(nodes, index.routings),
        },
    };
}

/** Through every node, and every copy of Dashboards. Pure. */
function searchPlan(run: string, index: DrillIndex, { access, members }: ApmPreflight): SearchPlan {
    return {
        ...{ run, index: index.name, doors: access.doors },
        ...{ intervalMs: SEARCH_INTERVAL_MS, timeoutMs: ANSWER_TIMEOUT_MS },
        nodes: members.map(({ name, node }) => ({
            node: name,
            url: access.url(node.address, node.values.opensearchHttpPort),
        })),
        dashboards: members
            .filter(({ node }) => hasDashboards(node))
            .map(({ name, node }) => ({
                node: name,
                url: access.url(node.address, node.values.dashboardsPort, "/api/status"),
            })),
    };
}
