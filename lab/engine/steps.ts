// The operations that a run is made of. Each one changes the world (unless in a preview) and then the snapshot.
import { PendingType, ResourceState } from "./checkpoint";
import { DiffResult } from "./diff";
import { PartialError } from "./errors";
import { Op, Severity, StepMetadata } from "./events";
import { Existing, OperationContext, ResourceProvider } from "./providers/types";
import { ProviderRegistry } from "./registry";
import { SnapshotManager } from "./snapshot";
import { providerPackage, urnName } from "./urn";
import { equal, markSecretKeys, markSecretsLike, plainMap, ValueMap } from "./values";

export interface StepContext {
    preview: boolean;
    snapshot: SnapshotManager;
    registry: ProviderRegistry;
    log(urn: string, severity: Severity, message: string): void;
}

export abstract class Step {
    abstract readonly op: Op;
    abstract readonly before?: ResourceState;
    abstract readonly after?: ResourceState;
    declare readonly diff?: DiffResult;
    /** Only logical steps are counted: a replacement counts once, not as creation and deletion. */
    readonly logical: boolean = true;
    /**
     * False for steps that touch nothing but the engine's own memory: they need no place among the parallel operations.
     */
    readonly busy: boolean = true;

    abstract apply(context: StepContext): Promise<void>;

    get state(): ResourceState {
        return (this.after ?? this.before)!;
    }

    metadata(): StepMetadata {
        return {
            op: this.op,
            urn: this.state.urn,
            type: this.state.type,
            provider: this.state.provider ?? "",
            old: this.before,
            new: this.after,
            keys: this.diff?.replace,
            diffs: this.diff?.changed,
            detailedDiff: this.diff?.detailed,
            logical: this.logical,
        };
    }

    protected operation(context: StepContext): OperationContext {
        const urn = this.state.urn;
        return {
            urn,
            name: urnName(urn),
            preview: context.preview,
            log: (severity, message) => context.log(urn, severity, message),
        };
    }
}

/** What providers get to see of a state: no secret marks. */
export function existing(state: ResourceState): Existing {
    return { id: state.id ?? "", inputs: plainMap(state.inputs), outputs: plainMap(state.outputs) };
}

export const providerOf = (state: ResourceState, registry: ProviderRegistry): ResourceProvider =>
    registry.resource(state.type, state.provider);

function recordOutputs(state: ResourceState, outputs: ValueMap): void {
    const marked = markSecretsLike(outputs, state.inputs) as ValueMap;
    state.outputs = markSecretKeys(marked, state.additionalSecretOutputs);
}

/** A provider can be used from the moment it is recorded. */
export function activateProvider(state: ResourceState, registry: ProviderRegistry): void {
    if (providerPackage(state.type) && state.id)
        registry.configure(`${state.urn}::${state.id}`, plainMap(state.inputs));
}

/** Runs a provider call that may succeed by halves. */
async function attempt(
    step: { state: ResourceState; context: StepContext; pending: [PendingType, ResourceState] },
    call: () => Promise<{ id?: string; outputs: ValueMap }>,
    record: () => void,
): Promise<void> {
    const { state, context } = step;
    const finished = context.snapshot.begin(...step.pending);
    try {
        const result = await call();
        state.id = result.id ?? state.id;
        recordOutputs(state, result.outputs);
        finished();
    } catch (error) {
        finished();
        if (error instanceof PartialError) {
            state.id = error.id;
            state.initErrors = [error.message];
            recordOutputs(state, error.outputs);
            record();
        }
        context.snapshot.touch();
        throw error;
    }
    record();
    activateProvider(state, context.registry);
}

const now = () => new Date().toISOString();

export class SameStep extends Step {
    readonly op = "same";
    readonly busy = false;

    constructor(
        readonly before: ResourceState,
        readonly after: ResourceState,
    ) {
        super();
        Object.assign(after, {
            id: before.id,
            outputs: before.outputs,
            created: before.created,
            modified: before.modified,
        });
    }

    async apply({ snapshot, registry }: StepContext): Promise<void> {
        const describe = ({ inputs: _inputs, outputs: _outputs, ...rest }: ResourceState) => JSON.stringify(rest);
        const unchanged =
            describe(sorted(this.before)) === describe(sorted(this.after)) &&
            equal(this.before.inputs, this.after.inputs);
        if (unchanged) snapshot.putQuietly(this.after, this.before);
        else snapshot.put(this.after, this.before);
        activateProvider(this.after, registry);
    }
}

/** Field order and the order of dependencies mean nothing. */
function sorted(state: ResourceState): ResourceState {
    const filled = Object.entries(state).filter(([, value]) => value !== undefined && value !== false);
    const copy = Object.fromEntries(filled.sort(([a], [b]) => (a < b ? -1 : 1))) as unknown as ResourceState;
    copy.dependencies = [...state.dependencies].sort();
    const properties = Object.entries(state.propertyDependencies).map(
        ([key, urns]) => [key, [...urns].sort()] as const,
    );
    copy.propertyDependencies = Object.fromEntries(properties.sort(([a], [b]) => (a < b ? -1 : 1)));
    return copy;
}

