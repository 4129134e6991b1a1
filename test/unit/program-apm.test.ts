// index.ts for the stacks of Container APM, as the engine runs it.
import { X509Certificate } from "crypto";
import * as fs from "fs";
import * as os from "os";
import * as path from "path";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, describe, expect, it, vi } from "vitest";
import { APM_CREDENTIAL_LENGTHS, ApmCredentialName } from "../../components/apm-credentials";
import { newCa } from "./support/certificates";
import { Registered, reveal, run } from "./support/graph";
import { apmConfig, ApmStackName } from "./support/stacks";

const directory = fs.mkdtempSync(path.join(os.tmpdir(), "otel-ha-"));
const keyFile = path.join(directory, "key");
fs.writeFileSync(keyFile, "not really a key\n");
afterAll(() => fs.rmSync(directory, { recursive: true }));

type Outputs = Record<string, pulumi.Input<unknown>>;
type Stacks = Record<string, Record<string, unknown>>;

async function up(
    stack: ApmStackName,
    options: { preview?: boolean; changes?: Record<string, string>; stacks?: Stacks } = {},
): Promise<{ outputs: Outputs; resources: Registered[] }> {
    const module = (await import("../../index")) as unknown as { default: () => Promise<Outputs> };
    const graph = await run(() => module.default(), {
        stack,
        preview: options.preview,
        config: apmConfig(stack, { sshPrivateKeyFile: keyFile, ...options.changes }),
        stacks: options.stacks,
    });
    return { outputs: graph.result, resources: graph.resources };
}

const NAMES = Object.keys(APM_CREDENTIAL_LENGTHS) as ApmCredentialName[];
const CERTIFICATE = "tls:index/locallySignedCert:LocallySignedCert";
const OWNER = "organization/otel-ha/apm1";

/** What the other stacks read of the first. */
async function owner(more: object = {}): Promise<Stacks> {
    const ca = await newCa("otel-ha CA 1");
    const credentials = Object.fromEntries(NAMES.map((name) => [name, `${name}-of-apm1`]));
    const authority = { ...ca, trusted: ca.certificate };
    return { [OWNER]: { sharedCredentials: { ...credentials, otlpTokens: {}, authority, ...more } } };
}

const randoms = (resources: Registered[]): string[] =>
    resources.filter(({ type }) => type.startsWith("random:")).map(({ name }) => name);
const leaves = (resources: Registered[]): string[] =>
    resources
        .filter(({ type }) => type === CERTIFICATE)
        .map(({ name }) => name)
        .sort();

describe("pulumi up of the first stack of Container APM", () => {
    it("tells where everything is, the CA, and the passwords of people as secrets", async () => {
        const { outputs } = await up("apm1");
        expect(outputs).toMatchObject({
            otlpHttp: "https://192.168.110.231:4318",
            otlpGrpc: "192.168.110.231:4317",
            opensearch: "https://192.168.110.231:9200",
            opensearchNodes: "https://192.168.110.231:9200,https://192.168.110.232:9200,https://192.168.110.233:9200",
            dashboards: "https://192.168.110.231:5601",
            dataPrepper: "https://192.168.110.231:4900",
        });
        for (const name of ["opensearchAdminPassword", "opensearchReaderPassword"])
            expect(await reveal(outputs[name])).toEqual({ value: `made for credentials-${name}`, secret: true });
        const ca = await reveal(outputs.caCertificate as pulumi.Input<string>);
        expect(ca.secret).toBe(false);
        expect(new X509Certificate(ca.value).ca).toBe(true);
        expect(outputs).not.toHaveProperty("vip");
    });

    it("makes Container APM's credentials, and none of the other system's, and publishes them as secrets", async () => {
        const { outputs, resources } = await up("apm1", { changes: { otlpTokens: "shop" } });
        expect(randoms(resources).sort()).toEqual(
            [...NAMES.map((name) => `credentials-${name}`), "credentials-otlpToken-shop"].sort(),
        );
        const shared = await reveal(outputs.sharedCredentials);
        expect(Object.keys(shared.value as object).sort()).toEqual([...NAMES, "otlpTokens", "authority"].sort());
        expect(shared.secret).toBe(true);
    });

    it("makes a certificate for each service that the node has, and for who sets OpenSearch up", async () => {
        const of = (names: string[]): string[] => names.map((name) => `apm-1-certificate-${name}`).sort();
        const all = ["opensearch", "opensearchAdmin", "dataPrepper", "dashboards", "collector"];
        expect(leaves((await up("apm1")).resources)).toEqual(of(all));
        const changes = { apm: '{"ingest":"direct"}', dashboardsCopies: "0" };
        const { outputs, resources } = await up("apm1", { changes });
        expect(leaves(resources)).toEqual(of(["opensearch", "opensearchAdmin", "collector"]));
        for (const name of ["dashboards", "dataPrepper"]) expect(outputs).not.toHaveProperty(name);
    });

    it("gives OpenSearch the keys of a store for snapshots, as secrets", async () => {
        const { resources } = await up("apm1", {
            changes: {
                opensearchSnapshotEndpoint: "s3.example:443",
                opensearchSnapshotBucket: "snapshots",
                opensearchSnapshotUser: "apm",
                opensearchSnapshotSecret: "hunter22",
            },
        });
        const keys = resources.filter(({ name }) => /s3\.client\.default\./.test(name) && name.endsWith("_key"));
        const files = keys.filter(({ custom }) => custom);
        expect(files.map(({ inputs }) => inputs.stdin as string).sort()).toEqual(["apm", "hunter22"]);
        for (const file of files) expect(file.secrets).toContain("stdin");
    });

    it("takes a credential that the configuration gives", async () => {
        const { outputs, resources } = await up("apm1", { changes: { opensearchAdminPassword: "hunter22" } });
        expect(randoms(resources)).toHaveLength(NAMES.length - 1);
        expect(await reveal(outputs.opensearchAdminPassword)).toEqual({ value: "hunter22", secret: true });
    });
});

