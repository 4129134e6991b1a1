import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ContainerSpec } from "../../components";
import { apmQueueBytes } from "../../components/apm-collector";
import { containerArgs } from "../../components/container-service";
import { otelClusterCollectorRequirements, otelClusterCollectorSpec } from "../../components/otel-cluster-collector";
import { otelNodeCollectorRequirements, otelNodeCollectorSpec } from "../../components/otel-node-collector";
import {
    Changes,
    COLLECTOR_SECRETS,
    COLLECTOR_VARIANTS,
    collectorSettings,
    collectorSpecs,
} from "./support/apm-collectors";

// What the two collectors of Container APM are given, in every way in which they can be set up.

const KINDS = ["node", "cluster"] as const;

const text = (spec: ContainerSpec): string => spec.files.at(-1)!.content as string;

// eslint-disable-next-line @typescript-eslint/no-explicit-any
const config = (kind: (typeof KINDS)[number], changes: Changes = {}): any => parse(text(collectorSpecs(changes)[kind]));

const names = (spec: ContainerSpec): string[] => spec.files.map(({ path }) => path.split("/").at(-1)!);

describe.each(COLLECTOR_VARIANTS)("with $name", ({ name, ...changes }) => {
    it.each(KINDS)("the %s collector's configuration is as it was", async (kind) => {
        const file = `__snapshots__/apm-collectors/${kind}-${name}.yaml`;
        await expect(text(collectorSpecs(changes)[kind])).toMatchFileSnapshot(file);
    });

    it.each(KINDS)("the %s collector's pipelines use what there is, and all of it", (kind) => {
        const { receivers, processors, exporters, extensions, service } = config(kind, changes);
        const pipelines = Object.values(service.pipelines) as Record<string, string[]>[];
        const used = (part: string): string[] => [...new Set(pipelines.flatMap((one) => one[part]))].sort();
        expect(used("receivers")).toEqual(Object.keys(receivers).sort());
        expect(used("processors")).toEqual(Object.keys(processors).sort());
        expect(used("exporters")).toEqual(Object.keys(exporters).sort());
        expect([...service.extensions].sort()).toEqual(Object.keys(extensions).sort());
    });

    it.each(KINDS)(
        "all that the %s collector sends waits on disk, is tried for ever, and goes to this host first",
        (kind) => {
            for (const exporter of Object.values<Record<string, object>>(config(kind, changes).exporters)) {
                expect(exporter.sending_queue).toMatchObject({ storage: "file_storage/queue", sizer: "bytes" });
                expect(exporter.retry_on_failure).toMatchObject({ max_elapsed_time: "0s" });
                expect(exporter.endpoints).toHaveLength(3);
                expect((exporter.endpoints as string[])[0]).toContain("192.168.110.232");
            }
            expect(config(kind, changes).extensions["file_storage/queue"]).toMatchObject({
                fsync: true,
                recreate: true,
            });
            expect(text(collectorSpecs(changes)[kind])).not.toContain("batch:\n    timeout");
        },
    );
});

describe("records", () => {
    it("get their id from the exporter when they are written straight, and for Data Prepper before they wait", () => {
        const processors = (ingest: "direct" | "data-prepper"): string[] =>
            config("node", { ingest }).service.pipelines.logs.processors;
        expect(processors("direct")).toEqual(["memory_limiter"]);
        expect(processors("data-prepper")).toEqual(["memory_limiter", "transform/uid"]);
    });

    it("of applications stay as they are, or a repetition through another host would be another record", () => {
        const { pipelines } = config("node", { ingest: "direct" }).service;
        for (const signal of ["traces", "metrics", "logs"])
            expect(pipelines[signal].processors).toEqual(["memory_limiter"]);
        expect(pipelines["logs/host"].processors).toContain("resource/host");
    });

    it("have room for the longest absence", () => {
        // 500 spans of 512 bytes a second for six hours, and some more.
        expect(apmQueueBytes(collectorSettings(), "traces")).toBe(500 * 512 * 6 * 3600 * 1.3);
        expect(config("node", { maxPeerOutage: "1h" }).exporters["otlp_failover/traces"].sending_queue.queue_size).toBe(
            500 * 512 * 3600 * 1.3,
        );
        const [{ needs }] = otelNodeCollectorRequirements(collectorSettings()).dataPaths!;
        expect(needs).toBe((500 * 512 + 1000 * 128 + 500 * 256) * 6 * 3600 * 1.3);
    });
});

