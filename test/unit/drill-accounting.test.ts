// The balance is what a drill's verdict rests on: each kind of damage must show, and nothing else.
import { describe, expect, it } from "vitest";
import { balanceSent, balanceView, recoveryPoint } from "../../ops/drill/accounting/account";
import { Found } from "../../ops/drill/accounting/found";
import { readLines, readSamples } from "../../ops/drill/accounting/read-back";
import { logLine, logTime, seriesName, type ClientLedger, type Outcome } from "../../ops/drill/load/ledger";
import { longestGap, quantile } from "../../ops/drill/probe/gaps";

const T0 = 1_700_000_000_000;

function ledger(signal: "metrics" | "logs", outcomes: Outcome[], itemsPerRequest = 2): ClientLedger {
    return {
        client: {
            ...{ id: `${signal}-http`, signal, protocol: "http", itemsPerRequest, intervalMs: 100 },
            ...{ timeoutMs: 1000, retry: true, maxInFlight: 8, maxPending: 100 },
        },
        skipped: 0,
        failures: [],
        requests: outcomes.map((outcome, n) => ({
            ...{ n, at: T0 + n * 100, sentAt: T0 + n * 100, attempts: 1, outcome },
            ...(outcome === "acknowledged" ? { acknowledgedAt: T0 + n * 100 + 5 } : {}),
        })),
    };
}

const labels = (series: number, more = {}) => ({
    ...{ run: "r1", client: "metrics-http", series: seriesName(series), job: "drill" },
    ...more,
});

describe("the balance of a view", () => {
    const sent = [ledger("metrics", ["acknowledged", "acknowledged", "pending", "refused"])];

    it("is clean when all that was acknowledged is there once", () => {
        const found = new Found("r1", sent);
        for (const n of [0, 1]) for (const s of [0, 1]) found.addSample(labels(s), T0 + n * 100, n);
        const balance = balanceView("metrics", sent, found);
        expect(balance).toMatchObject({ found: 4, lost: 0, duplicated: 0, recovered: 0, unexpected: 0 });
        expect(balance.lostSpan).toBeUndefined();
        expect(recoveryPoint([balance])).toBe(0);
    });

    it("calls an acknowledged item that is missing lost, with its age and name", () => {
        const found = new Found("r1", sent);
        found.addSample(labels(0), T0, 0);
        const balance = balanceView("metrics", sent, found);
        expect(balance.lost).toBe(3);
        expect(balance.lostSpan).toEqual({ from: T0, to: T0 + 100 });
        expect(balance.lostExamples).toEqual(["metrics-http/1", "metrics-http/2", "metrics-http/3"]);
        expect(recoveryPoint([balance])).toBe(100);
    });

    it("counts an item that was not acknowledged and is there as recovered, and a missing one of those as nothing", () => {
        const found = new Found("r1", sent);
        found.addSample(labels(0), T0 + 200, 2);
        found.addSample(labels(1), T0 + 300, 3);
        expect(balanceView("metrics", sent, found)).toMatchObject({ recovered: 2, lost: 4, found: 2 });
    });

    it("finds the same sample under other labels, too: a duplicate", () => {
        const found = new Found("r1", sent);
        found.addSample(labels(0, { otel_aggregator_node: "mid-1" }), T0, 0);
        found.addSample(labels(0, { otel_aggregator_node: "mid-2" }), T0, 0);
        found.addSample(labels(0, { otel_aggregator_node: "mid-3" }), T0, 0);
        expect(balanceView("metrics", sent, found)).toMatchObject({ found: 1, duplicated: 1, surplus: 2 });
    });

    it("does not take a sample with another value or time for the one that was sent", () => {
        const found = new Found("r1", sent);
        found.addSample(labels(0), T0 + 1, 0);
        found.addSample(labels(0), T0, 1);
        found.addSample(labels(7), T0, 0);
        found.addSample(labels(0, { run: "other" }), T0, 0);
        expect(balanceView("metrics", sent, found)).toMatchObject({ found: 0, lost: 4, unexpected: 3 });
        expect(found.unexpected[0]).toContain("none was sent so");
    });

    it("keeps signals apart", () => {
        const both = [...sent, ledger("logs", ["acknowledged"])];
        const found = new Found("r1", both);
        found.addLine(logLine("r1", "logs-http", 0), logTime(T0, 0));
        found.addLine(logLine("r1", "logs-http", 1), logTime(T0, 1));
        expect(balanceView("logs", both, found)).toMatchObject({ found: 2, lost: 0 });
        expect(balanceView("metrics", both, found)).toMatchObject({ found: 0, lost: 4 });
    });

    it("calls late what came only after the reading during the fault, but for what was too fresh then", () => {
        const during = new Found("r1", sent);
        const found = new Found("r1", sent);
        during.addSample(labels(0), T0, 0);
        for (const n of [0, 1]) for (const s of [0, 1]) found.addSample(labels(s), T0 + n * 100, n);
        expect(balanceView("metrics", sent, found, { found: during, at: T0 + 60_000 }).late).toBe(3);
        expect(balanceView("metrics", sent, found, { found: during, at: T0 + 1000 }).late).toBe(0);
    });

    it("takes the union of two nodes for a view of both, and does not add their copies up", () => {
        const [a, b] = [new Found("r1", sent), new Found("r1", sent)];
        a.addSample(labels(0), T0, 0);
        b.addSample(labels(0), T0, 0);
        b.addSample(labels(1), T0, 0);
        b.addSample(labels(0), T0 + 100, 1);
        b.addSample(labels(1), T0 + 100, 1);
        const union = Found.union("r1", sent, [a, b]);
        expect(balanceView("metrics", sent, union)).toMatchObject({ lost: 0, duplicated: 0, found: 4 });
        expect(balanceView("metrics", sent, a).lost).toBe(3);
    });
});

