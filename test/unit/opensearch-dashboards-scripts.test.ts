import { spawnSync } from "child_process";
import * as fs from "fs";
import * as path from "path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { dashboardsObjects } from "../../components/dashboards-objects";
import { TELEMETRY_INDICES } from "../../components/data-prepper-pipelines";
import { Bench, Finished, stubContainer } from "./support/shell";
import { ROOT } from "./support/stacks";

const OBJECTS = dashboardsObjects(TELEMETRY_INDICES);
const HASH = /otel-ha [0-9a-f]{64}/.exec(OBJECTS)![0];

let bench: Bench;
let configDirectory: string;

/** A script of the container, as it is there. */
function install(name: string): void {
    fs.copyFileSync(path.join(ROOT, "templates", "opensearch-dashboards", name), path.join(configDirectory, name));
    fs.copyFileSync(path.join(configDirectory, name), path.join(bench.lib, name));
    fs.chmodSync(path.join(bench.lib, name), 0o755);
}

beforeEach(() => {
    bench = new Bench();
    bench.link("wc");
    bench.link("kill");
    configDirectory = path.join(bench.root, "config");
    fs.mkdirSync(configDirectory);
    for (const name of ["start.sh", "health.sh", "objects.sh"]) install(name);
    fs.writeFileSync(path.join(configDirectory, "curl.conf"), 'user = "dashboards:SECRETd"\n');
    fs.writeFileSync(path.join(configDirectory, "objects.ndjson"), OBJECTS);
});

afterEach(() => bench.remove());

const inContainer = (script: string, args: string[] = [], more: Record<string, string> = {}): Finished =>
    bench.run(script, args, "", {
        CONFIG: configDirectory,
        PORT: "15601",
        OPENSEARCH_HOSTS: "https://one:9200 https://two:9200",
        ...more,
    });

/**
 * Dashboards and OpenSearch: Dashboards has the objects in `state/there` (KIND ID TIME), of the hash in `state/hash`, and its own state is in `state/status`;
 * an import puts all of them there, unless `state/import` has another answer. Each OpenSearch answers what is in the file of its name.
 */
function stubCurl(): void {
    bench.stub(
        "curl",
        `for word; do url=$word; done
body=""
while [ $# -gt 0 ]; do
    case $1 in --data) body=$2 ;; esac
    shift
done
case $url in
    */api/status) [ -e "$STATE/status" ] || { echo "curl: (7) refused" >&2; exit 7; }; cat "$STATE/status" ;;
    */_bulk_get)
        [ ! -e "$STATE/refused" ] || { printf '{"message":"no"} HTTP 403'; exit 0; }
        printf '{"saved_objects":['
        while read -r kind id time; do
            case $body in *"{\\"type\\":\\"$kind\\",\\"id\\":\\"$id\\"}"*) printf '{"id":"%s","type":"%s","updated_at":"%s"},' "$id" "$kind" "$time" ;; esac
        done <"$STATE/there"
        printf '{"description":"%s"}]} HTTP 200' "$(cat "$STATE/hash")" ;;
    */_import*)
        [ ! -e "$STATE/import" ] || { cat "$STATE/import"; printf ' HTTP 200'; exit 0; }
        cat "$STATE/all" >"$STATE/there"; cat "$STATE/new-hash" >"$STATE/hash"
        printf '{"successCount":1,"success":true} HTTP 200' ;;
    *)
        host=\${url#https://}
        answer=$(cat "$STATE/\${host%%:*}")
        [ "$answer" != down ] || { echo "curl: (7) refused" >&2; exit 7; }
        printf '{"status":"%s"}' "$answer" ;;
esac`,
    );
    const all = OBJECTS.trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as { type: string; id: string })
        .map(({ type, id }) => `${type} ${id} 2026-01-01T00:00:00.000Z\n`);
    bench.write("all", all.join(""));
    bench.write("there", all.join(""));
    bench.write("hash", HASH);
    bench.write("new-hash", HASH);
}

