// What Loki holds in memory is shown, and is there again after a crash.
import { beforeAll, describe, expect, it } from "vitest";
import { ask, askJson } from "../../lab/access";
import { labExec } from "../../lab/hosts";
import { logql } from "../../lab/queries";
import { sleep } from "../../lab/run";
import { allHealthy, eventually, node1, settledProject } from "./support";

const HOUR = 3_600_000;
const LOKI = 3100;

beforeAll(async () => void (await settledProject()));

/** Lines of a service, a millisecond apart. */
async function push(service: string, lines: string[], at = Date.now()): Promise<void> {
    const values = lines.map((line, i) => [`${at + i}000000`, line]);
    const answer = await ask(node1.address, LOKI, "/loki/api/v1/push", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ streams: [{ stream: { service_name: service }, values }] }),
    });
    expect(answer.status, answer.text).toBe(204);
}

const named = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix} ${i}`);

describe("a line that is hours old and still in Loki's memory", () => {
    it("is shown when just its minute is asked for", async () => {
        const at = Date.now() - 11 * HOUR;
        await push("hours-old", ["an old line"], at);
        const range = { start: `${at - 60_000}000000`, end: `${at + 60_000}000000` };
        const query = new URLSearchParams({ query: '{service_name="hours-old"}', ...range });
        const answer = await askJson(node1.address, LOKI, `/loki/api/v1/query_range?${query}`);
        const { data } = answer as { data: { result: { values: [string, string][] }[] } };
        expect(data.result.flatMap(({ values }) => values.map(([, line]) => line))).toEqual(["an old line"]);
    });
});

describe("a stream whose lines were all written to the bucket, and that goes on", () => {
    it("has its new lines after Loki has died", async () => {
        const service = `returned-${Date.now().toString(36)}`;
        const lines = async (): Promise<string[]> =>
            (await logql(node1, `{service_name="${service}"}`)).map(({ line }) => line).sort();
        await push(service, named("before", 20));
        expect((await ask(node1.address, LOKI, "/flush", { method: "POST" })).status).toBe(204);
        // Loki looks twice a minute for what it can forget.
        await sleep(65_000);
        await push(service, named("after", 5));
        const killed = await labExec("node1", [
            "sh",
            "-c",
            "kill -9 $(docker inspect --format '{{.State.Pid}}' loki-mid-1)",
        ]);
        expect(killed.code, killed.stderr).toBe(0);
        await allHealthy(node1);
        const all = [...named("before", 20), ...named("after", 5)].sort();
        await eventually("every line", lines, (seen) => seen.join() === all.join(), 30_000);
    }, 240_000);
});