describe("the clients' side", () => {
    it("adds up, by what became of the requests", () => {
        const mixed = ledger("logs", ["acknowledged", "pending", "refused", "acknowledged"]);
        mixed.requests[2]!.rejectedItems = 1;
        mixed.requests[1]!.sentAt = undefined; // never on the wire: not sent
        expect(balanceSent("logs", [mixed])).toEqual({
            ...{ sent: 6, acknowledged: 4, refused: 2, pending: 0, rejected: 1, outOfOrderRequests: 0 },
        });
    });

    it("notes requests that were acknowledged after later ones", () => {
        const one = ledger("logs", ["acknowledged", "acknowledged", "acknowledged"]);
        one.requests[0]!.acknowledgedAt = T0 + 1000;
        expect(balanceSent("logs", [one]).outOfOrderRequests).toBe(1);
    });
});

describe("reading back", () => {
    const many = (count: number): ClientLedger[] => [ledger("logs", Array<Outcome>(count).fill("acknowledged"), 25)];

    /** Loki's behaviour: at most `limit` lines, oldest first, from start (included) to end (excluded). */
    function loki(lines: [bigint, string][]) {
        const pages: number[] = [];
        const get = async (url: string): Promise<unknown> => {
            const parameters = new URL(url).searchParams;
            const [start, end] = [BigInt(parameters.get("start")!), BigInt(parameters.get("end")!)];
            const page = lines
                .filter(([at]) => at >= start && at < end)
                .sort(([a], [b]) => (a < b ? -1 : 1))
                .slice(0, Number(parameters.get("limit")));
            pages.push(page.length);
            // In two streams, as Loki gives them.
            const half = page.filter((_, i) => i % 2 === 0);
            const other = page.filter((_, i) => i % 2 === 1);
            const result = [half, other].map((values) => ({
                stream: {},
                values: values.map(([at, l]) => [`${at}`, l]),
            }));
            return { data: { resultType: "streams", result } };
        };
        return { get, pages };
    }

    const linesOf = ([one]: ClientLedger[]): [bigint, string][] =>
        one!.requests.flatMap(({ n, at }) =>
            Array.from({ length: 25 }, (_, i): [bigint, string] => [
                BigInt(logTime(at, i)),
                logLine("r1", "logs-http", n * 25 + i),
            ]),
        );

    it("finds each line once across full pages, whatever falls on a border", async () => {
        const sent = many(1000);
        const lines = linesOf(sent);
        const { get, pages } = loki(lines);
        const found = new Found("r1", sent);
        await readLines("http://loki", "r1", { from: T0, to: T0 + 100_000 }, found, get);
        expect(pages.length).toBeGreaterThan(5);
        expect(balanceView("logs", sent, found)).toMatchObject({ lost: 0, duplicated: 0, found: 25_000 });
    });

    it("sees a line that is there twice as a duplicate, on a border, too", async () => {
        const sent = many(400);
        const lines = linesOf(sent);
        // 5000th line of the first page and its copy: the page ends between the two.
        const copies = [lines[4999]!, lines[5000]!, lines[9_997]!];
        const { get } = loki([...lines, ...copies]);
        const found = new Found("r1", sent);
        await readLines("http://loki", "r1", { from: T0, to: T0 + 100_000 }, found, get);
        expect(balanceView("logs", sent, found)).toMatchObject({ lost: 0, duplicated: 3, surplus: 3 });
    });

    it("takes lines at both ends of the span", async () => {
        const sent = many(2);
        const { get } = loki(linesOf(sent));
        const found = new Found("r1", sent);
        await readLines("http://loki", "r1", { from: T0, to: T0 + 100 }, found, get);
        expect(balanceView("logs", sent, found)).toMatchObject({ lost: 0, found: 50 });
    });

    /** A range selector; with `closed` the old one that includes its start. */
    function prometheus(samples: { metric: object; at: number; value: number }[], closed = false) {
        return async (url: string): Promise<unknown> => {
            const parameters = new URL(url).searchParams;
            const to = Math.round(Number(parameters.get("time")) * 1000);
            const from = to - Number(/\[(\d+)ms\]/.exec(parameters.get("query")!)![1]);
            const inside = samples.filter(({ at }) => (closed ? at >= from : at > from) && at <= to);
            const result = inside.map(({ metric, at, value }) => ({ metric, values: [[at / 1000, `${value}`]] }));
            return { data: { resultType: "matrix", result } };
        };
    }

    it.each([false, true])("finds each sample once across pages (start included: %s)", async (closed) => {
        const sent = [ledger("metrics", Array<Outcome>(900).fill("acknowledged"))];
        const samples = sent[0]!.requests.flatMap(({ n, at }) =>
            [0, 1].map((series) => ({ metric: labels(series), at, value: n })),
        );
        const found = new Found("r1", sent);
        const span = { from: T0, to: T0 + 899 * 100 };
        await readSamples("http://prometheus", "r1", span, found, prometheus(samples, closed));
        expect(balanceView("metrics", sent, found)).toMatchObject({ lost: 0, duplicated: 0, found: 1800 });
    });

    it("does not take an incomplete answer for a loss", async () => {
        const found = new Found("r1", many(1));
        const get = async () => ({ data: { resultType: "matrix", result: [] }, warnings: ["no store is there"] });
        const reading = readSamples("http://thanos", "r1", { from: T0, to: T0 + 1 }, found, get);
        await expect(reading).rejects.toThrow("incomplete answer: no store is there");
    });
});

