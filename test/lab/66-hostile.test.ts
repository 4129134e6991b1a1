// Whatever a client sends: the pair stays up, its memory stays bounded, and others do not notice.
import * as grpc from "@grpc/grpc-js";
import * as http2 from "node:http2";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { access, ask, client } from "../../lab/access";
import { NETWORK } from "../../lab/nodes";
import { Project, STACKS } from "../../lab/project";
import { vipOwners } from "../../lab/queries";
import { sleep } from "../../lab/run";
import { gzipOfZeros, hostileBodies, jsonMetric, logRecord, logRequest, service, swelling } from "./hostile/bodies";
import { SMUGGLED, smuggling } from "./hostile/smuggling";
import { accepted, call, channel, GoodClients, hasSeries, Life, lives } from "./hostile/watch";
import { announce, droppedPackets, ownersDuring } from "./hostile/vrrp";
import { becomeStranger, dial, exchange, frame, frames, PREFACE, rawCall, STRANGER, told } from "./hostile/wire";
import { eventually, node1, node2, settings, settledProject, stackSecret, upBoth } from "./support";

const OTLP_HTTP = 4318;
const OTLP_GRPC = 4317;
const NODES = [node1, node2];
const RECORD = logRequest(logRecord("small"), service("hostile"));

let target: Project;
let secure = false;
let undo: (() => void)[] = [];
let good: GoodClients;
let before: Record<string, Life>[];
let leave: () => Promise<void>;
let authorization: Record<string, string>;

beforeAll(async () => {
    target = await settledProject();
    secure = (await access()).scheme === "https";
    // Without TLS nobody is asked for a token.
    if (secure) undo = STACKS.map((stack) => settings(target, stack, "otlpTokens=hostile,good"));
    if (secure) await upBoth(target);
    await eventually("node 1 holds the virtual IP", vipOwners, (owners) => owners.join() === "node1");
    leave = await becomeStranger();
    const { otlp } = await access();
    authorization = otlp?.authorization ? { authorization: otlp.authorization } : {};
    before = await Promise.all(NODES.map((node) => lives(node, true)));
    good = new GoodClients(`good-${Date.now()}`);
});

afterAll(async () => {
    await good?.stop();
    await leave?.();
    for (const back of undo) back();
    await upBoth(target);
});

/** Sends a body from the stranger's address; the answer's status, or 0 when there is none. */
async function post(
    headers: Record<string, string>,
    body: Uint8Array | string | Iterable<Uint8Array>,
    path = "/v1/logs",
): Promise<number> {
    const { otlp } = await access();
    const given = Object.fromEntries(Object.entries({ ...headers, ...authorization }).filter(([, value]) => value));
    const place = { host: NETWORK.vip, port: OTLP_HTTP, localAddress: STRANGER, method: "POST", path, headers: given };
    return new Promise((resolve) => {
        const answered = (status = 0): void => {
            clearTimeout(timer);
            outgoing.destroy();
            resolve(status);
        };
        const outgoing = otlp
            ? httpsRequest({ ...place, ca: otlp.ca, agent: false })
            : httpRequest({ ...place, agent: false });
        const timer = setTimeout(answered, 60_000);
        outgoing.on("response", (incoming) => {
            incoming.resume();
            answered(incoming.statusCode);
        });
        outgoing.on("error", () => answered());
        if (typeof body === "string" || body instanceof Uint8Array) outgoing.end(body);
        else void stream(outgoing, body);
    });
}

async function stream(outgoing: ReturnType<typeof httpRequest>, parts: Iterable<Uint8Array>): Promise<void> {
    for (const part of parts) {
        if (outgoing.destroyed) return;
        if (!outgoing.write(part))
            await Promise.race([new Promise((resolve) => outgoing.once("drain", resolve)), sleep(2000)]);
    }
    outgoing.end();
}

function* megabytes(count: number): Iterable<Uint8Array> {
    for (let sent = 0; sent < count; sent++) yield Buffer.alloc(2 ** 20, 0x0a);
}

