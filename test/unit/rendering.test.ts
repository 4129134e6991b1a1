import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ContainerSpec } from "../../components";
import { awaitHealthyCommand, containerArgs } from "../../components/container-service";
import { putFileCommand } from "../../components/remote-file";
import { render } from "../../components/templates";
import { parseDuration } from "../../components/units";
import { configsOf, specsOf } from "./support/specs";
import { STACKS } from "./support/stacks";

const CONFIGS = [
    "haproxy/haproxy.cfg",
    "keepalived/keepalived.conf",
    "loki/config.yaml",
    "otel-collector/config.yaml",
    "prometheus/prometheus.yml",
    "thanos-query/endpoints.yml",
    "thanos-store/bucket.yml",
    "thanos/bucket.yml",
];

const OFF = { tls: "off" };

/** What is the same without TLS. */
const SAME_WITHOUT_TLS = ["keepalived/keepalived.conf", "keepalived", "otelAggregator"];

/** What whoever asks the object store reads to know it, and what the store shows. */
const CERTIFICATES = [
    "loki/trusted.pem",
    "minio/certs/CAs/trusted.crt",
    "minio/certs/public.crt",
    "thanos-store/trusted.pem",
    "thanos/trusted.pem",
];

/** Only one of the two nodes has a compactor of Thanos while they share a bucket. */
const configNames = (stack: (typeof STACKS)[number]): string[] =>
    stack === "node1" ? [...CONFIGS, "thanos-compactor/bucket.yml"].sort() : CONFIGS;
const certificateNames = (stack: (typeof STACKS)[number]): string[] =>
    stack === "node1" ? [...CERTIFICATES, "thanos-compactor/trusted.pem"] : CERTIFICATES;

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
        mayStop: spec.mayStop,
    };
}

