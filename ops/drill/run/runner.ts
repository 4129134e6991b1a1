/** Carries one drill out: steady state, fault, repair, drain, balance. The repair always runs. */
import type { Deployment } from "../../deployment";
import { StatusReader } from "../../status/reader";
import type { Status } from "../../status/model";
import { mustBeComplete } from "../configuration";
import { armed, undoAll, type Fault } from "../faults/fault";
import type { ClientLedger } from "../load/ledger";
import { buildReport, type RawRun } from "../report/build";
import type { DrillReport, TimelineEvent } from "../report/schema";
import type { Scenario } from "../scenarios/scenario";
import { pause } from "./abort";
import { counters } from "./counters";
import { Observers, type Observed } from "./observers";
import type { DrillOptions } from "./options";
import { HOST_GOING, HOST_OFF, INJECTED } from "./ownership";
import { preflight, type Preflight } from "./preflight";
import { allComplete, readAll, recordGlobal, type Recording, type View } from "./read-all";

/** Where progress goes; and Ctrl-C comes from. */
export interface Surroundings {
    say(text: string): void;
    signal: AbortSignal;
}

const RESTORED_MS = 300_000;
const FIRST_ACKNOWLEDGED_MS = 10_000;

/** Runs a scenario. Errors: it could not begin. Everything later is in the report. */
export async function runDrill(
    deployment: Deployment,
    scenario: Scenario,
    options: DrillOptions,
    surroundings: Surroundings,
): Promise<DrillReport> {
    const before = await preflight(deployment, scenario, options);
    return new Drill(deployment, scenario, options, surroundings, before, before.fault).run();
}

class Drill {
    private readonly timeline: TimelineEvent[] = [];
    private readonly runId = Date.now().toString(36);
    private readonly startedAt = Date.now();
    private injectedAt?: number;
    private healedAt?: number;
    private restoredAt?: number;
    private drainedAt?: number;
    private completeAt?: number;
    private loadEndedAt = 0;

    constructor(
        private readonly deployment: Deployment,
        private readonly scenario: Scenario,
        private readonly options: DrillOptions,
        private readonly surroundings: Surroundings,
        private readonly before: Preflight,
        private readonly fault: Fault,
    ) {}

    private get rebuilt(): string | undefined {
        return this.scenario.rebuilt?.(this.before.stage).name;
    }

    async run(): Promise<DrillReport> {
        const countersBefore = await counters(this.before);
        const observers = new Observers(this.runId, this.scenario, this.options, this.before, this.note);
        let observed: Observed | undefined;
        let views: View[] = [];
        let during: Recording[] = [];
        let failure: string | undefined;
        try {
            await this.steadyState(observers);
            await this.disturb();
            during = await this.readDuring();
        } catch (error) {
            failure = (error as Error).message;
            this.say(`✗ ${failure}`);
        }
        try {
            await this.repair();
            if (!failure) {
                await this.restored(observers);
                observed = await this.settle(observers);
                views = await this.drain(observers, ledgersOf(observed));
            }
        } catch (error) {
            failure ??= (error as Error).message;
        }
        await observers.stop();
        const leftovers = await this.leftovers();
        return buildReport({
            ...this.raw(observers, observed, views, leftovers),
            ...{ failure, during },
            ...{ countersBefore, countersAfter: await counters(this.before) },
        });
    }

    private raw(observers: Observers, observed: Observed | undefined, views: View[], leftovers: string[]) {
        return {
            ...{ scenario: this.scenario, rebuilt: this.rebuilt, faultTitle: this.fault.title, options: this.options },
            ...{ system: this.before.system, sources: this.before.sources, run: this.runId },
            ...{ startedAt: this.startedAt, endedAt: Date.now(), loadStartedAt: observers.startedAt },
            ...{ injectedAt: this.injectedAt, healedAt: this.healedAt, loadEndedAt: this.loadEndedAt },
            ...{ restoredAt: this.restoredAt, drainedAt: this.drainedAt, completeAt: this.completeAt },
            ...{ timeline: this.timeline, queues: observers.services.queues },
            ...{ observed, views, leftovers },
        } satisfies Partial<RawRun>;
    }

    private readonly note = (event: TimelineEvent): void => void this.timeline.push(event);

    private say(what: string): void {
        this.surroundings.say(what);
    }

    private event(source: "drill" | "fault", what: string, node?: string): void {
        this.note({ at: Date.now(), source, what, node });
        this.say(node ? `${node}: ${what}` : what);
    }

