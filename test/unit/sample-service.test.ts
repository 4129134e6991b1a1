import { createServer, type Server } from "node:http";
import { gunzipSync } from "node:zlib";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runSample, type SampleOutcome } from "../../lab/sample-service";

/** What the collector of the test was sent, by signal. */
const received: Record<string, { body: Buffer; authorization?: string }[]> = {};
let refusing = false;
let collector: Server;
let url = "";

beforeAll(async () => {
    collector = createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
            const sent = Buffer.concat(chunks);
            const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
            if (!refusing) (received[request.url!] ??= []).push({ body, authorization: request.headers.authorization });
            response.writeHead(refusing ? 400 : 200, { "content-type": "application/x-protobuf" }).end();
        });
    });
    await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
});

afterAll(() => {
    collector.closeAllConnections();
    return new Promise((resolve) => collector.close(resolve));
});

const count = (path: string, text: string | Buffer): number => {
    const needle = Buffer.from(text);
    return received[path]!.reduce((sum, { body }) => {
        for (let at = body.indexOf(needle); at >= 0; at = body.indexOf(needle, at + needle.length)) sum++;
        return sum;
    }, 0);
};

describe("the sample service", () => {
    let outcome: SampleOutcome;

    it("takes its orders and says what it has told", async () => {
        outcome = await runSample({ collectors: [{ url, authorization: "Bearer x" }], run: "t1", orders: 20 });
        expect(outcome).toMatchObject({ run: "t1", orders: 20, refused: 2 });
        expect(new Set(outcome.traceIds).size).toBe(20);
        expect(outcome.expected["sample-shop"]).toEqual({ spans: 60, logs: 20, requests: 20 });
        expect(outcome.expected["sample-stock"]).toEqual({ spans: 20, logs: 20, requests: 20 });
    });

    it("has the spans of all three services in each trace", () => {
        const spans = Object.values(outcome.expected).reduce((sum, one) => sum + one.spans, 0);
        // A span's first field is its trace: number 1, 16 bytes long.
        const id = (trace: string): Buffer => Buffer.concat([Buffer.from([0x0a, 16]), Buffer.from(trace, "hex")]);
        for (const trace of outcome.traceIds) expect(count("/v1/traces", id(trace))).toBe(spans / 20);
    });

    it("has log lines that know their trace, and failures that say so", () => {
        for (const trace of outcome.traceIds) expect(count("/v1/logs", Buffer.from(trace, "hex"))).toBe(3);
        expect(count("/v1/logs", "order t1-7 sold out")).toBe(1);
        expect(count("/v1/logs", "order t1-17 refused")).toBe(1);
        expect(count("/v1/logs", "order t1-8 paid")).toBe(1);
    });

    it("counts its requests, one point of each series", () => {
        expect(count("/v1/metrics", "sample.requests")).toBe(3);
        expect(count("/v1/metrics", "sample.request.duration")).toBe(3);
    });

    it("lets itself in", () => {
        const all = Object.values(received).flat();
        expect(new Set(all.map(({ authorization }) => authorization))).toEqual(new Set(["Bearer x"]));
    });

    it("fails when what it tells is refused", async () => {
        refusing = true;
        await expect(runSample({ collectors: [{ url }], run: "t2", orders: 1 })).rejects.toThrow();
    });
});
