// What a drill asks of the back ends, as a dashboard does.
import { createServer, type Server } from "node:http";
import { type AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { ReadProbe } from "../../ops/drill/probe/read";

let server: Server | undefined;
let probe: ReadProbe | undefined;
afterEach(() => {
    probe?.stop();
    server?.closeAllConnections();
    server?.close();
});

/** Asks a Prometheus that has what `answers` says, in turn, the last one from then on. */
async function reading(answers: (unknown[] | number)[], startedAt = Date.now()): Promise<ReadProbe> {
    let asked = 0;
    server = createServer((_, response) => {
        const answer = answers[Math.min(asked++, answers.length - 1)]!;
        response.statusCode = typeof answer === "number" ? answer : 200;
        response.end(JSON.stringify({ data: { result: answer } }));
    });
    await new Promise<void>((listening) => server!.listen(0, "127.0.0.1", listening));
    const metricsUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const clients = { metricsClient: "a", logsClient: "b" };
    probe = new ReadProbe({ run: "r", metricsUrl, intervalMs: 20, timeoutMs: 1000, startedAt, ...clients });
    probe.start();
    return probe;
}

const samples = async (one: ReadProbe, count: number) => {
    while (one.result().length < count) await new Promise((done) => setTimeout(done, 10));
    return one.result();
};
const VALUE = [{ value: [1, "1"] }];
const NOTHING: unknown[] = [];

it("is watched as soon as there is data; before, nothing is missed", async () => {
    const [first] = await samples(await reading([NOTHING, NOTHING, VALUE]), 1);
    expect(first).toMatchObject({ signal: "metrics", kind: "fresh" });
    expect(first!.error).toBeUndefined();
});

it("is missed when there is none after the time that a batch takes", async () => {
    const [first] = await samples(await reading([NOTHING], Date.now() - 13_000), 1);
    expect(first!.error).toBe("no data");
});

it("is refused from the beginning", async () => {
    const [first] = await samples(await reading([503]), 1);
    expect(first!.error).toMatch(/^503/);
});