/** A configuration of a node, read as its consumer reads it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
const read = (stack: (typeof STACKS)[number], file: string): any => parse(configsOf(stack)[file]);

interface Exporter {
    sending_queue: object;
    retry_on_failure: { max_elapsed_time: string };
}

const COMPACTOR_DOOR = /^ {4}bind \S+:10912 .*\n/m;

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
    it.each(configNames(stack))("has this %s", async (file) => {
        await expect(configsOf(stack)[file]).toMatchFileSnapshot(`__snapshots__/${stack}/${file}`);
    });

    it.each(configNames(stack))("without TLS has this %s", async (file) => {
        const same = SAME_WITHOUT_TLS.includes(file) ? stack : `${stack}-tls-off`;
        await expect(configsOf(stack, OFF)[file]).toMatchFileSnapshot(`__snapshots__/${same}/${file}`);
    });

    it("has no other file that is not a secret", () => {
        // A script, which is the same on every node.
        const others = (changes = {}): string[] =>
            Object.keys(configsOf(stack, changes))
                .filter((file) => !file.endsWith(".sh"))
                .sort();
        expect(others()).toEqual([...configNames(stack), ...certificateNames(stack)].sort());
        expect(others(OFF)).toEqual(configNames(stack));
    });

    it.each(Object.entries(specsOf(stack)))("runs %s like this", async (service, spec) => {
        const text = `${JSON.stringify(shown(spec), undefined, 2)}\n`;
        await expect(text).toMatchFileSnapshot(`__snapshots__/${stack}/${service}.container.json`);
    });

    it.each(Object.entries(specsOf(stack, OFF)))("without TLS runs %s like this", async (service, spec) => {
        const same = SAME_WITHOUT_TLS.includes(service) ? stack : `${stack}-tls-off`;
        const text = `${JSON.stringify(shown(spec), undefined, 2)}\n`;
        await expect(text).toMatchFileSnapshot(`__snapshots__/${same}/${service}.container.json`);
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
            if (!name.startsWith("otlphttp/")) continue;
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
        expect(config.service.pipelines.metrics.exporters).toEqual(["otlphttp/prometheus-local"]);
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
        const spare = /^ {4}server peer \S+:14318 .* backup/m;
        expect(files["haproxy/haproxy.cfg"]).not.toMatch(spare);
        expect(configsOf(stack)["haproxy/haproxy.cfg"]).toMatch(spare);
    });
});

describe("the two nodes", () => {
    it("differ in names and addresses only", () => {
        const two = configsOf("node2");
        const swapped = Object.entries(configsOf("node1")).map(([file, text]) => [file, mirrored(text)]);
        const own = [
            "haproxy/haproxy.cfg",
            "keepalived/heed-foreign-adverts.sh",
            "keepalived/keepalived.conf",
            "loki/config.yaml",
            "prometheus/prometheus.yml",
        ];
        const shared = swapped.filter(([file]) => !own.includes(file) && !file.startsWith("thanos-compactor/"));
        for (const [file, text] of shared) expect(text).toBe(two[file]);
        const guard = "keepalived/heed-foreign-adverts.sh";
        expect(mirrored(configsOf("node1")[guard]!)).toBe(two[guard]!.replace("rank=second", "rank=first"));
        // The master has the compactor, scrapes it, and is where people reach it.
        const door = mirrored(configsOf("node1")["haproxy/haproxy.cfg"]);
        expect(door).toMatch(COMPACTOR_DOOR);
        expect(door.replace(COMPACTOR_DOOR, "")).toBe(two["haproxy/haproxy.cfg"]);
        const compactor = /\n {2}- job_name: thanos-compactor\n(?: {4}.*\n)+/;
        const scrapes = mirrored(configsOf("node1")["prometheus/prometheus.yml"]);
        expect(scrapes).toMatch(compactor);
        expect(scrapes.replace(compactor, "")).toBe(two["prometheus/prometheus.yml"]);
        const vrrp = mirrored(configsOf("node1")["keepalived/keepalived.conf"]);
        expect(vrrp.replace("state MASTER", "state BACKUP").replace("priority 100", "priority 90")).toBe(
            two["keepalived/keepalived.conf"],
        );
    });

    it("have one compactor of each bucket that they share, on the master", () => {
        const [one, two] = STACKS.map((stack) => read(stack, "loki/config.yaml"));
        expect(one.compactor).not.toHaveProperty("compaction_interval");
        expect(two.compactor.compaction_interval).toBe("87600h");
        expect(STACKS.map((stack) => "thanosCompactor" in specsOf(stack))).toEqual([true, false]);
    });

    it("run all of Loki in one process: a list of modules never answers a query", () => {
        for (const stack of STACKS) expect(read(stack, "loki/config.yaml").target).toBe("all");
    });

    it("lets Loki's frontend look for its scheduler when that takes queries, and not long after", () => {
        // Loki 3.4.2: after three seconds (ringCheckPeriod). One that comes before never gets an answer.
        const looks = parseDuration(read("node1", "loki/config.yaml").frontend.scheduler_dns_lookup_period)!;
        expect(looks).toBeGreaterThanOrEqual(4_000);
        expect(looks).toBeLessThanOrEqual(6_000);
    });

    it("label logs alike: the same push is the same stream on both", () => {
        const [one, two] = STACKS.map((stack) => read(stack, "loki/config.yaml"));
        for (const part of ["limits_config", "ingester", "schema_config", "storage_config"])
            expect(one[part]).toEqual(two[part]);
    });

    it("take logs that are as old as the longest absence of a host, and keep within Loki's memory", () => {
        const { ingester } = read("node1", "loki/config.yaml");
        // Loki takes what is half a chunk's age behind.
        expect(ingester).toMatchObject({ max_chunk_age: "12h", wal: { replay_memory_ceiling: "1024MB" } });
        const changes = { maxPeerOutage: "90m", lokiMemoryLimit: "1GiB" };
        expect(parse(configsOf("node1", changes)["loki/config.yaml"]).ingester.max_chunk_age).toBe("3h");
        const loki = specsOf("node1", changes).loki;
        expect(loki.environment?.GOMEMLIMIT).toBe("921MiB");
        // Equal: with swap on top of it, a container would not end at its limit but crawl.
        expect(containerArgs(loki)).toMatchObject({ memory: 1024, memorySwap: 1024 });
    });

    it("have containers that can do nothing but their work", () => {
        for (const spec of Object.values(specsOf("node1"))) {
            const args = containerArgs(spec);
            expect(args, spec.container).toMatchObject({
                readOnly: true,
                securityOpts: ["no-new-privileges:true"],
                capabilities: { drops: ["ALL"] },
                tmpfs: { "/tmp": "mode=1777,size=64m" },
                ulimits: [{ name: "nproc" }],
            });
            expect(args.memory, spec.container).toBeGreaterThan(0);
            expect(args.memorySwap, spec.container).toBe(args.memory);
            expect(args.privileged, spec.container).toBeUndefined();
            expect(JSON.stringify(args.mounts), spec.container).not.toContain("docker.sock");
            const added = spec.container.startsWith("keepalived")
                ? expect.arrayContaining(["CAP_NET_ADMIN"])
                : undefined;
            expect((args.capabilities as { adds?: string[] }).adds, spec.container).toEqual(added);
        }
    });

    it("keep the compactors on the master when the roles change places", () => {
        const swap = { role: "BACKUP", priority: "90", peerPriority: "100" };
        expect(parse(configsOf("node1", swap)["loki/config.yaml"]).compactor.compaction_interval).toBe("87600h");
        expect(specsOf("node1", swap)).not.toHaveProperty("thanosCompactor");
    });

    it("form one pool of four drives, named one by one and in the same order", () => {
        const [one, two] = STACKS.map((stack) => specsOf(stack).objectStore.command ?? []);
        expect(one).toEqual(two);
        expect(one).toEqual([
            "server",
            "--certs-dir",
            "/etc/minio/certs",
            "--address",
            ":9000",
            "https://192.168.110.214:9000/data1",
            "https://192.168.110.214:9000/data2",
            "https://192.168.110.119:9000/data1",
            "https://192.168.110.119:9000/data2",
        ]);
    });
});

describe("Thanos Query", () => {
    it("asks both nodes' sidecars and stores, and goes on without the peer's", () => {
        const asked = (...peer: string[]): object[] => [
            { address: "127.0.0.1:10901", strict: true },
            { address: "127.0.0.1:10905", strict: true },
            ...peer.map((address) => ({ address, group: true, service_config: expect.any(String) as string })),
        ];
        const endpoints = (changes = {}): object =>
            parse(configsOf("node1", changes)["thanos-query/endpoints.yml"]).endpoints as object;
        // By way of HAProxy, which speaks TLS to the other node's.
        expect(endpoints()).toEqual(asked("127.0.0.1:19095", "127.0.0.1:19096"));
        expect(endpoints(OFF)).toEqual(asked("192.168.110.119:10901", "192.168.110.119:10905"));
        expect(specsOf("node1").thanosQuery.command).toEqual(
            expect.arrayContaining([
                "--query.replica-label=replica",
                "--deduplication.func=chain",
                "--query.partial-response",
                "--endpoint.info-timeout=1s",
                "--store.response-timeout=5s",
            ]),
        );
    });

    it("gives the peer's stores a deadline for every call, in the form that gRPC reads", () => {
        const cases: Record<string, string>[] = [{}, { thanosPeerTimeout: "1m30s" }];
        for (const changes of cases) {
            const file = parse(configsOf("node1", changes)["thanos-query/endpoints.yml"]);
            const peers = (file.endpoints as { service_config?: string }[]).filter((one) => one.service_config);
            const configs = peers.map((one) => JSON.parse(one.service_config ?? ""));
            const timeout = "thanosPeerTimeout" in changes ? "90s" : "2.5s";
            expect(configs).toEqual(Array(2).fill({ methodConfig: [{ name: [{}], timeout }] }));
        }
    });

    it("finds a node's sidecar and store where the settings put them", () => {
        const moved = { thanosGrpcPort: "20901", thanosStoreGrpcPort: "20905" };
        const addresses = (changes: Record<string, string>): string[] =>
            parse(configsOf("node2", changes)["thanos-query/endpoints.yml"]).endpoints.map(
                (one: { address: string }) => one.address,
            );
        const own = ["127.0.0.1:20901", "127.0.0.1:20905"];
        expect(addresses({ ...moved, ...OFF })).toEqual([...own, "192.168.110.214:20901", "192.168.110.214:20905"]);
        const tunnels = { thanosPeerSidecarPort: "20095", thanosPeerStorePort: "20096" };
        expect(addresses({ ...moved, ...tunnels })).toEqual([...own, "127.0.0.1:20095", "127.0.0.1:20096"]);
    });
});

describe("old metrics", () => {
    it("are merged where they overlap, thinned out, and kept for ever unless somebody says how long", () => {
        expect(specsOf("node1").thanosCompactor.command).toEqual(
            expect.arrayContaining([
                "--wait",
                "--compact.enable-vertical-compaction",
                "--retention.resolution-raw=0s",
                "--retention.resolution-5m=0s",
                "--retention.resolution-1h=0s",
                "--delete-delay=48h",
            ]),
        );
        const changed = { thanosRetentionRaw: "30d", thanosRetention5m: "90d", thanosRetention1h: "400d" };
        expect(specsOf("node1", changed).thanosCompactor.command).toEqual(
            expect.arrayContaining([
                "--retention.resolution-raw=30d",
                "--retention.resolution-5m=90d",
                "--retention.resolution-1h=400d",
            ]),
        );
    });

    it("are left out by the store halfway between the compactor's mark and its deletion", () => {
        expect(specsOf("node1").thanosStore.command).toContain("--ignore-deletion-marks-delay=24h");
        const { thanosStore, thanosCompactor } = specsOf("node1", { thanosDeleteDelay: "3h" });
        expect(thanosCompactor.command).toContain("--delete-delay=3h");
        expect(thanosStore.command).toContain("--ignore-deletion-marks-delay=1h30m");
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
        const text = render("thanos/bucket.yml", {
            bucket: "a&b",
            objectStore: "<here>",
            objectStoreRegion: "",
            objectStoreInsecure: true,
            trusted: undefined,
        });
        expect(text).toContain("bucket: a&b\n");
        expect(text).toContain("endpoint: <here>\n");
    });
});
