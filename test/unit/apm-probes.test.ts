// Load, probes and reading back of Container APM, over real sockets, against an OpenSearch that behaves badly.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { afterEach, describe, expect, it } from "vitest";
import { ClusterApi } from "../../ops/apm/cluster";
import { applications, intakeProbes, writeProbes } from "../../ops/drill/apm/load";
import { readDocuments, SOURCES, documentsIn, type FoundDocument } from "../../ops/drill/apm/read-back";
import { countQuery, readCounts, SearchProbe, type SearchPlan } from "../../ops/drill/apm/search-probe";
import { createIndex } from "../../ops/drill/apm/views";
import { PacedClient } from "../../ops/drill/load/client";
import { documentAnswer } from "../../ops/drill/load/document-transport";
import { encode } from "../../ops/drill/load/encode";
import { FailoverTransport } from "../../ops/drill/load/failover";
import type { ClientPlan } from "../../ops/drill/load/plan";
import type { Answer, Transport } from "../../ops/drill/load/transport";

const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

type Handler = (path: string, body: string, answer: ServerResponse, request: IncomingMessage) => void;

async function server(handle: Handler): Promise<number> {
    const http = createServer((request, answer) => {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => handle(request.url!, Buffer.concat(chunks).toString("utf8"), answer, request));
    });
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    closers.push(() => {
        http.closeAllConnections();
        http.close();
    });
    return (http.address() as AddressInfo).port;
}

const api = (port: number): ClusterApi => {
    const made = new ClusterApi({ url: `http://127.0.0.1:${port}`, doors: {} }, { local: 2000, manager: 2000 });
    closers.push(() => made.close());
    return made;
};
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const NODES = ["apm-1", "apm-2", "apm-3"].map((name, i) => ({ name, address: `10.0.0.${i + 1}` }));

describe("the load", () => {
    const rates = { spansPerSecond: 120, recordsPerSecond: 60, pointsPerSecond: 24 };

    it("adds up to the rates, from a client of each signal for each node, which knows all nodes", () => {
        const clients = applications(NODES, rates);
        expect(clients.map(({ id }) => id)).toEqual(
            NODES.flatMap(({ name }) => [`logs-${name}`, `traces-${name}`, `metrics-${name}`]),
        );
        const rate = (signal: string): number =>
            clients
                .filter((one) => one.signal === signal)
                .reduce((sum, one) => sum + (one.itemsPerRequest * 1000) / one.intervalMs, 0);
        expect([rate("traces"), rate("logs"), rate("metrics")]).toEqual([120, 60, 24]);
        expect(clients[3]!.hosts).toEqual(["10.0.0.2", "10.0.0.3", "10.0.0.1"]);
        expect(clients.every(({ retry }) => retry)).toBe(true);
    });

    it("has probes that stay with their node, and are not repeated", () => {
        for (const probe of [...intakeProbes(NODES), ...writeProbes(NODES, ["r0"])]) {
            expect(probe.hosts).toHaveLength(1);
            expect(probe.retry).toBe(false);
        }
    });

    it("gives each span an id of its own, and the same one whenever it is sent again", () => {
        const [, traces] = applications(NODES, rates) as [ClientPlan, ClientPlan];
        expect(encode("r1", traces, 7, 1000)).toEqual(encode("r1", traces, 7, 1000));
        expect(encode("r1", traces, 7, 1000)).not.toEqual(encode("r1", traces, 8, 1000));
        expect(encode("r1", traces, 7, 1000)).not.toEqual(encode("r1", { ...traces, id: "traces-x" }, 7, 1000));
        expect(ProtobufTraceSerializer.serializeRequest([])).toBeDefined();
    });
});

describe("a client that knows several places", () => {
    const place = (answers: Answer["kind"][], seen: string[], name: string): Transport => ({
        send: () => {
            seen.push(name);
            const kind = answers.shift() ?? "acknowledged";
            return Promise.resolve(kind === "acknowledged" ? { kind, rejectedItems: 0 } : { kind, error: "503" });
        },
        close: () => undefined,
    });

    it("goes to the next one when one does not take something, and returns to its own after a while", async () => {
        const seen: string[] = [];
        const two = new FailoverTransport([place(["retry"], seen, "a"), place([], seen, "b")], 200);
        for (let i = 0; i < 3; i++) await two.send(new Uint8Array());
        expect(seen).toEqual(["a", "b", "b"]);
        await pause(300);
        await two.send(new Uint8Array());
        expect(seen.at(-1)).toBe("a");
    });

    it("moves once when several requests fail at once, and not for a refusal", async () => {
        const seen: string[] = [];
        const three = new FailoverTransport([
            place(["retry", "retry"], seen, "a"),
            place(["refused"], seen, "b"),
            place([], seen, "c"),
        ]);
        await Promise.all([three.send(new Uint8Array()), three.send(new Uint8Array())]);
        await three.send(new Uint8Array());
        await three.send(new Uint8Array());
        expect(seen).toEqual(["a", "a", "b", "b"]);
    });
});

