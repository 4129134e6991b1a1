// The end of a run: what the program no longer has, and what has been replaced, goes; what depends on something goes
// before it.
import { ResourceState } from "./checkpoint";
import { UserError } from "./errors";
import { DeleteStep } from "./steps";
import { splitProviderRef } from "./urn";

/** URNs that have to exist as long as `state` does. */
function needs(state: ResourceState): string[] {
    const provider = state.provider ? [splitProviderRef(state.provider).urn] : [];
    const properties = Object.values(state.propertyDependencies).flat();
    return [...(state.parent ? [state.parent] : []), ...provider, ...state.dependencies, ...properties];
}

export function assertUnprotected(doomed: ResourceState[]): void {
    const kept = doomed.find((state) => state.protect && !state.external);
    if (!kept) return;
    throw new UserError(
        `resource "${kept.urn}" cannot be deleted\nbecause it is protected. To unprotect the resource, either remove the \`protect\` flag ` +
            "from the resource in your Pulumi program and run `pulumi up`, or use the command:\n" +
            `\`pulumi state unprotect '${kept.urn}'\``,
    );
}

/** Runs the deletions, each as soon as everything that needs the resource has gone. Rejects with the first failure. */
export async function runDeletions(doomed: ResourceState[], run: (step: DeleteStep) => Promise<void>): Promise<void> {
    const doomedUrns = new Set(doomed.filter((state) => !state.delete).map((state) => state.urn));
    const running = new Map<ResourceState, Promise<void>>();
    const dependentsOf = (state: ResourceState) =>
        doomed.filter((other) => other !== state && other.urn !== state.urn && needs(other).includes(state.urn));
    const start = (state: ResourceState): Promise<void> => {
        let promise = running.get(state);
        if (!promise) {
            const goesWithOwner = state.deletedWith !== undefined && doomedUrns.has(state.deletedWith);
            promise = Promise.all(dependentsOf(state).map(start)).then(() =>
                run(new DeleteStep(state, { goesWithOwner })),
            );
            running.set(state, promise);
        }
        return promise;
    };
    // Last in the state, first to go, where dependencies leave the choice.
    const results = await Promise.allSettled([...doomed].reverse().map(start));
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
}
