// The lab engine with hosts that take everything: commands and containers are taken for done as planned. For record.ts only.
import { createHash } from "node:crypto";
import { main } from "../../../../lab/engine/cli";
import { packages } from "../../../../lab/engine/providers";
import { ProviderPackage, ResourceProvider } from "../../../../lab/engine/providers/types";
import { Unknown, ValueMap } from "../../../../lab/engine/values";

function made(value: unknown, name: string): unknown {
    if (value instanceof Unknown) return "";
    if (Array.isArray(value)) return value.map((item) => made(item, name));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, madeProperty(key, item, name)]));
}

const madeProperty = (key: string, item: unknown, name: string): unknown =>
    item instanceof Unknown && key === "imageId"
        ? `sha256:${createHash("sha256").update(name).digest("hex")}`
        : made(item, name);

/** A provider that believes its own plans. */
function dry(provider: ResourceProvider): ResourceProvider {
    return {
        ...provider,
        create: async (inputs, context) => {
            const planned = await provider.create(inputs, { ...context, preview: true });
            const id = planned.id || createHash("sha256").update(context.name).digest("hex");
            return { id, outputs: made(planned.outputs, String(inputs.name ?? context.name)) as ValueMap };
        },
        update: async (old, inputs, context) =>
            made(await provider.update!(old, inputs, { ...context, preview: true }), context.name) as ValueMap,
    };
}

function dryPackage(original: ProviderPackage): ProviderPackage {
    return {
        ...original,
        configure: (config) => {
            const instance = original.configure(config);
            return {
                ...instance,
                resource: (type) => {
                    const resource = instance.resource(type);
                    return resource && dry(resource);
                },
            };
        },
    };
}

for (const name of ["command", "docker"]) packages[name] = dryPackage(packages[name]!);
void main(process.argv);
