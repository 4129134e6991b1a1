import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { addresses } from "../../components";
import { containerArgs } from "../../components/container-service";
import { nodeRequirements } from "../../components/node";
import { configsOf, Service, specsOf } from "./support/specs";
import { settingsOf, STACKS, valuesOf } from "./support/stacks";

// The tables of the document that this system began as: names, ports, paths and numbers that users rely on. That system had no TLS, so addresses are
// those without it.

const SEED = { tls: "off" };
const configs = configsOf("node1", SEED);
// eslint-disable-next-line @typescript-eslint/no-explicit-any
const read = (file: string): any => parse(configs[file]);
const specs = specsOf("node1", SEED);

describe("nodes", () => {
    it.each([
        ["node1" as const, "192.168.110.214", "MASTER", "ish-otel-mid-1.novalocal", 100],
        ["node2" as const, "192.168.110.119", "BACKUP", "ish-otel-mid-2.novalocal", 90],
    ])("%s is %s, %s, %s, priority %d", (stack, address, role, hostName, priority) => {
        const { host, keepalived } = settingsOf(stack, SEED);
        expect(host).toMatchObject({ address, hostName });
        expect(keepalived).toMatchObject({ role, priority, vip: "192.168.110.140", routerId: 51 });
    });

    it.each(STACKS)("%s has the seed's seven containers and Thanos' others, named after the node", (stack) => {
        const node = stack === "node1" ? "mid-1" : "mid-2";
        expect(
            Object.values(specsOf(stack, SEED))
                .map((spec) => spec.container)
                .sort(),
        ).toEqual([
            `haproxy-${node}`,
            `keepalived-${node}`,
            `loki-${node}`,
            `minio-${node}`,
            `otel-aggregator-${node}`,
            `prometheus-${node}`,
            ...(stack === "node1" ? [`thanos-compactor-${node}`] : []),
            `thanos-query-${node}`,
            `thanos-sidecar-${node}`,
            `thanos-store-${node}`,
        ]);
    });
});

describe("images", () => {
    it.each<[Service, RegExp]>([
        ["prometheus", /^prom\/prometheus:v3\.7\.3$/],
        ["thanosSidecar", /^thanosio\/thanos:v0\.40\.1$/],
        ["loki", /^grafana\/loki:3\.4\.2$/],
        ["otelAggregator", /^cmp-otel-aggregator:0\.139\.0$/],
        // The seed's base image was withdrawn by its vendor: same name, another base.
        ["objectStore", /^cmp-minio:\S+$/],
        ["haproxy", /^haproxy:\d+\.\d+\.\d+$/],
        ["keepalived", /^cmp-keepalived:\d+\.\d+\.\d+$/],
    ])("%s has %s", (service, image) => {
        expect(specs[service].image).toMatch(image);
    });
});

describe("ports", () => {
    it("are those of the port matrix, and those that the matrix does not have", () => {
        const ports = nodeRequirements(settingsOf("node1", SEED)).flatMap((needs) => needs.ports);
        expect(Object.fromEntries(ports.map((use) => [use.port, use.use]))).toEqual({
            4318: "HAProxy OTLP/HTTP",
            4317: "HAProxy OTLP/gRPC",
            8404: "HAProxy statistics",
            13100: "HAProxy log queries",
            19090: "HAProxy metrics queries",
            19091: "HAProxy before Prometheus",
            19092: "HAProxy before the peer's Prometheus",
            14318: "OTel aggregator OTLP/HTTP",
            14317: "OTel aggregator OTLP/gRPC",
            9464: "OTel aggregator metrics",
            9465: "OTel aggregator disks",
            13133: "OTel aggregator health",
            9090: "Prometheus",
            10901: "Thanos sidecar gRPC",
            10902: "Thanos sidecar HTTP",
            10903: "Thanos Query gRPC",
            10904: "Thanos Query HTTP",
            10905: "Thanos Store gRPC",
            10906: "Thanos Store HTTP",
            10912: "Thanos Compactor HTTP",
            3100: "Loki",
            9095: "Loki gRPC",
            9000: "object store S3 API",
        });
    });

    it("are named by the setting that changes them", () => {
        const values = valuesOf("node1", SEED) as unknown as Record<string, unknown>;
        for (const use of nodeRequirements(settingsOf("node1", SEED)).flatMap((needs) => needs.ports))
            expect(values[use.key], use.key).toBe(use.port);
    });

    it("reach users as addresses", () => {
        expect(addresses(valuesOf("node1", SEED))).toEqual({
            otlpHttp: "http://192.168.110.140:4318",
            otlpGrpc: "192.168.110.140:4317",
            haproxyStats: "http://192.168.110.214:8404/stats",
            prometheus: "http://192.168.110.214:9090",
            thanosSidecarGrpc: "192.168.110.214:10901",
            thanosSidecar: "http://192.168.110.214:10902",
            thanosStore: "http://192.168.110.214:10906",
            thanosQuery: "http://192.168.110.214:10904",
            thanosCompactor: "http://192.168.110.214:10912",
            loki: "http://192.168.110.214:3100",
            objectStore: "http://192.168.110.214:9000",
            otelAggregatorHttp: "http://192.168.110.214:14318",
            otelAggregatorGrpc: "192.168.110.214:14317",
            otelAggregatorMetrics: "http://192.168.110.214:9464/metrics",
        });
    });
});

