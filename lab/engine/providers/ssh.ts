// SSH connections for remote commands. The real provider opens one per command; here commands to the same place share
// some, which shows in nothing but time: the same checks are made and the same errors given.
import * as net from "node:net";
import { Duplex } from "node:stream";
import type { Client, ClientChannel, ConnectConfig } from "ssh2";
import { messageOf } from "../errors";

export interface Connection {
    host: string;
    port?: number;
    user?: string;
    password?: string;
    privateKey?: string;
    privateKeyPassword?: string;
    agentSocketPath?: string;
    /** One line in authorized_keys format. */
    hostKey?: string;
    /** -1: try for ever. */
    dialErrorLimit?: number;
    /** Seconds to wait for the TCP connection. */
    perDialTimeout?: number;
    proxy?: Connection;
}

/** OpenSSH allows ten sessions per connection by default. */
const SESSIONS_PER_CONNECTION = 8;
const FIRST_DELAY_MS = 100;
const DELAY_FACTOR = 1.5;
const MAX_DELAY_MS = 5000;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** In the words of the real provider's SSH library. */
function dialError(error: Error & { code?: string; level?: string }, endpoint: string): Error {
    const system: Record<string, string> = {
        ECONNREFUSED: "connect: connection refused",
        EHOSTUNREACH: "connect: no route to host",
        ENETUNREACH: "connect: network is unreachable",
        ETIMEDOUT: "i/o timeout",
        ECONNRESET: "read: connection reset by peer",
        ENOTFOUND: "lookup: no such host",
    };
    if (error.code && system[error.code]) return new Error(`dial tcp ${endpoint}: ${system[error.code]}`);
    if (error.level === "client-authentication") {
        return new Error("ssh: handshake failed: ssh: unable to authenticate, no supported methods remain");
    }
    return new Error(`ssh: handshake failed: ${error.message}`);
}

function connectConfig(connection: Connection): ConnectConfig {
    const [keyType, keyText] = connection.hostKey?.trim().split(/\s+/) ?? [];
    if (connection.hostKey !== undefined && !keyText) throw new Error("failed to parse host key: ssh: no key found");
    const expected = keyText ? Buffer.from(keyText, "base64") : undefined;
    return {
        username: connection.user ?? "root",
        password: connection.password,
        tryKeyboard: connection.password !== undefined,
        privateKey: connection.privateKey,
        passphrase: connection.privateKeyPassword,
        agent: connection.agentSocketPath ?? process.env.SSH_AUTH_SOCK,
        hostVerifier: (key: Buffer) => expected === undefined || key.equals(expected),
        ...(keyType ? { algorithms: { serverHostKey: [keyType as never] } } : {}),
        readyTimeout: 30_000,
        keepaliveInterval: 15_000,
    };
}

/** The TCP connection, with the time limit that the provider puts on it alone. */
function dialTcp(host: string, port: number, timeoutSeconds: number): Promise<net.Socket> {
    return new Promise((resolve, reject) => {
        const socket = net.connect({ host, port, noDelay: true });
        const timer = setTimeout(
            () => socket.destroy(Object.assign(new Error("timeout"), { code: "ETIMEDOUT" })),
            timeoutSeconds * 1000,
        );
        socket.once("connect", () => {
            clearTimeout(timer);
            socket.removeAllListeners("error");
            resolve(socket);
        });
        socket.once("error", (error) => {
            clearTimeout(timer);
            reject(error);
        });
    });
}

async function handshake(connection: Connection, socket: Duplex): Promise<Client> {
    const { Client } = await import("ssh2");
    const client = new Client();
    let refused = false;
    const config = connectConfig(connection);
    const verify = config.hostVerifier as (key: Buffer) => boolean;
    return new Promise((resolve, reject) => {
        client.once("ready", () => resolve(client));
        client.on("error", (error) => {
            socket.destroy();
            reject(refused ? new Error("ssh: host key mismatch") : error);
        });
        client.once("close", () => reject(new Error("connection closed")));
        client.on("keyboard-interactive", (_name, _instructions, _lang, prompts, finish) =>
            finish(prompts.map(() => connection.password ?? "")),
        );
        const hostVerifier = (key: Buffer) => {
            refused = !verify(key);
            return !refused;
        };
        client.connect({ ...config, sock: socket as never, hostVerifier });
    });
}