describe("the health of Dashboards", () => {
    beforeEach(() => {
        stubCurl();
        for (const host of ["one", "two"]) bench.write(host, "green");
    });
    const health = (): Finished => inContainer("health.sh");

    it.each([
        '{"status":{"overall":{"since":"2026","state":"green","title":"Green"},"statuses":[{"state":"red"}]}}',
        '{"status":{"overall":{"level":"available"}}}',
    ])("is good when it says so: %s", (status) => {
        bench.write("status", status);
        expect(health()).toMatchObject({ code: 0, out: "" });
    });

    it("is bad when it says so, or nothing, though OpenSearch is well", () => {
        bench.write("status", '{"status":{"overall":{"state":"red"},"statuses":[{"state":"green"}]}}');
        expect(health()).toMatchObject({ code: 1, out: expect.stringContaining('is not green: {"status"') });
        fs.rmSync(path.join(bench.state, "status"));
        expect(health()).toMatchObject({ code: 1, out: "is not green: curl: (7) refused\n" });
    });

    it("says that OpenSearch is what is missing, when no node of it is well", () => {
        bench.write("status", "OpenSearch Dashboards server is not ready yet");
        bench.write("one", "down");
        expect(health().out).toBe("is not green: OpenSearch Dashboards server is not ready yet\n");
        bench.write("two", "red");
        expect(health()).toMatchObject({
            code: 1,
            out: 'waits for OpenSearch: the cluster is not green: {"status":"red"}\n',
        });
        bench.write("two", "down");
        expect(health().out).toBe("waits for OpenSearch: curl: (7) refused\n");
    });

    it("shows its password to nobody who looks at the processes", () => {
        health();
        expect(bench.read("argv")).not.toContain("SECRET");
        expect(bench.read("argv")).toContain(`-K ${configDirectory}/curl.conf`);
    });
});

describe("the objects of Dashboards", () => {
    beforeEach(stubCurl);
    const look = (): Finished => inContainer("objects.sh", ["look"]);
    const imports = (): number => bench.argv().filter((line) => line.includes("/_import?")).length;

    it("are left alone when they are as they should be", () => {
        expect(inContainer("objects.sh", ["import"])).toMatchObject({ code: 0, out: "same\n", err: "" });
        expect(imports()).toBe(0);
    });

    it.each<[what: string, said: string, change: () => void]>([
        ["of another version", "they are of another version", () => bench.write("hash", `otel-ha ${"0".repeat(64)}`)],
        [
            "changed by somebody",
            "some have been changed",
            () =>
                bench.write(
                    "there",
                    bench
                        .read("there")
                        .replace(
                            "visualization otel-ha-cluster-nodes 2026",
                            "visualization otel-ha-cluster-nodes 2027",
                        ),
                ),
        ],
        [
            "not all there",
            "dashboards are missing",
            () => bench.write("there", bench.read("there").replace(/^dashboard otel-ha-ingest .*\n/m, "")),
        ],
        [
            "without index patterns",
            "index patterns are missing",
            () => bench.write("there", bench.read("there").replace(/^index-.*\n/gm, "")),
        ],
    ])("are imported once when they are %s", (_, said, change) => {
        change();
        expect(look()).toMatchObject({ code: 1, out: `${said}\n` });
        expect(imports()).toBe(0);
        expect(inContainer("objects.sh", ["import"])).toMatchObject({ code: 0, out: `${said}\n`, err: "" });
        expect(imports()).toBe(1);
        expect(look()).toMatchObject({ code: 0, out: "same\n" });
        expect(bench.argv().find((line) => line.includes("/_import?"))).toMatch(
            /osd-xsrf: true.* -F file=@.*\/objects\.ndjson .*overwrite=true$/,
        );
    });

    it("may have got their fields from Dashboards itself: index patterns are written when somebody looks at them", () => {
        bench.write(
            "there",
            bench.read("there").replace("index-pattern otel-ha-logs 2026", "index-pattern otel-ha-logs 2027"),
        );
        expect(look()).toMatchObject({ code: 0, out: "same\n" });
    });

    it("fail with what Dashboards says, when it refuses them or does not take all", () => {
        bench.write("there", "");
        bench.write("import", '{"success":false,"errors":[{"id":"otel-ha-logs","error":{"type":"unknown"}}]}');
        expect(inContainer("objects.sh", ["import"])).toMatchObject({
            code: 1,
            err: expect.stringContaining('has not taken all: {"success":false'),
        });
        bench.write("refused", "");
        expect(look()).toMatchObject({
            code: 1,
            err: 'Dashboards refuses /api/saved_objects/_bulk_get: {"message":"no"} HTTP 403\n',
        });
    });
});

