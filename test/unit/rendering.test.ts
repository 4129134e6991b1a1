import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ContainerSpec } from "../../components";
import { awaitHealthyCommand, containerArgs } from "../../components/container-service";
import { putFileCommand } from "../../components/remote-file";
import { render } from "../../components/templates";
import { configsOf, specsOf } from "./support/specs";
import { STACKS } from "./support/stacks";

const CONFIGS = [
    "haproxy/haproxy.cfg",
    "keepalived/keepalived.conf",
    "loki/config.yaml",
    "otel-collector/config.yaml",
    "prometheus/prometheus.yml",
    "thanos/bucket.yml",
];

/** All that a service is on its host, but for the text of its files. */
function shown(spec: ContainerSpec): object {
    return {
        image: spec.image,
        ...containerArgs(spec),
        files: spec.files.map((file) => {
            const reload = file.reload ? { container: spec.container, command: file.reload } : undefined;
            return putFileCommand({ ...file, reload });
        }),
        gate: awaitHealthyCommand(spec),
    };
}

/** A configuration of a node, read as its consumer reads it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
const read = (stack: (typeof STACKS)[number], file: string): any => parse(configsOf(stack)[file]);

interface Exporter {
    sending_queue: object;
    retry_on_failure: { max_elapsed_time: string };
}

/** A text of node 1 as node 2 has it. */
const mirrored = (text: string): string =>
    text.replace(/mid-[12]|192\.168\.110\.(?:214|119)/g, (found) => OTHER[found]);
const OTHER: Record<string, string> = {
    "mid-1": "mid-2",
    "mid-2": "mid-1",
    "192.168.110.214": "192.168.110.119",
    "192.168.110.119": "192.168.110.214",
};

describe.each(STACKS)("%s", (stack) => {
    it.each(CONFIGS)("has this %s", async (file) => {
        await expect(configsOf(stack)[file]).toMatchFileSnapshot(`__snapshots__/${stack}/${file}`);
    });

    it("has no other file that is not a secret", () => {
        expect(Object.keys(configsOf(stack)).sort()).toEqual(CONFIGS);
    });

    it.each(Object.entries(specsOf(stack)))("runs %s like this", async (service, spec) => {
        const text = `${JSON.stringify(shown(spec), undefined, 2)}\n`;
        await expect(text).toMatchFileSnapshot(`__snapshots__/${stack}/${service}.container.json`);
    });

    it.each(CONFIGS.filter((file) => /\.ya?ml$/.test(file)))("%s is YAML", (file) => {
        expect(read(stack, file)).toBeTypeOf("object");
    });

    it("its Prometheus marks samples with the node's own name, which the seed's files had the same on both", () => {
        const node = stack === "node1" ? "mid-1" : "mid-2";
        expect(read(stack, "prometheus/prometheus.yml").global.external_labels).toEqual({
            cluster: "monitoring-ha",
            replica: node,
        });
    });

    it("its collector answers only when the data is in a queue on disk for each back end", () => {
        const config = read(stack, "otel-collector/config.yaml");
        expect(config.extensions["file_storage/queue"]).toMatchObject({ fsync: true, recreate: true });
        expect(config.service.extensions).toContain("file_storage/queue");
        for (const [name, exporter] of Object.entries<Exporter>(config.exporters)) {
            expect(exporter.sending_queue, name).toMatchObject({ storage: "file_storage/queue", sizer: "bytes" });
            expect(exporter.retry_on_failure.max_elapsed_time, name).toBe("0s");
        }
        expect(config.service.pipelines.metrics.processors).toEqual(["memory_limiter", "filter/clock"]);
        expect(config.service.pipelines.logs.processors).toEqual(["memory_limiter"]);
    });

    it("its collector marks telemetry with the node that took it only when asked to: a repeated request would differ", () => {
        const node = stack === "node1" ? "mid-1" : "mid-2";
        expect(read(stack, "otel-collector/config.yaml").processors).not.toHaveProperty("resource");
        const config = parse(configsOf(stack, { aggregatorNodeAttribute: "true" })["otel-collector/config.yaml"]);
        expect(config.processors.resource.attributes).toEqual([
            { key: "otel.aggregator.node", value: node, action: "upsert" },
        ]);
        for (const signal of ["metrics", "logs"])
            expect(config.service.pipelines[signal].processors).toContain("resource");
    });

    it("queues nothing for a peer that is out", () => {
        const config = parse(configsOf(stack, { peerOut: "true" })["otel-collector/config.yaml"]);
        expect(Object.keys(config.exporters)).toEqual(["otlphttp/prometheus-local", "otlphttp/loki-local"]);
        expect(config.service.pipelines.logs.exporters).toEqual(["otlphttp/loki-local"]);
    });

    it("passes traces on when there is somewhere to pass them to", () => {
        const urls = ["http://192.168.110.214:4328", "http://192.168.110.119:4328"];
        const config = parse(configsOf(stack, { tracesEndpoints: urls.join(",") })["otel-collector/config.yaml"]);
        const exporters = config.service.pipelines.traces.exporters as string[];
        expect(exporters.map((name) => config.exporters[name].endpoint)).toEqual(urls);
        expect(read(stack, "otel-collector/config.yaml").service.pipelines).not.toHaveProperty("traces");
    });

    it("has the seed's way of data, for comparison", () => {
        const files = configsOf(stack, { dataPath: "seed" });
        const config = parse(files["otel-collector/config.yaml"]);
        expect(config.processors.batch).toEqual({
            send_batch_size: 1024,
            send_batch_max_size: 2048,
            timeout: "10s",
        });
        expect(config.exporters.prometheusremotewrite.endpoint).toBe("http://127.0.0.1:9090/api/v1/write");
        expect(config.extensions).not.toHaveProperty("file_storage/queue");
        expect(files["haproxy/haproxy.cfg"]).not.toContain(":14318 check port 13133 backup");
    });
});

