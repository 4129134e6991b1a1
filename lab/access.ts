/** The deployment of a lab's project as its clients reach it: with TLS or without it, as its stacks' outputs say. */
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clientOutputs, openAccess, secureAccess, stackOutputs, type Access } from "../ops/access";
import { HttpClient, type Door, type HttpAnswer, type Question } from "../ops/http";
import { findNode, NETWORK } from "./nodes";
import { pulumi, type Project } from "./project";

const OTLP_HTTP_PORT = 4318;
const OBJECT_STORE_PORT = 9000;
const TIMEOUT_MS = 10_000;

let project: Project | undefined;
let known: { stamp: string; access: Access; http: HttpClient } | undefined;

/** Says whose deployment is on the hosts: everything that asks them goes by it. */
export function useProject(target: Project): void {
    project = target;
    known = undefined;
}

/** How it is reached now. Read again only when a stack has changed. */
export async function access(): Promise<Access> {
    return (await current()).access;
}

/** A client that goes on as it is while stacks change. */
export async function client(): Promise<HttpClient> {
    return (await current()).http;
}

/** Who asks: as everybody who knows the CA, or with a name. @default the administrator on nodes, who may query at the virtual IP, a token for OTLP */
export type Login = "nobody" | { user: string; password: string };

/** Asks at a port of the deployment. Any status is an answer. @example ask(node1.address, 3100, "/ready") */
export async function ask(
    host: string,
    port: number,
    path = "",
    { login, ...question }: Partial<Question> & { login?: Login } = {},
): Promise<HttpAnswer> {
    const { access, http } = await current();
    const url = access.url(host, port, path);
    const asked = { timeoutMs: TIMEOUT_MS, ...question };
    if (login === undefined) return http.ask(url, asked);
    const other = new HttpClient({ [host]: { ca: access.otlp?.ca } });
    const headers = { ...question.headers, ...(login === "nobody" ? {} : { authorization: basic(login) }) };
    return other.ask(url, { ...asked, headers }).finally(() => other.close());
}

/** The JSON that is answered there. Errors: any status but 2xx. */
export async function askJson(host: string, port: number, path: string): Promise<unknown> {
    const { status, text } = await ask(host, port, path);
    if (status < 200 || status > 299) throw new Error(`GET ${host}:${port}${path}: ${status} ${text.slice(0, 300)}`);
    return JSON.parse(text);
}

/** Arguments with which curl trusts the deployment and is let in at a port of it; none without TLS. What is secret is in a file. */
export async function curlArguments(host: string, port: number): Promise<string[]> {
    const { doors } = await access();
    const door = doors[`${host}:${port}`] ?? doors[host];
    if (!door || !project) return [];
    const ca = join(project.dir, "ca.pem");
    writeFileSync(ca, door.ca ?? "");
    if (door.authorization === undefined) return ["--cacert", ca];
    const config = join(project.dir, `curl-${host}.conf`);
    writeFileSync(config, `header = "Authorization: ${door.authorization}"\n`, { mode: 0o600 });
    return ["--cacert", ca, "--config", config];
}

const basic = ({ user, password }: { user: string; password: string }): string =>
    `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

async function current(): Promise<NonNullable<typeof known>> {
    if (!project) throw new Error("no project was named; call useProject first");
    const stamp = project.stacks.map((stack) => changedAt(project!, stack)).join(" ");
    if (known?.stamp !== stamp) {
        const access = await readAccess(project);
        known = { stamp, access, http: new HttpClient(access.doors) };
    }
    return known;
}

/** When the CLI last wrote a stack's state. */
function changedAt({ dir }: Project, stack: string): number {
    const file = join(dir, "state", ".pulumi", "stacks", "otel-ha", `${stack}.json`);
    return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

async function readAccess(target: Project): Promise<Access> {
    const read = await Promise.all(
        target.stacks.map(async (stack) => {
            // A stack that was never up has no outputs.
            const outputs = await stackOutputs((args) => pulumi(target, args), stack).catch(() => ({}));
            const secure = "otlpHttp" in outputs && String(outputs.otlpHttp).startsWith("https:");
            if (!secure) return [];
            const { address } = findNode(stack);
            const ports = { otlpHttpPort: OTLP_HTTP_PORT, objectStorePort: OBJECT_STORE_PORT };
            return [{ address, ...ports, outputs: clientOutputs(stack, outputs) }];
        }),
    );
    const nodes = read.flat();
    return nodes.length === 0 ? openAccess() : secureAccess(NETWORK.vip, nodes);
}

export type { Access, Door, HttpAnswer };