describe("a body", () => {
    for (const { name, headers, body, status } of hostileBodies())
        it(`${name}: ${status}`, async () => {
            expect(await post(headers, body)).toBe(status);
        });

    it("of 100 MB with its length: 413", async () => {
        const headers = { "content-type": "application/x-protobuf", "content-length": String(100 * 2 ** 20) };
        expect(await post(headers, megabytes(100))).toBe(413);
    });

    it("of 100 MB in chunks: 400, or cut off", async () => {
        const headers = { "content-type": "application/x-protobuf", "transfer-encoding": "chunked" };
        expect([400, 0]).toContain(await post(headers, megabytes(100)));
    });

    it("on a path that is none: 404; with a method that is none: 405; with headers without end: 431", async () => {
        expect(await post({ "content-type": "application/json" }, "{}", "/v1/nonsense")).toBe(404);
        const get = await exchange({ port: OTLP_HTTP }, [request("GET", "Connection: close\r\n")]);
        expect(told(get)).toBe("405 closed");
        expect(await post({ "content-type": "application/json", "x-long": "x".repeat(20_000) }, "{}")).toBe(431);
    });

    it("that swells to a hundred times its size, twenty at a time: each waits for its turn", async () => {
        const body = swelling(3);
        const headers = { "content-type": "application/x-protobuf", "content-encoding": "gzip" };
        const statuses = await Promise.all(Array.from({ length: 20 }, () => post(headers, body)));
        const counts = tally(statuses);
        console.log(`20 bodies of ${body.length} bytes, 3 MiB when unpacked: ${JSON.stringify(counts)}`);
        for (const status of statuses) expect([200, 503, 504]).toContain(status);
    });

    it("of 2 GiB of zeros in 2 MB, ten at a time: 400", async () => {
        const body = gzipOfZeros(2);
        const headers = { "content-type": "application/x-protobuf", "content-encoding": "gzip" };
        const statuses = await Promise.all(Array.from({ length: 10 }, () => post(headers, body)));
        expect(tally(statuses)).toEqual({ 400: 10 });
    });
});

const tally = (all: (string | number)[]): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const one of all) counts[String(one)] = (counts[String(one)] ?? 0) + 1;
    return counts;
};

/** A request as text. */
function request(method: string, headers: string, body = "", path = "/v1/metrics"): string {
    const own = authorization.authorization ? `Authorization: ${authorization.authorization}\r\n` : "";
    return `${method} ${path} HTTP/1.1\r\nHost: ${NETWORK.vip}\r\n${own}${headers}\r\n${body}`;
}

describe("a client that takes its time", () => {
    /** Connections of which each sends a byte a second, and how they ended. */
    async function trickle(count: number, start: string, seconds: number): Promise<Record<string, number>> {
        const place = { port: OTLP_HTTP };
        return tally(
            await Promise.all(
                Array.from({ length: count }, async () => {
                    const socket = await dial(place);
                    let heard = "";
                    let closed = false;
                    socket.on("data", (chunk: Buffer) => (heard += chunk.toString("latin1")));
                    socket.once("close", () => (closed = true));
                    socket.once("end", () => (closed = true));
                    socket.write(start);
                    for (let second = 0; second < seconds && !closed; second++) {
                        await sleep(1000);
                        if (!closed) socket.write("x");
                    }
                    socket.destroy();
                    return told({ bytes: Buffer.from(heard), closed });
                }),
            ),
        );
    }

    it("with its headers, or with its body, on 300 connections each: 408 and cut off after ten seconds", async () => {
        const headers = request("POST", "X-Slow: ").slice(0, -2);
        const body = request("POST", "Content-Type: application/json\r\nContent-Length: 1000\r\n", "{");
        const [slowHeaders, slowBody] = await Promise.all([trickle(300, headers, 14), trickle(300, body, 14)]);
        expect(slowHeaders).toEqual({ "408 closed": 300 });
        expect(slowBody).toEqual({ "408 closed": 300 });
    });

    it("cannot have all connections: a quarter of them is what one address gets", async () => {
        const ended: number[] = [];
        const sockets = await Promise.all(
            Array.from({ length: 2300 }, async (_, at) => {
                const socket = await dial({ port: OTLP_GRPC, clear: true }).catch(() => undefined);
                if (!socket) ended.push(at);
                socket?.once("close", () => ended.push(at));
                socket?.resume();
                return socket;
            }),
        );
        await sleep(1500);
        const refused = ended.length;
        for (const socket of sockets) socket?.destroy();
        expect(refused).toBeGreaterThanOrEqual(300);
        expect(refused).toBeLessThan(400);
    });
});