describe("pulumi up of another stack of Container APM", () => {
    it("uses the credentials and the CA of the first, makes none and publishes none", async () => {
        const stacks = await owner({ otlpTokens: { shop: ["token-of-apm1"] } });
        const { outputs, resources } = await up("apm3", { stacks });
        expect(randoms(resources)).toEqual([]);
        expect(resources.filter(({ type }) => /selfSignedCert/i.test(type))).toEqual([]);
        expect(outputs).not.toHaveProperty("sharedCredentials");
        const { authority: ca } = stacks[OWNER]!.sharedCredentials as { authority: { certificate: string } };
        expect(await reveal(outputs.caCertificate)).toEqual({ value: ca.certificate, secret: false });
        const signed = resources.filter(({ type }) => type === CERTIFICATE);
        for (const { inputs, secrets } of signed) {
            expect(inputs.caCertPem).toBe(ca.certificate);
            expect(secrets).toContain("caPrivateKeyPem");
        }
        // It has none itself, but leads to those of the others.
        expect(outputs.dashboards).toBe("https://192.168.110.233:5601");
        expect(await reveal(outputs.otlpTokens)).toEqual({ value: { shop: "token-of-apm1" }, secret: true });
        expect(await reveal(outputs.opensearchAdminPassword)).toEqual({
            value: "opensearchAdminPassword-of-apm1",
            secret: true,
        });
    });

    it("previews before the first stack exists, and says what is not known, and what does not outlast every fault", async () => {
        const warn = vi.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
        await up("apm2", { preview: true });
        expect(warn.mock.calls.map(([text]) => text)).toEqual([
            expect.stringMatching(/^opensearchSnapshotBucket: none/),
            'stack "apm1" has not published its credentials yet: unknown in this preview',
        ]);
        warn.mockRestore();
    });

    it("of the other system's owner is told which credentials are not there", async () => {
        const warn = vi.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
        const stacks = { [OWNER]: { sharedCredentials: { vrrpPassword: "vrrp-one", otlpTokens: {} } } };
        await up("apm2", { preview: true, stacks });
        expect(warn.mock.calls.map(([text]) => text)).toContain(
            `stack "apm1" has not published its ${NAMES.join(", ")}, CA yet: unknown in this preview`,
        );
        warn.mockRestore();
    });
});

describe("a bad configuration of Container APM", () => {
    it("ends the run with all problems, before anything is registered", async () => {
        const changes = { vip: "192.168.110.140", lokiPort: "3101", opensearchReplicas: "3", opensearchHeap: "half" };
        await expect(up("apm1", { changes })).rejects.toThrow(
            [
                '3 settings of stack "apm1" cannot be used; nothing was touched:',
                "  lokiPort: is a setting of the two-host platform (otel-ha), and this is a stack of Container APM; leave it out, or write system: otel-ha",
                '  opensearchHeap: "half" is not a size of a heap; write a number and one of MiB, GiB, such as "2GiB", or auto for half of the memory limit',
                "  opensearchReplicas: 3 replicas and the first copy need 4 nodes, and there are 3 (apmNodes); write 2 or less",
            ].join("\n"),
        );
    });
});
