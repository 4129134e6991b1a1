import * as pulumi from "@pulumi/pulumi";
import { CREDENTIAL_NAMES } from "../../../components/credentials";
import { Asked } from "../../../components/policy/model";
import { newCa } from "./certificates";
import { Registered, run } from "./graph";
import { config, StackName } from "./stacks";

/** A resource of a test program as the rules see it. */
export function asAsked(one: Registered): Asked {
    const { type, name, inputs, secrets, deleteBeforeReplace } = one;
    return { type, name, inputs, marked: secrets, deleteBeforeReplace };
}

/** Everything that index.ts registers for a stack. */
export async function programResources(
    stack: StackName,
    changes: Record<string, string> = {},
    preview = false,
): Promise<Registered[]> {
    const module = (await import("../../../index")) as unknown as { default: () => Promise<unknown> };
    const sharedCredentials = Object.fromEntries(CREDENTIAL_NAMES.map((key) => [key, `made for ${key}`]));
    const more = { vrrpPassword: "vrrp-one", otlpTokens: { shop: "made for the token shop" } };
    const ca = await newCa();
    const authority = { ...ca, trusted: ca.certificate };
    const { resources } = await run(() => module.default(), {
        stack,
        preview,
        // The SSH agent: no key is read.
        config: config(stack, { sshPrivateKeyFile: "", ...changes }),
        stacks: {
            "organization/otel-ha/node1": { sharedCredentials: { ...sharedCredentials, ...more, authority } },
        },
    });
    return resources;
}

/** The arguments with which the SDK asks whether a resource is to be changed. */
export function asking(asked: Asked, props = asked.inputs): pulumi.ResourceTransformationArgs {
    const opts: pulumi.CustomResourceOptions = { deleteBeforeReplace: asked.deleteBeforeReplace };
    return { resource: {} as pulumi.Resource, type: asked.type, name: asked.name, props, opts };
}
