import * as pulumi from "@pulumi/pulumi";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";
import { isRpcSecret, unwrapRpcSecret } from "@pulumi/pulumi/runtime/rpc";
import { made } from "./certificates";

/** A resource as the engine would see it. */
export interface Registered {
    type: string;
    name: string;
    custom: boolean;
    /** Plain values; which of them are secrets is in `secrets`. */
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    inputs: Record<string, any>;
    secrets: string[];
    /** Type and name of the parent. */
    parent: string;
    /** Types and names of what it waits for. */
    dependsOn: string[];
    deleteBeforeReplace: boolean;
    replaceOnChanges: string[];
}

/** What a program registers; its result is resolved too. */
export interface Graph<T> {
    result: T;
    resources: Registered[];
}

const short = (urn: string): string => {
    const [, , type, name] = urn.split("::");
    return type ? `${type.split("$").pop()} ${name}` : "";
};

// Parents and dependencies do not reach mocks (pulumi/pulumi#14421); the request has them.
function note(request: Record<string, () => unknown>, seen: Registered[]): void {
    const found = seen.find((one) => one.type === request.getType() && one.name === request.getName());
    if (!found) return;
    found.parent = short(request.getParent() as string);
    found.dependsOn = (request.getDependenciesList() as string[]).map(short);
    found.deleteBeforeReplace = request.getDeletebeforereplace() as boolean;
    found.replaceOnChanges = request.getReplaceonchangesList() as string[];
}

function computed(type: string, name: string): Record<string, unknown> {
    if (type === "random:index/randomPassword:RandomPassword") return { result: pulumi.secret(`made for ${name}`) };
    if (type === "docker:index/remoteImage:RemoteImage") return { imageId: `sha256:${name}` };
    if (type === "command:remote:Command") return { stdout: "", stderr: "" };
    return {};
}

export interface RunOptions {
    stack?: string;
    preview?: boolean;
    config?: Record<string, string>;
    /** Outputs of other stacks. */
    stacks?: Record<string, Record<string, unknown>>;
}

/** Runs a program against mocks of the engine and waits until all that it registered is there. */
export async function run<T>(program: () => T | Promise<T>, options: RunOptions = {}): Promise<Graph<T>> {
    const resources: Registered[] = [];
    const original = MockMonitor.prototype.registerResource;
    MockMonitor.prototype.registerResource = function (request, callback) {
        return original.call(this, request, (error, response) => {
            note(request, resources);
            callback(error, response);
        });
    };
    const others = options.stacks ?? {};
    await pulumi.runtime.setMocks(
        {
            newResource: async (args) => {
                if (args.type === "pulumi:pulumi:StackReference")
                    return { id: args.name, state: { ...args.inputs, outputs: others[args.inputs.name] } };
                resources.push(seen(args));
                const outputs = args.type.startsWith("tls:")
                    ? await made(args.type, plain(args.inputs as Record<string, unknown>), options.preview)
                    : computed(args.type, args.name);
                return { id: `${args.name}-id`, state: { ...args.inputs, ...outputs } };
            },
            call: (args) => ({ name: args.inputs.name, outputs: others[args.inputs.name] ?? {} }),
        },
        "otel-ha",
        options.stack ?? "node1",
        options.preview ?? false,
        "organization",
    );
    pulumi.runtime.setAllConfig(
        Object.fromEntries(Object.entries(options.config ?? {}).map(([key, value]) => [`otel-ha:${key}`, value])),
    );
    // The SDK takes a stack trace for each promise, as in start.cjs.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
        const result = await program();
        await pulumi.runtime.disconnect();
        return { result, resources };
    } finally {
        Error.stackTraceLimit = stackTraceLimit;
        MockMonitor.prototype.registerResource = original;
    }
}

const plain = (inputs: Record<string, unknown>): object =>
    Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, unwrapRpcSecret(value)]));

function seen(args: pulumi.runtime.MockResourceArgs): Registered {
    const inputs = Object.entries(args.inputs as Record<string, unknown>);
    return {
        type: args.type,
        name: args.name,
        custom: args.custom ?? false,
        inputs: Object.fromEntries(inputs.map(([key, value]) => [key, unwrapRpcSecret(value)])),
        secrets: inputs.filter(([, value]) => isRpcSecret(value)).map(([key]) => key),
        parent: "",
        dependsOn: [],
        deleteBeforeReplace: false,
        replaceOnChanges: [],
    };
}

/** The value of an output, and whether it is a secret. */
export async function reveal<T>(value: pulumi.Input<T>): Promise<{ value: T; secret: boolean }> {
    const output = pulumi.output(value);
    const secret = await pulumi.isSecret(output as pulumi.Output<unknown>);
    return { value: await new Promise<T>((resolve) => output.apply((known) => resolve(known as T))), secret };
}
