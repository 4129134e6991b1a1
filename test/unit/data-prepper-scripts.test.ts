import * as fs from "fs";
import * as path from "path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bench, Finished, stubContainer } from "./support/shell";
import { ROOT } from "./support/stacks";

const PIPELINES = "traces-entry traces-spans";

let bench: Bench;

/** The scripts of the container, beside those of the host. */
function install(name: string): void {
    fs.copyFileSync(path.join(ROOT, "templates", "data-prepper", `${name}.sh`), path.join(bench.lib, name));
    fs.chmodSync(path.join(bench.lib, name), 0o755);
}

beforeEach(() => {
    bench = new Bench();
    install("start");
    install("health");
    bench.link("base64");
    for (const directory of ["config", "run", "home", "home/bin"]) fs.mkdirSync(path.join(bench.root, directory));
    const secrets = `WRITER_PASSWORD=SECRETw\nOWN_PASSWORD=SECRETo\nKEYSTORE=${Buffer.from("a store").toString("base64")}\n`;
    fs.writeFileSync(path.join(bench.root, "config", "secrets.env"), secrets);
});

afterEach(() => bench.remove());

const environment = (more: Record<string, string> = {}): Record<string, string> => ({
    CONFIG: path.join(bench.root, "config"),
    RUN: path.join(bench.root, "run"),
    HOME_DIRECTORY: path.join(bench.root, "home"),
    ...more,
});
const inRun = (name: string): string => fs.readFileSync(path.join(bench.root, "run", name), "utf8");

describe("the start of Data Prepper", () => {
    beforeEach(() => {
        fs.writeFileSync(
            path.join(bench.root, "config", "pipelines.yaml"),
            'a: "@OWN_PASSWORD@"\nb: "@WRITER_PASSWORD@" # and @OWN_PASSWORD@\nc: user@host\n',
        );
        fs.writeFileSync(path.join(bench.root, "config", "data-prepper-config.yaml"), "serverPort: 4900");
        const program = `#!/bin/sh\necho "$*" >'${bench.state}/started'\n`;
        fs.writeFileSync(path.join(bench.root, "home", "bin", "data-prepper"), program, { mode: 0o755 });
        // Each host answers what is in the file of its name; "down" is no answer. The standard input has the password.
        bench.stub(
            "curl",
            `cat >>"$STATE/stdin"
for word; do url=$word; done
host=\${url#https://}
answer=$(cat "$STATE/\${host%%:*}")
case $answer in down) echo "curl: (7) refused" >&2; exit 7 ;; esac
case $url in
    */_cluster/health*) printf '{"status":"%s"}' "$answer" ;;
    *) [ ! -e "$STATE/absent" ] || { echo "curl: (22) 404" >&2; exit 22; } ;;
esac`,
        );
        for (const host of ["one", "two"]) bench.write(host, "green");
    });

    const start = (more: Record<string, string> = {}): Finished =>
        bench.run(
            "start",
            [],
            "",
            environment({
                OPENSEARCH_HOSTS: "https://one:9200 https://two:9200",
                INDICES: "otel-logs otel-metrics",
                WRITER_USER: "writer",
                GREEN_GRACE: "3600",
                ...more,
            }),
        );

    it("puts the secrets into its files, which nobody else can read", () => {
        expect(start()).toMatchObject({ code: 0, out: "", err: "" });
        expect(inRun("pipelines.yaml")).toBe('a: "SECRETo"\nb: "SECRETw" # and SECRETo\nc: user@host\n');
        expect(inRun("data-prepper-config.yaml")).toBe("serverPort: 4900\n");
        expect(inRun("keystore.p12")).toBe("a store");
        expect(fs.statSync(path.join(bench.root, "run", "pipelines.yaml")).mode & 0o777).toBe(0o600);
        expect(bench.read("started")).toBe(
            `${bench.root}/run/pipelines.yaml ${bench.root}/run/data-prepper-config.yaml\n`,
        );
    });

    it("shows the password to OpenSearch, and to nobody who looks at the processes", () => {
        start();
        expect(bench.read("stdin")).toContain('user = "writer:SECRETw"\n');
        expect(bench.read("argv")).not.toContain("SECRET");
    });

    it("asks the next host when one does not answer", () => {
        bench.write("one", "down");
        expect(start()).toMatchObject({ code: 0, out: "" });
        expect(bench.read("argv")).toContain("https://two:9200/otel-metrics");
    });

    /** Looks at what it waits for, once, and lets it go on. */
    const thenGoesOn = (change: string): void =>
        bench.stub("sleep", `cp '${bench.root}/run/waits' "$STATE/waited"; ${change}`);

    it.each([
        ["yellow", "the cluster is yellow"],
        ["red", 'the cluster is not green: {"status":"red"}'],
        ["down", "curl: (7) refused"],
    ])("waits while the cluster is %s, and says so", (state, reason) => {
        for (const host of ["one", "two"]) bench.write(host, state);
        thenGoesOn('echo green >"$STATE/one"');
        expect(start()).toMatchObject({ code: 0, out: `waits for OpenSearch: ${reason}\n` });
        expect(bench.read("waited")).toBe(`${reason}\n`);
        expect(fs.existsSync(path.join(bench.root, "run", "waits"))).toBe(false);
        expect(bench.read("started")).not.toBe("");
    });

    it("waits until there is something to write to", () => {
        bench.write("absent", "");
        thenGoesOn('rm -f "$STATE/absent"');
        expect(start()).toMatchObject({ code: 0, out: "waits for OpenSearch: there is no otel-logs yet\n" });
    });

    it("does with yellow when it has been so for long: a host may be away for hours", () => {
        bench.write("one", "yellow");
        expect(start({ GREEN_GRACE: "0" })).toMatchObject({ code: 0, out: "" });
        bench.write("one", "red");
        thenGoesOn('echo yellow >"$STATE/one"');
        expect(start({ GREEN_GRACE: "0" }).out).toContain("the cluster is not green");
    });
});

