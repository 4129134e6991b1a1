/** The settings of the stack that owns the secrets: where rotations are written, and where an unfinished one is noted. */
import { AnyValues } from "../../components/settings/keys";
import { AnyDeployment, AnyNode, readAnyValues } from "../deployment";
import { UserError } from "../errors";
import { Assignment, noteOf, path, readNote } from "./generations";

/** In the owner's settings, beside the program's own: numbers that were written and perhaps not deployed on all hosts. */
export const NOTE_KEY = "otel-ha-rotate:unfinished";

/** The owner's settings as they are now. */
export interface OwnerSettings {
    stack: string;
    values: AnyValues;
    /** Keys that the settings name, secret ones too. */
    named: string[];
    /** Of a rotation that did not end. */
    noted: Assignment[];
}

/** The node whose stack owns the secrets. Errors: it is not among them. Pure. */
export function ownerOf(nodes: AnyNode[]): AnyNode {
    const owner = nodes.find(({ values }) => values.credentialsStack === "");
    if (owner) return owner;
    throw new UserError(
        `stack "${nodes[0]!.values.credentialsStack}" owns the secrets: leave --stack out, or name it, too`,
    );
}

/** Reads them anew. Errors: they cannot be read, or what is noted is no rotation. */
export async function readOwner({ nodes, pulumi }: Pick<AnyDeployment, "nodes" | "pulumi">): Promise<OwnerSettings> {
    const { stack } = ownerOf(nodes);
    const { code, stdout, stderr } = await pulumi(["config", "--json", "--stack", stack]);
    if (code !== 0)
        throw new UserError(`the settings of stack "${stack}" cannot be read; pulumi says: ${stderr.trim()}`);
    return ownerSettings(stack, JSON.parse(stdout) as Shown);
}

type Shown = Record<string, { value?: string } | undefined>;

/** Reads what `pulumi config --json` shows. Errors: settings that cannot be used. Pure. */
export function ownerSettings(stack: string, shown: Shown): OwnerSettings {
    const project = Object.keys(shown)
        .find((key) => key.endsWith(":nodeName"))!
        .split(":")[0]!;
    const config = Object.fromEntries(Object.entries(shown).map(([key, entry]) => [key, entry?.value]));
    const prefix = `${project}:`;
    return {
        stack,
        values: readAnyValues(stack, project, config),
        named: Object.keys(shown)
            .filter((key) => key.startsWith(prefix) && config[key] !== "")
            .map((key) => key.slice(prefix.length)),
        noted: noted(stack, config[NOTE_KEY] ?? ""),
    };
}

function noted(stack: string, text: string): Assignment[] {
    try {
        return readNote(text);
    } catch (error) {
        throw new UserError(
            `${NOTE_KEY} of stack "${stack}" is not what otel-ha rotate wrote there: ${(error as Error).message}; remove it with: pulumi config rm ${NOTE_KEY} --stack ${stack}`,
        );
    }
}

/** Writes numbers, and before that the note by which another run knows what to go on with. Errors: Pulumi's. */
export async function writeNumbers(
    deployment: Pick<AnyDeployment, "pulumi">,
    stack: string,
    numbers: Assignment[],
): Promise<void> {
    await config(deployment, stack, ["set", NOTE_KEY, noteOf(numbers)]);
    for (const one of numbers) await config(deployment, stack, ["set", "--path", path(one), String(one.number)]);
}

/** All hosts have what was noted. */
export const forgetNote = (deployment: Pick<AnyDeployment, "pulumi">, stack: string): Promise<void> =>
    config(deployment, stack, ["rm", NOTE_KEY]);

async function config({ pulumi }: Pick<AnyDeployment, "pulumi">, stack: string, words: string[]): Promise<void> {
    const { code, stderr } = await pulumi(["config", ...words, "--stack", stack]);
    if (code !== 0)
        throw new UserError(`pulumi config ${words.join(" ")} --stack ${stack} failed: ${stderr.trim()}`, 1);
}