describe("the longest gap", () => {
    const every20 = (from: number, to: number): number[] =>
        Array.from({ length: (to - from) / 20 }, (_, i) => from + i * 20);

    it("is the time between the last success before an outage and the first one after", () => {
        const gap = longestGap([...every20(0, 1000), ...every20(2500, 4000)], { from: 900, to: 3500 });
        expect(gap).toMatchObject({ from: 980, to: 2500, ms: 1520 });
    });

    it("counts an outage that began just before the window, and one that lasts beyond it", () => {
        expect(longestGap([...every20(0, 1000), 3000], { from: 1500, to: 3500 })).toMatchObject({
            from: 980,
            ms: 2020,
        });
        expect(longestGap([...every20(0, 1000), 9000], { from: 500, to: 3500 })).toMatchObject({ to: 9000, ms: 8020 });
    });

    it("is the whole window when nothing got through", () => {
        expect(longestGap([], { from: 0, to: 5000 })).toMatchObject({ from: 0, to: 5000, ms: 5000 });
    });

    it("is not disturbed by answers that come in another order", () => {
        expect(longestGap([60, 20, 40, 0, 80], { from: 0, to: 80 }).ms).toBe(20);
    });

    it("names the time in which the client itself stood still", () => {
        const successes = [...every20(0, 1000), ...every20(1500, 2000)];
        const stalls = [
            { at: 1490, ms: 480 },
            { at: 300, ms: 60 },
        ];
        expect(longestGap(successes, { from: 500, to: 2000 }, stalls)).toMatchObject({ ms: 520, stalledMs: 480 });
    });
});

describe("a quantile", () => {
    it("is the value at the nearest rank", () => {
        const values = Array.from({ length: 100 }, (_, i) => 100 - i);
        expect([quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1)]).toEqual([50, 99, 100]);
        expect(quantile([], 0.5)).toBeUndefined();
    });
});