describe("the health of Data Prepper", () => {
    beforeEach(() => {
        bench.stub(
            "curl",
            `cat >/dev/null
for word; do url=$word; done
case $url in
    */metrics/prometheus) [ -e "$STATE/metrics" ] || { echo "curl: (7) refused" >&2; exit 7; }; cat "$STATE/metrics" ;;
    *:21890/) exit 0 ;;
    *) exit 7 ;;
esac`,
        );
        bench.write("metrics", metrics("traces_entry 12.0", "traces_spans 3.0"));
    });

    const metrics = (...all: string[]): string =>
        all
            .map((one) => one.split(" "))
            .map(
                ([name, count]) =>
                    `# TYPE ${name}_BlockingBuffer_readTimeElapsed_seconds summary\n${name}_BlockingBuffer_readTimeElapsed_seconds_count{serviceName="DataPrepper",} ${count}\n`,
            )
            .join("");
    const health = (more: Record<string, string> = {}): Finished =>
        bench.run(
            "health",
            [],
            "",
            environment({ PIPELINES, SOURCE_PORTS: "21890", API_PORT: "4900", API_USER: "collector", ...more }),
        );

    it("is good when each pipeline reads from its buffer and each source listens", () => {
        expect(health()).toMatchObject({ code: 0, out: "" });
        bench.write(
            "metrics",
            "traces_entry_BlockingBuffer_readTimeElapsed_seconds_count 1.0E7\n" + metrics("traces_spans 1.0"),
        );
        expect(health().code).toBe(0);
    });

    it("is bad when a pipeline never read: its sink did not get ready, and the process runs on as if nothing were", () => {
        bench.write("metrics", metrics("traces_entry 12.0", "traces_spans 0.0"));
        expect(health()).toMatchObject({
            code: 1,
            out: "stuck: the sinks of these pipelines are not ready: traces-spans\n",
        });
        bench.write("metrics", metrics("traces_entry 12.0", "other_traces_spans 5.0"));
        expect(health().out).toContain("not ready: traces-spans");
    });

    it("is bad when a source does not listen, or its API does not answer", () => {
        expect(health({ SOURCE_PORTS: "21890 21891" })).toMatchObject({
            code: 1,
            out: "no source listens on port 21891\n",
        });
        fs.rmSync(path.join(bench.state, "metrics"));
        expect(health()).toMatchObject({ code: 1, out: "its API does not answer: curl: (7) refused\n" });
    });

    it("says what its start waits for", () => {
        fs.writeFileSync(path.join(bench.root, "run", "waits"), "the cluster is yellow\n");
        expect(health()).toMatchObject({ code: 1, out: "waits for OpenSearch: the cluster is yellow\n" });
    });
});

describe("the gate of Data Prepper", () => {
    beforeEach(() => {
        stubContainer(bench);
        bench.write("logs", "");
        // A clock that runs as fast as somebody looks at it.
        bench.write("now", "1700000000");
        bench.stub("date", 'now=$(($(cat "$STATE/now") + 1)); echo $now >"$STATE/now"; echo $now');
        bench.stub("sleep", "");
    });

    const gate = (...options: string[]): Finished =>
        bench.run("await-data-prepper", ["--timeout", "5", "--green-timeout", "8", ...options, "data-prepper-apm-1"]);
    const restarts = (): number => bench.argv().filter((line) => line.startsWith("docker restart")).length;
    const stuck = "echo 'stuck: the sinks of these pipelines are not ready: logs-entry'; exit 1";

    it("passes when all of it works", () => {
        bench.write("check", "exit 0");
        expect(gate()).toMatchObject({ code: 0, out: "", err: "" });
        expect(restarts()).toBe(0);
    });

    it("starts one that is stuck anew, and says so", () => {
        bench.write("check", `[ -e ${bench.state}/healthy ] || { ${stuck}; }`);
        expect(gate()).toMatchObject({
            code: 0,
            out: "note: data-prepper-apm-1 is started anew, since it is not healthy after 5 s: stuck: the sinks of these pipelines are not ready: logs-entry\n",
            err: "",
        });
        expect(restarts()).toBe(1);
    });

    it("gives up after two times, with the pipelines that are stuck", () => {
        bench.write("check", stuck);
        const done = gate();
        expect(done.code).toBe(1);
        expect(done.err).toContain("stuck: the sinks of these pipelines are not ready: logs-entry\n");
        expect(done.err).toContain("data-prepper-apm-1 was started anew 2 times, and is no better\n");
        expect(restarts()).toBe(2);
        expect(gate("--restarts", "0").err).not.toContain("anew");
    });

    it("waits for OpenSearch without starting anything anew, then says that this is still open", () => {
        bench.write("check", "echo 'waits for OpenSearch: the cluster is yellow'; exit 1");
        expect(gate()).toMatchObject({
            code: 0,
            out: "open: Data Prepper waits for OpenSearch (the cluster is yellow); it starts by itself then\n",
        });
        expect(restarts()).toBe(0);
    });

    it("fails at once when the process ends by itself, with its log", () => {
        bench.write("check", "exit 1");
        bench.write("status", "exited");
        bench.write("logs", "InvalidPluginConfigurationException\n");
        expect(gate()).toMatchObject({
            code: 1,
            err: expect.stringContaining("InvalidPluginConfigurationException\ndata-prepper-apm-1 has exited\n"),
        });
        expect(restarts()).toBe(0);
    });
});
