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

    it("its collector marks all telemetry with the node that took it", () => {
        const node = stack === "node1" ? "mid-1" : "mid-2";
        const config = read(stack, "otel-collector/config.yaml");
        expect(config.processors.resource.attributes).toEqual([
            { key: "otel.aggregator.node", value: node, action: "upsert" },
        ]);
        for (const signal of ["metrics", "logs"])
            expect(config.service.pipelines[signal].processors).toEqual(["memory_limiter", "resource", "batch"]);
    });
});

describe("the two nodes", () => {
    it("differ in one line of most files: their name", () => {
        const one = configsOf("node1");
        const two = configsOf("node2");
        const toTwo = (text: string): string => text.replaceAll("mid-1", "mid-2");
        for (const file of ["haproxy/haproxy.cfg", "otel-collector/config.yaml", "thanos/bucket.yml"])
            expect(toTwo(one[file])).toBe(two[file]);
        expect(toTwo(one["prometheus/prometheus.yml"])).toBe(two["prometheus/prometheus.yml"]);
        const vrrp = toTwo(one["keepalived/keepalived.conf"]);
        expect(vrrp.replace("state MASTER", "state BACKUP").replace("priority 100", "priority 90")).toBe(
            two["keepalived/keepalived.conf"],
        );
    });

    it("have one compactor of the bucket that they share, on the master; the other asks it for deletions", () => {
        const [one, two] = STACKS.map((stack) => read(stack, "loki/config.yaml"));
        expect(one.target).toBe("all");
        expect(one.common).not.toHaveProperty("compactor_address");
        expect(two.target.split(",")).toEqual(
            expect.arrayContaining(["distributor", "ingester", "querier", "query-frontend", "ruler"]),
        );
        expect(two.target.split(",")).not.toContain("compactor");
        expect(two.target.split(",")).not.toContain("all");
        expect(two.common.compactor_address).toBe("http://192.168.110.214:3100");
    });

    it("keep the compactor on the master when the roles change places", () => {
        const swap = { role: "BACKUP", priority: "90", peerPriority: "100" };
        const config = parse(configsOf("node1", swap)["loki/config.yaml"]);
        expect(config.target).not.toBe("all");
        expect(config.common.compactor_address).toBe("http://192.168.110.119:3100");
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
