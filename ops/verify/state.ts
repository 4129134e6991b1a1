import { Deployment } from "../deployment";

/** A resource as Pulumi's state has it, with its secrets open: not to be printed or written anywhere. */
export interface StateResource {
    urn: string;
    /** @example "command:remote:Command" */
    type: string;
    /** Of the parents and its own, outermost first. */
    types: string[];
    name: string;
    id?: string;
    parent?: string;
    inputs: Record<string, unknown>;
    outputs: Record<string, unknown>;
    /** Names of the inputs that are secrets or contain one. */
    secrets: string[];
}

/** How Pulumi marks a secret in a state (a constant of its format). */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

interface Exported {
    deployment?: { resources?: RawResource[] };
}

interface RawResource {
    urn: string;
    type: string;
    id?: string;
    parent?: string;
    delete?: boolean;
    pendingReplacement?: boolean;
    inputs?: Record<string, unknown>;
    outputs?: Record<string, unknown>;
}

/** Reads `pulumi stack export --show-secrets`. Pure. */
export function readResources(text: string): StateResource[] {
    const { deployment } = JSON.parse(text) as Exported;
    return (deployment?.resources ?? []).filter((raw) => !raw.delete && !raw.pendingReplacement).map(readResource);
}

function readResource({ urn, type, id, parent, inputs = {}, outputs = {} }: RawResource): StateResource {
    const [, , types = "", name = ""] = urn.split("::");
    return {
        urn,
        type,
        types: types.split("$"),
        name,
        id,
        parent,
        inputs: opened(inputs) as Record<string, unknown>,
        outputs: opened(outputs) as Record<string, unknown>,
        secrets: Object.keys(inputs).filter((key) => JSON.stringify(inputs[key]).includes(SECRET)),
    };
}

// Inside an opened secret there may be another one.
function opened(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(opened);
    if (typeof value !== "object" || value === null) return value;
    const object = value as Record<string, unknown>;
    if (object[SIGNATURE] === SECRET)
        return typeof object.plaintext === "string" ? opened(JSON.parse(object.plaintext)) : undefined;
    return Object.fromEntries(Object.entries(object).map(([key, item]) => [key, opened(item)]));
}

/** The line that a `command:remote:Command` runs, or "". */
export const lineOf = ({ type, inputs }: StateResource): string =>
    type === "command:remote:Command" && typeof inputs.create === "string" ? inputs.create : "";

/** What it is given on standard input. */
export const inputOf = ({ inputs }: StateResource): string => (typeof inputs.stdin === "string" ? inputs.stdin : "");

/** What a stack's state says; secrets are decrypted in memory only. Errors: what Pulumi says. */
export async function stackResources(deployment: Pick<Deployment, "pulumi">, stack: string): Promise<StateResource[]> {
    const { code, stdout, stderr } = await deployment.pulumi(["stack", "export", "--show-secrets", "--stack", stack], {
        timeoutMs: 60_000,
    });
    if (code !== 0) throw new Error(`the state of stack ${stack} cannot be read: ${stderr.trim().split("\n").at(-1)}`);
    return readResources(stdout);
}
