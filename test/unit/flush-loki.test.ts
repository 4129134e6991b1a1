import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bench, Finished, stubContainer } from "./support/shell";

// Has this host's Loki write out what it holds in memory.

let bench: Bench;
const LOKI = "http://127.0.0.1:3100";

beforeEach(() => {
    bench = new Bench();
    stubContainer(bench);
    // Two chunks to write when it is asked first, none later.
    bench.stub(
        "wget",
        `
case "$*" in
    *metrics*) [ -e "$STATE/flushed" ] && left=0 || left=2; : >"$STATE/flushed"; echo "loki_ingester_flush_queue_length $left" ;;
    *flush*) [ ! -e "$STATE/not-ready" ] ;;
esac`,
    );
});
afterEach(() => bench.remove());

const flush = (...options: string[]): Finished => bench.run("flush-loki", ["--container", "web-mid-2", ...options]);

describe("flushing Loki", () => {
    it("waits until it has written everything", () => {
        expect(flush()).toMatchObject({ code: 0, out: "", err: "" });
        const asked = bench.argv().filter((line) => line.startsWith("wget "));
        const [post, look] = [`wget -q -O /dev/null --post-data  ${LOKI}/flush`, `wget -q -O - ${LOKI}/metrics`];
        // An empty queue is not enough: the last of it may be on its way.
        expect(asked).toEqual([post, look, look, post, look]);
    });

    it("asks at the port that is set", () => {
        flush("--port", "3200");
        expect(bench.argv().join("\n")).toContain("http://127.0.0.1:3200/flush");
    });

    it("fails when Loki is not ready", () => {
        bench.write("not-ready", "");
        expect(flush()).toMatchObject({
            code: 1,
            err: `flush-loki: Loki at ${LOKI} does not take POST /flush; is it ready?\n`,
        });
    });

    it("fails when Loki cannot write, as while its bucket takes nothing", () => {
        bench.stub("wget", 'case "$*" in *metrics*) echo "loki_ingester_flush_queue_length 2" ;; esac');
        expect(flush("--timeout", "1")).toMatchObject({
            code: 1,
            err: `flush-loki: Loki at ${LOKI} still has chunks to write after 1 s; does its bucket take writes?\n`,
        });
    });

    it.each([[[]], [["--port", "3100"]], [["--container", "x", "--port"]], [["--container", "x", "--loki", "y"]]])(
        "tells how it is used: %j",
        (args) => {
            const done = bench.run("flush-loki", args);
            expect(done.code).toBe(2);
            expect(done.err).toMatch(/^usage: flush-loki --container NAME /);
        },
    );
});
