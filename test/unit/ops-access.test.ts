// How the commands reach a deployment from outside, and that nobody else gets to know what they show.
import { createServer as createPlainServer, type RequestListener } from "node:http";
import { createServer } from "node:https";
import { createServer as createTcpServer, type AddressInfo, type Server } from "node:net";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { accessTo, secureAccess, type ClientOutputs } from "../../ops/access";
import { HttpClient } from "../../ops/http";
import type { RunResult } from "../../ops/run";
import { newCa, newLeaf, type Made } from "./support/certificates";
import { STACKS, valuesOf } from "./support/stacks";

const VIP = "192.168.110.140";
const outputs = (more: Partial<ClientOutputs> = {}): ClientOutputs => ({
    ...{ caCertificate: "CA\n", haproxyStatsUser: "admin", haproxyStatsPassword: "SECRET-admin" },
    ...{ queryUser: "query", queryPassword: "SECRET-query", otlpTokens: {}, ...more },
});
const basic = (login: string): string => `Basic ${Buffer.from(login).toString("base64")}`;

function deployment(tls: string, answer: (stack: string) => Partial<RunResult>) {
    const asked: string[][] = [];
    const nodes = STACKS.map((stack) => {
        const values = valuesOf(stack, { tls });
        return { stack, address: values.nodeAddress, values };
    });
    const pulumi = async (args: string[]): Promise<RunResult> => {
        asked.push(args);
        return { code: 0, stdout: "", stderr: "", ...answer(args.at(-1)!) };
    };
    return { asked, vip: VIP, nodes, pulumi };
}
const publishing = (all: object) => (): Partial<RunResult> => ({ stdout: JSON.stringify(all) });

describe("the way to a deployment", () => {
    it("without TLS is plain, and no stack is asked for its outputs", async () => {
        const pair = deployment("off", () => ({ code: 1 }));
        const access = await accessTo(pair);
        expect(access).toMatchObject({ scheme: "http", doors: {} });
        expect(access.otlp).toBeUndefined();
        expect(access.url(VIP, 4318, "/v1/logs")).toBe("http://192.168.110.140:4318/v1/logs");
        expect(pair.asked).toEqual([]);
    });

    it("with TLS believes the stacks' CA, and shows each door what it asks for", async () => {
        const pair = deployment(
            "internal",
            publishing(outputs({ otlpTokens: { shop: "SECRET-b", drill: "SECRET-a" } })),
        );
        const { doors, otlp, url } = await accessTo(pair);
        const query = { ca: "CA\n", authorization: basic("query:SECRET-query") };
        const admin = { ca: "CA\n", authorization: basic("admin:SECRET-admin") };
        expect(doors[VIP]).toEqual(query);
        for (const { address } of pair.nodes) expect(doors[address]).toEqual(admin);
        // The object store answers 400 to such a login.
        for (const { address } of pair.nodes) expect(doors[`${address}:9000`]).toEqual({ ca: "CA\n" });
        expect(otlp).toEqual({ ca: "CA\n", authorization: "Bearer SECRET-a" });
        for (const host of [VIP, ...pair.nodes.map(({ address }) => address)])
            expect(doors[`${host}:4318`]).toEqual(otlp);
        expect(url("192.168.110.214", 9090)).toBe("https://192.168.110.214:9090");
    });

    it("needs no token where none is asked for", async () => {
        expect((await accessTo(deployment("internal", publishing(outputs())))).otlp).toEqual({ ca: "CA\n" });
    });

    it("believes both CAs while the stacks have different ones", () => {
        const node = (address: string, caCertificate: string) => ({
            ...{ address, otlpHttpPort: 4318, objectStorePort: 9000, outputs: outputs({ caCertificate }) },
        });
        expect(secureAccess(VIP, [node("a", "OLD\nNEW\n"), node("b", "OLD\n")]).otlp!.ca).toBe("OLD\nNEW\nOLD\n");
        expect(secureAccess(VIP, [node("a", "OLD\n"), node("b", "OLD\n")]).otlp!.ca).toBe("OLD\n");
    });

    it("is an error that names the stack and what it lacks, before its first up with TLS", async () => {
        const { queryPassword, caCertificate, ...old } = outputs();
        void [queryPassword, caCertificate];
        await expect(accessTo(deployment("internal", publishing(old)))).rejects.toThrow(
            'stack "node1" has no output caCertificate, queryPassword, which its clients need with TLS: bring it up first',
        );
    });

    it("says nothing of what it has read, whatever goes wrong", async () => {
        const errors = await Promise.all(
            [
                { stdout: '{"queryPassword":"SECRET-query"' },
                { code: 255, stdout: "SECRET-query", stderr: "error: no stack named 'node1' found\n" },
                { stdout: JSON.stringify({ ...outputs(), caCertificate: undefined }) },
            ].map((answer) => accessTo(deployment("internal", () => answer)).catch((error: Error) => error.message)),
        );
        expect(errors[1]).toContain("no stack named 'node1' found");
        for (const error of errors) {
            expect(error).toContain('stack "node1"');
            expect(error).not.toContain("SECRET");
        }
    });
});

