// The generator against receivers that behave badly, over real sockets.
import * as grpc from "@grpc/grpc-js";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect, createServer as createTcpServer, type AddressInfo } from "node:net";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { backoffMs, PacedClient } from "../../ops/drill/load/client";
import { encode } from "../../ops/drill/load/encode";
import {
    countItems,
    logLine,
    parseLogLine,
    seriesIndex,
    seriesName,
    type ClientLedger,
    type RequestEntry,
} from "../../ops/drill/load/ledger";
import { loadClients, probeClients, type ClientPlan } from "../../ops/drill/load/plan";
import { grpcAnswer, httpAnswer } from "../../ops/drill/load/transport";
import type { Door } from "../../ops/http";
import { newCa, newLeaf, type Made } from "./support/certificates";

let ca: Made;
let identity: Made;
beforeAll(async () => {
    ca = await newCa();
    identity = await newLeaf(ca, { ipAddresses: ["127.0.0.1"], dnsNames: ["receiver"] });
});

const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

const client = (more: Partial<ClientPlan> = {}): ClientPlan => ({
    ...{ id: "logs-http", signal: "logs", protocol: "http", itemsPerRequest: 3, intervalMs: 10, timeoutMs: 200 },
    ...{ retry: true, maxInFlight: 4, maxPending: 1000 },
    ...more,
});

type Handler = (body: Buffer, answer: ServerResponse, request: IncomingMessage) => void;

async function receiver(handle: Handler, shown?: Made): Promise<number> {
    const listen = (request: IncomingMessage, answer: ServerResponse): void => {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => handle(Buffer.concat(chunks), answer, request));
    };
    const server = shown ? createTlsServer({ cert: shown.certificate, key: shown.key }, listen) : createServer(listen);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => {
        server.closeAllConnections();
        server.close();
    });
    return (server.address() as AddressInfo).port;
}