export class CreateStep extends Step {
    readonly op: Op;
    readonly logical: boolean;

    /** @param before what it takes the place of: still to be deleted, or already deleted (`pendingReplacement`) */
    constructor(
        readonly after: ResourceState,
        readonly before?: ResourceState,
        readonly diff?: DiffResult,
    ) {
        super();
        this.op = before ? "create-replacement" : "create";
        this.logical = !before;
    }

    async apply(context: StepContext): Promise<void> {
        const state = this.after;
        const record = () => {
            state.created = state.modified = now();
            // The ids that providers make up in previews are not those that will be. Providers themselves are needed by
            // reference.
            if (context.preview && state.custom && !providerPackage(state.type)) state.id = "";
            if (this.before && !this.before.pendingReplacement) this.before.delete = true;
            context.snapshot.put(state, this.before?.pendingReplacement ? this.before : undefined);
        };
        if (!state.custom) return record();
        const provider = providerOf(state, context.registry);
        const create = () => provider.create(plainMap(state.inputs), this.operation(context));
        await attempt({ state, context, pending: ["creating", state] }, create, record);
    }
}

export class UpdateStep extends Step {
    readonly op = "update";

    constructor(
        readonly before: ResourceState,
        readonly after: ResourceState,
        readonly diff: DiffResult,
    ) {
        super();
        Object.assign(after, {
            id: before.id,
            outputs: before.outputs,
            created: before.created,
            modified: before.modified,
        });
    }

    async apply(context: StepContext): Promise<void> {
        const state = this.after;
        const record = () => {
            state.modified = now();
            context.snapshot.put(state, this.before);
        };
        if (!state.custom) return record();
        const provider = providerOf(state, context.registry);
        const update = async () => {
            // Nothing changed but a former failure: some types have nothing to update.
            if (!provider.update) return { outputs: plainMap(this.before.outputs) };
            return {
                outputs: await provider.update(existing(this.before), plainMap(state.inputs), this.operation(context)),
            };
        };
        await attempt({ state, context, pending: ["updating", state] }, update, record);
    }
}

/** Only tells that the following (or preceding) creation and deletion belong together. */
export class ReplaceStep extends Step {
    readonly op = "replace";
    readonly busy = false;

    constructor(
        readonly before: ResourceState,
        readonly after: ResourceState,
        readonly diff: DiffResult,
    ) {
        super();
    }

    async apply(): Promise<void> {}
}

/** Stands for a resource that does not exist, and is not to be created in this run. */
export class SkipStep extends Step {
    readonly op = "same";
    readonly busy = false;
    readonly logical = false;
    readonly before = undefined;

    constructor(readonly after: ResourceState) {
        super();
    }

    async apply(): Promise<void> {}
}

export interface DeleteOptions {
    /** To be created again in this run: the state remembers. */
    beforeReplace?: boolean;
    /** The resource that it lives in goes as well. */
    goesWithOwner?: boolean;
    diff?: DiffResult;
}

export class DeleteStep extends Step {
    readonly op: Op;
    readonly logical: boolean;
    readonly diff?: DiffResult;
    readonly after = undefined;

    constructor(
        readonly before: ResourceState,
        private readonly options: DeleteOptions = {},
    ) {
        super();
        const replaced = options.beforeReplace || before.delete;
        this.op = before.external ? "discard" : replaced ? "delete-replaced" : "delete";
        if (before.pendingReplacement) this.op = "remove-pending-replace";
        this.logical = !replaced;
        this.diff = options.diff;
    }

    async apply(context: StepContext): Promise<void> {
        const state = this.before;
        const untouched = state.external || !state.custom || state.retainOnDelete || state.pendingReplacement;
        if (!context.preview && !untouched && !this.options.goesWithOwner) {
            const finished = context.snapshot.begin("deleting", state);
            try {
                await providerOf(state, context.registry).delete?.(existing(state), this.operation(context));
            } catch (error) {
                finished();
                context.snapshot.touch();
                throw error;
            }
            finished();
        }
        if (this.options.beforeReplace) {
            state.pendingReplacement = true;
            context.snapshot.touch();
        } else {
            context.snapshot.remove(state);
        }
    }
}

/** Looks something up that the stack does not own. */
export class ReadStep extends Step {
    readonly op = "read";

    constructor(
        readonly after: ResourceState,
        readonly before?: ResourceState,
    ) {
        super();
    }

    async apply(context: StepContext): Promise<void> {
        const state = this.after;
        const provider = providerOf(state, context.registry);
        const found = await provider.read?.(existing(state), this.operation(context));
        if (!found) throw new Error(`resource '${state.id}' does not exist`);
        state.outputs = markSecretKeys(found.outputs, state.additionalSecretOutputs);
        if (this.before && equal(this.before.outputs, state.outputs)) context.snapshot.putQuietly(state, this.before);
        else context.snapshot.put(state, this.before);
    }
}
