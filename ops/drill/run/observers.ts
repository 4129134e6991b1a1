/** Everything that runs beside a fault: load, probes and watchers. */
import type { Access } from "../../access";
import { loadClients, probeClients, type ClientPlan, type LoadPlan, type Signal } from "../load/plan";
import { Worker, type WorkerResult } from "../load/process";
import type { TimelineEvent } from "../report/schema";
import type { Scenario, Stage } from "../scenarios/scenario";
import { HostWatch } from "../watch/hosts";
import { ServiceWatch } from "../watch/services";
import { PROBE_TIMEOUT_MS, type DrillOptions } from "./options";
import type { Preflight } from "./preflight";

/** Requests that a settling generator still waits for, milliseconds. */
const GRACE_MS = 20_000;
const READ_INTERVAL_MS = 400;
const READ_TIMEOUT_MS = 5000;

/** What the observers have seen. */
export interface Observed {
    load: WorkerResult;
    probes: WorkerResult;
    reads: WorkerResult;
}

/** Started together, stopped together. */
export class Observers {
    readonly services: ServiceWatch;
    readonly startedAt = Date.now();
    readonly clients: ClientPlan[];
    private readonly hosts: HostWatch;
    private readonly load: Worker;
    private readonly probes: Worker;
    private reader?: Worker;

    constructor(
        private readonly run: string,
        scenario: Scenario,
        options: DrillOptions,
        private readonly before: Preflight,
        note: (event: TimelineEvent) => void,
    ) {
        const { stage, system, access } = before;
        const { deployment } = stage;
        const { otlpHttpPort, otlpGrpcPort } = stage.owner.values;
        const ports = { httpPort: otlpHttpPort, grpcPort: otlpGrpcPort };
        const base = { run, host: deployment.vip, ...ports, door: access.otlp };
        this.clients = loadPlan(stage, scenario, options);
        this.hosts = new HostWatch(
            deployment.nodes.map((node) => ({ name: node.name, exec: node.exec, haproxy: node.container("haproxy") })),
            deployment.vip,
            offsets(system),
            note,
        );
        this.services = new ServiceWatch(deployment, access, note);
        this.load = Worker.send({ ...base, clients: this.clients } satisfies LoadPlan);
        this.probes = Worker.send({ ...base, clients: probeClients(options.probeIntervalMs, PROBE_TIMEOUT_MS) });
        this.hosts.start();
        this.services.start();
    }

    /** Begins to read: there is data from now on. */
    startReading(): void {
        const { access, sources } = this.before;
        const { metricsUrl, logsUrl } = sources;
        this.reader = Worker.read({
            ...{ run: this.run, metricsUrl, logsUrl, doors: access.doors },
            ...{ intervalMs: READ_INTERVAL_MS, timeoutMs: READ_TIMEOUT_MS, startedAt: Date.now() },
            ...{ metricsClient: readClient(this.clients, "metrics"), logsClient: readClient(this.clients, "logs") },
        });
    }

    /** All clients go on with what the stacks publish now, as one hands it out to them. */
    use(access: Access): void {
        for (const worker of [this.load, this.probes, this.reader]) worker?.use(access);
        // Whoever asks from this process has the same object.
        Object.assign(this.before.access.doors, access.doors);
    }

    /** Requests acknowledged so far. */
    get acknowledged(): number {
        return this.load.stats.acknowledged;
    }

    /** How the generator's last attempt that failed ended. */
    get lastError(): string | undefined {
        return this.load.stats.lastError;
    }

    /** Requests of the generator that have no answer yet. */
    get unsettled(): number {
        return this.load.stats.unsettled;
    }

    /** Ends load and probes; waits for outstanding answers. */
    async settle(): Promise<Observed> {
        const [load, probes, reads] = await Promise.all([
            this.load.settle(GRACE_MS),
            this.probes.settle(1000),
            this.reader?.settle(0) ?? { ledgers: [], reads: [], stalls: [] },
        ]);
        return { load, probes, reads };
    }

    /** Ends everything that still runs. */
    async stop(): Promise<void> {
        this.services.stop();
        for (const worker of [this.load, this.probes, this.reader]) worker?.kill();
        await this.hosts.stop();
    }
}

/** The clients of the generator. Pure. */
export function loadPlan(stage: Stage, scenario: Scenario, options: DrillOptions): ClientPlan[] {
    const usual = loadClients(options.pointsPerSecond, options.recordsPerSecond);
    return scenario.clients?.(stage, usual) ?? usual;
}

/** The client whose items are read back all the time. Pure. */
export function readClient(clients: ClientPlan[], signal: Signal): string {
    return clients.find((client) => client.signal === signal && !client.backdateMs)!.id;
}

const offsets = (system: Preflight["system"]): Record<string, number> =>
    Object.fromEntries(system.nodes.map(({ name, clockOffsetMs }) => [name, clockOffsetMs ?? 0]));
