import * as fs from "fs";
import * as path from "path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bench, Finished } from "./support/shell";

// What goes on beside OpenSearch: the elected manager's node mends, rolls over and deletes.

let bench: Bench;
const run = (): string => path.join(bench.root, "run");

beforeEach(() => {
    bench = new Bench();
    // As many rounds of ten seconds as the file says.
    bench.stub(
        "sleep",
        `left=$(cat "$STATE/rounds"); [ "$left" -gt 0 ] || exit 1; echo $((left - 1)) >"$STATE/rounds"`,
    );
    // What is read, by path; what is sent is noted.
    bench.stub(
        "curl",
        `for last in "$@"; do :; done
        case "$*" in *" -X "*) echo "$*" >>"$STATE/sent"; echo '{"acknowledged":true}'; exit 0 ;; esac
        case $last in
            */_cat/cluster_manager*) cat "$STATE/manager" ;;
            */_cat/recovery*expand_wildcards=all*) cat "$STATE/recovery" 2>/dev/null ;;
            */restart) cat "$STATE/restart" 2>/dev/null ;;
            */_cat/indices/*) cat "$STATE/indices" 2>/dev/null ;;
        esac`,
    );
    bench.write("manager", "apm-1 \n");
});
afterEach(() => bench.remove());

function keep(rounds: number, ...options: string[]): Finished {
    bench.write("rounds", String(rounds));
    const places = ["--home", path.join(bench.root, "home"), "--config", bench.root, "--run", run()];
    return bench.run("keep-opensearch", ["--node", "apm-1", "--port", "9200", ...places, ...options]);
}
const sent = (): string[] => bench.read("sent").split("\n").filter(Boolean);
const bodies = (): string[] => sent().map((line) => / -d (\{.*\}) http/.exec(line)?.[1] ?? line);

const STUCK = "peer init 24 2 apm-1 otel-logs-000001\n";
const CANCEL = (index: string, shard: number, node: string) =>
    JSON.stringify({ commands: [{ cancel: { index, shard, node, allow_primary: true } }] });

describe("a copy whose making does not begin", () => {
    it("has its primary opened anew, and that is said", () => {
        bench.write("recovery", `${STUCK}peer init 40 0 apm-3 .opendistro_security\n`);
        const { out } = keep(1);
        expect(bodies()).toEqual([CANCEL("otel-logs-000001", 2, "apm-1"), CANCEL(".opendistro_security", 0, "apm-3")]);
        expect(out).toContain(
            "keep-opensearch: the copy of otel-logs-000001, shard 2, has not begun for 24 s: its primary on apm-1 is opened anew\n",
        );
    });

    it("is given time to get on before that is done again", () => {
        bench.write("recovery", STUCK);
        keep(3);
        expect(sent()).toHaveLength(1);
        const mark = path.join(run(), "tmp", "mended-otel-logs-000001-2");
        fs.writeFileSync(mark, String(Math.floor(Date.now() / 1000) - 121));
        keep(1);
        expect(sent()).toHaveLength(2);
    });

    it.each([
        ["has waited for a moment only", "peer init 14 2 apm-1 otel-logs-000001\n"],
        ["is being made, however long it takes", "peer index 500 2 apm-1 otel-logs-000001\n"],
        ["is opened from the node's own disk", "existing_store init 60 2 n/a otel-logs-000001\n"],
        ["is told in other words", "peer init 1.2m 2 apm-1 otel-logs-000001\n"],
    ])("is left alone when it %s", (_, recovery) => {
        bench.write("recovery", recovery);
        keep(2);
        expect(sent()).toEqual([]);
    });
});

describe("a node that does not manage the cluster", () => {
    it("changes nothing", () => {
        bench.write("manager", "apm-2 \n");
        bench.write("recovery", STUCK);
        bench.write("restart", `{"node":"apm-3","since":1}`);
        keep(12, "--roll", "otel-logs");
        expect(sent()).toEqual([]);
    });

    it("nor one whose OpenSearch does not answer", () => {
        bench.write("manager", "");
        bench.write("recovery", STUCK);
        keep(6, "--roll", "otel-logs");
        expect(sent()).toEqual([]);
    });
});

describe("each minute", () => {
    it("a restart that nobody finished for half an hour is ended", () => {
        bench.write("restart", `{"node":"apm-3","since":${Math.floor(Date.now() / 1000) - 1801}}`);
        keep(6);
        expect(bodies()[0]).toBe(`{"persistent":{"cluster.routing.allocation.enable":null}}`);
        expect(sent()[1]).toContain("-X DELETE");
    });

    it("one that is under way is not", () => {
        bench.write("restart", `{"node":"apm-3","since":${Math.floor(Date.now() / 1000) - 1700}}`);
        keep(6);
        expect(sent()).toEqual([]);
    });

    it("indices are rolled over by age and size, and old ones deleted, but never the newest", () => {
        const days = (count: number): number => Date.now() - count * 86_400_000;
        bench.write(
            "indices",
            `otel-logs-000001 ${days(30)}\notel-logs-000002 ${days(20)}\notel-logs-000003 ${days(10)}\n`,
        );
        keep(6, "--roll", "otel-logs", "--roll-age", "2d", "--roll-size", "5gb", "--keep", String(14 * 86_400));
        expect(bodies()[0]).toBe(`{"conditions":{"max_age":"2d","max_size":"5gb"}}`);
        expect(
            sent()
                .slice(1)
                .map((line) => /\/(otel-logs-\d+)/.exec(line)?.[1]),
        ).toEqual(["otel-logs-000001"]);
    });

    it("where the plugin for that is there, it does it", () => {
        fs.mkdirSync(path.join(bench.root, "home", "plugins", "opensearch-index-management"), { recursive: true });
        keep(6, "--roll", "otel-logs");
        expect(sent()).toEqual([]);
    });
});
