// What is sent to the virtual IP is found again, with its values and attributes.
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { userOf } from "../../components/object-store-users";
import { access, ask, curlArguments } from "../../lab/access";
import { labExec } from "../../lab/hosts";
import { NETWORK } from "../../lab/nodes";
import { Project } from "../../lab/project";
import { logql, promql } from "../../lab/queries";
import { run } from "../../lab/run";
import { post, PROTOCOLS, send } from "../../lab/telemetry";
import {
    allHealthy,
    eventually,
    haproxyStats,
    node1,
    node2,
    objects,
    project as current,
    settings,
    stackSecret,
    up,
} from "./support";

let project: Project;

beforeAll(async () => {
    project = await current();
    await allHealthy(node1);
});

const sampleOf = (protocol: string) => {
    const service = `shop-${protocol.replace("/", "-")}`;
    return { service, value: 42.5, kind: "book", line: `order placed by ${service}` };
};

it.each(PROTOCOLS)("telemetry sent by %s is taken by the virtual IP", (protocol) => send(protocol, sampleOf(protocol)));

describe.each(PROTOCOLS)("telemetry sent by %s", (protocol) => {
    const sample = sampleOf(protocol);
    const { service } = sample;

    it.each([node1, node2])("comes back from PromQL of $name with value and attributes", async (node) => {
        const query = `{__name__=~"lab_orders.*", service_name="${service}"}`;
        const [series] = await eventually(
            query,
            () => promql(node, query),
            (found) => found.length > 0,
            40_000,
        );
        expect(series?.value).toBe(sample.value);
        expect(series?.metric).toMatchObject({ service_name: service, kind: "book" });
    });

    it.each([node1, node2])("comes back from LogQL of $name with line and attributes", async (node) => {
        const query = `{service_name="${service}"}`;
        const [line] = await eventually(
            query,
            () => logql(node, query),
            (found) => found.length > 0,
            40_000,
        );
        expect(line?.line).toBe(sample.line);
        expect(line?.labels).toMatchObject({ service_name: service, kind: "book" });
    });

    it("looks the same on both nodes, whichever took it", async () => {
        const [metrics, logs] = await Promise.all([
            Promise.all([node1, node2].map((node) => promql(node, `{service_name="${service}"}`))),
            Promise.all([node1, node2].map((node) => logql(node, `{service_name="${service}"}`))),
        ]);
        expect(metrics[0]!.map(({ metric }) => metric)).toEqual(metrics[1]!.map(({ metric }) => metric));
        expect(logs[0]).toEqual(logs[1]);
    });
});

it("has all of Prometheus' targets up", async () => {
    const up = await eventually(
        "all targets up",
        () => promql(node1, "up"),
        (found) => found.length > 3 && found.every(({ value }) => value === 1),
    );
    expect(up.map(({ metric }) => metric.job)).toEqual(
        expect.arrayContaining(["prometheus", "otel-aggregator", "peer-otel-aggregator", "thanos-sidecar"]),
    );
});

describe("a request at the virtual IP", () => {
    const path = "/v1/logs";
    const headers = { "content-type": "application/json" };
    const body = (text: string): string =>
        JSON.stringify({
            resourceLogs: [
                {
                    resource: { attributes: [{ key: "service.name", value: { stringValue: "bodies" } }] },
                    scopeLogs: [{ logRecords: [{ timeUnixNano: `${Date.now()}000000`, body: { stringValue: text } }] }],
                },
            ],
        });

    it("may be compressed", async () => {
        const answer = await ask(NETWORK.vip, 4318, path, {
            method: "POST",
            headers: { ...headers, "content-encoding": "gzip" },
            body: gzipSync(body("compressed")),
        });
        expect(answer.status).toBe(200);
        await eventually(
            "the line",
            () => logql(node2, '{service_name="bodies"} |= "compressed"'),
            (found) => found.length > 0,
            40_000,
        );
    });

    it("that is too large is refused with 413 and a sentence; a large one is not", async () => {
        const large = { method: "POST", headers, body: body("x".repeat(100_000)) };
        expect((await ask(NETWORK.vip, 4318, path, large)).status).toBe(200);
        const { url } = await access();
        const tooLarge = await run(
            [
                "curl",
                "--silent",
                "--show-error",
                ...(await curlArguments(NETWORK.vip, 4318)),
                "--write-out",
                "\n%{http_code}",
                "--header",
                "content-type: application/json",
                "--data-binary",
                "@-",
                url(NETWORK.vip, 4318, path),
            ],
            { input: body("x".repeat(5 * 2 ** 20)) },
        );
        expect(tooLarge.stdout).toMatch(/larger than 4MiB \(otlpMaxBody\): send smaller batches\.\n\n413$/);
    });
});