    private async steadyState(observers: Observers): Promise<void> {
        this.event("drill", "load begins");
        const first = Date.now() + FIRST_ACKNOWLEDGED_MS;
        while (observers.acknowledged === 0) {
            if (Date.now() > first) throw new Error(nothingAcknowledged(observers.lastError));
            await pause(200, this.surroundings.signal);
        }
        observers.startReading();
        await pause(this.options.warmSeconds * 1000, this.surroundings.signal);
    }

    private async disturb(): Promise<void> {
        this.injectedAt = Date.now();
        this.event("fault", this.fault.title);
        for (const node of this.fault.hostsAway ?? []) this.event("fault", HOST_GOING, node.name);
        await this.fault.inject();
        for (const node of this.fault.hostsAway ?? []) this.event("fault", HOST_OFF, node.name);
        this.event("fault", INJECTED);
        await pause((this.options.holdSeconds ?? this.scenario.holdSeconds) * 1000, this.surroundings.signal);
    }

    private async readDuring(): Promise<Recording[]> {
        this.event("drill", "reading what is there while the fault lasts");
        return recordGlobal(this.runId, { from: this.startedAt, to: Date.now() }, this.before);
    }

    private async repair(): Promise<void> {
        if (this.injectedAt === undefined) return;
        this.event("fault", "repair begins");
        try {
            await this.fault.heal();
        } finally {
            await Promise.allSettled(this.deployment.nodes.map(undoAll));
            this.healedAt = Date.now();
        }
        this.event("fault", "repaired");
    }

    private async restored(observers: Observers): Promise<void> {
        const { signal } = this.surroundings;
        const reader = new StatusReader(this.deployment);
        const least = Date.now() + this.options.afterSeconds * 1000;
        const end = Date.now() + RESTORED_MS;
        while (Date.now() < end) {
            const status = await reader.read();
            if (isRestored(status) && this.restoredAt === undefined) {
                this.restoredAt = Date.now();
                this.event("drill", "every service works again on both nodes");
            }
            if (this.restoredAt !== undefined && Date.now() >= least && observers.unsettled < 50) return;
            await pause(2000, signal);
        }
        this.event("drill", `not restored within ${RESTORED_MS / 1000} s`);
    }

    private async settle(observers: Observers): Promise<Observed> {
        this.loadEndedAt = Date.now();
        this.event("drill", "load ends");
        return observers.settle();
    }

    private async drain(observers: Observers, ledgers: ClientLedger[]): Promise<View[]> {
        const end = Date.now() + this.options.drainSeconds * 1000;
        const { configuration } = this.before.system;
        const counts = (view: string): boolean => mustBeComplete(view, configuration, this.rebuilt);
        for (;;) {
            const queues = await observers.services.look();
            const empty =
                Object.keys(queues).length === this.deployment.nodes.length &&
                Object.values(queues).every((queue) => Object.values(queue).every((size) => size === 0));
            if (empty && this.drainedAt === undefined) {
                this.drainedAt = Date.now();
                this.event("drill", "all queues are empty");
            }
            if (empty || Date.now() > end) {
                const views = await readAll(this.runId, ledgers, this.before);
                if (allComplete(views, ledgers, counts)) {
                    this.completeAt = Date.now();
                    this.event("drill", "everything that was acknowledged is found");
                    return views;
                }
                // Batches may be on their way with the queue empty: look a few times more.
                if (Date.now() > Math.min(end, (this.drainedAt ?? end) + LAST_BATCH_MS)) return views;
            }
            await pause(2000, this.surroundings.signal);
        }
    }

    private async leftovers(): Promise<string[]> {
        const found = await Promise.all(
            this.deployment.nodes.map(async (node) => {
                const names = await armed(node).catch((error: Error) => [`cannot be asked: ${error.message}`]);
                return names.map((name) => `${node.name}: ${name}`);
            }),
        );
        return found.flat();
    }
}

/** A batch that is flushed by time takes up to ten seconds, and Loki and Prometheus a moment. */
const LAST_BATCH_MS = 25_000;

const nothingAcknowledged = (lastError = "nobody answers"): string =>
    `nothing was acknowledged in ten seconds, before any fault; what was tried last: ${lastError}`;

function isRestored(status: Status): boolean {
    return (
        status.vip.owners.length === 1 &&
        status.redundancy.full !== false &&
        status.nodes.every(({ reachable, services }) => reachable && services.every(({ state }) => state === "ok"))
    );
}

export const ledgersOf = (observed: Observed): ClientLedger[] => [...observed.load.ledgers, ...observed.probes.ledgers];
