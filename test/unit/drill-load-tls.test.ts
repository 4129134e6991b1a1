// The generator's transports at receivers that are not whom they should be, or that want to know who sends.
import * as grpc from "@grpc/grpc-js";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ClientPlan } from "../../ops/drill/load/plan";
import { transport, type Answer } from "../../ops/drill/load/transport";
import type { Door } from "../../ops/http";
import { newCa, newLeaf, type Made } from "./support/certificates";

const EXPORT = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

let ca: Made;
const closers: (() => void)[] = [];
beforeAll(async () => void (ca = await newCa()));
afterEach(() => closers.splice(0).forEach((close) => close()));

interface Receiver {
    port: number;
    /** What the senders showed. */
    heard: (string | undefined)[];
}

async function httpReceiver({ certificate: cert, key }: Made): Promise<Receiver> {
    const heard: Receiver["heard"] = [];
    const server = createServer({ cert, key }, (request, answer) => {
        heard.push(request.headers.authorization);
        request.resume().on("end", () => answer.end());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => {
        server.closeAllConnections();
        server.close();
    });
    return { port: (server.address() as AddressInfo).port, heard };
}

async function grpcReceiver({ certificate, key }: Made): Promise<Receiver> {
    const heard: Receiver["heard"] = [];
    const server = new grpc.Server();
    const pass = (bytes: Buffer): Buffer => bytes;
    const method = {
        ...{ requestStream: false, responseStream: false, requestSerialize: pass, requestDeserialize: pass },
        ...{ responseSerialize: pass, responseDeserialize: pass, path: EXPORT },
    };
    const take: grpc.handleUnaryCall<Buffer, Buffer> = ({ metadata }, done) => {
        heard.push(metadata.get("authorization")[0]?.toString());
        done(null, Buffer.alloc(0));
    };
    server.addService({ export: method }, { export: take });
    closers.push(() => server.forceShutdown());
    const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(certificate) };
    const port = await new Promise<number>((resolve, reject) =>
        server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createSsl(null, [pair]), (error, at) =>
            error ? reject(error) : resolve(at),
        ),
    );
    return { port, heard };
}

async function send(protocol: "http" | "grpc", port: number, door: Door, times = 1): Promise<Answer> {
    const client: ClientPlan = {
        ...{ id: "logs", signal: "logs", protocol, itemsPerRequest: 1, intervalMs: 1000, timeoutMs: 1500 },
        ...{ retry: false, maxInFlight: 1, maxPending: 1 },
    };
    const plan = { run: "r1", host: "127.0.0.1", httpPort: port, grpcPort: port, door, clients: [client] };
    const wire = transport(plan, client);
    closers.push(() => wire.close());
    let answer = await wire.send(Buffer.alloc(0));
    for (let n = 1; n < times; n++) answer = await wire.send(Buffer.alloc(0));
    return answer;
}

describe.each([
    ["http", httpReceiver],
    ["grpc", grpcReceiver],
] as const)("over %s with TLS", (protocol, receiver) => {
    const right = { ipAddresses: ["127.0.0.1"], dnsNames: [] };

    it("every request shows who sends", async () => {
        const { port, heard } = await receiver(await newLeaf(ca, right));
        const answer = await send(protocol, port, { ca: ca.certificate, authorization: "Bearer a-token" }, 2);
        expect(answer).toEqual({ kind: "acknowledged", rejectedItems: 0 });
        expect(heard).toEqual(["Bearer a-token", "Bearer a-token"]);
    });

    it("shows nothing when there is nothing to show", async () => {
        const { port, heard } = await receiver(await newLeaf(ca, right));
        expect((await send(protocol, port, { ca: ca.certificate })).kind).toBe("acknowledged");
        expect(heard).toEqual([undefined]);
    });

    it("believes two CAs while one replaces the other", async () => {
        const next = await newCa("Next CA");
        const { port } = await receiver(await newLeaf(next, right));
        const answer = await send(protocol, port, { ca: `${ca.certificate}${next.certificate}` });
        expect(answer.kind).toBe("acknowledged");
    });

    it.each([
        ["of another CA", async () => newLeaf(await newCa("Another CA"), right)],
        ["for another address", () => newLeaf(ca, { ipAddresses: ["127.0.0.2"], dnsNames: ["localhost"] })],
    ])("gives nothing to a receiver with a certificate %s, and says so", async (what, shown) => {
        const { port, heard } = await receiver(await shown());
        const answer = await send(protocol, port, { ca: ca.certificate, authorization: "Bearer a-token" });
        expect(answer.kind).toBe("retry");
        expect(heard).toEqual([]);
        expect(JSON.stringify(answer)).not.toContain("a-token");
        if (protocol === "http")
            expect(answer).toMatchObject({
                error:
                    what === "of another CA"
                        ? expect.stringMatching(/SELF_SIGNED|VERIFY/)
                        : "ERR_TLS_CERT_ALTNAME_INVALID",
            });
    });
});
