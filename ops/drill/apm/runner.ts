/** Carries one drill of Container APM out, step by step: faults, what has to be seen, repairs, drain, balance. Repairs always run. */
import { readManager } from "../../apm/answers";
import { isValue } from "../../apm/cluster";
import { UserError } from "../../errors";
import { armed, undoAll, type Fault } from "../faults/fault";
import type { ClientLedger } from "../load/ledger";
import type { DrillReport, TimelineEvent } from "../report/schema";
import { pause } from "../run/abort";
import type { Surroundings } from "../run/runner";
import { buildApmReport } from "./build";
import { ApmObservers, type ApmObserved } from "./observers";
import type { ApmDrillOptions } from "./options";
import { apmPreflight, type ApmPreflight, type ClusterMember } from "./preflight";
import type { ApmScenario, Step, Who } from "./scenario";
import { hasDashboards, type ApmTarget } from "./target";
import { awayAt, checkTransitions, type Mark, type Transition, type TransitionResult } from "./transitions";
import {
    createIndex,
    deleteIndex,
    indexName,
    readViews,
    recordDocuments,
    viewsComplete,
    type ApmView,
    type DocumentRecording,
    type DrillIndex,
} from "./views";

/** What a fault is about is asked with more patience than what is only watched. */
const WHO_MANAGES = "/_cat/cluster_manager?format=json&h=node,ip,host&cluster_manager_timeout=5s";
const PATIENT_MS = 8000;
/** Time in which a cluster under load has to be whole before anything is done to it. */
const STEADY_MS = 60_000;
const FIRST_ACKNOWLEDGED_MS = 15_000;
const LOOK_MS = 250;
/** Batches may be on their way with the queue empty. */
const LAST_BATCH_MS = 25_000;
const RESTORED_MS = 300_000;

/** Runs a scenario. Errors: it could not begin. Everything later is in the report. */
export async function runApmDrill(
    target: ApmTarget,
    scenario: ApmScenario,
    options: ApmDrillOptions,
    surroundings: Surroundings,
): Promise<DrillReport> {
    const before = await apmPreflight(target, scenario, options);
    return new ApmDrill(scenario, options, surroundings, before).run();
}

class ApmDrill {
    private readonly timeline: TimelineEvent[] = [];
    private readonly runId = Date.now().toString(36);
    private readonly startedAt = Date.now();
    private readonly marks: Mark[] = [];
    private readonly awaited: { transition: Transition; mark: string }[] = [];
    private readonly faults = new Map<string, { fault: Fault; names: string[] }>();
    private readonly method: string[] = [];
    private recordings?: DocumentRecording[];
    private observers!: ApmObservers;
    private index!: DrillIndex;
    private healedAt?: number;
    private restoredAt?: number;
    private drainedAt?: number;
    private completeAt?: number;
    private loadEndedAt = 0;

    constructor(
        private readonly scenario: ApmScenario,
        private readonly options: ApmDrillOptions,
        private readonly surroundings: Surroundings,
        private readonly before: ApmPreflight,
    ) {}

    async run(): Promise<DrillReport> {
        this.index = await this.ownIndex();
        this.observers = new ApmObservers(this.runId, this.index, this.options, this.before, this.note);
        let observed: ApmObserved | undefined;
        let views: ApmView[] = [];
        let failure: string | undefined;
        try {
            await this.steadyState();
            for (const step of this.scenario.steps) await this.step(step);
        } catch (error) {
            failure = (error as Error).message;
            this.say(`✗ ${failure}`);
        }
        try {
            await this.repairAll();
            if (!failure) {
                await this.restored();
                const sent = await this.settle();
                views = await this.drain([...sent.load.ledgers, ...sent.writes.ledgers]);
                observed = { ...sent, searches: await this.observers.settleSearches() };
            }
        } catch (error) {
            failure ??= (error as Error).message;
        }
        await this.observers.stop();
        return buildApmReport({
            ...{ scenario: this.scenario, options: this.options, before: this.before, run: this.runId },
            ...{ startedAt: this.startedAt, endedAt: Date.now(), loadStartedAt: this.observers.startedAt },
            ...{ loadEndedAt: this.loadEndedAt, healedAt: this.healedAt, restoredAt: this.restoredAt },
            ...{ drainedAt: this.drainedAt, completeAt: this.completeAt, shards: this.index.routings.length },
            ...{ marks: this.marks, transitions: this.results(), method: this.method },
            ...{ timeline: this.timeline, clusterViews: this.observers.record.views, observed, views, failure },
            ...{ queues: this.observers.queues.samples, recordings: this.recordings ?? [] },
            leftovers: await this.leftovers(),
        });
    }