interface Receiver {
    http?: number;
    grpc?: number;
    door?: Door;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function started(plan: ClientPlan, to: Receiver): PacedClient {
    const ports = { httpPort: to.http ?? 1, grpcPort: to.grpc ?? 1 };
    const paced = new PacedClient({ run: "r1", host: "127.0.0.1", ...ports, door: to.door, clients: [plan] }, plan);
    closers.push(() => paced.end());
    paced.start();
    return paced;
}

async function sendFor(plan: ClientPlan, to: Receiver, ms: number, settleMs = 3000): Promise<ClientLedger> {
    const paced = started(plan, to);
    await pause(ms);
    paced.stopMaking();
    const end = Date.now() + settleMs;
    while (paced.unsettled > 0 && Date.now() < end) await pause(10);
    paced.end();
    return paced.ledger;
}

/** For what is a matter of whether rather than of when: a busy machine takes longer. The test's own limit of time ends it. */
async function sendUntil(plan: ClientPlan, to: Receiver, done: (ledger: ClientLedger) => boolean): Promise<void> {
    const paced = started(plan, to);
    while (!done(paced.ledger)) await pause(10);
    paced.end();
}

/** Counts the time in which this process was not let run: a busy machine's, not the client's. */
function standstill(): { since(at: number): number } {
    const stops: { at: number; ms: number }[] = [];
    let last = Date.now();
    const timer = setInterval(() => {
        const now = Date.now();
        if (now - last > 30) stops.push({ at: now, ms: now - last - 10 });
        last = now;
    }, 10);
    closers.push(() => clearInterval(timer));
    return { since: (at) => stops.filter((stop) => stop.at > at).reduce((sum, { ms }) => sum + ms, 0) };
}

describe("a client's requests", () => {
    it("are the same bytes whenever they are made again, and others for another number", () => {
        for (const signal of ["logs", "metrics"] as const) {
            const plan = client({ signal });
            expect(encode("r1", plan, 7, 1000)).toEqual(encode("r1", plan, 7, 1000));
            expect(encode("r1", plan, 7, 1000)).not.toEqual(encode("r1", plan, 8, 1000));
            expect(encode("r1", plan, 7, 1000)).not.toEqual(encode("r2", plan, 7, 1000));
        }
    });

    it("can be told from their lines and series", () => {
        expect(parseLogLine(logLine("abc1", "logs-grpc", 42))).toEqual({
            run: "abc1",
            client: "logs-grpc",
            sequence: 42,
        });
        expect(parseLogLine("GET / 200")).toBeUndefined();
        expect(seriesIndex(seriesName(17))).toBe(17);
        expect(seriesIndex("other")).toBeNaN();
    });

    it("add up to the rate that was asked for", () => {
        const perSecond = (signal: string): number =>
            loadClients(1000, 500)
                .filter((plan) => plan.signal === signal)
                .reduce((sum, plan) => sum + (plan.itemsPerRequest * 1000) / plan.intervalMs, 0);
        expect(perSecond("metrics")).toBe(1000);
        expect(perSecond("logs")).toBe(500);
        expect(probeClients(20, 250).every((plan) => !plan.retry && plan.intervalMs === 20)).toBe(true);
    });
});

/** In the clear, and with TLS. */
const WAYS: [string, () => { shown?: Made; door?: Door }][] = [
    ["in the clear", () => ({})],
    ["with TLS", () => ({ shown: identity, door: { ca: ca.certificate, authorization: "Bearer token" } })],
];

describe.each(WAYS)("a client over HTTP, %s", (_, way) => {
    it("is acknowledged at once by a receiver that works, at the pace that was asked for", async () => {
        const port = await receiver((_, answer) => answer.end(), way().shown);
        const began = Date.now();
        const ledger = await sendFor(client({ timeoutMs: 5000 }), { http: port, door: way().door }, 500);
        expect(ledger.requests.length).toBeGreaterThanOrEqual(45);
        expect(ledger.requests.length).toBeLessThanOrEqual((Date.now() - began) / 10 + 2);
        for (const entry of ledger.requests) expect(entry).toMatchObject({ outcome: "acknowledged", attempts: 1 });
        expect(countItems([ledger], "logs", "acknowledged")).toBe(ledger.requests.length * 3);
        const times = ledger.requests.map(({ at }) => at);
        expect(times.every((at, i) => i === 0 || at > times[i - 1]!)).toBe(true);
    });

    it("sends the identical request again after 503, a broken connection and silence, until it is acknowledged", async () => {
        const bodies = new Map<string, number>();
        const port = await receiver((body, answer, request) => {
            const key = body.toString("base64");
            const times = (bodies.get(key) ?? 0) + 1;
            bodies.set(key, times);
            if (times === 1) answer.writeHead(503).end();
            else if (times === 2) request.socket.destroy();
            else if (times > 3) answer.end(); // the third is not answered
        }, way().shown);
        const plan = client({ intervalMs: 50, timeoutMs: 1000 });
        const ledger = await sendFor(plan, { http: port, door: way().door }, 120, 12_000);
        expect(ledger.requests.map(({ outcome }) => outcome)).not.toContain("pending");
        expect(bodies.size).toBe(ledger.requests.length);
        for (const entry of ledger.requests) expect(entry).toMatchObject({ outcome: "acknowledged", attempts: 4 });
        const errors = new Set(ledger.failures.map(({ error }) => error));
        expect(errors).toEqual(new Set(["503", "ECONNRESET", "timeout"]));
    });

    it("takes 400 and 500 as refusals, and does not send again", async () => {
        let asked = 0;
        const port = await receiver(
            (_, answer) => answer.writeHead(asked++ % 2 ? 500 : 400).end("too old"),
            way().shown,
        );
        const ledger = await sendFor(client(), { http: port, door: way().door }, 100);
        expect(asked).toBe(ledger.requests.length);
        expect(ledger.requests.every(({ outcome }) => outcome === "refused")).toBe(true);
        expect(ledger.requests[0]!.error).toBe("400 too old");
    });

    it("does not count a partial success as acknowledged", async () => {
        // partial_success { rejected_log_records: 2 }
        const port = await receiver((_, answer) => answer.end(Buffer.from([0x0a, 0x02, 0x08, 0x02])), way().shown);
        const ledger = await sendFor(client(), { http: port, door: way().door }, 30);
        expect(ledger.requests[0]).toMatchObject({ outcome: "refused", rejectedItems: 2 });
        expect(ledger.requests[0]!.acknowledgedAt).toBeUndefined();
    });

    it("keeps what cannot be sent, up to its bound, and says how much it did not make", async () => {
        const ledger = await sendFor(client({ maxPending: 5 }), { door: way().door }, 400, 0);
        expect(ledger.skipped).toBeGreaterThan(10);
        expect(ledger.requests.every(({ outcome }) => outcome === "pending")).toBe(true);
    });

    it("does not send again when it is a probe", async () => {
        const [probe] = probeClients(20, 100);
        const ledger = await sendFor(probe!, { door: way().door }, 200, 500);
        expect(ledger.requests.length).toBeGreaterThan(5);
        expect(ledger.requests.every(({ attempts, outcome }) => attempts === 1 && outcome === "pending")).toBe(true);
    });
});

describe.each(WAYS)("a client over gRPC, %s", (_, way) => {
    const listening = (): grpc.ServerCredentials => {
        const { shown } = way();
        if (!shown) return grpc.ServerCredentials.createInsecure();
        const pair = { private_key: Buffer.from(shown.key), cert_chain: Buffer.from(shown.certificate) };
        return grpc.ServerCredentials.createSsl(null, [pair]);
    };
    const service = (handle: grpc.handleUnaryCall<Buffer, Buffer>) => async (): Promise<number> => {
        const server = new grpc.Server();
        const pass = (bytes: Buffer): Buffer => bytes;
        const method = {
            ...{ requestStream: false, responseStream: false, requestSerialize: pass, requestDeserialize: pass },
            ...{ responseSerialize: pass, responseDeserialize: pass },
            path: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        };
        server.addService({ export: method }, { export: handle });
        closers.push(() => server.forceShutdown());
        return new Promise((resolve, reject) =>
            server.bindAsync("127.0.0.1:0", listening(), (error, port) => (error ? reject(error) : resolve(port))),
        );
    };
    const plan = client({ id: "metrics-grpc", signal: "metrics", protocol: "grpc", timeoutMs: 2000 });

    it("is acknowledged by a receiver that works", async () => {
        const port = await service((_, done) => done(null, Buffer.alloc(0)))();
        const ledger = await sendFor(plan, { grpc: port, door: way().door }, 300);
        expect(ledger.requests.length).toBeGreaterThan(20);
        expect(ledger.requests.every(({ outcome }) => outcome === "acknowledged")).toBe(true);
    });

    it("sends again after UNAVAILABLE, and not after INVALID_ARGUMENT", async () => {
        let asked = 0;
        const port = await service((_, done) =>
            asked++ === 0 ? done({ code: grpc.status.UNAVAILABLE }) : done({ code: grpc.status.INVALID_ARGUMENT }),
        )();
        const ledger = await sendFor({ ...plan, intervalMs: 1000 }, { grpc: port, door: way().door }, 100);
        expect(ledger.requests[0]).toMatchObject({ outcome: "refused", attempts: 2 });
    });

    it("comes back by itself when nobody listened at first", async () => {
        const port = await service((_, done) => done(null, Buffer.alloc(0)))();
        closers.splice(0).forEach((close) => close());
        const sending = sendFor({ ...plan, intervalMs: 100 }, { grpc: port, door: way().door }, 300, 10_000);
        await pause(400);
        const server = new grpc.Server();
        const pass = (bytes: Buffer): Buffer => bytes;
        server.addService(
            {
                export: {
                    ...{ requestStream: false, responseStream: false, requestSerialize: pass },
                    ...{ requestDeserialize: pass, responseSerialize: pass, responseDeserialize: pass },
                    path: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
                },
            },
            { export: ((_, done) => done(null, Buffer.alloc(0))) as grpc.handleUnaryCall<Buffer, Buffer> },
        );
        closers.push(() => server.forceShutdown());
        await new Promise<void>((resolve) => server.bindAsync(`127.0.0.1:${port}`, listening(), () => resolve()));
        const ledger = await sending;
        expect(ledger.failures.length).toBeGreaterThan(0);
        expect(ledger.requests.every(({ outcome }) => outcome === "acknowledged")).toBe(true);
    });

    /** In front of a receiver that works: refuses at first, then lets connections hang as an address that nobody has does, then lets through. */
    async function awayFor(refusesMs: number, hangsMs: number): Promise<{ port: number; backAt: number }> {
        const port = await service((_, done) => done(null, Buffer.alloc(0)))();
        const began = Date.now();
        const backAt = began + refusesMs + hangsMs;
        const front = createTcpServer((socket) => {
            socket.on("error", () => undefined);
            if (Date.now() < began + refusesMs) return void socket.destroy();
            // No answer, and nothing later either.
            if (Date.now() < backAt) return;
            const behind = connect(port, "127.0.0.1");
            behind.on("error", () => socket.destroy());
            socket.pipe(behind).pipe(socket);
        });
        await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
        closers.push(() => front.close());
        return { port: (front.address() as AddressInfo).port, backAt };
    }

    it.each([
        ["hung", 0],
        // As when a host dies: its processes first, so that somebody refuses, then all of it.
        ["been refused, then hung,", 200],
    ])("is back soon, however long connections have %s before", async (_, refusesMs) => {
        const { port, backAt } = await awayFor(refusesMs, 700);
        const [, probe] = probeClients(20, 1000);
        const stoodStill = standstill();
        let first = Infinity;
        await sendUntil(probe!, { grpc: port, door: way().door }, ({ requests }) => {
            first = Math.min(...requests.map(({ acknowledgedAt }) => acknowledgedAt ?? Infinity));
            return first < Infinity;
        });
        expect(first - backAt - stoodStill.since(backAt)).toBeLessThan(500);
    });

    it("stays with a connection that was only slow, when no other can be had", async () => {
        const port = await service((_, done) => done(null, Buffer.alloc(0)))();
        const silentFor = 600;
        let backAt = Infinity;
        let connections = 0;
        const front = createTcpServer((socket) => {
            socket.on("error", () => undefined);
            if (++connections > 1) return;
            const behind = connect(port, "127.0.0.1");
            behind.on("error", () => socket.destroy());
            socket.pipe(behind).pipe(socket);
            setTimeout(() => {
                socket.unpipe(behind);
                backAt = Date.now() + silentFor;
                setTimeout(() => socket.pipe(behind), silentFor);
            }, 300);
        });
        await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
        closers.push(() => front.close());
        const [, probe] = probeClients(20, 1000);
        const to = { grpc: (front.address() as AddressInfo).port, door: way().door };
        const later = ({ acknowledgedAt = 0 }: RequestEntry): boolean => acknowledgedAt > backAt + 300;
        await sendUntil(probe!, to, ({ requests }) => requests.filter(later).length > 20);
        expect(connections).toBeGreaterThan(1);
    });

    it("knocks several times a second where it is refused", async () => {
        let knocks = 0;
        const front = createTcpServer((socket) => {
            knocks++;
            socket.destroy();
        });
        await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
        closers.push(() => front.close());
        const [, probe] = probeClients(20, 1000);
        const began = Date.now();
        const stoodStill = standstill();
        const to = { grpc: (front.address() as AddressInfo).port, door: way().door };
        await sendUntil(probe!, to, () => knocks > 8);
        // With the library's own pauses it would be six times.
        expect(Date.now() - began - stoodStill.since(began)).toBeLessThan(1500);
    });
});

describe("what an answer means", () => {
    it("follows the OTLP specification", () => {
        const kinds = (statuses: number[]): string[] =>
            statuses.map((status) => httpAnswer(client(), status, undefined, Buffer.alloc(0)).kind);
        expect(kinds([200])).toEqual(["acknowledged"]);
        expect(kinds([429, 502, 503, 504])).toEqual(Array(4).fill("retry"));
        expect(kinds([400, 401, 404, 413, 500, 501])).toEqual(Array(6).fill("refused"));
        expect(httpAnswer(client(), 503, "3", Buffer.alloc(0))).toMatchObject({ afterMs: 3000 });
        const grpcKind = (code: grpc.status, details = ""): string => grpcAnswer({ code, details }).kind;
        expect(grpcKind(grpc.status.UNAVAILABLE)).toBe("retry");
        expect(grpcKind(grpc.status.RESOURCE_EXHAUSTED)).toBe("retry");
        expect(grpcKind(grpc.status.DEADLINE_EXCEEDED)).toBe("retry");
        expect(grpcKind(grpc.status.INVALID_ARGUMENT)).toBe("refused");
        expect(grpcKind(grpc.status.INTERNAL, "exporter said no")).toBe("refused");
        expect(grpcKind(grpc.status.INTERNAL, "Received RST_STREAM with code 2")).toBe("retry");
    });

    it("is tried again later and later, within bounds", () => {
        expect(backoffMs(1, 0.5)).toBe(100);
        expect(backoffMs(2, 0.5)).toBe(200);
        expect(backoffMs(50, 1)).toBeCloseTo(2400);
    });
});