describe("the write probe", () => {
    const plan = (port: number): [ConstructorParameters<typeof PacedClient>[0], ClientPlan] => {
        const [probe] = writeProbes([{ name: "apm-1", address: "127.0.0.1" }], ["r0", "r5"]);
        const client = { ...probe!, intervalMs: 20, timeoutMs: 9000 };
        return [{ run: "r1", host: "", httpPort: port, grpcPort: 1, index: "drill-r1", clients: [client] }, client];
    };

    it("creates each document once, under an id of its own, to every shard in turn; only 201 counts", async () => {
        const paths: string[] = [];
        const port = await server((path, body, answer) => {
            paths.push(path);
            const { seq } = JSON.parse(body) as { seq: number };
            if (seq % 3 === 0) answer.writeHead(201).end("{}");
            else if (seq % 3 === 1) answer.writeHead(200).end();
            else answer.writeHead(503).end('{"error":{"type":"cluster_block_exception"}}');
        });
        const client = new PacedClient(...plan(port));
        client.start();
        await pause(300);
        client.stopMaking();
        while (client.unsettled > 0) await pause(10);
        client.end();
        const { requests, failures } = client.ledger;
        expect(requests.length).toBeGreaterThan(5);
        for (const { n, outcome, attempts } of requests)
            expect([outcome, attempts]).toEqual([n % 3 === 0 ? "acknowledged" : "pending", 1]);
        expect(paths[0]).toBe("/drill-r1/_create/r1-write-apm-1-0?timeout=9000ms&routing=r0");
        expect(paths.some((path) => path.includes("routing=r5"))).toBe(true);
        expect(new Set(failures.map(({ error }) => error))).toEqual(new Set(["200", "503 cluster_block_exception"]));
    });

    it("does not take a conflict for its own success", () => {
        expect(
            documentAnswer(409, undefined, Buffer.from('{"error":{"type":"version_conflict_engine_exception"}}')),
        ).toEqual({
            kind: "retry",
            error: "409 version_conflict_engine_exception",
        });
    });
});

describe("the search probe", () => {
    const whole = (logs: number) =>
        JSON.stringify({
            ...{ timed_out: false, _shards: { total: 4, successful: 4, failed: 0 } },
            aggregations: { logs: { doc_count: logs }, documents: { doc_count: 1 } },
        });
    const plan = (...ports: number[]): SearchPlan => ({
        ...{ run: "r1", doors: {}, index: "drill-r1", intervalMs: 30, timeoutMs: 300, dashboards: [] },
        nodes: ports.map((port, i) => ({ node: `apm-${i + 1}`, url: `http://127.0.0.1:${port}` })),
    });

    it("counts through every node; one that hangs holds up nobody", async () => {
        let count = 0;
        const good = await server((_, __, answer) => answer.end(whole(++count)));
        const hangs = await server(() => undefined);
        const probe = new SearchProbe(plan(good, hangs));
        probe.start();
        while (count < 8 || probe.result().filter(({ node }) => node === "apm-2").length < 2) await pause(20);
        probe.stop();
        const of = (node: string) => probe.result().filter((one) => one.node === node);
        expect(of("apm-1").every(({ error }) => error === undefined)).toBe(true);
        expect(of("apm-1").map(({ counts }) => counts!.logs)).toEqual(of("apm-1").map((_, i) => i + 1));
        expect(new Set(of("apm-2").map(({ error }) => error))).toEqual(new Set(["timeout"]));
    });

    it("does not take half an answer for one", () => {
        expect(readCounts(whole(3))).toEqual({ counts: { logs: 3, documents: 1 } });
        const half = whole(3).replace('"successful":4', '"successful":3');
        expect(readCounts(half)).toEqual({ error: "only 3 of 4 shards" });
        expect(readCounts(whole(3).replace("false", "true")).error).toBeDefined();
    });

    it("asks for the run in each signal's own field", () => {
        const query = JSON.stringify(countQuery([SOURCES.logs, SOURCES.traces, documentsIn("i")], "r1"));
        for (const field of ["log.attributes.run", "span.attributes.run", "run"])
            expect(query).toContain(`{"term":{"${field}":"r1"}}`);
    });
});