    private async ownIndex(): Promise<DrillIndex> {
        const apis = this.before.members.map(({ api }) => api);
        try {
            const delayed = this.scenario.delayed ?? this.before.stage.target.nodes[0]!.values.opensearchDelayedTimeout;
            return await createIndex(apis[0]!, this.runId, delayed);
        } catch (error) {
            await deleteIndex(apis, indexName(this.runId));
            throw error;
        }
    }

    private readonly note = (event: TimelineEvent): void => void this.timeline.push(event);

    private say(what: string): void {
        this.surroundings.say(what);
    }

    private event(source: "drill" | "fault", what: string, node?: string): void {
        this.note({ at: Date.now(), source, what, node });
        this.say(node ? `${node}: ${what}` : what);
    }

    private mark(id: string, does: Mark["does"], nodes: string[]): void {
        this.marks.push({ id, at: Date.now(), does, nodes });
    }

    private async steadyState(): Promise<void> {
        this.event("drill", "load begins");
        const first = Date.now() + FIRST_ACKNOWLEDGED_MS;
        while (this.observers.acknowledged === 0) {
            if (Date.now() > first)
                throw new Error(
                    `nothing was acknowledged in ${FIRST_ACKNOWLEDGED_MS / 1000} s, before any fault; what was tried last: ` +
                        (this.observers.lastError ?? "nobody answers"),
                );
            await pause(200, this.surroundings.signal);
        }
        this.method.push(`load for ${this.options.warmSeconds} s`);
        await pause(this.options.warmSeconds * 1000, this.surroundings.signal);
        // With its data and its load, and not only before: else what comes would not be the fault's.
        const end = Date.now() + STEADY_MS;
        while (!(await this.isWhole())) {
            if (Date.now() > end)
                throw new Error("the cluster is not green, with all nodes, while nothing but the load is on it");
            await pause(1000, this.surroundings.signal);
        }
    }

    private async step(step: Step): Promise<void> {
        if (step.do === "fault") return this.disturb(step);
        if (step.do === "repair") return this.repair(step.mark, step.of);
        if (step.do === "see") return this.see(step.transitions);
        this.method.push(`wait ${step.seconds} s`);
        await pause(step.seconds * 1000, this.surroundings.signal);
    }

    private async disturb({ mark, who, away, fault: make }: Extract<Step, { do: "fault" }>): Promise<void> {
        const chosen = await this.choose(who);
        const others = this.before.members.filter((member) => !chosen.includes(member));
        const nodesOf = (members: ClusterMember[]) => members.map(({ node }) => node);
        const fault = make(nodesOf(chosen), this.before.stage, nodesOf(others));
        const names = chosen.map(({ name }) => name);
        this.faults.set(mark, { fault, names });
        this.method.push(`${fault.title}${who === "manager" ? ", which the API calls the manager" : ""}`);
        this.mark(mark, away ? "away" : "nothing", names);
        this.event("fault", fault.title);
        await fault.inject();
        this.mark(`${mark} done`, "done", names);
        this.event("fault", "injected");
    }

    /** Whom a step is about, by what the cluster says at that moment. */
    private async choose(who: Who): Promise<ClusterMember[]> {
        const away = awayAt(this.marks, Date.now());
        const live = this.before.members.filter(({ name }) => !away.has(name));
        if (who === "all") return live;
        if (who === "nobody") return [];
        if (who === "dashboards") return live.filter(({ node }) => hasDashboards(node)).slice(0, 1);
        const manager = await this.managerOf(live);
        const found = live.find(({ name }) => (name === manager) === (who === "manager"));
        if (!found) throw new UserError(`the cluster says that ${manager} is its manager, which is no node of it`);
        return [found];
    }

    private async managerOf(live: ClusterMember[]): Promise<string> {
        const end = Date.now() + 30_000;
        while (Date.now() < end) {
            for (const { api } of live) {
                const asked = await api.ask(WHO_MANAGES, PATIENT_MS, readManager);
                if (isValue(asked) && asked.value) return asked.value.name;
            }
            await pause(500, this.surroundings.signal);
        }
        throw new UserError("the cluster names no manager within 30 s");
    }

    private async repair(mark: string, of: string[]): Promise<void> {
        await this.recordOnce();
        const repaired = of.flatMap((id) => this.faults.get(id) ?? []);
        const names = repaired.flatMap((one) => one.names);
        this.method.push(`repair: ${names.join(", ") || of.join(", ")}`);
        this.mark(mark, "back", names);
        this.event("fault", `repair of ${names.join(", ") || of.join(", ")} begins`);
        await Promise.all(repaired.map(({ fault }) => fault.heal()));
        of.forEach((id) => this.faults.delete(id));
        this.mark(`${mark} done`, "done", names);
        this.healedAt = Date.now();
        this.event("fault", "repaired");
    }

