// Every secret of the stacks by its value, and where such a value turns up. What is told of a secret is its name.
import { Project, pulumi, StackName, STACKS } from "../../../lab/project";
import { labExec } from "../../../lab/hosts";
import { LabNode } from "../../../lab/nodes";

/** How Pulumi marks a secret in a state (a constant of its format). */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** Shorter ones would be found by chance. VRRP's password is as short as that. */
const SHORTEST = 8;

/** Values by name; of a key each line is one. */
export type Secrets = Map<string, string>;

/** All that the states and the settings of both stacks keep secret. */
export async function allSecrets(project: Project): Promise<Secrets> {
    const found: Secrets = new Map();
    const known = new Set<string>();
    const add = (name: string, value: string): void => {
        if (known.has(value)) return;
        known.add(value);
        found.set(name, value);
    };
    for (const stack of STACKS) {
        for (const [name, text] of await stateSecrets(project, stack))
            for (const [part, value] of atoms(text)) add(`${stack} ${name}${part}`, value);
        for (const [name, text] of await settingSecrets(project, stack))
            for (const [part, value] of atoms(text)) add(`${stack} ${name}${part}`, value);
    }
    for (const value of await userNames(project))
        for (const [name, secret] of found) if (secret === value) found.delete(name);
    return found;
}

/** A password is one; a key is as many as it has lines; a file that holds one is none of its own. */
function atoms(text: string): [string, string][] {
    const keys = [...text.matchAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----\n([\s\S]*?)-----END/g)];
    const lines = keys.flatMap(([, body]) => body!.trim().split("\n"));
    // The first line of a key is the same in all keys of its kind.
    if (lines.length > 0)
        return lines
            .slice(1)
            .filter(isLong)
            .map((line, at) => [` line ${at + 2}`, line]);
    return isLong(text) && !/\s/.test(text) ? [["", text]] : [];
}

const isLong = (text: string): boolean => text.length >= SHORTEST;

/** Names of users are outputs that are no secrets, and may be in the same objects. */
async function userNames(project: Project): Promise<string[]> {
    const { stdout } = await pulumi(project, ["stack", "output", "--json", "--stack", "node1"]);
    const outputs = JSON.parse(stdout) as Record<string, unknown>;
    return Object.values(outputs).filter((value): value is string => typeof value === "string" && value !== "[secret]");
}

async function stateSecrets(project: Project, stack: StackName): Promise<[string, string][]> {
    const { stdout, code, stderr } = await pulumi(project, ["stack", "export", "--show-secrets", "--stack", stack]);
    if (code !== 0) throw new Error(stderr);
    const { deployment } = JSON.parse(stdout) as { deployment: { resources: { urn: string }[] } };
    return deployment.resources.flatMap((resource) => secretTexts(resource, resource.urn.split("::").pop()!, false));
}

// Every text under a mark, which holds JSON that may have marks of its own.
function secretTexts(value: unknown, name: string, inside: boolean): [string, string][] {
    if (typeof value === "string") return inside ? [[name, value]] : [];
    if (typeof value !== "object" || value === null) return [];
    const object = value as Record<string, unknown>;
    if (object[SIGNATURE] === SECRET)
        return typeof object.plaintext === "string" ? secretTexts(JSON.parse(object.plaintext), name, true) : [];
    return Object.entries(object).flatMap(([key, item]) => secretTexts(item, `${name}.${key}`, inside));
}

async function settingSecrets(project: Project, stack: StackName): Promise<[string, string][]> {
    const { stdout, code, stderr } = await pulumi(project, ["config", "--show-secrets", "--json", "--stack", stack]);
    if (code !== 0) throw new Error(stderr);
    const settings = JSON.parse(stdout) as Record<string, { value?: string; secret?: boolean }>;
    return Object.entries(settings).flatMap(([key, { value, secret }]): [string, string][] =>
        secret && value ? [[key, value]] : [],
    );
}

/** Names of the secrets that a text holds, as they are or in base64. */
export function leaks(secrets: Secrets, where: string, text: string): string[] {
    return [...secrets].flatMap(([name, value]) =>
        [value, Buffer.from(value).toString("base64").replace(/=+$/, "")].some((form) => text.includes(form))
            ? [`${name} in ${where}`]
            : [],
    );
}

/** Files of a host, below some directories, that hold any of the secrets. What is looked for travels on standard input. */
export async function filesWith(node: LabNode, values: string[], directories: string[]): Promise<string[]> {
    const { stdout } = await labExec(
        node.name,
        ["grep", "-r", "-l", "-a", "-F", "-s", "-D", "skip", "-f", "-", ...directories],
        {
            input: `${values.join("\n")}\n`,
        },
    );
    return stdout.split("\n").filter(Boolean).sort();
}

/** Mode and owner of files. @example { "/a": "400 99:99" } */
export async function modes(node: LabNode, files: string[]): Promise<Record<string, string>> {
    const { stdout } = await labExec(node.name, ["stat", "-c", "%n %a %u:%g", ...files]);
    return Object.fromEntries(
        stdout
            .trim()
            .split("\n")
            .map((line) => line.split(/ (.*)/) as [string, string]),
    );
}

/** Command lines of all processes of a host, until told to stop: every one that was seen, once. */
export function watchProcesses(node: LabNode): () => Promise<string[]> {
    const script = `rm -f /run/watched-enough; while [ ! -e /run/watched-enough ]; do ps -e -ww -o args=; sleep 0.05; done | awk '!seen[$0]++'; rm -f /run/watched-enough`;
    const seen = labExec(node.name, ["sh", "-c", script], { timeoutMs: 400_000 });
    return async () => {
        await labExec(node.name, ["touch", "/run/watched-enough"]);
        return (await seen).stdout.split("\n");
    };
}