describe("the commands' HTTP", () => {
    let ca: Made;
    let identity: Made;
    const closers: (() => void)[] = [];
    beforeAll(async () => {
        ca = await newCa();
        identity = await newLeaf(ca, { ipAddresses: ["127.0.0.1"], dnsNames: [] });
    });
    afterEach(() => closers.splice(0).forEach((close) => close()));

    async function listen(server: Server & { closeAllConnections?(): void }): Promise<string> {
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        closers.push(() => {
            server.closeAllConnections?.();
            server.close();
        });
        return `127.0.0.1:${(server.address() as AddressInfo).port}`;
    }
    const secure = (listener: RequestListener, { certificate: cert, key } = identity): Promise<string> =>
        listen(createServer({ cert, key }, listener));
    function client(doors: ConstructorParameters<typeof HttpClient>[0]): HttpClient {
        const made = new HttpClient(doors);
        closers.push(() => made.close());
        return made;
    }
    const telling: RequestListener = (request, answer) => answer.end(request.headers.authorization ?? "nobody");

    it("shows what its door asks for, over one connection", async () => {
        const ports = new Set<number | undefined>();
        const at = await secure((request, answer) => {
            ports.add(request.socket.remotePort);
            telling(request, answer);
        });
        const http = client({ "127.0.0.1": { ca: ca.certificate, authorization: "Basic x" } });
        for (let n = 0; n < 3; n++)
            expect(await http.get(`https://${at}/`, 1000)).toMatchObject({ status: 200, text: "Basic x" });
        expect(ports.size).toBe(1);
    });

    it("has another door at another port of a host, and another login where one is given", async () => {
        const [at, other] = [await secure(telling), await secure(telling)];
        const door = { ca: ca.certificate, authorization: "Basic host" };
        const http = client({ "127.0.0.1": door, [other]: { ...door, authorization: "Bearer port" } });
        const text = async (...asked: Parameters<HttpClient["ask"]>): Promise<string> =>
            (await http.ask(...asked)).text;
        expect(await text(`https://${at}/`, { timeoutMs: 1000 })).toBe("Basic host");
        expect(await text(`https://${other}/`, { timeoutMs: 1000 })).toBe("Bearer port");
        const headers = { authorization: "Basic given" };
        expect(await text(`https://${at}/`, { timeoutMs: 1000, headers })).toBe("Basic given");
    });

    it("shows nothing in the clear, and nothing to a place that has no door", async () => {
        const plain = await listen(createPlainServer(telling));
        const http = client({ "127.0.0.1": { ca: ca.certificate, authorization: "Basic x" } });
        expect((await http.get(`http://${plain}/`, 1000)).text).toBe("nobody");
        const at = await secure(telling, await newLeaf(ca, { ipAddresses: ["127.0.0.2"], dnsNames: ["localhost"] }));
        const elsewhere = at.replace("127.0.0.1", "localhost");
        // Whom the system trusts is believed there: not us.
        await expect(http.get(`https://${elsewhere}/`, 1000)).rejects.toThrow(/certificate/);
    });

    it("refuses a server of another CA, and one of another name, before it says anything", async () => {
        const heard: string[] = [];
        const listening: RequestListener = (request, answer) => {
            heard.push(request.url!);
            answer.end();
        };
        const http = client({ "127.0.0.1": { ca: ca.certificate, authorization: "Basic x" } });
        const foreign = await secure(listening, await newLeaf(await newCa("Another"), { ipAddresses: ["127.0.0.1"] }));
        await expect(http.get(`https://${foreign}/`, 1000)).rejects.toThrow(/certificate/);
        const misnamed = await secure(
            listening,
            await newLeaf(ca, { ipAddresses: ["127.0.0.2"], dnsNames: ["localhost"] }),
        );
        await expect(http.get(`https://${misnamed}/`, 1000)).rejects.toThrow(/does not match certificate's altnames/);
        expect(heard).toEqual([]);
    });

    it("asks once more when a kept connection turns out to be broken, and only then", async () => {
        let asked = 0;
        const at = await secure((request, answer) => {
            asked++;
            if (asked === 1 || asked === 3) answer.end("fine");
            else request.socket.destroy();
        });
        const http = client({ "127.0.0.1": { ca: ca.certificate } });
        for (let n = 0; n < 2; n++) expect((await http.get(`https://${at}/`, 1000)).text).toBe("fine");
        expect(asked).toBe(3);
        const fresh = client({ "127.0.0.1": { ca: ca.certificate } });
        await expect(fresh.get(`https://${at}/`, 1000)).rejects.toThrow();
        expect(asked).toBe(4);
    });

    it("passes bodies on, and gives back any status as an answer", async () => {
        const at = await secure((request, answer) => {
            const chunks: Buffer[] = [];
            request.on("data", (chunk: Buffer) => chunks.push(chunk));
            request.on("end", () => answer.writeHead(403).end(`${request.method} ${Buffer.concat(chunks).toString()}`));
        });
        const http = client({ "127.0.0.1": { ca: ca.certificate } });
        const answer = await http.ask(`https://${at}/`, { method: "POST", body: "a body", timeoutMs: 1000 });
        expect(answer).toMatchObject({ status: 403, text: "POST a body" });
    });

    it("gives up in time, also in the middle of an answer and of a handshake", async () => {
        const http = client({ "127.0.0.1": { ca: ca.certificate } });
        const half = await secure((_, answer) => void answer.write("half"));
        await expect(http.get(`https://${half}/`, 200)).rejects.toThrow("timeout");
        const silent = await listen(createTcpServer((socket) => closers.push(() => socket.destroy())));
        const started = Date.now();
        await expect(http.get(`https://${silent}/`, 200)).rejects.toThrow("timeout");
        expect(Date.now() - started).toBeLessThan(1000);
    });
});
