// From what the program asks for to the steps that get there: match with the old state, check, diff, decide.
import { ResourceState, Snapshot } from "./checkpoint";
import { applyIgnoreChanges, applyReplaceOnChanges, diffMaps, DiffResult, diffResult } from "./diff";
import { UserError } from "./errors";
import { OperationContext, ResourceProvider } from "./providers/types";
import { ProviderRegistry } from "./registry";
import {
    CreateStep,
    DeleteStep,
    existing,
    providerOf,
    ReplaceStep,
    SameStep,
    SkipStep,
    Step,
    UpdateStep,
} from "./steps";
import { newUrn, parseUrn, providerPackage, splitProviderRef, urnName } from "./urn";
import { equal, markSecretsLike, plainMap, Unknown, Value, ValueMap } from "./values";

export type AliasSpec =
    | { urn: string }
    | { name?: string; type?: string; stack?: string; project?: string; parentUrn?: string; noParent?: boolean };

/** A resource as the program registers it. */
export interface Goal {
    type: string;
    name: string;
    custom: boolean;
    parent?: string;
    inputs: ValueMap;
    provider?: string;
    dependencies: string[];
    propertyDependencies: Record<string, string[]>;
    aliases?: AliasSpec[];
    protect?: boolean;
    deleteBeforeReplace?: boolean;
    ignoreChanges?: string[];
    replaceOnChanges?: string[];
    replaceWith?: string[];
    additionalSecretOutputs?: string[];
    retainOnDelete?: boolean;
    deletedWith?: string;
    replacementTrigger?: Value;
}

const NO_CHANGE: DiffResult = { changed: [], replace: [] };

export class StepGenerator {
    /** Old states that this run has matched with a registration; the others are to be deleted. */
    readonly matched = new Set<ResourceState>();
    private readonly registered = new Set<string>();
    private readonly replaced = new Set<string>();
    private readonly skipped = new Set<string>();
    private readonly oldByUrn: Map<string, ResourceState>;
    /** All former names of what has been registered: children inherit them. */
    private readonly formerUrns = new Map<string, string[]>();

    constructor(
        private readonly context: {
            stack: string;
            project: string;
            base: Snapshot;
            registry: ProviderRegistry;
            operation(urn: string): OperationContext;
            isTarget(urn: string): boolean;
        },
    ) {
        this.oldByUrn = new Map(
            context.base.resources.filter((state) => !state.delete).map((state) => [state.urn, state]),
        );
    }

    /** The steps that bring one resource about; the last one has its new state. */
    generate(goal: Goal): Step[] {
        const urn = newUrn(this.context.stack, this.context.project, goal.parent, goal.type, goal.name);
        if (this.registered.has(urn))
            throw new UserError(`Duplicate resource URN '${urn}'; try giving it a unique name`);
        this.registered.add(urn);
        const old = this.findOld(urn, goal);
        if (old) this.matched.add(old);
        if (goal.custom && !providerPackage(goal.type) && !this.context.isTarget(urn))
            return this.untargeted(urn, goal, old);
        const state = this.newState(urn, goal, old);
        if (!old || old.external || old.custom !== goal.custom) return [new CreateStep(state)];
        if (old.pendingReplacement) {
            const diff = { ...NO_CHANGE, ...this.diff(old, state, goal) };
            return [new ReplaceStep(old, state, diff), new CreateStep(state, old, diff)];
        }
        return this.changeSteps(old, state, goal, this.diff(old, state, goal));
    }

    /** Not in the `--target` list: what exists stays as it is, what does not exist does not come. */
    private untargeted(urn: string, goal: Goal, old: ResourceState | undefined): Step[] {
        if (old) return [new SameStep(old, { ...old, urn })];
        this.skipped.add(urn);
        return [new SkipStep({ ...this.bareState(urn, goal), id: "" })];
    }

    private changeSteps(old: ResourceState, state: ResourceState, goal: Goal, diff: DiffResult): Step[] {
        if (diff.replace.length > 0) return this.replaceSteps(old, state, goal, diff);
        if (diff.changed.length > 0 || old.initErrors?.length) return [new UpdateStep(old, state, diff)];
        return [new SameStep(old, state)];
    }

    private replaceSteps(old: ResourceState, state: ResourceState, goal: Goal, diff: DiffResult): Step[] {
        if (old.protect && goal.protect) {
            throw new UserError(
                `unable to replace resource "${old.urn}"\nas it is currently marked for protection. To unprotect the resource, remove the ` +
                    "`protect` flag from the resource in your Pulumi program and run `pulumi up`",
            );
        }
        this.replaced.add(state.urn);
        const replace = new ReplaceStep(old, state, diff);
        if (!(goal.deleteBeforeReplace ?? diff.deleteBeforeReplace)) return [new CreateStep(state, old, diff), replace];
        const dependents = this.dependentsToReplace(old).reverse();
        const deletions = [...dependents, old].map(
            (gone) => new DeleteStep(gone, { beforeReplace: true, diff: gone === old ? diff : undefined }),
        );
        return [...deletions, replace, new CreateStep(state, old, diff)];
    }

    /**
     * What cannot live through the absence of `root`, in state order: resources with inputs from it (or from another
     * one of these)
     * that their provider would replace if those inputs changed.
     */
    private dependentsToReplace(root: ResourceState): ResourceState[] {
        const gone = new Set([root.urn]);
        const dependents: ResourceState[] = [];
        for (const state of this.context.base.resources) {
            if (!state.custom || state.external || state.delete || state.pendingReplacement || this.matched.has(state))
                continue;
            if (!this.mustGoWith(gone, state)) continue;
            if (state.protect) throw new UserError(`unable to replace resource "${state.urn}": it is protected`);
            gone.add(state.urn);
            dependents.push(state);
        }
        return dependents;
    }

