/** How a deployment is reached from outside: the only place that knows its CA, users and passwords. */
import type { DeployedNode, Deployment } from "./deployment";
import { UserError } from "./errors";
import type { Door, Doors } from "./http";

/** What a client of a deployment needs. Holds secrets: it goes to other processes by their standard input or IPC, never by an argument. */
export interface Access {
    /** Of everything that is open to clients and administrators. */
    scheme: "http" | "https";
    /** The nodes' addresses, for the administrator; the virtual IP, for who may query; there and there the OTLP port, as `otlp`; the object store's without a login. None without TLS. */
    doors: Doors;
    /** Where telemetry goes. @default in the clear */
    otlp?: Door;
    /** @example url("192.168.110.214", 9090, "/-/ready") → "https://192.168.110.214:9090/-/ready" */
    url: (host: string, port: number, path?: string) => string;
}

/** What a stack publishes for its node's clients. */
export type ClientOutputs = Record<OutputName, string> & { otlpTokens?: Record<string, string> };

const OUTPUT_NAMES = [
    "caCertificate",
    "haproxyStatsUser",
    "haproxyStatsPassword",
    "queryUser",
    "queryPassword",
] as const;
type OutputName = (typeof OUTPUT_NAMES)[number];

/** The pair as far as it matters here. */
export type Reached = Pick<Deployment, "vip" | "pulumi"> & {
    nodes: Pick<DeployedNode, "stack" | "address" | "values">[];
};

/** Reads it from the stacks' outputs; with tls "off" there is nothing to read. Errors: a stack that has no such outputs yet. */
export async function accessTo(deployment: Reached): Promise<Access> {
    const { nodes, vip, pulumi } = deployment;
    if (nodes.every(({ values }) => values.tls === "off")) return openAccess();
    const outputs = await Promise.all(
        nodes.map(async ({ stack }) => clientOutputs(stack, await stackOutputs(pulumi, stack))),
    );
    return secureAccess(
        vip,
        nodes.map(({ address, values }, at) => ({
            ...{ address, otlpHttpPort: values.otlpHttpPort, objectStorePort: values.objectStorePort },
            outputs: outputs[at]!,
        })),
    );
}

/** Of a deployment with tls "off". Pure. */
export const openAccess = (): Access => ({ scheme: "http", doors: {}, url: urls("http") });

/** A node with TLS. */
export interface SecureNode {
    address: string;
    otlpHttpPort: number;
    objectStorePort: number;
    outputs: ClientOutputs;
}

/** Of a deployment with TLS; the MASTER first. Pure. */
export function secureAccess(vip: string, nodes: SecureNode[]): Access {
    // While a CA is replaced, one stack may have both already and the other one not yet.
    const ca = [...new Set(nodes.map(({ outputs }) => outputs.caCertificate.trim()))].join("\n") + "\n";
    const [{ outputs: first, otlpHttpPort }] = nodes as [SecureNode];
    const [, token] = Object.entries(first.otlpTokens ?? {}).sort(([a], [b]) => a.localeCompare(b))[0] ?? [];
    const otlp = { ca, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    const doors: Doors = {
        [vip]: { ca, authorization: basic(first.queryUser, first.queryPassword) },
        [`${vip}:${otlpHttpPort}`]: otlp,
    };
    for (const { address, otlpHttpPort, objectStorePort, outputs } of nodes) {
        doors[address] = { ca, authorization: basic(outputs.haproxyStatsUser, outputs.haproxyStatsPassword) };
        doors[`${address}:${otlpHttpPort}`] = otlp;
        // MinIO answers 400 to a login of another kind than its own; whether it is healthy it tells everybody.
        doors[`${address}:${objectStorePort}`] = { ca };
    }
    return { scheme: "https", doors, otlp, url: urls("https") };
}

const urls =
    (scheme: Access["scheme"]): Access["url"] =>
    (host, port, path = "") =>
        `${scheme}://${host}:${port}${path}`;

/** The header of somebody who logs in. */
export const basic = (user: string, password: string): string =>
    `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

/** All outputs of a stack, secrets in the clear. Errors: what pulumi says; never what was read. */
export async function stackOutputs(pulumi: Deployment["pulumi"], stack: string): Promise<Record<string, unknown>> {
    const { code, stdout, stderr } = await pulumi(["stack", "output", "--json", "--show-secrets", "--stack", stack]);
    if (code !== 0)
        throw new UserError(`the outputs of stack "${stack}" cannot be read; pulumi says: ${stderr.trim()}`);
    try {
        return JSON.parse(stdout) as Record<string, unknown>;
    } catch {
        // JSON's own error quotes the text.
        throw new UserError(`the outputs of stack "${stack}" are not JSON`);
    }
}

/** Those that clients need. Errors: which are missing. Pure. */
export function clientOutputs(stack: string, outputs: Record<string, unknown>): ClientOutputs {
    const missing = OUTPUT_NAMES.filter((name) => typeof outputs[name] !== "string");
    if (missing.length > 0)
        throw new UserError(
            `stack "${stack}" has no output ${missing.join(", ")}, which its clients need with TLS: bring it up first, with otel-ha up`,
        );
    return outputs as ClientOutputs;
}
