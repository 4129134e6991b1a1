import { createHash } from "node:crypto";
import { shellWords } from "../../../components/shell";
import { Hunk, textDiff } from "../../text-diff";
import { deployedFirewall } from "./firewall";
import { Finding, Inquiry, Sections } from "../model";
import { hostSetups } from "../setup-script";
import { inputOf, lineOf, StateResource } from "../state";

/** A file that was deployed. */
export interface DeployedFile {
    urn: string;
    path: string;
    content: string;
    /** Its content is shown nowhere. */
    secret: boolean;
    /** Octal; undefined: not ours to say. */
    mode?: string;
    /** Numeric; undefined: not ours to say. */
    owner?: string;
    /** How it is written again; undefined: with the host's preparation, or by the firewall. */
    write?: { line: string; input: string; reloads?: string };
    /** The component that it belongs to. */
    parent?: string;
}

/** Every file that was deployed, in the order in which they were written. Pure. */
export function deployedFiles(resources: StateResource[]): DeployedFile[] {
    const prepared = hostSetups(resources).flatMap(({ resource, files }) =>
        files.map((file): DeployedFile => {
            return { ...file, urn: resource.urn, owner: "0:0", secret: resource.secrets.includes("stdin") };
        }),
    );
    const rules = deployedFirewall(resources)?.file;
    return [
        ...prepared,
        ...(rules ? [rules] : []),
        ...resources.flatMap((resource) => remoteFile(resource, resources)),
    ];
}

// See putFileCommand in components/remote-file.ts.
function remoteFile(resource: StateResource, resources: StateResource[]): DeployedFile[] {
    const line = lineOf(resource);
    if (!/^(sudo -n )?\S+\/put-file /.test(line)) return [];
    const words = shellWords(line);
    const options = words.slice(words.findIndex((word) => word.endsWith("/put-file")) + 1);
    const path = options.pop()!;
    const option = (name: string): string | undefined => {
        const at = options.indexOf(`--${name}`);
        return at < 0 ? undefined : options[at + 1];
    };
    return [
        {
            urn: resource.urn,
            path,
            content: inputOf(resource),
            secret: resource.secrets.includes("stdin"),
            mode: option("mode") ?? "0644",
            owner: option("owner") ?? "0:0",
            write: { line, input: inputOf(resource), reloads: option("container") },
            // The file's own component is that of its service.
            parent: resources.find(({ urn }) => urn === resource.parent)?.parent,
        },
    ];
}

/** Files: content, mode and owner. Pure. */
export function files(resources: StateResource[]): Inquiry {
    const deployed = deployedFiles(resources);
    const line = ({ content, secret, path }: DeployedFile): string =>
        `${createHash("sha256").update(content).digest("hex")} ${secret ? "hide" : "show"} ${path}`;
    return {
        settings: { FILES: deployed.map(line).join("\n") },
        judge: (said) => {
            const found = readFiles(said);
            return {
                findings: deployed.flatMap((file) => (found[file.path] ? compare(file, found[file.path]!) : [])),
                unknown: deployed
                    .filter(({ path }) => !found[path])
                    .map(({ path }) => `${path} could not be looked at`),
            };
        },
    };
}

interface FoundFile {
    state: "same" | "other" | "absent" | "strange";
    mode: string;
    owner: string;
    /** Where it may be shown and is not too long. */
    content?: string;
}

function readFiles(said: Sections): Record<string, FoundFile | undefined> {
    return Object.fromEntries(
        (said.files ?? []).map((line) => {
            const [state, mode = "", owner = "", base64 = "", path = ""] = line.split("\t");
            const content = base64 === "-" ? undefined : Buffer.from(base64, "base64").toString("utf8");
            return [path, { state: state as FoundFile["state"], mode, owner, content }];
        }),
    );
}

function compare(file: DeployedFile, found: FoundFile): Finding[] {
    const { urn, path, mode, owner } = file;
    const differs = (property: string, expected: string, is: string, diff?: string): Finding => {
        return { kind: "file", subject: path, property, expected, found: is, ...(diff ? { diff } : {}), urn };
    };
    if (found.state === "absent") return [differs("existence", "a file", "nothing")];
    if (found.state === "strange") return [differs("existence", "a file", "something else than a regular file")];
    return [
        ...(found.state === "other" ? [contentDiffers(file, found, differs)] : []),
        ...(mode !== undefined && octal(mode) !== octal(found.mode)
            ? [differs("mode", octal(mode), octal(found.mode))]
            : []),
        ...(owner !== undefined && owner !== found.owner ? [differs("owner", owner, found.owner)] : []),
    ];
}

function contentDiffers(
    file: DeployedFile,
    { content }: FoundFile,
    differs: (property: string, expected: string, found: string, diff?: string) => Finding,
): Finding {
    if (file.secret) return differs("content", "[secret]", "another text");
    const diff = content === undefined ? undefined : unified(textDiff(file.content, content));
    return differs("content", "the deployed text", diff ? "another text" : "another text, too long to show", diff);
}

const unified = (hunks?: Hunk[]): string | undefined =>
    hunks
        ?.flatMap(({ before, after, lines }) => [
            `@@ -${before} +${after} @@`,
            ...lines.map(({ sign, text }) => sign + text),
        ])
        .join("\n");

/** @example octal("644") → "0644" */
export const octal = (mode: string): string => mode.replace(/^0*/, "").padStart(4, "0");