    /** What is there while the fault lasts: before the first repair. */
    private async recordOnce(): Promise<void> {
        if (this.recordings) return;
        const away = awayAt(this.marks, Date.now());
        const live = this.before.members.find(({ name }) => !away.has(name));
        if (!live) return;
        this.event("drill", "reading what is there while the fault lasts");
        this.recordings = await recordDocuments(live.api, this.runId, this.index.name);
    }

    private results(now = Date.now()): TransitionResult[] {
        const { views } = this.observers.record;
        return checkTransitions(this.awaited, this.marks, views, this.before.limits, now);
    }

    private async see(transitions: Transition[]): Promise<void> {
        const mark = this.marks.at(-1)!.id;
        this.awaited.push(...transitions.map((transition) => ({ transition, mark })));
        this.method.push(...transitions.map(({ title }) => `see: ${title}`));
        const told = new Set<string>();
        for (;;) {
            const results = this.results();
            for (const { id, state, title, seen } of results.slice(-transitions.length)) {
                if (state === "pending" || told.has(id)) continue;
                told.add(id);
                this.event("drill", `${state === "missing" ? "✗ not seen: " : ""}${title}`);
                if (state !== "reached") this.say(`  ${state}: ${seen}`);
            }
            if (!results.some(({ state, optional }) => state === "pending" && !optional)) return;
            await pause(LOOK_MS, this.surroundings.signal);
        }
    }

    private async repairAll(): Promise<void> {
        try {
            for (const { fault, names } of [...this.faults.values()].reverse()) {
                this.event("fault", `repair of ${names.join(", ")} begins`);
                await fault.heal();
            }
        } finally {
            await Promise.allSettled(this.before.members.map(({ node }) => undoAll(node)));
            this.healedAt ??= Date.now();
        }
    }

    private async restored(): Promise<void> {
        const least = Date.now() + this.options.afterSeconds * 1000;
        const end = Date.now() + RESTORED_MS;
        while (Date.now() < end) {
            if (this.restoredAt === undefined && (await this.isWhole())) {
                this.restoredAt = Date.now();
                this.event("drill", "the cluster is green, with all nodes, says each of them");
            }
            if (this.restoredAt !== undefined && Date.now() >= least && this.observers.unsettled < 50) return;
            await pause(1000, this.surroundings.signal);
        }
        this.event("drill", `not restored within ${RESTORED_MS / 1000} s`);
    }

    private async isWhole(): Promise<boolean> {
        const all = await Promise.all(this.before.members.map(({ api }) => api.health()));
        return all.every(
            (asked) => isValue(asked) && asked.value.status === "green" && asked.value.nodes === all.length,
        );
    }

    private async settle(): Promise<Omit<ApmObserved, "searches">> {
        this.loadEndedAt = Date.now();
        this.event("drill", "load ends");
        return this.observers.settle();
    }

    private async drain(ledgers: ClientLedger[]): Promise<ApmView[]> {
        const end = Date.now() + this.options.drainSeconds * 1000;
        const { api } = this.before.members[0]!;
        const read = (...which: ApmView["view"][]) => readViews(api, this.runId, this.index.name, ledgers, which);
        for (;;) {
            const empty = await this.observers.queues.empty();
            if (empty && this.drainedAt === undefined) {
                this.drainedAt = Date.now();
                this.event("drill", "all queues are empty");
            }
            if (empty || Date.now() > end) {
                const views = await read("cluster");
                const complete = viewsComplete(views, ledgers);
                if (complete) {
                    this.completeAt = Date.now();
                    this.event("drill", "everything that was acknowledged is found");
                }
                if (complete || Date.now() > Math.min(end, (this.drainedAt ?? end) + LAST_BATCH_MS))
                    return [...views, ...(await read("primaries", "replicas"))];
            }
            await pause(1000, this.surroundings.signal);
        }
    }

    private async leftovers(): Promise<string[]> {
        const { members } = this.before;
        const index = await deleteIndex(
            members.map(({ api }) => api),
            this.index.name,
        );
        const found = await Promise.all(
            members.map(async ({ name, node }) => {
                const names = await armed(node).catch((error: Error) => [`cannot be asked: ${error.message}`]);
                return names.map((one) => `${name}: ${one}`);
            }),
        );
        return [...found.flat(), ...(index ? [index] : [])];
    }
}
