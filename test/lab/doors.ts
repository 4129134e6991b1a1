// Asking a pair with TLS as different people: with and without its CA, with passwords, tokens, and certificates.
import { credentials, Client, Metadata, ServiceError } from "@grpc/grpc-js";
import { request } from "node:https";
import { IncomingHttpHeaders } from "node:http";
import { labExec } from "../../lab/hosts";
import { Project } from "../../lab/project";
import { newCa, newLeaf, type Made } from "../unit/support/certificates";
import { node1, stackSecret } from "./support";

/** HTTP ports that HAProxy serves to the administrator and the other node, with a path that answers 200. */
export const SERVICES: { name: string; port: number; path: string; on?: string }[] = [
    { name: "Prometheus", port: 9090, path: "/-/ready" },
    { name: "Loki", port: 3100, path: "/ready" },
    { name: "Thanos sidecar", port: 10902, path: "/-/ready" },
    { name: "Thanos Query", port: 10904, path: "/-/ready" },
    { name: "Thanos Store", port: 10906, path: "/-/ready" },
    { name: "Thanos Compactor", port: 10912, path: "/-/ready", on: "node1" },
    { name: "the collector's metrics", port: 9464, path: "/metrics" },
    { name: "the collector's disks", port: 9465, path: "/metrics" },
    { name: "the collector's health", port: 13133, path: "/" },
    { name: "HAProxy's statistics", port: 8404, path: "/stats" },
];

/** Where people query, by path. */
export const QUERY_PORTS = [
    { port: 19090, path: "/api/v1/query?query=1" },
    { port: 13100, path: "/loki/api/v1/labels" },
];

/** gRPC for the other node only. */
export const PEER_GRPC_PORTS = [10901, 10905, 14317];

/** What somebody believes, shows and says. */
export interface Shown {
    ca?: string;
    cert?: string;
    key?: string;
    /** @example "Basic YWRtaW46…" */
    authorization?: string;
    body?: string;
}

export interface Answer {
    status: number;
    headers: IncomingHttpHeaders;
    text: string;
}

/** One request over a connection of its own. Errors: no connection, or a server that is not believed. */
export function ask(url: string, { authorization, body, ...tls }: Shown): Promise<Answer> {
    const headers = {
        ...(authorization ? { authorization } : {}),
        ...(body ? { "content-type": "application/json" } : {}),
    };
    return new Promise((resolve, reject) => {
        const asked = request(
            url,
            { ...tls, headers, method: body ? "POST" : "GET", agent: false, timeout: 10_000 },
            (answer) => {
                const chunks: Buffer[] = [];
                answer.on("data", (chunk: Buffer) => chunks.push(chunk));
                answer.on("error", reject);
                answer.on("end", () =>
                    resolve({
                        status: answer.statusCode ?? 0,
                        headers: answer.headers,
                        text: Buffer.concat(chunks).toString(),
                    }),
                );
            },
        );
        asked.on("timeout", () => asked.destroy(new Error("timeout")));
        asked.on("error", reject);
        asked.end(body);
    });
}

/** Why there was no answer. Errors: there was one. */
export async function refusal(answer: Promise<Answer>): Promise<string> {
    const said = await answer.then(
        ({ status }) => `answered ${status}`,
        (error: NodeJS.ErrnoException) => `refused: ${error.code} ${error.message}`,
    );
    if (said.startsWith("answered")) throw new Error(said);
    return said;
}

/** The gRPC status of a call with an empty message: 0 is OK, 12 no such method, 14 no connection, 16 not authenticated. */
export async function grpcStatus(
    address: string,
    port: number,
    shown: Shown,
    method = "/nobody.Knows/This",
): Promise<{ code: number; details: string }> {
    const buffer = (text?: string): Buffer | null => (text ? Buffer.from(text) : null);
    const secure = credentials.createSsl(buffer(shown.ca), buffer(shown.key), buffer(shown.cert));
    const client = new Client(`${address}:${port}`, secure);
    const metadata = new Metadata();
    if (shown.authorization) metadata.set("authorization", shown.authorization);
    const deadline = Date.now() + 10_000;
    const same = (value: Buffer): Buffer => value;
    return new Promise((resolve) =>
        client.makeUnaryRequest(
            method,
            same,
            same,
            Buffer.alloc(0),
            metadata,
            { deadline },
            (error: ServiceError | null) => {
                client.close();
                resolve({ code: error?.code ?? 0, details: error?.details ?? "" });
            },
        ),
    );
}

/** Takes logs; an empty request is a good one. */
export const EXPORT_LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

export const basic = (user: string, password: string): string =>
    `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

interface Certificate {
    cert: string;
    key: string;
}

/** What belongs to a pair, and somebody with a certificate of its CA who is none of its nodes. */
export interface Pair {
    ca: string;
    admin: string;
    query: string;
    peer: Certificate;
    stranger: Certificate;
    /** A CA of clients with a client of it. */
    clients: { ca: string; one: Certificate };
}

export async function pairOf(project: Project): Promise<Pair> {
    const secret = (name: string): Promise<string> => stackSecret(project, "node1", name);
    const ca = `${await secret("caCertificate")}\n`;
    const { authority } = JSON.parse(await secret("sharedCredentials")) as { authority: Made };
    const pem = (await labExec("node1", ["cat", "/data/docker/otel/haproxy/tls/peer.pem"])).stdout;
    const shownBy = ({ certificate, key }: Made): Certificate => ({ cert: certificate, key });
    const clientCa = await newCa("Clients");
    return {
        ca,
        admin: basic("admin", await secret("haproxyStatsPassword")),
        query: basic("query", await secret("queryPassword")),
        peer: { cert: pem, key: pem },
        stranger: shownBy(await newLeaf(authority, { commonName: "mid-3", uses: ["client_auth"] })),
        clients: {
            ca: clientCa.certificate,
            one: shownBy(await newLeaf(clientCa, { commonName: "shop", uses: ["client_auth"] })),
        },
    };
}

/** Runs a file's own check on node 1, beside nothing. */
export async function accepted(check: string, text: string): Promise<boolean> {
    const script = `export DIR=$(mktemp -d /data/check.XXXX) CANDIDATE=.candidate\nchmod 755 $DIR\ntrap 'rm -rf $DIR' EXIT\ncat >$DIR/.candidate <<'END'\n${text}\nEND\n${check}\n`;
    return (await labExec(node1.name, ["sh", "-s"], { input: script })).code === 0;
}