describe("a request within a request", () => {
    it("is not there for the collector: one answer, or none, and nothing of it arrives", async () => {
        const points = await accepted("metric_points");
        const answers: Record<string, string> = {};
        const expected: Record<string, string> = {};
        for (const { name, text, answer } of smuggling(request)) {
            expected[name] = answer;
            answers[name] = told(await exchange({ port: OTLP_HTTP, alpn: ["http/1.1"] }, [text]));
        }
        expect(answers).toEqual(expected);
        expect(await accepted("metric_points")).toBe(points);

        // The same inner request by itself does arrive: what is looked for can be found.
        expect(await post({ "content-type": "application/json" }, jsonMetric("not_smuggled"), "/v1/metrics")).toBe(200);
        expect(await accepted("metric_points")).toBe(points + 1);
        await eventually("the series", () => hasSeries("not_smuggled"), Boolean, 40_000);
        expect(await hasSeries(SMUGGLED)).toBe(false);
    });
});

describe("over gRPC", () => {
    it("noise instead of HTTP/2 ends the connection", async () => {
        for (const noise of ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", Buffer.alloc(500, 0xa5)]) {
            const heard = await exchange({ port: OTLP_GRPC, alpn: ["h2"] }, [noise]);
            expect(heard.closed).toBe(true);
            expect(frames(heard).filter((one) => one === "headers")).toEqual([]);
        }
    });

    it("a frame that is larger than agreed ends the connection, as the protocol has it", async () => {
        const tooLarge = frame(0, 0, 1, Buffer.alloc(16), 2 ** 24 - 1);
        const heard = await exchange({ port: OTLP_GRPC, alpn: ["h2"] }, [
            PREFACE,
            frame(4, 0, 0, Buffer.alloc(0)),
            tooLarge,
        ]);
        expect(frames(heard)).toContain("goaway 6");
        expect(heard.closed).toBe(true);
    });

    it("a message that is too large, or none: refused, each in its way", async () => {
        const { channel: wire, metadata } = await channel({ "grpc.max_send_message_length": -1 });
        const tooLarge = Buffer.alloc(6 * 2 ** 20, 0x0a);
        expect(await call(wire, tooLarge, metadata.clone())).toBe(grpc.status.RESOURCE_EXHAUSTED);
        expect(await call(wire, Buffer.alloc(2000, 0xff), metadata.clone())).toBe(grpc.status.INTERNAL);
        expect(await call(wire, RECORD, metadata.clone())).toBe(grpc.status.OK);
        wire.close();
    });

    it("a message that is packed: gzip is taken, up to the size that is allowed unpacked, nothing else", async () => {
        const gzip = { "grpc-encoding": "gzip" };
        expect(await rawCall(gzipSync(RECORD), gzip, true)).toBe(grpc.status.OK);
        expect(await rawCall(gzipOfZeros(2), gzip, true)).toBe(grpc.status.RESOURCE_EXHAUSTED);
        expect(await rawCall(RECORD, gzip, true)).toBe(grpc.status.INTERNAL);
        for (const encoding of ["snappy", "zstd", "gzip, zstd"])
            expect(await rawCall(RECORD, { "grpc-encoding": encoding }, true)).toBe(grpc.status.UNIMPLEMENTED);
    });

    it("five thousand requests that are taken back at once: the next one is served", async () => {
        const { otlp, url } = await access();
        const session = http2.connect(url(NETWORK.vip, OTLP_GRPC), { ca: otlp?.ca });
        session.on("error", () => undefined);
        for (let n = 0; n < 5000 && !session.closed && !session.destroyed; n++) {
            const stream = session.request({
                ":method": "POST",
                ":path": "/x/y",
                "content-type": "application/grpc",
                te: "trailers",
            });
            stream.on("error", () => undefined);
            stream.close(http2.constants.NGHTTP2_CANCEL);
            if (n % 100 === 99) await sleep(5);
        }
        session.destroy();
        const { channel: wire, metadata } = await channel();
        expect(await call(wire, logRequest(logRecord("after"), service("hostile")), metadata)).toBe(grpc.status.OK);
        wire.close();
    });
});

