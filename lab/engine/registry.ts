// Providers by reference (`URN::ID`), and what the engine itself provides: the providers as resources, and stack
// references.
import * as crypto from "node:crypto";
import { diffMaps, diffResult } from "./diff";
import { UserError } from "./errors";
import { ProviderInstance, ProviderPackage, ResourceProvider } from "./providers/types";
import { packageOf, providerPackage, shortType, splitProviderRef, urnType } from "./urn";
import { UNKNOWN_STRING, ValueMap } from "./values";

const withoutInternals = (inputs: ValueMap) =>
    Object.fromEntries(Object.entries(inputs).filter(([key]) => key !== "__internal"));

/** `new docker.Provider(...)`, and the default ones. */
function providerResource(pkg: ProviderPackage): ResourceProvider {
    return {
        check: (inputs) => ({ inputs: { __internal: {}, ...pkg.extraInputs, ...inputs } }),
        diff: (old, inputs) => diffResult(diffMaps(old.inputs, inputs), () => false),
        create: async (inputs, { preview }) => ({
            id: preview ? UNKNOWN_STRING : crypto.randomUUID(),
            outputs: withoutInternals(inputs),
        }),
        update: async (_old, inputs) => withoutInternals(inputs),
    };
}

export class ProviderRegistry {
    private readonly instances = new Map<string, ProviderInstance>();

    constructor(
        private readonly packages: Record<string, ProviderPackage>,
        private readonly builtins: Record<string, ResourceProvider>,
    ) {}

    /** What handles a resource. `ref` is not needed for the engine's own types. */
    resource(type: string, ref: string | undefined): ResourceProvider {
        const pkg = providerPackage(type);
        if (pkg) return providerResource(this.package(pkg, type));
        const builtin = this.builtins[type];
        if (builtin) return builtin;
        this.assertKnown(type);
        const resource = ref && this.instances.get(ref)?.resource(shortType(type));
        if (resource) return resource;
        if (ref && !this.instances.has(ref))
            throw new UserError(`unknown provider '${ref}' for a resource of type '${type}'`);
        throw this.unsupported(type);
    }

    assertKnown(type: string): void {
        this.package(packageOf(type), type);
    }

    /** Makes a provider usable, or gives it a new configuration. */
    configure(ref: string, config: ValueMap): void {
        const pkg = providerPackage(urnType(splitProviderRef(ref).urn))!;
        this.instances.get(ref)?.close?.();
        this.instances.set(ref, this.package(pkg, `pulumi:providers:${pkg}`).configure(config));
    }

    isConfigured(ref: string): boolean {
        return this.instances.has(ref);
    }

    close(): void {
        for (const instance of this.instances.values()) instance.close?.();
    }

    private package(name: string, type: string): ProviderPackage {
        const pkg = this.packages[name];
        if (!pkg) throw this.unsupported(type);
        return pkg;
    }

    private unsupported(type: string): UserError {
        return new UserError(
            `the lab engine has no resource type '${type}': it only knows those that this project uses. Use the real Pulumi CLI`,
        );
    }
}
