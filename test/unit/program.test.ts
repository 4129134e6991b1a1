import { X509Certificate } from "crypto";
import * as fs from "fs";
import * as os from "os";
import * as path from "path";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, describe, expect, it, vi } from "vitest";
import { readSettings } from "../../components";
import { Made, newCa, newLeaf } from "./support/certificates";
import { Registered, reveal, run } from "./support/graph";
import { config } from "./support/stacks";

const directory = fs.mkdtempSync(path.join(os.tmpdir(), "otel-ha-"));
const keyFile = path.join(directory, "key");
fs.writeFileSync(keyFile, "not really a key\n");
afterAll(() => fs.rmSync(directory, { recursive: true }));

type Outputs = Record<string, pulumi.Input<unknown>>;

/** Runs index.ts, as the engine does for a stack. */
async function up(
    stack: "node1" | "node2",
    options: {
        preview?: boolean;
        changes?: Record<string, string>;
        stacks?: Record<string, Record<string, unknown>>;
    } = {},
): Promise<{ outputs: Outputs; resources: Registered[] }> {
    const module = (await import("../../index")) as unknown as { default: () => Promise<Outputs> };
    const graph = await run(() => module.default(), {
        stack,
        preview: options.preview,
        config: config(stack, { sshPrivateKeyFile: keyFile, ...options.changes }),
        stacks: options.stacks,
    });
    return { outputs: graph.result, resources: graph.resources };
}

const OWNER = "organization/otel-ha/node1";
const SHARED = {
    objectStoreRootPassword: "root-of-node1",
    lokiObjectStoreSecret: "loki-of-node1",
    thanosSidecarObjectStoreSecret: "sidecar-of-node1",
    thanosStoreObjectStoreSecret: "store-of-node1",
    thanosCompactorObjectStoreSecret: "compactor-of-node1",
    vrrpPassword: "vrrp-of1",
    haproxyStatsPassword: "stats-of-node1",
    queryPassword: "queries-of-node1",
};
const PUBLISHED = { ...SHARED, otlpTokens: {} };
/** What the second stack reads of the first. */
const owner = async (more: object = {}): Promise<Record<string, Record<string, unknown>>> => {
    const ca = await newCa("otel-ha CA 1");
    const authority = { ...ca, trusted: ca.certificate };
    return { [OWNER]: { sharedCredentials: { ...PUBLISHED, authority, ...more } } };
};
const stdinOf = (resources: Registered[], name: string): string =>
    resources.find((one) => one.type === "command:remote:Command" && one.name === name)?.inputs.stdin as string;

describe("pulumi up of the first stack", () => {
    it("tells where everything is, and the password of the statistics as a secret", async () => {
        const { outputs } = await up("node1");
        expect(outputs).toMatchObject({
            otlpHttp: "https://192.168.110.140:4318",
            otlpGrpc: "192.168.110.140:4317",
            prometheus: "https://192.168.110.214:9090",
            loki: "https://192.168.110.214:3100",
            haproxyStats: "https://192.168.110.214:8404/stats",
            haproxyStatsUser: "admin",
        });
        const password = await reveal(outputs.haproxyStatsPassword);
        expect(password).toEqual({ value: "made for credentials-haproxyStatsPassword", secret: true });
        const containers = await reveal(outputs.containers as pulumi.Input<string[]>);
        expect(containers.value).toHaveLength(10);
    });

    it("makes the credentials and publishes them for the other stack, as secrets", async () => {
        const { outputs, resources } = await up("node1");
        expect(resources.filter((one) => one.type.startsWith("random:"))).toHaveLength(8);
        const shared = await reveal(outputs.sharedCredentials);
        expect(Object.keys(shared.value as object).sort()).toEqual([...Object.keys(PUBLISHED), "authority"].sort());
        expect(shared.secret).toBe(true);
    });

    it("takes a credential that the configuration gives", async () => {
        const { resources } = await up("node1", { changes: { vrrpPassword: "hunter22" } });
        expect(stdinOf(resources, "mid-1-keepalived-authentication.conf")).toContain("auth_pass hunter22\n");
        expect(resources.filter((one) => one.type.startsWith("random:"))).toHaveLength(7);
    });
});