it("shows HAProxy's statistics to who has the password, and to nobody else", async () => {
    const password = await stackSecret(project, "node1", "haproxyStatsPassword");
    expect((await haproxyStats(node1)).status).toBe(401);
    expect((await haproxyStats(node1, "admin", "wrong")).status).toBe(401);
    const page = await haproxyStats(node1, "admin", password);
    expect(page.status).toBe(200);
    expect(page.text).toContain("otlp_http");
});

it("gives each client of the object store its own bucket only", async () => {
    const secret = (JSON.parse(await stackSecret(project, "node1", "sharedCredentials")) as Record<string, string>)
        .lokiObjectStoreSecret!;
    const loki = { user: userOf("loki", secret), secret };
    expect((await objects(node1, "loki-data", loki)).code).toBe(0);
    const denied = await objects(node1, "thanos-metrics", loki);
    expect(denied.code).not.toBe(0);
    expect(denied.stderr).toMatch(/Access Denied/i);
});

it("a client with a wrong clock costs nobody else their samples", async () => {
    const point = (name: string, ageSeconds: number): object => ({
        name,
        gauge: { dataPoints: [{ asDouble: 1, timeUnixNano: `${Date.now() - ageSeconds * 1000}000000` }] },
    });
    const metrics = [point("clock_ahead", -900), point("clock_right", 0), point("clock_behind", 8 * 3600)];
    await post("/v1/metrics", { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] });
    for (const node of [node1, node2]) {
        const query = '{__name__=~"clock_.*"}';
        const found = await eventually(
            query,
            () => promql(node, query),
            (series) => series.length > 0,
            40_000,
        );
        expect(found.map(({ metric }) => metric.__name__)).toEqual(["clock_right"]);
    }
});

describe("in the object store", () => {
    let undo = (): void => undefined;

    it("Loki's chunks reach the bucket loki-data", async () => {
        await ask(node1.address, 3100, "/flush", { method: "POST" });
        const found = await eventually(
            "chunks in loki-data",
            () => objects(node1, "loki-data"),
            ({ stdout }) => /fake\//.test(stdout),
            90_000,
        );
        expect(found.stdout).toMatch(/fake\//);
    });

    it("a Prometheus block reaches the bucket thanos-metrics through the sidecar", async () => {
        undo = settings(project, "node1", "prometheusBlockDuration=1m");
        await up(project, "node1");
        const meta = /([0-9A-HJKMNP-TV-Z]{26})\/meta\.json/;
        const found = await eventually(
            "a block in thanos-metrics",
            () => objects(node1, "thanos-metrics"),
            ({ stdout }) => meta.test(stdout),
            280_000,
        );
        const block = meta.exec(found.stdout)![1];
        expect(found.stdout).toContain(`${block}/index`);
        const record = "/data/volume/otel/prometheus/thanos.shipper.json";
        const shipped = JSON.parse((await labExec("node1", ["cat", record])).stdout) as { uploaded: string[] };
        expect(shipped.uploaded, "what the sidecar says that it has uploaded").toContain(block);
    }, 400_000);

    it("the block's external labels tell the node it comes from", async () => {
        const { stdout } = await objects(node1, "thanos-metrics");
        const block = /([0-9A-HJKMNP-TV-Z]{26})\/meta\.json/.exec(stdout)![1];
        const meta = await objects(node1, `thanos-metrics/${block}/meta.json`, undefined, "cat");
        expect(JSON.parse(meta.stdout)).toMatchObject({
            thanos: { labels: { cluster: "monitoring-ha", replica: "mid-1" } },
        });
        undo();
        await up(project, "node1");
    });
});
