import * as pulumi from "@pulumi/pulumi";

/** A stack's name as the engine wants it. @example "organization/otel-ha/node1" */
export function qualified(stack: string): string {
    return stack.includes("/") ? stack : `${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}`;
}

/**
 * What a stack has published so far; nothing before its first `up`. The engine's own function behind StackReference, which unlike that may be asked
 * again, and of the stack that runs. Errors: no such stack, or its state cannot be read.
 */
export async function publishedOutputs(stack: string): Promise<Record<string, unknown>> {
    const found = (await pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", { name: qualified(stack) })) as {
        outputs?: Record<string, unknown>;
    };
    return found.outputs ?? {};
}
