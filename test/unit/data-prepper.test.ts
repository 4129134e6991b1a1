import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import {
    awaitDataPrepperCommand,
    dataPrepperConfig,
    dataPrepperPipelinesConfig,
    dataPrepperRequirements,
    dataPrepperSpec,
} from "../../components/data-prepper";
import { ContainerSpec } from "../../components";
import { APM_ADDRESSES, ApmIdentity, apmIdentity, DATA_PREPPER } from "./support/apm";
import { newCa } from "./support/certificates";
import { PIPELINE, SERVER } from "./support/data-prepper-schema";
import { reveal } from "./support/graph";
import { problems } from "./support/schema";

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Any = any;

const pipelines = (): Record<string, Any> => {
    const { version, ...all } = parse(dataPrepperPipelinesConfig(DATA_PREPPER)) as Record<string, Any>;
    expect(version).toBe("2");
    return all;
};
const server = (changes = {}): Any => parse(dataPrepperConfig({ ...DATA_PREPPER, ...changes }));
const wrong = (all: Record<string, Any>): string[] =>
    Object.entries(all).flatMap(([name, one]) => problems(one, PIPELINE, name));
const sinks = (): Record<string, Any> =>
    Object.fromEntries(
        Object.entries(pipelines()).flatMap(([name, { sink }]) =>
            (sink as Any[]).flatMap((one) => (one.opensearch ? [[name, one.opensearch]] : [])),
        ),
    );

let given: ApmIdentity;
let spec: ContainerSpec;

beforeAll(async () => {
    given = await apmIdentity();
    spec = dataPrepperSpec(DATA_PREPPER, { ...given, writerPassword: "SECRETwriter", password: "SECRETown" });
});

const file = async (name: string): Promise<string> =>
    (await reveal(spec.files.find(({ path }) => path.endsWith(`/${name}`))!.content)).value;

describe("Data Prepper's files", () => {
    it.each([
        ["pipelines.yaml", dataPrepperPipelinesConfig],
        ["data-prepper-config.yaml", dataPrepperConfig],
    ])("are these: %s", async (name, text) => {
        await expect(text(DATA_PREPPER)).toMatchFileSnapshot(`__snapshots__/apm1/data-prepper/${name}`);
    });

    it("have only options that its documentation knows, of the right types", () => {
        expect(wrong(pipelines())).toEqual([]);
        expect(problems(server(), SERVER)).toEqual([]);
    });

    it("would be found out with a misspelt option, a wrong type, or one of another source", () => {
        const all = pipelines();
        all["traces-spans"].sink[0].opensearch.documentId = "x";
        all["logs-entry"].source.otel_logs_source.port = "21892";
        all["otlp-entry"].source.otlp.sslKeyFile = "/key";
        all["metrics-entry"].processor[0] = { otel_metric: {} };
        delete all["otlp-logs"].sink[0].opensearch.cert;
        expect(wrong(all)).toEqual([
            "traces-spans.sink[0].opensearch.documentId: unknown",
            "metrics-entry.processor[0].otel_metric: unknown plugin",
            'logs-entry.source.otel_logs_source.port: "21892" is no port',
            "otlp-entry.source.otlp.sslKeyFile: unknown",
            "otlp-logs.sink[0].opensearch.cert: missing",
        ]);
        expect(problems({ ...server(), keystoreFilePath: "/x", sinkShutdownTimeout: 30 }, SERVER)).toEqual([
            "sinkShutdownTimeout: 30 is no duration",
            "keystoreFilePath: unknown",
        ]);
    });

    it("show no secret in a diff", async () => {
        for (const { path, content } of spec.files) {
            const { value, secret } = await reveal(content);
            if (/SECRET|PRIVATE KEY/.test(value)) expect(secret, path).toBe(true);
        }
        expect(JSON.stringify([spec.environment, spec.command, spec.entrypoint])).not.toContain("SECRET");
        for (const name of ["secrets.env", "server.key"])
            expect(spec.files.find(({ path }) => path.endsWith(`/${name}`))).toMatchObject({
                mode: "0400",
                owner: "65534:65534",
            });
    });
});