describe("who may send and look", () => {
    it("shows a token and gets TLS on both ports", () => {
        const { grpc, http } = config("node").receivers.otlp.protocols;
        for (const protocol of [grpc, http]) {
            expect(protocol.auth).toEqual({ authenticator: "bearertokenauth/senders" });
            expect(protocol.tls).toMatchObject({ min_version: "1.2", key_file: "/etc/otelcol-contrib/node.pem" });
        }
    });

    it("is everybody without tokens", () => {
        expect(text(collectorSpecs({ tokens: false }).node)).not.toContain("bearertokenauth");
        expect(names(collectorSpecs({ tokens: false }).node)).not.toContain("otlp-tokens");
    });

    it("is the host itself alone for all ports but those of OTLP", () => {
        const ports = [
            otelNodeCollectorRequirements(collectorSettings()),
            otelClusterCollectorRequirements(collectorSettings()),
        ].flatMap((needs) => needs.ports);
        expect(ports.map(({ port, audience }) => [port, audience.join(" ")])).toEqual([
            [4317, "clients peer"],
            [4318, "clients peer"],
            [13133, ""],
            [8888, ""],
            [13134, ""],
            [8889, ""],
        ]);
        expect(text(collectorSpecs().node).match(/0\.0\.0\.0:\d+/g)).toEqual(["0.0.0.0:4317", "0.0.0.0:4318"]);
        expect(text(collectorSpecs().cluster)).not.toContain("0.0.0.0");
    });
});

describe("secrets", () => {
    it("are in files of their own that only the collector's user reads", () => {
        for (const [kind, owner] of [
            ["node", "0:0"],
            ["cluster", "10001:10001"],
        ] as const) {
            const { files } = collectorSpecs()[kind];
            const secret = files.filter(({ path }) => /password|key|tokens/.test(path));
            expect(secret.length).toBeGreaterThan(1);
            for (const file of secret) expect(file).toMatchObject({ mode: "0400", owner });
            expect(text(collectorSpecs()[kind])).not.toContain("SECRET");
        }
    });

    it("of those who send are a line each, of all generations", async () => {
        const file = collectorSpecs().node.files.find(({ path }) => path.endsWith("otlp-tokens"))!;
        const content = await new Promise((resolve) =>
            (file.content as { apply: (f: (value: string) => void) => void }).apply(resolve),
        );
        expect(content).toBe("SECRET-desk-token\nSECRET-new-token\nSECRET-old-token");
    });

    it("and certificates come before the configuration, which names them", () => {
        expect(names(collectorSpecs().node)).toEqual([
            "trusted.pem",
            "back-end-user",
            "back-end-password",
            "node.pem",
            "otlp-tokens",
            "config.yaml",
        ]);
        expect(names(collectorSpecs().cluster)).toEqual([
            "trusted.pem",
            "back-end-user",
            "back-end-password",
            "monitor-user",
            "monitor-password",
            "config.yaml",
        ]);
        expect(names(collectorSpecs({ tls: false, tokens: false }).node)).toEqual(["config.yaml"]);
    });

    it("are missed when they are not given", () => {
        const settings = collectorSettings();
        const noIdentity = { ...COLLECTOR_SECRETS, identity: undefined };
        const noCa = { ...COLLECTOR_SECRETS, trusted: undefined };
        expect(() => otelNodeCollectorSpec(settings, noIdentity)).toThrow(/needs a certificate \(identity\)/);
        expect(() => otelClusterCollectorSpec(settings, noCa)).toThrow(/need the CA's certificate \(trusted\)/);
        expect(() => otelNodeCollectorSpec({ ...settings, node: "apm-9" }, COLLECTOR_SECRETS)).toThrow(
            /apm-9 must be there once/,
        );
    });
});

describe("the containers", () => {
    it("of the node is root without any of its rights, and sees of the host only what it collects", () => {
        const { node } = collectorSpecs();
        const args = containerArgs(node);
        expect(args).toMatchObject({
            user: "0:0",
            readOnly: true,
            capabilities: { drops: ["ALL"], adds: undefined },
            securityOpts: ["no-new-privileges:true"],
        });
        expect(node.mounts.filter(({ readOnly }) => !readOnly).map(({ target }) => target)).toEqual([
            "/var/lib/otelcol/queue",
        ]);
        expect(node.mounts.map(({ source }) => source)).toEqual([
            "/data/docker/otel/otel-node-collector",
            "/data/volume/otel/otel-node-collector/queue",
            "/data/volume/otel/otel-watch",
            "/var/lib/docker/containers",
            "/usr/local/lib/otel-ha",
        ]);
    });

    it("of the cluster is nobody in particular", () => {
        expect(containerArgs(collectorSpecs().cluster)).toMatchObject({
            user: "10001:10001",
            capabilities: { drops: ["ALL"], adds: undefined },
        });
    });

    it("get no way to the container engine", () => {
        expect(JSON.stringify(collectorSpecs())).not.toContain("docker.sock");
    });

    it("take another file without a restart", () => {
        for (const kind of KINDS)
            for (const file of collectorSpecs()[kind].files) expect(file.reload).toContain("kill -s HUP");
    });
});
