/** HTTP for the commands: keeps connections, believes a CA of one's own and shows who asks. `fetch` can be told neither. */
import * as http from "node:http";
import * as https from "node:https";
import { createSecureContext, type SecureContext } from "node:tls";

/** Whom a client believes, and what it shows. Plain data, so that it crosses to another process as it is. */
export interface Door {
    /** CA certificates, PEM; then nobody else's are believed. @default the system's */
    ca?: string;
    /** The header Authorization, a secret. It is sent over TLS only. @default none */
    authorization?: string;
}

/** Doors by "host:port", or by host. Any other place is asked as anybody would. @example { "192.168.110.140": { ca, authorization } } */
export type Doors = Record<string, Door>;

/** What is asked, besides where. */
export interface Question {
    /** @default "GET" */
    method?: string;
    /** A header "authorization" takes the place of the door's. */
    headers?: Record<string, string>;
    body?: string | Uint8Array;
    /** For everything, connecting included. */
    timeoutMs: number;
}

export interface HttpAnswer {
    status: number;
    headers: http.IncomingHttpHeaders;
    text: string;
}

/** What TLS needs of a door, read once: a certificate is not parsed for each connection. */
export const trust = (door: Door): SecureContext => createSecureContext({ ca: door.ca });

/** How requests to a door are made; without one, in the clear. */
export function wayTo(
    door: Door | undefined,
    pool: http.AgentOptions = { keepAlive: true },
): { request: typeof http.request; agent: http.Agent } {
    if (!door) return { request: http.request, agent: new http.Agent(pool) };
    return { request: https.request, agent: new https.Agent({ ...pool, secureContext: trust(door) }) };
}

/** A kept connection that was no longer one, as when an address has moved: such a request is made anew. */
class StaleConnection extends Error {}

/** Asks over kept connections. Which door is meant follows from the URL's host. */
export class HttpClient {
    private readonly ways = new Map<string, ReturnType<typeof wayTo>>();

    constructor(private readonly doors: Doors = {}) {}

    get(url: string, timeoutMs: number): Promise<HttpAnswer> {
        return this.ask(url, { timeoutMs });
    }

    /** Errors: no answer in time ("timeout"), no connection, a server that is not whom it should be. Any status is an answer. */
    async ask(address: string, question: Question): Promise<HttpAnswer> {
        const end = Date.now() + question.timeoutMs;
        for (;;) {
            try {
                return await this.once(address, { ...question, timeoutMs: Math.max(1, end - Date.now()) });
            } catch (error) {
                // Each that is found out is one less: the next one may be new.
                if (!(error instanceof StaleConnection)) throw error;
            }
        }
    }

    private once(address: string, question: Question): Promise<HttpAnswer> {
        const { method = "GET", body, timeoutMs } = question;
        const url = new URL(address);
        const door = url.protocol === "https:" ? (this.doors[url.host] ?? this.doors[url.hostname] ?? {}) : undefined;
        const { request, agent } = this.way(url.protocol, door);
        const headers = {
            ...(door?.authorization ? { authorization: door.authorization } : {}),
            // Without it Node sends the body of a DELETE unannounced: the server reads it as the next request.
            ...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }),
            ...question.headers,
        };
        return new Promise((resolve, reject) => {
            const outgoing = request(url, { method, headers, agent }, (incoming) => {
                const chunks: Buffer[] = [];
                incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
                incoming.on("error", fail);
                incoming.on("end", () => {
                    clearTimeout(timer);
                    const { statusCode: status = 0, headers } = incoming;
                    resolve({ status, headers, text: Buffer.concat(chunks).toString("utf8") });
                });
            });
            const fail = (error: NodeJS.ErrnoException): void => {
                clearTimeout(timer);
                const broke = ["ECONNRESET", "EPIPE"].includes(error.code ?? "");
                reject(broke && outgoing.reusedSocket ? new StaleConnection(error.message) : error);
            };
            // A connection that did not answer is not used again.
            const timer = setTimeout(() => {
                fail(new Error("timeout"));
                outgoing.destroy();
            }, timeoutMs);
            outgoing.on("error", fail);
            outgoing.end(body);
        });
    }

    /** Ends the kept connections. */
    close(): void {
        for (const { agent } of this.ways.values()) agent.destroy();
        this.ways.clear();
    }

    private way(protocol: string, door: Door | undefined): ReturnType<typeof wayTo> {
        const key = `${protocol} ${door?.ca ?? ""}`;
        const way = this.ways.get(key) ?? wayTo(door);
        this.ways.set(key, way);
        return way;
    }
}

/** True for 2xx. */
export const isGood = ({ status }: Pick<HttpAnswer, "status">): boolean => status >= 200 && status < 300;