describe("the start of Dashboards", () => {
    beforeEach(() => {
        stubCurl();
        for (const host of ["one", "two"]) bench.write(host, "green");
        bench.write("there", "");
    });
    const program = (body: string): string => {
        const file = path.join(bench.root, "program");
        fs.writeFileSync(file, `#!/bin/sh\nSTATE='${bench.state}'\n${body}\n`, { mode: 0o755 });
        return file;
    };

    it("makes the dashboards once the program works, and ends with it and its code", () => {
        const run = program(`echo "$*" >"$STATE/started"
sleep 0.3; echo '"overall":{"state":"green"}' >"$STATE/status"
while [ ! -s "$STATE/there" ]; do sleep 0.1; done; exit 3`);
        const done = inContainer("start.sh", [run, "--config", "a.yml"], { PAUSE: "0.1" });
        expect(done).toMatchObject({ code: 3, out: "", err: "" });
        expect(bench.read("started")).toBe("--config a.yml\n");
        expect(bench.argv().filter((line) => line.includes("/_import?"))).toHaveLength(1);
    });

    it("passes on the signal to end, and waits until the program has", () => {
        const run = program(`trap 'sleep 0.3; echo bye >"$STATE/ended"; exit 0' TERM
kill -TERM $PPID; while :; do sleep 0.1; done`);
        expect(inContainer("start.sh", [run], { PAUSE: "0.1" })).toMatchObject({ code: 0 });
        expect(bench.read("ended")).toBe("bye\n");
    });
});

describe("scripts in containers", () => {
    const found = spawnSync("shellcheck", ["--version"]).status === 0;

    it("please shellcheck", { timeout: 120_000 }, (context) => {
        if (!found && process.env.CI !== "true") return context.skip("shellcheck is not installed");
        const files = ["data-prepper", "opensearch-dashboards"]
            .map((name) => path.join(ROOT, "templates", name))
            .flatMap((directory) => fs.readdirSync(directory).map((file) => path.join(directory, file)))
            .filter((file) => file.endsWith(".sh"));
        expect(files.length).toBeGreaterThan(4);
        expect(spawnSync("shellcheck", files, { encoding: "utf8" }).stdout).toBe("");
    });
});

describe("the gate of Dashboards", () => {
    beforeEach(() => {
        stubContainer(bench);
        bench.write("logs", "");
        bench.write("now", "1700000000");
        bench.stub("date", 'now=$(($(cat "$STATE/now") + 1)); echo $now >"$STATE/now"; echo $now');
        bench.stub("sleep", "");
        bench.write("check", "exit 0");
        // objects.sh of the container.
        bench.stub(
            "sh",
            `case $1 in */objects.sh) echo "objects $2" >>"$STATE/asked"; . "$STATE/objects" ;; *) exec /bin/sh "$@" ;; esac`,
        );
        bench.stub(
            "docker",
            fs
                .readFileSync(path.join(bench.bin, "docker"), "utf8")
                .replace(/^#!.*\n.*\n.*\n/, "")
                .replace(
                    "        shift\n        exec",
                    '        shift\n        case "$2" in */objects.sh) exec sh "$2" "$3" ;; esac\n        exec',
                ),
        );
        bench.write("objects", "echo same");
    });
    const gate = (...options: string[]): Finished =>
        bench.run("setup-dashboards", [
            "--timeout",
            "5",
            "--open-timeout",
            "8",
            ...options,
            "opensearch-dashboards-apm-1",
        ]);

    it("passes when all of it works and is as it should be", () => {
        expect(gate()).toMatchObject({ code: 0, out: "", err: "" });
        expect(bench.read("asked")).toBe("objects import\n");
    });

    it("says what it has imported", () => {
        bench.write("objects", "echo 'they are of another version'");
        expect(gate().out).toBe("note: index patterns and dashboards are imported: they are of another version\n");
    });

    it("only looks with --check, and fails when something is different", () => {
        bench.write("objects", "echo 'some have been changed'; exit 1");
        expect(gate("--check", "true")).toMatchObject({
            code: 1,
            err: "index patterns and dashboards: some have been changed\n",
        });
        expect(bench.read("asked")).toBe("objects look\n");
    });

    it("waits for OpenSearch, then says that this is still open", () => {
        bench.write("check", "echo 'waits for OpenSearch: no host answers'; exit 1");
        expect(gate()).toMatchObject({
            code: 0,
            out: "open: OpenSearch Dashboards waits for OpenSearch (no host answers); it starts by itself then\n",
        });
        expect(bench.read("asked")).toBe("");
    });

    it("fails when Dashboards itself is not well", () => {
        bench.write("check", "echo 'is not green: x'; exit 1");
        expect(gate()).toMatchObject({
            code: 1,
            err: expect.stringContaining("opensearch-dashboards-apm-1 is not healthy after 5 s: is not green: x\n"),
        });
    });
});
