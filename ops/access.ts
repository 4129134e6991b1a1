/** How a deployment is reached from outside: the only place that knows its CA, users and passwords. */
import type { DeployedNode, Deployment } from "./deployment";
import { UserError } from "./errors";
import type { Door, Doors } from "./http";

/** What a client of a deployment needs. Holds secrets: it goes to other processes by their standard input or IPC, never by an argument. */
export interface Access {
    /** Of everything that is open to clients and administrators. */
    scheme: "http" | "https";
    /** The nodes' addresses, with the administrator's name; the virtual IP, with that of who may query. None without TLS. */
    doors: Doors;
    /** Where telemetry goes. @default in the clear */
    otlp?: Door;
    /** @example url("192.168.110.214", 9090, "/-/ready") → "https://192.168.110.214:9090/-/ready" */
    url: (host: string, port: number, path?: string) => string;
}

/** A node's own outputs that matter here. */
export type NodeOutputs = Record<OutputName, string> & { otlpTokens?: Record<string, string> };

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
    const outputs = await Promise.all(nodes.map(({ stack }) => readOutputs(pulumi, stack)));
    return secureAccess(
        vip,
        nodes.map(({ address }, at) => ({ address, outputs: outputs[at]! })),
    );
}

/** Of a deployment with tls "off". Pure. */
export const openAccess = (): Access => ({ scheme: "http", doors: {}, url: urls("http") });

/** Of a deployment with TLS; the MASTER first. Pure. */
export function secureAccess(vip: string, nodes: { address: string; outputs: NodeOutputs }[]): Access {
    // While a CA is replaced, one stack may have both already and the other one not yet.
    const ca = [...new Set(nodes.map(({ outputs }) => outputs.caCertificate.trim()))].join("\n") + "\n";
    const [{ outputs: first }] = nodes as [(typeof nodes)[number]];
    const admins = nodes.map(({ address, outputs: { haproxyStatsUser, haproxyStatsPassword } }) => [
        address,
        { ca, authorization: basic(haproxyStatsUser, haproxyStatsPassword) },
    ]);
    const [, token] = Object.entries(first.otlpTokens ?? {}).sort(([a], [b]) => a.localeCompare(b))[0] ?? [];
    return {
        scheme: "https",
        doors: {
            ...(Object.fromEntries(admins) as Doors),
            [vip]: { ca, authorization: basic(first.queryUser, first.queryPassword) },
        },
        otlp: { ca, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
        url: urls("https"),
    };
}

const urls =
    (scheme: Access["scheme"]): Access["url"] =>
    (host, port, path = "") =>
        `${scheme}://${host}:${port}${path}`;

const basic = (user: string, password: string): string =>
    `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

/** What a stack publishes for its clients. Errors: what is missing; never what was read. */
export async function readOutputs(pulumi: Deployment["pulumi"], stack: string): Promise<NodeOutputs> {
    const { code, stdout, stderr } = await pulumi(["stack", "output", "--json", "--show-secrets", "--stack", stack]);
    if (code !== 0) throw new UserError(`the outputs of stack "${stack}" cannot be read; pulumi says: ${stderr.trim()}`);
    const outputs = parsed(stdout, stack);
    const missing = OUTPUT_NAMES.filter((name) => typeof outputs[name] !== "string");
    if (missing.length > 0)
        throw new UserError(
            `stack "${stack}" has no output ${missing.join(", ")}, which its clients need with TLS: bring it up first, with otel-ha up`,
        );
    return outputs as NodeOutputs;
}

function parsed(text: string, stack: string): Record<string, unknown> {
    try {
        return JSON.parse(text) as Record<string, unknown>;
    } catch {
        // JSON's own error quotes the text.
        throw new UserError(`the outputs of stack "${stack}" are not JSON`);
    }
}