/** An OpenSearch with documents, which answers as a point in time does. */
function searching(
    documents: { time: string; client: string; seq: number }[],
    shards = { total: 2, successful: 2, failed: 0 },
): Handler {
    return (path, body, answer) => {
        if (path.includes("point_in_time")) return void answer.end(JSON.stringify({ pit_id: "p1" }));
        const { size, query } = JSON.parse(body) as {
            size: number;
            query: { bool: { filter: { range?: { time: { gte: string } } }[] } };
        };
        const from = query.bool.filter.find(({ range }) => range)?.range?.time.gte ?? "";
        const hits = documents
            .filter(({ time }) => time >= from)
            .sort((a, b) => a.time.localeCompare(b.time))
            .slice(0, size)
            .map(({ time, client, seq }) => ({
                _source: { time, "log.attributes.client": client, "log.attributes.seq": seq },
                fields: { time: [time] },
            }));
        answer.end(
            JSON.stringify({ timed_out: false, _shards: shards, hits: { total: { value: documents.length }, hits } }),
        );
    };
}

describe("reading back", () => {
    const time = (i: number): string => `2026-01-01T00:00:0${Math.floor(i / 3)}.000000001Z`;
    const documents = Array.from({ length: 20 }, (_, i) => ({ time: time(i), client: "logs-apm-1", seq: i }));

    async function read(handler: Handler, page: number): Promise<FoundDocument[]> {
        const found: FoundDocument[] = [];
        await readDocuments(api(await server(handler)), SOURCES.logs, "r1", (one) => found.push(one), { page });
        return found;
    }

    it("has each document once, whatever ends a page", async () => {
        for (const page of [4, 5, 7, 100]) {
            const found = await read(searching(documents), page);
            expect(found.map(({ seq }) => seq).sort((a, b) => a! - b!)).toEqual(documents.map(({ seq }) => seq));
        }
        expect((await read(searching(documents), 100))[0]).toEqual({
            ...{ client: "logs-apm-1", seq: 0, at: Date.parse("2026-01-01T00:00:00.000Z") },
        });
    });

    it("sees a document that is there twice, also at the end of a page", async () => {
        for (const page of [6, 7, 8]) {
            const found = await read(searching([...documents, documents[3]!, documents[4]!]), page);
            expect(found.filter(({ seq }) => seq === 3)).toHaveLength(2);
            expect(found.filter(({ seq }) => seq === 4)).toHaveLength(2);
        }
    });

    it("fails rather than miss something: an incomplete answer, or more of one time than a page has room for", async () => {
        await expect(read(searching(documents, { total: 2, successful: 1, failed: 1 }), 100)).rejects.toThrow(
            "incomplete",
        );
        await expect(read(searching(documents), 3)).rejects.toThrow("more than 3 documents of the time");
        await expect(
            read((_, __, answer) => answer.writeHead(404).end('{"error":{"type":"index_not_found_exception"}}'), 3),
        ).rejects.toThrow("404 index_not_found_exception");
    });
});

describe("a question with a body", () => {
    it("does not spoil the one after it, whatever its method", async () => {
        const seen: string[] = [];
        const port = await server((_, body, answer, { method }) => {
            seen.push(`${method} ${body}`);
            answer.end("{}");
        });
        const to = api(port);
        for (let i = 0; i < 3; i++) {
            await to.ask("/x", 2000, () => true, [], { method: "DELETE", body: "{}" });
            await to.ask("/y", 2000, () => true);
        }
        expect(seen).toEqual(Array(3).fill(["DELETE {}", "GET "]).flat());
    });
});

describe("the drill's own index", () => {
    it("has a routing value for each shard", async () => {
        const port = await server((path, _, answer) => {
            if (!path.includes("_search_shards"))
                return void answer.end('{"acknowledged":true,"shards_acknowledged":true}');
            const value = Number(/routing=r(\d+)/.exec(path)![1]);
            answer.end(JSON.stringify({ shards: [[{ shard: (value * 5 + 1) % 6 }]] }));
        });
        const { name, routings } = await createIndex(api(port), "r1", "1m");
        expect(name).toBe("otel-ha-drill-r1");
        expect(routings.map((value) => (Number(value.slice(1)) * 5 + 1) % 6)).toEqual([0, 1, 2, 3, 4, 5]);
    });

    it("is not used before all copies are there", async () => {
        const port = await server((_, __, answer) => answer.end('{"acknowledged":true,"shards_acknowledged":false}'));
        await expect(createIndex(api(port), "r1", "1m")).rejects.toThrow("not all copies");
    });
});