describe("volumes", () => {
    it.each<[Service, string, string]>([
        ["prometheus", "/prometheus", "/data/volume/otel/prometheus"],
        ["thanosSidecar", "/prometheus", "/data/volume/otel/prometheus"],
        ["thanosSidecar", "/thanos", "/data/volume/otel/thanos"],
        ["loki", "/loki", "/data/otel/volume/loki"],
        ["objectStore", "/data1", "/data/volume/otel/minio/data1"],
        ["objectStore", "/data2", "/data/volume/otel/minio/data2"],
    ])("%s has %s at %s on the host, and may write there", (service, target, source) => {
        expect(containerArgs(specs[service]).mounts).toContainEqual({ type: "bind", source, target, readOnly: false });
        const directories = nodeRequirements(settingsOf("node1", SEED)).flatMap((needs) => needs.directories);
        expect(directories.map((directory) => directory.path)).toContain(source);
    });

    it("move together when one setting moves them", () => {
        const moved = specsOf("node1", { ...SEED, dataDir: "/srv/otel", lokiDataDir: "/srv/loki" });
        const sources = Object.values(moved).flatMap((spec) =>
            spec.mounts.filter((mount) => !mount.readOnly).map((mount) => mount.source),
        );
        expect([...new Set(sources)].sort()).toEqual([
            "/srv/loki",
            "/srv/otel/minio/data1",
            "/srv/otel/minio/data2",
            "/srv/otel/otel-aggregator/queue",
            "/srv/otel/prometheus",
            "/srv/otel/thanos",
            "/srv/otel/thanos-compactor",
            "/srv/otel/thanos-store",
        ]);
    });

    it("hold configuration below /data/docker/otel, read-only in the containers", () => {
        for (const spec of Object.values(specs)) {
            const config = spec.mounts.filter((mount) => mount.source.startsWith("/data/docker/otel/"));
            expect(config).toHaveLength(1);
            expect(config[0].readOnly).toBe(true);
            for (const file of spec.files) expect(file.path.startsWith(`${config[0].source}/`)).toBe(true);
        }
    });
});

describe("Prometheus", () => {
    const config = read("prometheus/prometheus.yml");
    const command = specs.prometheus.command;

    it("scrapes every 5 s, evaluates every 15 s", () => {
        expect(config.global).toMatchObject({ scrape_interval: "5s", evaluation_interval: "15s" });
    });

    it("keeps 15 days in blocks of 2 h, takes remote write", () => {
        expect(command).toEqual(
            expect.arrayContaining([
                "--storage.tsdb.path=/prometheus",
                "--storage.tsdb.retention.time=15d",
                "--storage.tsdb.min-block-duration=2h",
                "--storage.tsdb.max-block-duration=2h",
                "--web.enable-remote-write-receiver",
                "--web.listen-address=:9090",
            ]),
        );
    });

    it("scrapes itself, the aggregator and the Thanos sidecar, as the seed's, and more", () => {
        const targets = config.scrape_configs.map(
            (job: { job_name: string; static_configs: { targets: string[] }[] }) => [
                job.job_name,
                ...job.static_configs.flatMap((one) => one.targets),
            ],
        );
        expect(targets).toEqual(
            expect.arrayContaining([
                ["prometheus", "127.0.0.1:9090"],
                ["otel-aggregator", "127.0.0.1:9464"],
                ["thanos-sidecar", "127.0.0.1:10902"],
            ]),
        );
    });

    it("gives its own series a name that the other node's do not have, where both call themselves 127.0.0.1", () => {
        const own = config.scrape_configs.filter((job: { job_name: string }) => !job.job_name.startsWith("peer-"));
        for (const job of own) expect(job.static_configs[0].labels).toEqual({ instance: "mid-1" });
    });

    it("takes data that came late and then waited for as long as the other node may be away", () => {
        expect(config.storage.tsdb.out_of_order_time_window).toBe("12h");
        expect(command).toContain("--web.enable-otlp-receiver");
    });
});

