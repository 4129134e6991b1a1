// One run over one stack: takes the program's registrations, runs steps in parallel, keeps the state, deletes what is
// left over.
import { ResourceState, Snapshot } from "./checkpoint";
import { assertUnprotected, runDeletions } from "./deletions";
import { messageOf, ShuttingDown } from "./errors";
import { EventSink, Op, Severity, StepMetadata } from "./events";
import { Goal, StepGenerator } from "./generator";
import { ProviderRegistry } from "./registry";
import { Limiter, Mutex } from "./limiter";
import { SnapshotManager } from "./snapshot";
import { activateProvider, CreateStep, ReadStep, SameStep, Step, StepContext } from "./steps";
import { isDefaultProvider, newUrn, packageOf, providerPackage, stackUrn, urnMatcher, urnName } from "./urn";
import { equal, hasUnknown, ValueMap } from "./values";

export interface DeploymentOptions {
    project: string;
    stack: string;
    preview: boolean;
    parallel: number;
    base: Snapshot;
    registry: ProviderRegistry;
    /** URN patterns; absent: everything. */
    targets?: string[];
    events: EventSink;
    /** Writes the state file; absent in previews. */
    save?: (snapshot: Snapshot) => void;
    /** Settings of default providers: config keys `PACKAGE:key`. */
    providerConfig?: (pkg: string) => ValueMap;
}

/** A provider resource carries the version of its package. */
function withVersion(goal: Goal & { version?: string }): Goal {
    const wanted = providerPackage(goal.type) && goal.version && goal.inputs.version === undefined;
    return wanted ? { ...goal, inputs: { ...goal.inputs, version: goal.version! } } : goal;
}

export class Deployment {
    readonly changes: Partial<Record<Op, number>> = {};
    readonly stackUrn: string;
    private readonly snapshot: SnapshotManager;
    private readonly generator: StepGenerator;
    private readonly slots: Limiter;
    private readonly isTarget: (urn: string) => boolean;
    private readonly generation = new Mutex();
    private readonly defaultProviders = new Map<string, Promise<string>>();
    private readonly open = new Map<string, { state: ResourceState; metadata: StepMetadata }>();
    private readonly inFlight = new Set<Promise<unknown>>();
    private readonly onStop: (() => void)[] = [];
    private stopped = false;
    failed = false;

    constructor(readonly options: DeploymentOptions) {
        const { base, registry, project, stack, save } = options;
        this.stackUrn = stackUrn(stack, project);
        this.slots = new Limiter(options.parallel);
        this.isTarget = urnMatcher(options.targets);
        this.snapshot = new SnapshotManager(base, save);
        this.generator = new StepGenerator({
            stack,
            project,
            base,
            registry,
            isTarget: this.isTarget,
            operation: (urn) => ({
                urn,
                name: urnName(urn),
                preview: options.preview,
                log: (severity, message) => this.log(urn, severity, message),
            }),
        });
        // Old resources may have to be read or deleted before, or without, the program registering their providers.
        for (const state of base.resources) if (providerPackage(state.type)) activateProvider(state, registry);
    }

    log(urn: string, severity: Severity, message: string, ephemeral?: boolean): void {
        if (severity === "debug") return;
        this.options.events({ kind: "diagnostic", urn: urn || this.stackUrn, message, severity, ephemeral });
        if (severity === "error") this.failed = true;
    }

    /** No further step starts; running ones end as they would. */
    stop(): void {
        if (this.stopped) return;
        this.stopped = true;
        for (const callback of this.onStop) callback();
    }

    get isStopped(): boolean {
        return this.stopped;
    }

    whenStopped(callback: () => void): void {
        if (this.stopped) callback();
        else this.onStop.push(callback);
    }

    async register(goal: Goal & { version?: string }): Promise<ResourceState> {
        return this.track(async () => {
            const provider = goal.custom ? goal.provider || (await this.defaultProvider(goal)) : undefined;
            const steps = await this.generate({ ...withVersion(goal), provider });
            const created = steps.at(-1)!.after!;
            for (const step of steps) await this.run(step);
            return created;
        });
    }

    async read(goal: Goal & { id: string }): Promise<ResourceState> {
        return this.track(async () => {
            const urn = newUrn(this.options.stack, this.options.project, goal.parent, goal.type, goal.name);
            const old = this.options.base.resources.find((state) => state.urn === urn && state.external);
            if (old) this.generator.matched.add(old);
            const state: ResourceState = {
                urn,
                type: goal.type,
                custom: true,
                id: goal.id,
                external: true,
                inputs: goal.inputs,
                outputs: {},
                parent: goal.parent,
                provider: goal.provider || undefined,
                dependencies: goal.dependencies,
                propertyDependencies: {},
                additionalSecretOutputs: goal.additionalSecretOutputs ?? [],
            };
            await this.run(new ReadStep(state, old));
            return state;
        });
    }