describe("the two nodes", () => {
    it("differ in names and addresses only", () => {
        const two = configsOf("node2");
        const swapped = Object.entries(configsOf("node1")).map(([file, text]) => [file, mirrored(text)]);
        for (const [file, text] of swapped.filter(
            ([file]) => !["keepalived/keepalived.conf", "loki/config.yaml"].includes(file),
        ))
            expect(text).toBe(two[file]);
        const vrrp = mirrored(configsOf("node1")["keepalived/keepalived.conf"]);
        expect(vrrp.replace("state MASTER", "state BACKUP").replace("priority 100", "priority 90")).toBe(
            two["keepalived/keepalived.conf"],
        );
    });

    it("have one compactor of the bucket that they share, on the master", () => {
        const [one, two] = STACKS.map((stack) => read(stack, "loki/config.yaml"));
        expect(one.compactor).not.toHaveProperty("compaction_interval");
        expect(two.compactor.compaction_interval).toBe("87600h");
    });

    it("run all of Loki: with a list of targets its ingester would ask itself without end", () => {
        for (const stack of STACKS) expect(read(stack, "loki/config.yaml").target).toBe("all");
    });

    it("keep the compactor on the master when the roles change places", () => {
        const swap = { role: "BACKUP", priority: "90", peerPriority: "100" };
        const config = parse(configsOf("node1", swap)["loki/config.yaml"]);
        expect(config.compactor.compaction_interval).toBe("87600h");
    });

    it("form one pool of four drives, named one by one and in the same order", () => {
        const [one, two] = STACKS.map((stack) => specsOf(stack).objectStore.command ?? []);
        expect(one).toEqual(two);
        expect(one).toEqual([
            "server",
            "--address",
            ":9000",
            "--console-address",
            ":9001",
            "http://192.168.110.214:9000/data1",
            "http://192.168.110.214:9000/data2",
            "http://192.168.110.119:9000/data1",
            "http://192.168.110.119:9000/data2",
        ]);
    });
});

describe("a template", () => {
    it("with a name that the view does not have fails instead of leaving a hole", () => {
        const view = { bucket: "thanos-metrics" };
        expect(() => render("thanos/bucket.yml", view)).toThrow(
            'template thanos/bucket.yml: the view has no "objectStore"',
        );
    });

    it("escapes nothing: these are not web pages", () => {
        const text = render("thanos/bucket.yml", { bucket: "a&b", objectStore: "<here>" });
        expect(text).toContain("bucket: a&b\n");
        expect(text).toContain("endpoint: <here>\n");
    });
});
