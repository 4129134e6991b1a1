// What the engine itself provides: references to other stacks.
import { Backend } from "./backend";
import { diffMaps, diffResult } from "./diff";
import { messageOf, UserError } from "./errors";
import { Invoke } from "./monitor";
import { ResourceProvider } from "./providers/types";
import { readStackOutputs } from "./stack";
import { hasSecret, ValueMap } from "./values";

const STACK_REFERENCE = "pulumi:pulumi:StackReference";

/** `organization/PROJECT/STACK`, `PROJECT/STACK`, or a stack of the same project. */
function splitStackName(name: string, ownProject: string): [project: string, stack: string] {
    const parts = name.split("/");
    if (parts.length > 3) throw new UserError(`'${name}' is not a stack name (organization/PROJECT/STACK)`);
    return [parts.at(-2) ?? ownProject, parts.at(-1)!];
}

async function outputsOf(backend: Backend, ownProject: string, name: string): Promise<ValueMap> {
    const [project, stack] = splitStackName(name, ownProject);
    if (!backend.exists(project, stack)) throw new UserError(`unknown stack "${name}"`);
    return readStackOutputs(backend, project, stack);
}

const secretNames = (outputs: ValueMap) =>
    Object.keys(outputs)
        .filter((key) => hasSecret(outputs[key]))
        .sort();

function stackReference(backend: Backend, ownProject: string): ResourceProvider {
    const look = async (name: string): Promise<ValueMap> => {
        const outputs = await outputsOf(backend, ownProject, name);
        return { name, outputs, secretOutputNames: secretNames(outputs) };
    };
    return {
        diff: (old, inputs) => diffResult(diffMaps(old.inputs, inputs), () => true),
        create: async (inputs) => ({ id: String(inputs.name), outputs: await look(String(inputs.name)) }),
        read: async (old) => ({ inputs: old.inputs, outputs: await look(String(old.inputs.name ?? old.id)) }),
    };
}

export function builtinResources(backend: Backend, ownProject: string): Record<string, ResourceProvider> {
    return { [STACK_REFERENCE]: stackReference(backend, ownProject) };
}

export function builtinInvokes(backend: Backend, ownProject: string): Invoke {
    return async (token, args) => {
        if (!token.startsWith("pulumi:pulumi:readStack")) {
            throw new UserError(`the lab engine does not know the function '${token}'; use the real CLI`);
        }
        const name = String(args.name);
        try {
            const outputs = await outputsOf(backend, ownProject, name);
            return { name, outputs, secretOutputNames: secretNames(outputs) };
        } catch (error) {
            throw new UserError(`failed to read stack reference: ${messageOf(error)}`);
        }
    };
}