    /** A component (or the stack itself) is complete. */
    registerOutputs(urn: string, outputs: ValueMap): void {
        const open = this.open.get(urn);
        if (!open) return;
        const changed = !equal(open.state.outputs, outputs) || hasUnknown(outputs);
        open.state.outputs = outputs;
        if (changed) this.snapshot.touch();
        this.options.events({ kind: "outputs", metadata: open.metadata, planning: this.options.preview });
    }

    outputsOf(urn: string): ValueMap | undefined {
        return this.open.get(urn)?.state.outputs;
    }

    /** After the program: what it did not register goes. */
    async deleteLeftovers(): Promise<void> {
        await this.settle();
        const gone = (state: ResourceState) => state.delete || !this.generator.matched.has(state);
        await this.delete(this.snapshot.leftovers().filter(gone));
    }

    /** `pulumi destroy` */
    async deleteEverything(): Promise<void> {
        await this.delete(this.options.base.resources);
    }

    /** Waits for what has been started, and saves the last state. */
    async finish(): Promise<void> {
        await this.settle();
        this.snapshot.flush();
    }

    private async delete(candidates: ResourceState[]): Promise<void> {
        const doomed = candidates.filter(({ urn }) => this.isTarget(urn));
        try {
            assertUnprotected(doomed.filter((state) => !state.delete));
            await runDeletions(doomed, (step) => this.track(() => this.run(step)));
        } catch (error) {
            if (error instanceof ShuttingDown) return;
            if (!this.failed) this.log("", "error", messageOf(error));
            this.stop();
        }
    }

    private async settle(): Promise<void> {
        while (this.inFlight.size > 0) await Promise.allSettled(this.inFlight);
    }

    private track<T>(work: () => Promise<T>): Promise<T> {
        const promise = work();
        const tracked = promise.catch(() => {}).finally(() => this.inFlight.delete(tracked));
        this.inFlight.add(tracked);
        return promise;
    }

    private async generate(goal: Goal): Promise<Step[]> {
        return this.generation.run(async () => {
            if (this.stopped) throw new ShuttingDown();
            return this.orStop(goal, () => this.generator.generate(goal));
        });
    }

    /** What goes wrong before a step begins ends the run as well. */
    private orStop<T>(goal: Goal, work: () => T): T {
        try {
            return work();
        } catch (error) {
            const urn = newUrn(this.options.stack, this.options.project, goal.parent, goal.type, goal.name);
            this.log(urn, "error", messageOf(error));
            this.stop();
            throw new ShuttingDown();
        }
    }

    private async run(step: Step): Promise<void> {
        if (step.busy) await this.slots.run(() => this.runNow(step));
        else await this.runNow(step);
    }

    private async runNow(step: Step): Promise<void> {
        if (this.stopped) throw new ShuttingDown();
        const { events, preview, registry } = this.options;
        const visible = !isDefaultProvider(step.state.urn) && step.op !== "remove-pending-replace";
        if (visible) events({ kind: "pre", metadata: step.metadata(), planning: preview });
        const log = (urn: string, severity: Severity, message: string) =>
            this.options.events({ kind: "diagnostic", urn, severity, message });
        const context: StepContext = { preview, snapshot: this.snapshot, registry, log };
        try {
            await step.apply(context);
        } catch (error) {
            this.log(step.state.urn, "error", messageOf(error));
            if (visible) events({ kind: "failed", metadata: step.metadata() });
            this.stop();
            throw new ShuttingDown();
        }
        if (visible) this.finished(step);
    }

    private finished(step: Step): void {
        // Reading the same again is no change worth counting.
        const counts =
            step.op === "read" ? !!step.before && !equal(step.before.outputs, step.state.outputs) : step.logical;
        if (counts) this.changes[step.op] = (this.changes[step.op] ?? 0) + 1;
        const metadata = step.metadata();
        const { after } = step;
        if (
            after &&
            !after.custom &&
            (step instanceof CreateStep || step instanceof SameStep || step.op === "update")
        ) {
            // Components are complete when their outputs have been registered.
            this.open.set(after.urn, { state: after, metadata });
        } else {
            this.options.events({ kind: "outputs", metadata, planning: this.options.preview });
        }
    }

    /** The provider for resources that name none. */
    private async defaultProvider(goal: Goal & { version?: string }): Promise<string | undefined> {
        if (goal.type.startsWith("pulumi:")) return undefined;
        const pkg = packageOf(goal.type);
        this.orStop(goal, () => this.options.registry.assertKnown(goal.type));
        const name = goal.version ? `default_${goal.version.replace(/\W/g, "_")}` : "default";
        const key = `${pkg}/${name}`;
        let ref = this.defaultProviders.get(key);
        if (!ref) {
            ref = this.register({
                type: `pulumi:providers:${pkg}`,
                name,
                custom: true,
                version: goal.version,
                inputs: { ...this.options.providerConfig?.(pkg) },
                dependencies: [],
                propertyDependencies: {},
            }).then((state) => `${state.urn}::${state.id}`);
            this.defaultProviders.set(key, ref);
        }
        return ref;
    }
}
