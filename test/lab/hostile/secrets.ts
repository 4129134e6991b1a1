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

/** Marked because of what stands beside it: where a host is, and the digests by which a container is known, which are made of files with secrets. */
const NO_SECRET = /\.connection\.(host|port|user)$|\.labels\.\d+\.(label|value)$/;

/** All that the states and the settings of both stacks keep secret. */
export async function allSecrets(project: Project): Promise<Secrets> {
    const found: Secrets = new Map();
    const known = new Set<string>();
    const all: [string, string][] = [];
    let open = "";
    for (const stack of STACKS) {
        const resources = await stateResources(project, stack);
        open += publicKeys(resources);
        const state = resources.flatMap((resource) => secretTexts(resource, resource.urn.split("::").pop()!, false));
        for (const [name, text] of [...state, ...(await settingSecrets(project, stack))])
            all.push([`${stack} ${name}`, text]);
    }
    const names = new Set(await userNames(project));
    const lines = keyLines(
        all.map(([, text]) => text),
        open,
    );
    for (const [name, text] of all.filter(([name]) => !NO_SECRET.test(name)))
        for (const [part, value] of atoms(text, lines)) {
            if (known.has(value) || names.has(value)) continue;
            known.add(value);
            found.set(name + part, value);
        }
    return found;
}

const bodies = (text: string): string[] =>
    [...text.matchAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----\n([\s\S]*?)-----END/g)].map(([, body]) => body!.trim());

/** The format's name and parameters in base64, the same in all keys of OpenSSH. */
const OPENSSH_HEAD = "b3BlbnNzaC1rZXkt";

/** Lines that are a private key's own: not those that all keys of a kind have, nor those of the public key, which is a part of it. */
function keyLines(texts: string[], open: string): Set<string> {
    const keys = new Map<string, number>();
    for (const body of new Set(texts.flatMap(bodies)))
        for (const line of new Set(body.split("\n"))) keys.set(line, (keys.get(line) ?? 0) + 1);
    const own = ([line, count]: [string, number]): boolean =>
        count === 1 && isLong(line) && !line.startsWith(OPENSSH_HEAD) && !open.includes(line);
    return new Set([...keys].filter(own).map(([line]) => line));
}

/** A password is one; a key is as many as it has lines of its own; a file that holds one is none. */
function atoms(text: string, ofKeys: Set<string>): [string, string][] {
    const lines = bodies(text).flatMap((body) => body.split("\n"));
    if (lines.length > 0)
        return lines.flatMap((line, at): [string, string][] => (ofKeys.has(line) ? [[` line ${at + 1}`, line]] : []));
    return isLong(text) && !/\s/.test(text) ? [["", text]] : [];
}

const isLong = (text: string): boolean => text.length >= SHORTEST;

/** Names of users are outputs that are no secrets, and may be in the same objects. */
async function userNames(project: Project): Promise<string[]> {
    const { stdout } = await pulumi(project, ["stack", "output", "--json", "--stack", "node1"]);
    const outputs = JSON.parse(stdout) as Record<string, unknown>;
    return Object.values(outputs).filter((value): value is string => typeof value === "string" && value !== "[secret]");
}

interface Resource {
    urn: string;
    outputs?: Record<string, unknown>;
}

async function stateResources(project: Project, stack: StackName): Promise<Resource[]> {
    const { stdout, code, stderr } = await pulumi(project, ["stack", "export", "--show-secrets", "--stack", stack]);
    if (code !== 0) throw new Error(stderr);
    return (JSON.parse(stdout) as { deployment: { resources: Resource[] } }).deployment.resources;
}

/** What the TLS provider calls public. */
const publicKeys = (resources: Resource[]): string =>
    resources
        .flatMap(({ outputs = {} }) => Object.entries(outputs))
        .flatMap(([name, value]) => (/^publicKey/.test(name) && typeof value === "string" ? [value] : []))
        .join("\n");

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
