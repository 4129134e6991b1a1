/** What was valid before a rotation. In memory only: it is never printed or written. */
import { SHARED_CREDENTIALS_OUTPUT } from "../../components/shared-secrets";
import { shellQuote } from "../../components/shell";
import { stackOutputs } from "../access";
import { AnyDeployment, AnyNode } from "../deployment";
import { UserError } from "../errors";
import { shownCertificate } from "./connection";
import { AnySecretName } from "./generations";
import { ownerOf } from "./owner";
import { rotationOf } from "./systems";

/** The secrets that all nodes share, and whom clients believe. */
export interface Shared {
    credentials: Record<string, string>;
    /** All that are accepted, by the sender's name, the newest first. */
    otlpTokens: Record<string, string[]>;
    /** PEM; with TLS. */
    caCertificate?: string;
}

/** What was valid, as far as the rotation is about it. */
export interface Former {
    shared: Shared;
    /** By the node's name: a certificate and its key that the others believe, PEM. */
    peers: Record<string, string>;
    /** Fingerprints of the certificates that were shown, by where. */
    certificates: Record<string, string>;
}

/** Reads it. Errors: outputs or files that cannot be read. */
export async function former(deployment: AnyDeployment, names: AnySecretName[]): Promise<Former> {
    const { nodes } = deployment;
    return {
        shared: await sharedNow(deployment),
        peers: names.includes("ca") ? await eachNode(nodes, peerIdentity) : {},
        certificates: names.includes("certificates") ? await certificatesNow(nodes) : {},
    };
}

const eachNode = async <T>(nodes: AnyNode[], read: (node: AnyNode) => Promise<T>): Promise<Record<string, T>> =>
    Object.fromEntries(await Promise.all(nodes.map(async (node) => [node.name, await read(node)] as const)));

/** What the owner publishes now. Errors: it has published nothing. */
export async function sharedNow({ nodes, pulumi }: Pick<AnyDeployment, "nodes" | "pulumi">): Promise<Shared> {
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

/** A certificate of a node and its key, which the others believe. Errors: the host cannot be asked. */
export async function peerIdentity(node: AnyNode): Promise<string> {
    const file = rotationOf(node.values).identityFile(node.values);
    const { code, stdout, stderr } = await node.exec(`cat ${shellQuote(file)}`);
    if (code !== 0) throw new UserError(`${node.name}: ${file} cannot be read: ${stderr.trim()}`, 1);
    return stdout;
}

/** Fingerprints of what is shown now, by node and port: seen from the host itself, since some ports are for the other nodes only. Errors: nobody listens there. */
export async function certificatesNow(nodes: AnyNode[]): Promise<Record<string, string>> {
    const places = nodes.flatMap((node) =>
        Object.entries(rotationOf(node.values).certificatePorts(node.values)).map(([whom, port]) => ({
            at: `${node.name}, to ${whom}`,
            port,
            node,
        })),
    );
    const shown = await Promise.all(places.map(async ({ at, port, node }) => [at, await shownAt(node, port, at)]));
    return Object.fromEntries(shown) as Record<string, string>;
}

async function shownAt(node: AnyNode, port: number, at: string): Promise<string> {
    try {
        return await shownCertificate(node.dial(port));
    } catch (error) {
        throw new UserError(`${at}, port ${port}: the certificate cannot be seen: ${(error as Error).message}`, 1);
    }
}
