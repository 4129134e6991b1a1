// Raw bytes to the deployment, from an address that is neither host nor deployer: what no well-behaved HTTP library sends.
import * as http2 from "node:http2";
import * as net from "node:net";
import * as tls from "node:tls";
import { access } from "../../../lab/access";
import { inLab } from "../../../lab/hosts";
import { BRIDGE, NETWORK } from "../../../lab/nodes";
import { sleep } from "../../../lab/run";

/** An address in the hosts' own network. */
export const STRANGER = "192.168.110.77";

export const LOGS_SERVICE = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/** Gives the deployer the stranger's address, too; the result takes it away. */
export async function becomeStranger(address = STRANGER): Promise<() => Promise<void>> {
    const place = [`${address}/${NETWORK.prefixLength}`, "dev", BRIDGE];
    const added = await inLab(["ip", "address", "replace", ...place]);
    if (added.code !== 0) throw new Error(`ip address replace ${place.join(" ")}: ${added.stderr}`);
    return async () => void (await inLab(["ip", "address", "del", ...place]));
}

export interface Place {
    port: number;
    /** @default the virtual IP */
    host?: string;
    /** @default {@link STRANGER} */
    from?: string;
    /** For TLS. @default none */
    alpn?: string[];
    /** In the clear also where the deployment has TLS. @default false */
    clear?: boolean;
}

/** A connection, with TLS when the deployment has it. Errors: none is made within 15 seconds. */
export async function dial({ port, host = NETWORK.vip, from = STRANGER, alpn, clear }: Place): Promise<net.Socket> {
    const { otlp } = await access();
    const plain = net.connect({ host, port, localAddress: from });
    const secure = otlp && !clear;
    const socket = secure ? tls.connect({ socket: plain, host, ca: otlp.ca, ALPNProtocols: alpn }) : plain;
    await new Promise<void>((resolve, reject) => {
        const fail = (error: Error): void => {
            clearTimeout(timer);
            socket.destroy();
            reject(error);
        };
        const timer = setTimeout(() => fail(new Error(`${host}:${port}: no connection`)), 15_000);
        socket.once("error", fail);
        socket.once(secure ? "secureConnect" : "connect", () => {
            clearTimeout(timer);
            socket.off("error", fail);
            resolve();
        });
    });
    // Being cut off is what many of these tests are about.
    socket.on("error", () => undefined);
    return socket;
}

export interface Heard {
    /** All that came back. */
    bytes: Buffer;
    /** Whether the other side ended the connection. */
    closed: boolean;
}

/** Sends, and listens until the other side has closed the connection, or said nothing for so long. */
export async function exchange(place: Place, sent: (string | Buffer)[], quietMs = 1500): Promise<Heard> {
    const socket = await dial(place);
    const heard: Heard = { bytes: Buffer.alloc(0), closed: false };
    let last = Date.now();
    socket.on("data", (chunk: Buffer) => {
        heard.bytes = Buffer.concat([heard.bytes, chunk]);
        last = Date.now();
    });
    socket.once("close", () => (heard.closed = true));
    socket.once("end", () => (heard.closed = true));
    for (const part of sent) {
        socket.write(part);
        await sleep(20);
    }
    while (!heard.closed && Date.now() - last < quietMs) await sleep(20);
    socket.destroy();
    return heard;
}

/** What an HTTP/1 connection answered, as "400 closed" or "200 200 open". */
export function told({ bytes, closed }: Heard): string {
    const statuses = [...bytes.toString("latin1").matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, status]) => status);
    return [...statuses, closed ? "closed" : "open"].join(" ");
}

/** A gRPC call whose headers are as given, which a library of gRPC does not allow; the status that it ends with. */
export async function rawCall(body: Uint8Array, headers: http2.OutgoingHttpHeaders, packed = false): Promise<number> {
    const { otlp, url } = await access();
    const session = http2.connect(url(NETWORK.vip, 4317), { ca: otlp?.ca });
    const message = Buffer.alloc(5 + body.length);
    message.writeUInt8(packed ? 1 : 0);
    message.writeUInt32BE(body.length, 1);
    message.set(body, 5);
    try {
        return await new Promise<number>((resolve, reject) => {
            session.on("error", reject);
            const own = {
                ":method": "POST",
                ":path": LOGS_SERVICE,
                "content-type": "application/grpc",
                te: "trailers",
            };
            const stream = session.request({
                ...own,
                ...(otlp?.authorization ? { authorization: otlp.authorization } : {}),
                ...headers,
            });
            const status = (answer: http2.IncomingHttpHeaders): void => {
                if (answer["grpc-status"] !== undefined) resolve(Number(answer["grpc-status"]));
            };
            stream.on("response", status);
            stream.on("trailers", status);
            stream.on("error", reject);
            stream.on("close", () => reject(new Error("no grpc-status")));
            stream.resume();
            stream.end(message);
        });
    } finally {
        session.destroy();
    }
}

/** One frame of HTTP/2. @example frame(4, 0, 0, Buffer.alloc(0)): settings */
export function frame(type: number, flags: number, stream: number, payload: Buffer, length = payload.length): Buffer {
    const head = Buffer.alloc(9);
    head.writeUIntBE(length, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, payload]);
}

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Types and codes of the frames that were heard; of a GOAWAY its error. @example ["settings", "goaway 6"] */
export function frames({ bytes }: Heard): string[] {
    const names: Record<number, string> = {
        0: "data",
        1: "headers",
        3: "reset",
        4: "settings",
        6: "ping",
        7: "goaway",
    };
    const found: string[] = [];
    for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
        const name = names[bytes[at + 3]!] ?? `type ${bytes[at + 3]}`;
        found.push(name === "goaway" && at + 17 <= bytes.length ? `${name} ${bytes.readUInt32BE(at + 13)}` : name);
    }
    return found;
}
