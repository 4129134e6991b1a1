/** Connections that show something particular: whom a server lets in, and what it shows of itself. */
import * as http from "node:http";
import * as https from "node:https";
import type { Duplex } from "node:stream";
import * as tls from "node:tls";

const TIMEOUT_MS = 5_000;

/** What a client shows. */
export interface Shown {
    authorization?: string;
    /** PEM: a certificate and its key. */
    identity?: string;
    /** PEM: whom it believes. @default nobody is asked for a certificate: in the clear */
    ca?: string;
    method?: string;
    headers?: Record<string, string>;
    body?: string;
}

/** What became of it: a status, or a server that ends the connection since it does not believe the client's certificate. */
export type Answer = { status: number } | { notBelieved: string };

// What OpenSSL calls the alerts of a server that does not take a certificate. It ends the connection at once: the alert itself may be overtaken by that.
const NOT_BELIEVED =
    /alert (unknown ca|bad certificate|certificate (unknown|revoked|expired|required))|ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE)/i;

/** Asks once, over a connection of its own. Errors: no answer, for whatever other reason. */
export function ask(address: string, shown: Shown): Promise<Answer> {
    const url = new URL(address);
    const { authorization, identity, ca, method = "GET", body } = shown;
    const headers = { ...(authorization ? { authorization } : {}), ...shown.headers };
    const options = { method, headers, timeout: TIMEOUT_MS };
    return new Promise((resolve, reject) => {
        const read = (answer: http.IncomingMessage): void => {
            answer.resume();
            resolve({ status: answer.statusCode ?? 0 });
        };
        const request =
            url.protocol === "https:"
                ? https.request(url, { ...options, agent: false, ca, cert: identity, key: identity }, read)
                : http.request(url, { ...options, agent: false }, read);
        request.on("timeout", () => request.destroy(new Error("no answer")));
        request.on("error", (error: NodeJS.ErrnoException) => {
            const ended = identity !== undefined && (error.code === "ECONNRESET" || error.code === "EPIPE");
            if (ended || NOT_BELIEVED.test(`${error.message} ${error.code}`)) resolve({ notBelieved: error.message });
            else reject(error);
        });
        request.end(body);
    });
}

/** The fingerprint of the certificate that a server shows at the other end of a connection, whoever has signed it. Errors: nobody there. */
export function shownCertificate(connection: Duplex): Promise<string> {
    return new Promise((resolve, reject) => {
        const socket = tls.connect({ socket: connection, rejectUnauthorized: false }, () => {
            resolve(socket.getPeerCertificate().fingerprint256);
            end();
        });
        const end = (error?: Error): void => {
            clearTimeout(timer);
            socket.destroy();
            connection.destroy();
            if (error) reject(error);
        };
        const timer = setTimeout(() => end(new Error("no answer")), TIMEOUT_MS);
        socket.on("error", end);
        connection.on("close", () => end(new Error("nobody listens")));
    });
}