describe("a pipeline", () => {
    it("gets from one that sends to it, and each that is sent to is there", () => {
        const all = pipelines();
        const sent = Object.entries(all).flatMap(([name, { sink }]) =>
            (sink as Any[]).flatMap((one) => (one.pipeline ? [[name, one.pipeline.name]] : [])),
        );
        const got = Object.entries(all).flatMap(([name, { source }]) =>
            source.pipeline ? [[source.pipeline.name, name]] : [],
        );
        expect(got.sort()).toEqual(sent.sort());
        expect(sent).toHaveLength(6);
    });

    it("sends only where one of its routes leads", () => {
        const { route, sink } = pipelines()["otlp-entry"];
        const known = (route as Any[]).flatMap((one) => Object.keys(one));
        expect((sink as Any[]).flatMap((one) => one.pipeline.routes)).toSatisfy((used: string[]) =>
            used.every((one) => known.includes(one)),
        );
    });

    it("is not named as the beginning of another: health.sh finds its metrics by its name", () => {
        const names = Object.keys(pipelines());
        for (const name of names)
            expect(names.filter((other) => other !== name && other.startsWith(`${name}-`))).toEqual([]);
    });

    it("writes to all three nodes, this one first, as the writer, and trusts no other CA", () => {
        for (const sink of Object.values(sinks()))
            expect(sink).toMatchObject({
                hosts: APM_ADDRESSES.map((address) => `https://${address}:9200`),
                cert: "/etc/data-prepper/opensearch-ca.pem",
                username: "@WRITER_USER@",
                password: "@WRITER_PASSWORD@",
            });
    });

    it("writes what is sent again over what is there, and tries for ever", () => {
        const all = sinks();
        expect(
            Object.fromEntries(Object.entries(all).map(([name, one]) => [name, [one.index, one.document_id]])),
        ).toEqual({
            "traces-spans": ["otel-v1-apm-span", "${traceId}-${spanId}"],
            "traces-services": ["otel-v1-apm-service-map", "${hashId}"],
            "metrics-entry": ["otel-metrics", "${/attributes/metric.attributes.metric@point@uid}"],
            "logs-entry": ["otel-logs", "${/attributes/log.attributes.log@record@uid}"],
            "otlp-spans": ["otel-v1-apm-span", "${traceId}-${spanId}"],
            "otlp-services": ["otel-v1-apm-service-map", "${hashId}"],
            "otlp-metrics": ["otel-metrics", "${/attributes/metric.attributes.metric@point@uid}"],
            "otlp-logs": ["otel-logs", "${/attributes/log.attributes.log@record@uid}"],
        });
        for (const [name, sink] of Object.entries(all)) {
            expect(sink).toMatchObject({ action: "index", dlq_file: `/dlq/${name}.json`, flush_timeout: 1000 });
            expect(sink).not.toHaveProperty("max_retries");
            expect(sink.index_type).toBe("management_disabled");
        }
    });

    it("listens with TLS and a password only", () => {
        const sources = Object.values(pipelines()).flatMap(({ source }) =>
            source.pipeline ? [] : Object.values(source),
        );
        expect(
            (sources as Any[]).map(({ port, ssl, authentication }) => [port, ssl, Object.keys(authentication)]),
        ).toEqual([21890, 21891, 21892, 21893].map((port) => [port, true, ["http_basic"]]));
    });
});

describe("Data Prepper", () => {
    it("shares traces with the other nodes, over TLS of both sides; by itself with nobody", () => {
        expect(server().peer_forwarder).toMatchObject({
            static_endpoints: APM_ADDRESSES,
            ssl: true,
            authentication: { mutual_tls: null },
        });
        expect(server({ nodes: [APM_ADDRESSES[2], APM_ADDRESSES[0], APM_ADDRESSES[1]] }).peer_forwarder).toEqual(
            server().peer_forwarder,
        );
        expect(server({ nodes: [APM_ADDRESSES[0]] })).not.toHaveProperty("peer_forwarder");
    });

    it("has half of its memory as heap, and refuses before that is full", () => {
        expect(spec.environment!.JAVA_OPTS).toContain("-Xms1024m -Xmx1024m");
        expect(server().circuit_breakers.heap.usage).toBe("819mb");
        expect(server({ memoryLimit: "8GiB", heap: "2GiB" }).circuit_breakers.heap.usage).toBe("1638mb");
    });

    it("shows one CA besides its own certificate, the one that issued it, also while another takes its place", async () => {
        const next = (await newCa("otel-ha CA 2")).certificate;
        const during = dataPrepperSpec(DATA_PREPPER, {
            identity: given.identity,
            trusted: next + given.trusted,
            writerPassword: "w",
            password: "p",
        });
        const text = async (name: string): Promise<string> =>
            (await reveal(during.files.find(({ path }) => path.endsWith(`/${name}`))!.content)).value;
        expect((await text("server.pem")).match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
        expect(await text("opensearch-ca.pem")).toBe(await file("opensearch-ca.pem"));
        expect((await text("trusted.pem")).match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    });

    it("runs like this", async () => {
        const { files, ...rest } = spec;
        const shown = {
            ...rest,
            files: files.map(({ content: _, ...file }) => file),
            gate: awaitDataPrepperCommand(DATA_PREPPER),
        };
        await expect(`${JSON.stringify(shown, undefined, 2)}\n`).toMatchFileSnapshot(
            "__snapshots__/apm1/dataPrepper.container.json",
        );
    });

    it("lets in the other nodes, and to its metrics those who operate; nobody else", () => {
        const { ports, directories } = dataPrepperRequirements(DATA_PREPPER);
        expect(ports.map(({ port, key, audience }) => [port, key, audience])).toEqual([
            [21890, "dataPrepperTracesPort", ["peer"]],
            [21891, "dataPrepperMetricsPort", ["peer"]],
            [21892, "dataPrepperLogsPort", ["peer"]],
            [21893, "dataPrepperOtlpPort", ["peer"]],
            [4900, "dataPrepperApiPort", ["admins", "peer"]],
            [4994, "dataPrepperPeerPort", ["peer"]],
        ]);
        for (const { source } of spec.mounts) expect(directories.map(({ path }) => path)).toContain(source);
    });
});
