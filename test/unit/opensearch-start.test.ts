import * as fs from "fs";
import * as path from "path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bench, Finished } from "./support/shell";

// What starts OpenSearch's container: whether a node may form a cluster, and with which configuration it runs.

const LIST = "-Ecluster.initial_cluster_manager_nodes=apm-1,apm-2,apm-3";
const NOT_YET = "OpenSearch Security not initialized. 503";
const ADDRESSES: Record<string, string> = { "apm-1": "192.0.2.1", "apm-2": "192.0.2.2", "apm-3": "192.0.2.3" };

let bench: Bench;
let home: string;
let run: string;
const config = (): string => path.join(bench.root, "config");
const data = (...parts: string[]): string => path.join(home, "data", ...parts);

beforeEach(() => {
    bench = new Bench();
    home = path.join(bench.root, "home");
    run = path.join(bench.root, "run");
    for (const directory of [path.join(home, "bin"), data(), path.join(home, "config"), config(), run])
        fs.mkdirSync(directory, { recursive: true });
    fs.writeFileSync(path.join(home, "config", "jvm.options"), JVM_OPTIONS);
    fs.writeFileSync(path.join(home, "config", "esnode.pem"), "the demonstration's\n");
    fs.writeFileSync(path.join(config(), "opensearch.yml"), "node.name: apm-1\n");
    fs.copyFileSync(path.join(bench.lib, "keep-opensearch"), path.join(config(), "keep.sh"));
    // The server notes what it was started with. What goes on beside it ends with the test.
    const server = `#!/bin/sh\nprintf '%s\\n' "$OPENSEARCH_PATH_CONF" "$@" >${bench.state}/started\n`;
    fs.writeFileSync(path.join(home, "bin", "opensearch"), server, { mode: 0o755 });
    fs.writeFileSync(path.join(home, "bin", "opensearch-keystore"), KEYSTORE(bench.state), { mode: 0o755 });
    bench.stub("sleep", "exit 1");
    // By address: what a member answers, and its status; nothing at all when nobody listens.
    bench.stub(
        "curl",
        `for last in "$@"; do :; done
        host=\${last#*://}; host=\${host%%:*}
        [ ! -e "$STATE/tls-$host" ] || exit 60
        [ -e "$STATE/$host" ] || exit 7
        cat "$STATE/$host"`,
    );
});
afterEach(() => bench.remove());

const JVM_OPTIONS = `-Xms1g
-Xmx1g
11-:-XX:+UseG1GC
-XX:+HeapDumpOnOutOfMemoryError
-XX:HeapDumpPath=data
-XX:ErrorFile=logs/hs_err_pid%p.log
9-:-Xlog:gc*,gc+age=trace,safepoint:file=logs/gc.log:utctime
`;
const KEYSTORE = (state: string): string =>
    `#!/bin/sh\nprintf '%s ' "$@" >>${state}/keystore\ncat >>${state}/keystore\n`;

function start(...options: string[]): Finished {
    const members = Object.entries(ADDRESSES).flatMap(([name, address]) => ["--member", `${name}=${address}`]);
    const places = ["--home", home, "--config", config(), "--run", run];
    return bench.run("start-opensearch", ["--node", "apm-1", ...members, "--heap", "512", ...places, ...options]);
}

const started = (): string[] => bench.read("started").trim().split("\n").slice(1);
const answers = (member: string, answer: string): void => bench.write(ADDRESSES[member], answer);

describe("a node without data", () => {
    it("gets the list of the first members when nobody is there yet: so do the others, and most of them form a cluster", () => {
        expect(start().code).toBe(0);
        expect(started()).toEqual([LIST]);
    });

    it("gets the list as well while the others have started and wait for each other", () => {
        answers("apm-2", NOT_YET);
        answers("apm-3", NOT_YET);
        start();
        expect(started()).toEqual([LIST]);
    });

    it.each([
        ["asks for a password, which a cluster keeps", "Unauthorized 401"],
        ["says which cluster it is part of", '{"cluster_uuid":"E3IVW6AFT769rs8zqcCtHQ"} 200'],
    ])("joins, and never forms, when a member %s", (_, answer) => {
        answers("apm-3", answer);
        const done = start();
        expect(started()).toEqual([]);
        expect(done.err).toContain("apm-3 belongs to a cluster, which this node joins");
    });

    it("is not misled by a member that has no cluster yet", () => {
        answers("apm-2", '{"cluster_uuid":"_na_"} 200');
        start();
        expect(started()).toEqual([LIST]);
    });

    it("never forms one on a host that was part of one: two nodes that lost their data together wait for the third", () => {
        fs.writeFileSync(data("formed"), "E3IVW6AFT769rs8zqcCtHQ\n");
        const done = start();
        expect(started()).toEqual([]);
        expect(done.err).toContain("its data is not there: it joins the others, and does not form a cluster");
        expect(bench.argv().filter((line) => line.startsWith("curl"))).toEqual([]);
    });

    it("never forms one when the settings say that there is one, whatever the host remembers", () => {
        start("--formation", "never");
        expect(started()).toEqual([]);
    });

    it("does not start beside something that has no certificate of our CA: that may be a member with a cluster", () => {
        bench.write(`tls-${ADDRESSES["apm-2"]}`, "");
        const done = start();
        expect(done.code).toBe(1);
        expect(done.err).toContain("what listens at 192.0.2.2:9200 cannot be believed (curl: 60)");
        expect(bench.read("started")).toBe("");
    });
});