describe("guesses", () => {
    it("of passwords, a thousand as fast as they go: none gets in, and who has it still does", async () => {
        const port = secure ? 9090 : 8404;
        const path = secure ? "/api/v1/query?query=up" : "/stats";
        const statuses: number[] = [];
        for (let round = 0; round < 20; round++)
            statuses.push(
                ...(await Promise.all(
                    Array.from({ length: 50 }, async (_, at) => {
                        const login = { user: "admin", password: `guess-${round}-${at}` };
                        return (await ask(node1.address, port, path, { login })).status;
                    }),
                )),
            );
        expect(tally(statuses)).toEqual({ 401: 1000 });
        if (secure) expect((await ask(node1.address, port, path)).status).toBe(200);
    });

    it("of tokens, a thousand as fast as they go: 401 each, over gRPC UNAUTHENTICATED", async ({ skip }) => {
        if (!secure) skip();
        const { http, url } = { http: await client(), url: (await access()).url };
        const guess = (n: number): Promise<number> => {
            const headers = { "content-type": "application/json", authorization: `Bearer guess-${n}` };
            const question = { method: "POST", headers, body: "{}", timeoutMs: 20_000 };
            return http.ask(url(NETWORK.vip, OTLP_HTTP, "/v1/logs"), question).then(({ status }) => status);
        };
        const statuses: number[] = [];
        for (let round = 0; round < 20; round++)
            statuses.push(...(await Promise.all(Array.from({ length: 50 }, (_, at) => guess(round * 50 + at)))));
        expect(tally(statuses)).toEqual({ 401: 1000 });
        const { channel: wire } = await channel();
        const metadata = new grpc.Metadata();
        metadata.set("authorization", "Bearer guess");
        expect(await call(wire, RECORD, metadata)).toBe(grpc.status.UNAUTHENTICATED);
        wire.close();
    });
});

describe("announcements of a third host that wants the virtual IP", () => {
    it("do not reach Keepalived: the firewall drops them", async () => {
        const dropped = async (): Promise<number[]> => Promise.all(NODES.map((node) => droppedPackets(node, "peer")));
        const first = await dropped();
        const owners = ownersDuring();
        await announce({ password: "guessed!", seconds: 5 });
        expect(await owners()).toEqual(["node1"]);
        for (const [at, count] of (await dropped()).entries()) expect(count - first[at]!).toBeGreaterThanOrEqual(25);
    });
});

describe("after all that", () => {
    it("every valid request had its 200, and is there once on both nodes", async () => {
        await good.stop();
        console.log(
            `valid requests: ${JSON.stringify(good.sent)}, slowest ${good.slowest} ms, failed ${good.failures.length}`,
        );
        expect(good.failures).toEqual([]);
        const sent = good.sent.http + good.sent.grpc;
        expect(sent).toBeGreaterThan(500);
        await eventually(
            "every line on both nodes",
            () => good.found(),
            (found) => found.every((lines) => lines === sent),
            60_000,
        );
    });

    it("no container was started again, and none used up its memory", async () => {
        const after = await Promise.all(NODES.map((node) => lives(node)));
        for (const [at, node] of NODES.entries()) {
            const peaks = Object.entries(after[at]!).map(
                ([name, { peakMib, limitMib }]) => `${name} ${peakMib}/${limitMib}`,
            );
            console.log(`${node.name}, peak and limit in MiB: ${peaks.join(", ")}`);
            for (const [name, life] of Object.entries(after[at]!)) {
                const where = `${name} of ${node.name}`;
                expect(life.starts, where).toBe(before[at]![name]!.starts);
                expect(life.killedForMemory, where).toBe(false);
                expect(life.peakMib, where).toBeGreaterThan(0);
                expect(life.peakMib, where).toBeLessThan(life.limitMib * 0.9);
            }
        }
        expect(await vipOwners()).toEqual(["node1"]);
    });
});

describe("without the firewall", () => {
    let off: (() => void)[] = [];

    beforeAll(async () => {
        off = STACKS.map((stack) => settings(target, stack, "firewall=false"));
        await upBoth(target);
    });

    afterAll(async () => {
        for (const back of off) back();
        await upBoth(target);
    });

    it("such announcements are refused for their password; with the right one they would not be", async () => {
        const owners = ownersDuring();
        await announce({ password: "guessed!", seconds: 5 });
        expect(await owners()).toEqual(["node1"]);

        const { vrrpPassword } = JSON.parse(await stackSecret(target, "node1", "sharedCredentials")) as Record<
            string,
            string
        >;
        const taken = ownersDuring();
        await announce({ password: vrrpPassword!, seconds: 3 });
        expect(await taken()).toContain("");
        await eventually("node 1 holds the virtual IP again", vipOwners, (now) => now.join() === "node1", 20_000);
    });
});