describe("pulumi up of the second stack", () => {
    it("uses the credentials of the first, makes none and publishes none", async () => {
        const { outputs, resources } = await up("node2", { stacks: await owner() });
        expect(resources.filter((one) => one.type.startsWith("random:"))).toEqual([]);
        expect(outputs).not.toHaveProperty("sharedCredentials");
        expect(stdinOf(resources, "mid-2-keepalived-authentication.conf")).toContain("auth_pass vrrp-of1\n");
        expect(stdinOf(resources, "mid-2-minio-root.env")).toContain("MINIO_ROOT_PASSWORD=root-of-node1\n");
        const file = resources.find((one) => one.name === "mid-2-loki-credentials" && one.custom);
        expect(file?.secrets).toContain("stdin");
    });

    it("previews before the first stack exists, and says that the credentials are not known", async () => {
        const warn = vi.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
        const { resources } = await up("node2", { preview: true });
        expect(resources.filter((one) => one.type === "docker:index/container:Container")).toHaveLength(9);
        expect(warn.mock.calls.map(([text]) => text)).toEqual([
            expect.stringMatching(/^objectStore: pooled/),
            'stack "node1" has not published its credentials yet: unknown in this preview',
        ]);
        warn.mockRestore();
    });
});

describe("pulumi up with tls: off", () => {
    const off = { tls: "off" };

    it("tells addresses without TLS, makes no certificates, and needs no CA of the first stack", async () => {
        const { outputs, resources } = await up("node1", { changes: off });
        expect(outputs).toMatchObject({
            otlpHttp: "http://192.168.110.140:4318",
            prometheus: "http://192.168.110.214:9090",
            loki: "http://192.168.110.214:3100",
            haproxyStats: "http://192.168.110.214:8404/stats",
        });
        for (const name of ["caCertificate", "certificates"]) expect(outputs).not.toHaveProperty(name);
        const shared = await reveal(outputs.sharedCredentials);
        expect(Object.keys(shared.value as object).sort()).toEqual(Object.keys(PUBLISHED).sort());
        const second = await up("node2", { changes: off, stacks: { [OWNER]: { sharedCredentials: PUBLISHED } } });
        for (const { type } of [...resources, ...second.resources]) expect(type).not.toMatch(/^tls:/);
    });

    it("is warned of in a preview", async () => {
        const warn = vi.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
        await up("node1", { preview: true, changes: off });
        expect(warn.mock.calls.map(([text]) => text)).toEqual([
            expect.stringMatching(/^objectStore: pooled/),
            expect.stringMatching(/^tls: off/),
        ]);
        warn.mockRestore();
    });
});

describe("pulumi up with tls: internal", () => {
    const CERTIFICATES = "tls:index/locallySignedCert:LocallySignedCert";
    const internal = { otlpTokens: "shop" };

    it("publishes https, the CA, and when certificates end; keys and tokens are secrets", async () => {
        const { outputs, resources } = await up("node1", { changes: internal });
        expect(outputs).toMatchObject({
            otlpHttp: "https://192.168.110.140:4318",
            loki: "https://192.168.110.214:3100",
            objectStore: "https://192.168.110.214:9000",
            queryUser: "query",
        });
        const ca = await reveal(outputs.caCertificate as pulumi.Input<string>);
        expect(ca.secret).toBe(false);
        expect(new X509Certificate(ca.value).ca).toBe(true);
        const certificates = await reveal(outputs.certificates);
        expect(certificates).toMatchObject({ secret: false, value: { peer: { generation: 1 } } });
        expect(await reveal(outputs.otlpTokens)).toEqual({
            value: { shop: "made for credentials-otlpToken-shop" },
            secret: true,
        });
        expect((await reveal(outputs.queryPassword)).secret).toBe(true);
        const shared = await reveal(outputs.sharedCredentials as pulumi.Input<{ authority: { certificate: string } }>);
        expect(shared.secret).toBe(true);
        expect(shared.value.authority.certificate).toBe(ca.value);
        const made = resources.filter(({ type }) => type === CERTIFICATES).map(({ name }) => name);
        expect(made.sort()).toEqual(
            ["clients", "objectStore", "peer"].map((purpose) => `mid-1-certificate-${purpose}`),
        );
    });

    it("makes no certificate for an object store that is elsewhere", async () => {
        const { resources } = await up("node1", {
            changes: {
                objectStore: "external",
                objectStoreEndpoint: "s3.example:443",
                lokiObjectStoreSecret: "secret-of-loki",
                thanosSidecarObjectStoreSecret: "secret-of-thanos",
                thanosStoreObjectStoreSecret: "secret-of-thanos",
                thanosCompactorObjectStoreSecret: "secret-of-thanos",
            },
        });
        expect(resources.filter(({ type }) => type === CERTIFICATES)).toHaveLength(2);
    });

    it("signs the second node's with the CA of the first, and takes its tokens", async () => {
        const stacks = await owner({ otlpTokens: { shop: ["token-of-node1", "older-token"] } });
        const { authority: ca } = stacks[OWNER]!.sharedCredentials as { authority: Made };
        const { outputs, resources } = await up("node2", { changes: internal, stacks });
        expect(resources.filter(({ type }) => /selfSignedCert|random/.test(type))).toEqual([]);
        const signed = resources.filter(({ type }) => type === CERTIFICATES);
        expect(signed).toHaveLength(3);
        for (const { inputs, secrets } of signed) {
            expect(inputs).toMatchObject({ caCertPem: ca.certificate, caPrivateKeyPem: ca.key });
            expect(secrets).toContain("caPrivateKeyPem");
        }
        expect(await reveal(outputs.caCertificate)).toEqual({ value: ca.certificate, secret: false });
        expect(await reveal(outputs.otlpTokens)).toEqual({ value: { shop: "token-of-node1" }, secret: true });
    });

    it("takes a token of a first stack that was brought up before there could be two of a sender", async () => {
        const { outputs } = await up("node2", {
            changes: internal,
            stacks: await owner({ otlpTokens: { shop: "token-of-node1" } }),
        });
        expect(await reveal(outputs.otlpTokens)).toEqual({ value: { shop: "token-of-node1" }, secret: true });
    });

    it("previews the second node while the first has no CA yet, and says so", async () => {
        const warn = vi.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
        const stacks = { [OWNER]: { sharedCredentials: PUBLISHED } };
        const { resources } = await up("node2", { preview: true, changes: internal, stacks });
        expect(resources.filter(({ type }) => type === "docker:index/container:Container")).toHaveLength(9);
        expect(warn.mock.calls.map(([text]) => text)).toContain(
            'stack "node1" has not published its CA yet: unknown in this preview',
        );
        warn.mockRestore();
    });
});