async function dialOnce(connection: Connection): Promise<Client> {
    const port = connection.port ?? 22;
    const endpoint = `${connection.host}:${port}`;
    try {
        if (!connection.proxy) {
            return await handshake(connection, await dialTcp(connection.host, port, connection.perDialTimeout ?? 15));
        }
        const proxy = await dial(connection.proxy);
        const tunnel = await new Promise<ClientChannel>((resolve, reject) =>
            proxy.forwardOut("127.0.0.1", 0, connection.host, port, (error, channel) =>
                error ? reject(error) : resolve(channel),
            ),
        );
        const client = await handshake(connection, tunnel);
        client.once("close", () => proxy.end());
        return client;
    } catch (error) {
        throw dialError(error as Error, endpoint);
    }
}

/** Any failure is tried again: a host may be booting. */
async function dial(connection: Connection): Promise<Client> {
    // Bad settings do not get better.
    connectConfig(connection);
    const limit = connection.dialErrorLimit ?? 10;
    let delay = FIRST_DELAY_MS;
    for (let failures = 0; ; ) {
        try {
            return await dialOnce(connection);
        } catch (error) {
            if (limit >= 0 && ++failures > limit) {
                throw new Error(`after ${failures - 1} failed attempts: ${messageOf(error)}`);
            }
        }
        await sleep(delay);
        delay = Math.min(delay * DELAY_FACTOR, MAX_DELAY_MS);
    }
}

interface Pooled {
    client: Promise<Client>;
    sessions: number;
}

export class SshPool {
    private readonly pools = new Map<string, Set<Pooled>>();

    /** Lends a connection for one session. */
    async use<T>(connection: Connection, work: (client: Client) => Promise<T>): Promise<T> {
        const pooled = this.take(connection);
        pooled.sessions++;
        try {
            return await work(await pooled.client);
        } finally {
            pooled.sessions--;
        }
    }

    close(): void {
        for (const pool of this.pools.values()) {
            for (const { client } of pool) client.then((open) => open.end()).catch(() => {});
        }
        this.pools.clear();
    }

    private take(connection: Connection): Pooled {
        const key = JSON.stringify(connection);
        let pool = this.pools.get(key);
        if (!pool) this.pools.set(key, (pool = new Set()));
        for (const pooled of pool) if (pooled.sessions < SESSIONS_PER_CONNECTION) return pooled;
        const pooled: Pooled = { client: dial(connection), sessions: 0 };
        const drop = () => pool.delete(pooled);
        pooled.client.then((client) => client.once("close", drop), drop);
        pool.add(pooled);
        return pooled;
    }
}

export interface Finished {
    stdout: string;
    stderr: string;
    /** Both, in the order of arrival. */
    output: string;
    code: number | undefined;
    signal?: string;
}

export interface SessionOptions {
    stdin?: string;
    env?: Record<string, string>;
    onOutput?(chunk: Buffer, stream: "stdout" | "stderr"): void;
}

/** Runs one command to its end. */
export function runSession(client: Client, command: string, options: SessionOptions = {}): Promise<Finished> {
    return new Promise((resolve, reject) => {
        client.exec(command, { env: options.env }, (error, channel) => {
            if (error) return reject(error);
            const chunks: Record<"stdout" | "stderr" | "output", Buffer[]> = { stdout: [], stderr: [], output: [] };
            const collect = (stream: "stdout" | "stderr") => (chunk: Buffer) => {
                chunks[stream].push(chunk);
                chunks.output.push(chunk);
                options.onOutput?.(chunk, stream);
            };
            channel.on("data", collect("stdout"));
            channel.stderr.on("data", collect("stderr"));
            let end: { code?: number; signal?: string } = {};
            channel.on("exit", (code: number | null, signal?: string) => (end = { code: code ?? undefined, signal }));
            channel.on("error", reject);
            channel.on("close", () => {
                const text = (list: Buffer[]) => Buffer.concat(list).toString("utf8");
                const { stdout, stderr, output } = chunks;
                resolve({
                    stdout: text(stdout),
                    stderr: text(stderr),
                    output: text(output),
                    code: end.code,
                    signal: end.signal,
                });
            });
            channel.end(options.stdin ?? "");
        });
    });
}
