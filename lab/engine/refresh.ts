// Compares the state with the world, and makes the state say what the world says.
import { ResourceState, Snapshot } from "./checkpoint";
import { diffMaps, diffResult } from "./diff";
import { messageOf } from "./errors";
import { Op, StepMetadata } from "./events";
import { Limiter } from "./limiter";
import { OperationContext } from "./providers/types";
import { ProviderRegistry } from "./registry";
import { activateProvider, existing, providerOf } from "./steps";
import { providerPackage, urnName } from "./urn";
import { equal, markSecretKeys, markSecretsLike, ValueMap } from "./values";

export interface Refreshed {
    state: ResourceState;
    /** Absent: the resource has gone. */
    found?: ResourceState;
    changed: boolean;
}

const canRefresh = (state: ResourceState) =>
    state.custom && !state.external && !state.delete && !state.pendingReplacement && !providerPackage(state.type);

async function refreshOne(
    state: ResourceState,
    registry: ProviderRegistry,
    context: OperationContext,
): Promise<Refreshed> {
    const provider = providerOf(state, registry);
    if (!provider.read) return { state, found: state, changed: false };
    const read = await provider.read(existing(state), context);
    if (!read) return { state, changed: true };
    const inputs = markSecretsLike(read.inputs, state.inputs) as ValueMap;
    const outputs = markSecretKeys(
        markSecretsLike(read.outputs, state.outputs) as ValueMap,
        state.additionalSecretOutputs,
    );
    const changed = !equal(outputs, state.outputs) || !equal(inputs, state.inputs);
    // Seen healthy again or not: a former failure to initialize stays recorded until an update deals with it.
    return { state, found: changed ? { ...state, inputs, outputs } : state, changed };
}

export function refreshMetadata({ state, found }: Refreshed): StepMetadata {
    const diff = found && diffResult(diffMaps(state.outputs, found.outputs), () => false);
    return {
        op: "refresh",
        urn: state.urn,
        type: state.type,
        provider: state.provider ?? "",
        old: state,
        new: found,
        diffs: diff?.changed,
        detailedDiff: diff?.detailed,
        logical: true,
    };
}

export interface RefreshOptions {
    preview: boolean;
    parallel: number;
    onResult(result: Refreshed): void;
    onError(urn: string, message: string): void;
}

/** Looks at all resources. The snapshot is the old one where nothing differs. */
export async function refreshAll(
    old: Snapshot,
    registry: ProviderRegistry,
    options: RefreshOptions,
): Promise<{ snapshot: Snapshot; changes: Partial<Record<Op, number>>; failed: boolean }> {
    const slots = new Limiter(options.parallel);
    const changes: Partial<Record<Op, number>> = {};
    const changed = new Map<ResourceState, ResourceState | undefined>();
    let failed = false;
    for (const state of old.resources) activateProvider(state, registry);
    const look = async (state: ResourceState) => {
        if (failed) return;
        try {
            const context = { urn: state.urn, name: urnName(state.urn), preview: options.preview, log: () => {} };
            const result = await refreshOne(state, registry, context);
            const op: Op = !result.found ? "delete" : result.changed ? "update" : "same";
            changes[op] = (changes[op] ?? 0) + 1;
            if (result.changed) changed.set(state, result.found);
            options.onResult(result);
        } catch (error) {
            failed = true;
            options.onError(state.urn, messageOf(error));
        }
    };
    await Promise.all(old.resources.filter(canRefresh).map((state) => slots.run(() => look(state))));
    if (changed.size === 0) return { snapshot: old, changes, failed };
    const resources = old.resources.flatMap((state) => (changed.has(state) ? (changed.get(state) ?? []) : state));
    return { snapshot: { ...old, resources }, changes, failed };
}