    private mustGoWith(gone: Set<string>, state: ResourceState): boolean {
        if (state.provider && gone.has(splitProviderRef(state.provider).urn)) return true;
        const touched = Object.keys(state.inputs).filter((key) =>
            state.propertyDependencies[key]?.some((urn) => gone.has(urn)),
        );
        if (touched.length === 0) return false;
        const unknown = Object.fromEntries(touched.map((key) => [key, Unknown.value]));
        const provider = providerOf(state, this.context.registry);
        return provider.diff(existing(state), { ...plainMap(state.inputs), ...unknown }).replace.length > 0;
    }

    private newState(urn: string, goal: Goal, old: ResourceState | undefined): ResourceState {
        const missing = goal.dependencies.find((dependency) => this.skipped.has(dependency));
        if (missing)
            throw new UserError(`depends on '${missing}', which does not exist and is not in the --target list`);
        const state = this.bareState(urn, goal);
        if (old && goal.ignoreChanges?.length) {
            state.inputs = applyIgnoreChanges(old.inputs, goal.inputs, goal.ignoreChanges);
        }
        if (goal.custom) state.inputs = this.check(state, providerOf(state, this.context.registry), old);
        return state;
    }

    private bareState(urn: string, goal: Goal): ResourceState {
        const { type, custom, parent, provider, dependencies, propertyDependencies } = goal;
        return {
            urn,
            type,
            custom,
            inputs: goal.inputs,
            outputs: {},
            parent,
            provider,
            dependencies,
            propertyDependencies,
            additionalSecretOutputs: goal.additionalSecretOutputs ?? [],
            protect: goal.protect,
            retainOnDelete: goal.retainOnDelete,
            deletedWith: goal.deletedWith,
            ignoreChanges: goal.ignoreChanges,
            replaceOnChanges: goal.replaceOnChanges,
            replacementTrigger: goal.replacementTrigger,
        };
    }

    private check(state: ResourceState, provider: ResourceProvider, old?: ResourceState): ValueMap {
        if (!provider.check) return state.inputs;
        const context = this.context.operation(state.urn);
        const { inputs, failures } = provider.check(plainMap(state.inputs), context, old && plainMap(old.inputs));
        if (failures?.length) {
            const reasons = failures.map(({ property, reason }) => `property ${property} has a problem: ${reason}`);
            throw new UserError(`${state.type} resource '${urnName(state.urn)}': ${reasons.join("; ")}`);
        }
        return markSecretsLike(inputs, state.inputs) as ValueMap;
    }

    private diff(old: ResourceState, state: ResourceState, goal: Goal): DiffResult {
        const inputChanges = diffMaps(old.inputs, state.inputs);
        if (!goal.custom) return diffResult(inputChanges, () => false);
        const provider = providerOf(state, this.context.registry);
        const found = provider.diff(existing(old), plainMap(state.inputs));
        const patterns = goal.replaceOnChanges ?? [];
        const diff = applyReplaceOnChanges(found, patterns, inputChanges);
        const forced = this.forcedReplacement(old, state, goal);
        return forced ? { ...diff, replace: [...diff.replace, forced], changed: [...diff.changed, forced] } : diff;
    }

    /** Reasons for a replacement that are not in the inputs. */
    private forcedReplacement(old: ResourceState, state: ResourceState, goal: Goal): string | undefined {
        if (goal.replaceWith?.some((urn) => this.replaced.has(urn))) return "replaceWith";
        if (old.replacementTrigger !== undefined || state.replacementTrigger !== undefined) {
            const same = equal(old.replacementTrigger ?? null, state.replacementTrigger ?? null);
            // The first run with a trigger only records it.
            if (!same && old.replacementTrigger !== undefined) return "replacementTrigger";
        }
        if (old.initErrors?.length && goal.replaceOnChanges?.includes("*")) return "id";
        if (!old.provider || !state.provider) return undefined;
        const [before, after] = [splitProviderRef(old.provider), splitProviderRef(state.provider)];
        // Another instance of the same provider has other resources; an alias or a new default version has the same.
        return before.urn === after.urn && before.id !== after.id ? "provider" : undefined;
    }

    private findOld(urn: string, goal: Goal): ResourceState | undefined {
        const candidates = this.candidateUrns(urn, goal);
        this.formerUrns.set(urn, candidates.slice(1));
        for (const candidate of candidates) {
            const old = this.oldByUrn.get(candidate);
            if (old && !this.matched.has(old)) return old;
        }
        return undefined;
    }

    /** The URN itself, then those it may have had: its aliases, and those that follow from its parent's aliases. */
    private candidateUrns(urn: string, goal: Goal): string[] {
        const own = (goal.aliases ?? []).map((alias) => this.aliasUrn(alias, goal));
        const inherited = (this.formerUrns.get(goal.parent ?? "") ?? []).flatMap((parent) => {
            const parentName = urnName(goal.parent!);
            const rename = (name: string) =>
                name.startsWith(parentName) ? urnName(parent) + name.slice(parentName.length) : name;
            return [urn, ...own].map((former) => {
                const { name, qualifiedType } = parseUrn(former);
                const type = qualifiedType.split("$").at(-1)!;
                const { stack, project } = parseUrn(parent);
                return newUrn(stack, project, parent, type, rename(name));
            });
        });
        return [...new Set([urn, ...own, ...inherited])];
    }

    private aliasUrn(alias: AliasSpec, goal: Goal): string {
        if ("urn" in alias) return alias.urn;
        const parent = alias.noParent ? undefined : alias.parentUrn || goal.parent;
        const stack = alias.stack || this.context.stack;
        const project = alias.project || this.context.project;
        return newUrn(stack, project, parent, alias.type || goal.type, alias.name || goal.name);
    }
}
