// The state while a run goes on. Each finished step changes it and saves it at once, so that a killed run loses
// nothing.
import { PendingOperation, PendingType, ResourceState, Snapshot } from "./checkpoint";

export class SnapshotManager {
    /**
     * Resources as this run leaves them, in the order in which they were finished: what they depend on comes before.
     */
    private readonly current: ResourceState[] = [];
    /** What the state file had, and this run has not dealt with yet. */
    private readonly remaining: Set<ResourceState>;
    private readonly pending = new Set<PendingOperation>();
    private readonly renamed = new Map<string, string>();
    private dirty: boolean;

    /** @param save absent in previews */
    constructor(
        base: Snapshot,
        private readonly save?: (snapshot: Snapshot) => void,
    ) {
        this.remaining = new Set(base.resources);
        // What a former run left half-done is reported once, and then forgotten.
        this.dirty = base.pending.length > 0;
    }

    /** Announces an operation that changes the world, before it does. */
    begin(type: PendingType, resource: ResourceState): () => void {
        const operation: PendingOperation = { type, resource };
        this.pending.add(operation);
        this.dirty = true;
        this.flush();
        return () => this.pending.delete(operation);
    }

    /** A resource is now `state` instead of `old`. */
    put(state: ResourceState, old?: ResourceState): void {
        if (old) this.remaining.delete(old);
        const at = old ? this.current.indexOf(old) : -1;
        if (at >= 0) this.current[at] = state;
        else this.current.push(state);
        if (old && old.urn !== state.urn) this.renamed.set(old.urn, state.urn);
        this.dirty = true;
        this.flush();
    }

    /** As `put`, where nothing worth saving at once has changed. */
    putQuietly(state: ResourceState, old: ResourceState): void {
        this.remaining.delete(old);
        this.current.push(state);
    }

    remove(state: ResourceState): void {
        this.remaining.delete(state);
        const at = this.current.indexOf(state);
        if (at >= 0) this.current.splice(at, 1);
        this.dirty = true;
        this.flush();
    }

    /** Marks a resource that is already in the state as changed. */
    touch(): void {
        this.dirty = true;
        this.flush();
    }

    /** Old states that no step has dealt with, among them those that have been replaced. */
    leftovers(): ResourceState[] {
        return [...this.remaining];
    }

    flush(): void {
        if (!this.save || !this.dirty) return;
        this.dirty = false;
        this.save(this.snapshot());
    }

    snapshot(): Snapshot {
        const resources = [...this.current, ...this.remaining];
        return {
            resources: this.renamed.size > 0 ? resources.map((state) => this.withCurrentUrns(state)) : resources,
            pending: [...this.pending],
        };
    }

    /** References to a resource that got a new URN through an alias follow it. */
    private withCurrentUrns(state: ResourceState): ResourceState {
        const now = (urn: string) => this.renamed.get(urn) ?? urn;
        const optional = (urn: string | undefined) => (urn === undefined ? undefined : now(urn));
        return {
            ...state,
            parent: optional(state.parent),
            deletedWith: optional(state.deletedWith),
            dependencies: state.dependencies.map(now),
            propertyDependencies: Object.fromEntries(
                Object.entries(state.propertyDependencies).map(([key, urns]) => [key, urns.map(now)]),
            ),
        };
    }
}