describe("Thanos sidecar", () => {
    it("uploads Prometheus' blocks to the bucket thanos-metrics", () => {
        expect(read("thanos/bucket.yml")).toMatchObject({
            type: "S3",
            config: { bucket: "thanos-metrics", endpoint: "127.0.0.1:9000", insecure: true },
        });
        expect(specs.thanosSidecar.command).toEqual(
            expect.arrayContaining([
                "--tsdb.path=/prometheus",
                "--prometheus.url=http://127.0.0.1:9090",
                "--grpc-address=0.0.0.0:10901",
                "--http-address=0.0.0.0:10902",
            ]),
        );
    });
});

describe("Loki", () => {
    const config = read("loki/config.yaml");

    it("has schema v13 with TSDB on S3, in the bucket loki-data", () => {
        expect(config.schema_config.configs).toEqual([
            expect.objectContaining({ store: "tsdb", object_store: "s3", schema: "v13" }),
        ]);
        expect(config.storage_config.aws).toMatchObject({ bucketnames: "loki-data", s3forcepathstyle: true });
        expect(config.server.http_listen_port).toBe(3100);
    });

    it("keeps logs for 90 days, and really deletes them after that", () => {
        expect(config.limits_config.retention_period).toBe("2160h");
        expect(config.compactor).toMatchObject({ retention_enabled: true, delete_request_store: "s3" });
    });

    it("has its directories where the table says", () => {
        expect(config.storage_config.filesystem.directory).toBe("/loki/chunks");
        expect(config.ruler.storage.local.directory).toBe("/loki/rules");
        expect(config.storage_config.tsdb_shipper).toMatchObject({
            active_index_directory: "/loki/index",
            cache_location: "/loki/cache",
        });
    });
});

describe("OTel aggregator", () => {
    const config = read("otel-collector/config.yaml");

    it("takes OTLP on 14318 (HTTP) and 14317 (gRPC), shows its metrics on 9464", () => {
        expect(config.receivers.otlp.protocols).toMatchObject({
            grpc: { endpoint: "0.0.0.0:14317" },
            http: { endpoint: "0.0.0.0:14318" },
        });
        expect(JSON.stringify(config.service.telemetry.metrics)).toContain('"port":9464');
    });

    it("limits memory to 4 GB with 1 GB for spikes, batches 1024 to 2048 items for at most 10 s", () => {
        expect(config.processors.memory_limiter).toMatchObject({ limit_mib: 4096, spike_limit_mib: 1024 });
        expect(config.exporters["otlphttp/prometheus-local"].sending_queue.batch).toEqual({
            sizer: "items",
            min_size: 1024,
            max_size: 2048,
            flush_timeout: "10s",
        });
    });

    it("writes metrics to both Prometheus and logs to both Loki", () => {
        const endpoint = (name: string): string => config.exporters[name].endpoint;
        expect(config.service.pipelines).toMatchObject({
            metrics: { receivers: ["otlp"], exporters: ["otlphttp/prometheus-local", "otlphttp/prometheus-peer"] },
            logs: { receivers: ["otlp"], exporters: ["otlphttp/loki-local", "otlphttp/loki-peer"] },
        });
        expect(endpoint("otlphttp/loki-local")).toBe("http://127.0.0.1:3100/otlp");
        expect(endpoint("otlphttp/loki-peer")).toBe("http://192.168.110.119:3100/otlp");
        // By way of HAProxy, which knows both and tells a full disk from bad data.
        expect(endpoint("otlphttp/prometheus-local")).toBe("http://127.0.0.1:19091/api/v1/otlp");
        expect(endpoint("otlphttp/prometheus-peer")).toBe("http://127.0.0.1:19092/api/v1/otlp");
        const haproxy = configs["haproxy/haproxy.cfg"];
        expect(haproxy).toMatch(/backend prometheus_local\n(?: {4}.*\n)* {4}server local 127\.0\.0\.1:9090 /);
        expect(haproxy).toMatch(/backend prometheus_peer\n(?: {4}.*\n)* {4}server peer 192\.168\.110\.119:9090 /);
    });

    it("keeps 6 h of 1,000 data points and 500 log records a second, and has the host checked for the room", () => {
        const { queue_size: size } = config.exporters["otlphttp/loki-peer"].sending_queue;
        expect(size).toBeGreaterThan(6 * 3600 * 500 * 200);
        const [queue] = nodeRequirements(settingsOf("node1", SEED))
            .flatMap((needs) => needs.dataPaths ?? [])
            .filter((space) => space.path.endsWith("/otel-aggregator/queue"));
        expect(queue).toMatchObject({ of: "maxPeerOutage" });
        expect(queue.needs).toBeGreaterThanOrEqual(2 * size);
    });
});

