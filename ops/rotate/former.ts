/** What was valid before a rotation. In memory only: it is never printed or written. */
import { SecretName } from "../../components/generations";
import { CredentialName } from "../../components/credentials";
import { SHARED_CREDENTIALS_OUTPUT } from "../../components/shared-secrets";
import { shellQuote } from "../../components/shell";
import { Values } from "../../components/settings/keys";
import { stackOutputs } from "../access";
import { DeployedNode, Deployment } from "../deployment";
import { UserError } from "../errors";
import { shownCertificate } from "./connection";
import { ownerOf } from "./owner";

/** The secrets that both nodes share, and whom clients believe. */
export interface Shared {
    credentials: Record<CredentialName, string>;
    /** All that are accepted, by the sender's name, the newest first. */
    otlpTokens: Record<string, string[]>;
    /** PEM; with TLS. */
    caCertificate?: string;
}

/** What was valid, as far as the rotation is about it. */
export interface Former {
    shared: Shared;
    /** By the node's name: certificate and key that it shows the other one, PEM. */
    peers: Record<string, string>;
    /** Fingerprints of the certificates that were shown, by where. */
    certificates: Record<string, string>;
}

/** Reads it. Errors: outputs or files that cannot be read. */
export async function former(deployment: Deployment, names: SecretName[]): Promise<Former> {
    const { nodes } = deployment;
    return {
        shared: await sharedNow(deployment),
        peers: names.includes("ca") ? await eachNode(nodes, peerIdentity) : {},
        certificates: names.includes("certificates") ? await certificatesNow(nodes) : {},
    };
}

const eachNode = async <T>(
    nodes: DeployedNode[],
    read: (node: DeployedNode) => Promise<T>,
): Promise<Record<string, T>> =>
    Object.fromEntries(await Promise.all(nodes.map(async (node) => [node.name, await read(node)] as const)));

/** What the owner publishes now. Errors: it has published nothing. */
export async function sharedNow({ nodes, pulumi }: Deployment): Promise<Shared> {
    const { stack } = ownerOf(nodes);
    const outputs = await stackOutputs(pulumi, stack);
    const shared = outputs[SHARED_CREDENTIALS_OUTPUT] as (Shared["credentials"] & Partial<Shared>) | undefined;
    if (!shared) throw new UserError(`stack "${stack}" has no secrets yet: bring it up first, with otel-ha up`);
    return {
        credentials: shared,
        otlpTokens: shared.otlpTokens ?? {},
        caCertificate: outputs.caCertificate as string | undefined,
    };
}

/** Certificate and key that a node shows the other one. Errors: the host cannot be asked. */
export async function peerIdentity(node: DeployedNode): Promise<string> {
    const file = `${node.values.configDir}/haproxy/tls/peer.pem`;
    const { code, stdout, stderr } = await node.exec(`cat ${shellQuote(file)}`);
    if (code !== 0) throw new UserError(`${node.name}: ${file} cannot be read: ${stderr.trim()}`, 1);
    return stdout;
}

/** Ports at which each kind of a node's certificates is shown. Pure. */
export function certificatePorts(v: Values): Record<string, number> {
    return {
        clients: v.otlpHttpPort,
        administrators: v.prometheusPort,
        "the other node": v.aggregatorGrpcPort,
        ...(v.objectStore === "external" ? {} : { "the object store's clients": v.objectStorePort }),
    };
}

/** Fingerprints of what is shown now, by node and port. Errors: nobody listens there. */
export async function certificatesNow(nodes: DeployedNode[]): Promise<Record<string, string>> {
    const places = nodes.flatMap(({ name, address, values }) =>
        Object.entries(certificatePorts(values)).map(([whom, port]) => ({ at: `${name}, to ${whom}`, address, port })),
    );
    const shown = await Promise.all(
        places.map(async ({ at, address, port }) => [at, await shownCertificate(address, port)] as const),
    );
    return Object.fromEntries(shown);
}