it("a node with data that has not joined yet still gets the list: the server looks at it until there is a cluster", () => {
    fs.mkdirSync(data("nodes", "0"), { recursive: true });
    start();
    expect(started()).toEqual([LIST]);
});

it("a node with data never gets the list again", () => {
    fs.mkdirSync(data("nodes", "0"), { recursive: true });
    fs.writeFileSync(data("formed"), "E3IVW6AFT769rs8zqcCtHQ\n");
    const done = start();
    expect(started()).toEqual([]);
    expect(done.err).toBe("start-opensearch: belongs to the cluster E3IVW6AFT769rs8zqcCtHQ\n");
});

describe("the configuration", () => {
    const read = (file: string): string => fs.readFileSync(path.join(run, file), "utf8");

    it("is the image's with ours over it, and no certificate that everybody has", () => {
        start();
        expect(bench.read("started").split("\n")[0]).toBe(run);
        expect(read("opensearch.yml")).toBe("node.name: apm-1\n");
        expect(fs.existsSync(path.join(run, "esnode.pem"))).toBe(false);
    });

    it("writes no logs into files, and has the heap that it was given", () => {
        start();
        expect(read("jvm.options")).toBe("11-:-XX:+UseG1GC\n");
        expect(read("jvm.options.d/otel-ha.options")).toMatch(/^-Xms512m\n-Xmx512m\n/);
        expect(read("log4j2.properties")).not.toMatch(/file/i);
    });

    it("takes half of the memory that there is", () => {
        start("--heap", "auto");
        const limits = fs.readFileSync("/proc/meminfo", "utf8").match(/^MemTotal: *(\d+)/m)!;
        const [, heap] = /^-Xms(\d+)m$/m.exec(read("jvm.options.d/otel-ha.options"))!;
        expect(Number(heap)).toBeGreaterThan(0);
        expect(Number(heap)).toBeLessThanOrEqual(Number(limits[1]) / 1024 / 2);
    });

    it("lets nobody in without a password, and knows no user", () => {
        start();
        expect(read("opensearch-security/config.yml")).toContain("anonymous_auth_enabled: false");
        expect(read("opensearch-security/internal_users.yml")).toBe(
            "_meta: { type: internalusers, config_version: 2 }\n",
        );
    });

    it("has secrets of S3 only where the plugin is", () => {
        const secret = path.join(config(), "keystore", "s3.client.default.secret_key");
        fs.mkdirSync(path.dirname(secret));
        fs.writeFileSync(secret, "SECRET");
        start();
        expect(bench.read("keystore")).toBe("");
        fs.mkdirSync(path.join(home, "plugins", "repository-s3"), { recursive: true });
        start();
        expect(bench.read("keystore")).toBe("add --force --stdin s3.client.default.secret_key SECRET");
    });

    it("is without the security plugin where there is no TLS", () => {
        fs.mkdirSync(path.join(home, "plugins", "opensearch-security"), { recursive: true });
        start("--scheme", "http");
        expect(started()).toEqual([LIST, "-Eplugins.security.disabled=true"]);
    });
});

it("has what goes on beside the server begin, with the options that are for that", async () => {
    fs.writeFileSync(
        path.join(config(), "keep.sh"),
        `printf '%s\\n' "$*" >${bench.state}/kept.new; mv ${bench.state}/kept.new ${bench.state}/kept\n`,
    );
    start("--port", "9201", "--roll", "otel-logs", "--roll", "otel-metrics", "--roll-age", "2d", "--keep", "60");
    await expect
        .poll(() => bench.read("kept"))
        .toContain("--roll otel-logs --roll otel-metrics --roll-age 2d --keep 60");
    expect(bench.read("kept")).toContain(
        `--node apm-1 --port 9201 --scheme https --home ${home} --config ${config()} --run ${run}`,
    );
});