describe("pulumi up with tls: provided", () => {
    it("makes no certificates, and publishes the CA that is given", async () => {
        const ca = await newCa();
        const leaf = await newLeaf(ca);
        const changes = {
            tls: "provided",
            tlsCaCertificate: ca.certificate,
            tlsCertificate: leaf.certificate,
            tlsKey: leaf.key,
        };
        const { outputs, resources } = await up("node1", { changes });
        expect(resources.filter(({ type }) => type.startsWith("tls:"))).toEqual([]);
        expect(outputs.caCertificate).toBe(ca.certificate);
        const notAfter = new Date(new X509Certificate(leaf.certificate).validTo).toISOString();
        expect(outputs.certificates).toEqual({ clients: { notAfter }, peer: { notAfter }, objectStore: { notAfter } });
    });

    it("ends when what is given has ended", async () => {
        const ca = await newCa();
        const leaf = await newLeaf(ca, { hours: 0 });
        const changes = {
            tls: "provided",
            tlsCaCertificate: ca.certificate,
            tlsCertificate: leaf.certificate,
            tlsKey: leaf.key,
        };
        await expect(up("node1", { changes })).rejects.toThrow(/tlsCertificate: has ended on .* give a new one/);
    });
});

describe("a bad configuration", () => {
    const bad = { role: "LEADER", vip: "192.168.110.214", vrrpPasword: "hunter22" };

    it("ends the run with all problems and no stack trace, before anything is registered", async () => {
        const { result, resources } = await run(
            () => {
                try {
                    readSettings();
                } catch (error) {
                    return error as Error;
                }
                return undefined;
            },
            { config: config("node1", bad) },
        );
        // The engine prints a RunError's message and nothing else.
        expect(pulumi.RunError.isInstance(result)).toBe(true);
        expect(result?.message.split("\n")).toEqual([
            '3 settings of stack "node1" cannot be used; nothing was touched:',
            '  vrrpPasword: is not a setting of this program; did you mean "vrrpPassword"?',
            '  role: "LEADER" is not a role; write MASTER or BACKUP',
            expect.stringMatching(/^ {2}vip: "192\.168\.110\.214" is this node's own address/),
        ]);
        expect(resources).toEqual([]);
    });

    it("that waits for its own credentials is told at once rather than after waiting for them", async () => {
        await expect(up("node1", { changes: { credentialsStack: "node1" } })).rejects.toThrow(
            'credentialsStack: "node1" is this stack itself; write "" in the stack that owns the credentials',
        );
    });

    it("of the SSH key file ends an up; a preview, which runs where the key is not, goes on and says so", async () => {
        const changes = { sshPrivateKeyFile: path.join(directory, "absent") };
        const message = `sshPrivateKeyFile: "${changes.sshPrivateKeyFile}" cannot be read (ENOENT); write the file of the key that the hosts accept, or "" to use the SSH agent`;
        await expect(up("node1", { changes })).rejects.toThrow(message);
        const warn = vi.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
        const { resources } = await up("node1", { changes, preview: true });
        expect(resources.length).toBeGreaterThan(40);
        expect(warn.mock.calls.map(([text]) => text)).toEqual([expect.stringMatching(/^objectStore: pooled/), message]);
        warn.mockRestore();
    });
});
