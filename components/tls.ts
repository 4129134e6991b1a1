import * as pulumi from "@pulumi/pulumi";

/**
 * How connections that leave a host are secured. "internal": by certificates of a CA that this program makes. "provided": by ones that are given.
 * "off": not at all, and without authentication; for the lab.
 */
export type TlsMode = "off" | "internal" | "provided";

export const TLS_DEFAULTS = {
    mode: "internal" as TlsMode,
    lifetime: "90d",
    renewBefore: "30d",
    caLifetime: "3650d",
};

/** A certificate with its key. */
export interface Identity {
    /** PEM; intermediate certificates after the leaf. */
    certificate: pulumi.Input<string>;
    /** PEM, a secret. */
    key: pulumi.Input<string>;
}

/** A certificate with its key, in one file: between two, a pair that does not fit could be read. Pure. */
export function identityFile({ certificate, key }: Identity): { content: pulumi.Output<string>; mode: string } {
    const text = pulumi.all([certificate, key]).apply((parts) => parts.map((part) => `${part.trimEnd()}\n`).join(""));
    return { content: pulumi.secret(text), mode: "0400" };
}

/** What the parts of one node show to others, and whom they believe. */
export interface NodeTls {
    /** The CA certificates that are believed, PEM: one, or two while a CA is replaced. */
    trusted: pulumi.Input<string>;
    /** For clients and people: the node's name and address, its host name, and the virtual IP. Server only. */
    clients: Identity;
    /** For the other node. Server and client; its common name is the node's name. */
    peer: Identity;
    /** Of the node's own object store. Server only: the node's name and address, and 127.0.0.1. @default none: the store is elsewhere */
    objectStore?: Identity;
}

/** The same for a node of Container APM. */
export interface ApmTls {
    /** The CA certificates that are believed, PEM: one, or two while a CA is replaced. */
    trusted: pulumi.Input<string>;
    /** Of OpenSearch, for the other nodes and for clients. Server and client; its common name is the node's name, by which the other nodes know it. */
    opensearch: Identity;
    /** Of whoever sets up users and roles in OpenSearch. Client only; its common name is `otel-ha-admin`. */
    opensearchAdmin: Identity;
    /** Of Data Prepper, for collectors and for the other two. Server and client. @default none: telemetry does not go through it */
    dataPrepper?: Identity;
    /** Of OpenSearch Dashboards, and of the way to them. Server only. @default none: there are none */
    dashboards?: Identity;
    /** Of the node's collector, for applications. Server only. */
    collector: Identity;
}