describe("HAProxy", () => {
    const config = configs["haproxy/haproxy.cfg"];

    it("takes OTLP on 4318 and 4317 and passes it to the local aggregator, to the peer's when that is away", () => {
        expect(config).toMatch(/frontend otlp_http\n {4}bind :4318\n/);
        expect(config).toMatch(/frontend otlp_grpc\n {4}bind :4317 proto h2\n/);
        expect(config).toMatch(/server local 127\.0\.0\.1:14318 maxconn 64 check/);
        expect(config).toMatch(/server local 127\.0\.0\.1:14317 proto h2 maxconn 64 check/);
        expect(config).toMatch(/server peer 192\.168\.110\.119:14318 maxconn 64 check port 13133 backup/);
        expect(config).toMatch(
            /server peer 192\.168\.110\.119:14317 proto h2 check port 13133 check-proto h1 maxconn 64 backup/,
        );
    });

    it("shows statistics on 8404 to those who have the password", () => {
        expect(config).toMatch(/frontend stats\n {4}no log\n {4}bind :8404\n/);
        expect(config).toContain("stats uri /stats\n");
        expect(config).toContain("http-request auth realm otel-ha unless { http_auth(stats) }");
    });
});

describe("Keepalived", () => {
    const config = configs["keepalived/keepalived.conf"];

    it("holds 192.168.110.140 as router 51, announces every second", () => {
        expect(config).toMatch(/virtual_router_id 51\n/);
        expect(config).toMatch(/advert_int 1\n/);
        expect(config).toMatch(/virtual_ipaddress \{\n\s+192\.168\.110\.140\/32 dev eth0/);
    });

    it("looks at HAProxy four times a second, where the seed did every other second", () => {
        expect(config).toMatch(/for pause in 0 0\.25 0\.25 0\.25; do/);
        const slow = configsOf("node1", { ...SEED, vrrpCheckInterval: "2s" })["keepalived/keepalived.conf"];
        expect(slow).toMatch(/for pause in 0; do.*\n {4}interval 2\n/);
    });

    it("with version 3 it has no password, and with unicast it takes adverts from the peer only", () => {
        const resilient = configsOf("node1", {
            ...SEED,
            vrrpVersion: "3",
            vrrpAdvertInterval: "200ms",
            vrrpUnicast: "true",
        });
        const text = resilient["keepalived/keepalived.conf"];
        expect(text).toMatch(/vrrp_version 3\n/);
        expect(text).toMatch(/advert_int 0\.2\n/);
        expect(text).not.toContain("authentication");
        expect(text).toMatch(
            /unicast_src_ip 192\.168\.110\.214\n\s+unicast_peer \{\n\s+192\.168\.110\.119 min_ttl 255\n/,
        );
        expect(text).toContain("vrrp_check_unicast_src\n");
    });

    it("leaves the address where it is when told to", () => {
        const text = configsOf("node1", { ...SEED, vrrpNopreempt: "true" })["keepalived/keepalived.conf"];
        expect(text).toMatch(/state BACKUP\n/);
        expect(text).toMatch(/nopreempt\n/);
        const later = configsOf("node1", { ...SEED, vrrpPreemptDelay: "5m" })["keepalived/keepalived.conf"];
        expect(later).toMatch(/preempt_delay 300\n/);
    });

    it("gives the address away when only the other node has a collector, whatever the priorities", () => {
        expect(config).toMatch(/weight -20\n/);
        const far = configsOf("node1", { ...SEED, priority: "200", peerPriority: "50" })["keepalived/keepalived.conf"];
        expect(far).toMatch(/weight -160\n/);
    });

    it("asks HAProxy whether there is a collector, which killall -0 never told", () => {
        expect(config).toContain("http://127.0.0.1:8404/healthz");
        expect(config).not.toContain("killall");
    });

    it("reads the password, of type PASS, from a file of its own", () => {
        expect(config).toContain("include /etc/keepalived/authentication.conf\n");
        expect(config).not.toMatch(/auth_pass/);
    });
});

describe("health checks", () => {
    it.each(Object.entries(specs))("of %s run every 10 s, from 120 s after the start at the latest", (_name, spec) => {
        expect(containerArgs(spec).healthcheck).toMatchObject({ interval: "10s", startPeriod: "2m0s" });
    });

    it.each<[Service, string]>([
        // The seed asked whether a process is there; these ask whether it can do its work.
        ["objectStore", "http://127.0.0.1:9000/minio/health/cluster"],
        ["prometheus", "http://127.0.0.1:9090/-/ready"],
        ["thanosSidecar", "http://127.0.0.1:10902/-/ready"],
        ["thanosStore", "http://127.0.0.1:10906/-/ready"],
        ["thanosCompactor", "http://127.0.0.1:10912/-/ready"],
        ["thanosQuery", "http://127.0.0.1:10904/-/ready"],
        ["loki", "http://127.0.0.1:3100/ready"],
        ["otelAggregator", "http://127.0.0.1:13133/"],
        ["haproxy", "/healthz"],
        ["keepalived", "192.168.110.140"],
    ])("of %s look at %s", (service, where) => {
        expect(specs[service].healthCheck.command).toContain(where);
    });
});
