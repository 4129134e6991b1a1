// Certificates over months: the program's part that makes them, on the small engine, with a clock that the test moves.
import { execFile } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import * as fs from "node:fs";
import { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import * as tls from "node:tls";
import * as esbuild from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { newCa, newLeaf } from "./support/certificates";
import { config, ROOT, StackName, STACKS } from "./support/stacks";

const DAY_MS = 86_400_000;

// index.ts without the node: what it does to a host is not what is asked here.
const PROGRAM = `
const pulumi = require("@pulumi/pulumi");
const { ownSecrets, published, readSettings, sharedSecrets, stackTls } = require("./components.cjs");
module.exports = async () => {
    const { values, ...settings } = readSettings();
    const owner = settings.credentialsStack;
    const secrets = owner ? await sharedSecrets(owner, settings.shared) : ownSecrets(settings.own);
    const { node, outputs } = (await stackTls(values, secrets.authority)) ?? {};
    // Fails when the certificates are there and the outputs are not.
    if (process.env.TEST_FAILS) {
        const nowhere = pulumi.output(node).apply(() => "organization/otel-ha/nowhere");
        return { ...outputs, never: new pulumi.StackReference("broken", { name: nowhere }).outputs };
    }
    return { ...outputs, node, ...(owner ? {} : { sharedCredentials: published(secrets) }) };
};`;

// As if the deployer's clock said another time: for the engine, the provider and the program.
const CLOCK = `
const offset = Number(process.env.TEST_CLOCK_OFFSET_MS || 0);
const RealDate = Date;
globalThis.Date = class Date extends RealDate {
    constructor(...args) { super(...(args.length ? args : [RealDate.now() + offset])); }
    static now() { return RealDate.now() + offset; }
};`;

interface Outputs {
    caCertificate: string;
    certificates: Record<string, { notAfter: string; generation: number }>;
    node: { trusted: string } & Record<"clients" | "peer" | "objectStore", { certificate: string; key: string }>;
}

const project = fs.mkdtempSync(path.join(os.tmpdir(), "otel-ha-renewal-"));
const state = path.join(project, "state");
afterAll(() => fs.rmSync(project, { recursive: true }));

interface When {
    days?: number;
    fails?: boolean;
    /** Standard input. */
    input?: string;
}

function pulumi(
    args: string[],
    { days = 0, fails = false, input = "" }: When = {},
): Promise<{ code: number | null; text: string }> {
    const env = {
        ...process.env,
        PULUMI_BACKEND_URL: `file://${state}`,
        PULUMI_HOME: state,
        PULUMI_CONFIG_PASSPHRASE: "passphrase",
        NODE_OPTIONS: `--require ${path.join(project, "clock.cjs")}`,
        TEST_CLOCK_OFFSET_MS: String(days * DAY_MS),
        TEST_FAILS: fails ? "1" : "",
    };
    return new Promise((done) => {
        const child = execFile(
            path.join(ROOT, "lab/bin/pulumi"),
            args,
            { cwd: project, env, maxBuffer: 2 ** 26 },
            (_error, stdout, stderr) => done({ code: child.exitCode, text: stdout + stderr }),
        );
        child.stdin!.end(input);
    });
}

async function must(args: string[], when?: When): Promise<string> {
    const { code, text } = await pulumi(args, when);
    expect(code, text).toBe(0);
    return text;
}

const up = (stack: StackName, when?: When): Promise<string> =>
    must(["up", "--yes", "--skip-preview", "--stack", stack], when);
const outputs = async (stack: StackName): Promise<Outputs> =>
    JSON.parse(await must(["stack", "output", "--json", "--show-secrets", "--stack", stack])) as Outputs;

function configure(stack: StackName, changes: Record<string, string>): void {
    const file = path.join(project, `Pulumi.${stack}.yaml`);
    const settings = parse(fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "{}") as Record<string, unknown>;
    const all = Object.entries(config(stack, { tls: "internal", sshPrivateKeyFile: "", ...changes }));
    settings.config = Object.fromEntries(all.map(([key, value]) => [`otel-ha:${key}`, value]));
    fs.writeFileSync(file, stringify(settings));
}

/** Resources of a stack's state, by name. */
async function recorded(stack: StackName): Promise<Record<string, Record<string, unknown>>> {
    const { deployment } = JSON.parse(await must(["stack", "export", "--show-secrets", "--stack", stack])) as {
        deployment: { resources: { urn: string; delete?: boolean; outputs?: Record<string, unknown> }[] };
    };
    // What was replaced by a run that failed is still there, too.
    const current = deployment.resources.filter((one) => !one.delete);
    return Object.fromEntries(current.map(({ urn, outputs: made }) => [urn.split("::").at(-1)!, made ?? {}]));
}

beforeAll(async () => {
    const write = (file: string, text: string): void => fs.writeFileSync(path.join(project, file), text);
    fs.mkdirSync(state);
    write("Pulumi.yaml", "name: otel-ha\nruntime: {name: nodejs, options: {typescript: false}}\n");
    write("package.json", JSON.stringify({ name: "otel-ha", main: "index.js" }));
    write("index.js", PROGRAM);
    write("clock.cjs", CLOCK);
    fs.symlinkSync(path.join(ROOT, "node_modules"), path.join(project, "node_modules"));
    esbuild.buildSync({
        entryPoints: [path.join(ROOT, "components/index.ts")],
        outfile: path.join(project, "components.cjs"),
        bundle: true,
        platform: "node",
        packages: "external",
    });
    for (const stack of STACKS) {
        await must(["stack", "init", stack]);
        configure(stack, {});
    }
}, 120_000);

/** What each end sees of the other one. */
async function handshake(
    server: tls.TlsOptions,
    client: tls.ConnectionOptions,
): Promise<Record<"client" | "server", string>> {
    const listening = tls.createServer({ requestCert: true, rejectUnauthorized: true, ...server });
    await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
    const name = (socket: tls.TLSSocket): string => socket.getPeerCertificate().subject.CN;
    const { port } = listening.address() as AddressInfo;
    try {
        return await new Promise((resolve, reject) => {
            let seen = "";
            listening.on("tlsClientError", reject);
            listening.on("secureConnection", (socket) => {
                seen = name(socket);
                socket.end("x");
            });
            const socket: tls.TLSSocket = tls.connect({ port, host: "127.0.0.1", ...client });
            socket.on("error", reject);
            socket.on("data", () => resolve({ client: seen, server: name(socket) }));
        });
    } finally {
        listening.close();
    }
}

const TLS_STEPS = /tls:index:(PrivateKey|CertRequest|LocallySignedCert)/;

describe("certificates, one after the other", { timeout: 240_000 }, () => {
    let first: Outputs;

    it("are made by the first up, even when it fails, and by no other", async () => {
        const { code, text } = await pulumi(["up", "--yes", "--skip-preview", "--stack", "node1"], { fails: true });
        expect(code, text).not.toBe(0);
        const made = (await recorded("node1"))["mid-1-certificate-peer"]!.certPem;
        await up("node1");
        first = await outputs("node1");
        expect(first.node.peer.certificate).toBe(made);
        expect(first.certificates.peer!.generation).toBe(1);
        expect(Object.keys(first.certificates)).toEqual(["clients", "objectStore", "peer"]);
        await must(["preview", "--expect-no-changes", "--stack", "node1"]);
        await up("node1", { days: 59 });
        expect(await outputs("node1")).toEqual(first);
    });

    it("of both nodes are signed by the one CA, and each believes the other", async () => {
        await up("node2");
        const second = await outputs("node2");
        expect(second.caCertificate).toBe(first.caCertificate);
        const end = ({ node }: Outputs) => ({ cert: node.peer.certificate, key: node.peer.key, ca: node.trusted });
        expect(await handshake(end(second), { ...end(first), servername: "mid-2" })).toEqual({
            client: "mid-1",
            server: "mid-2",
        });
        await expect(handshake(end(second), { ...end(first), servername: "mid-1" })).rejects.toThrow("mid-1");
        const { cert, key, ca } = { ...end(first), cert: first.node.clients.certificate, key: first.node.clients.key };
        await expect(handshake(end(second), { cert, key, ca, servername: "mid-2" })).rejects.toThrow();
    });

    it("that end within certificateRenewBefore are shown by a preview, which changes nothing", async () => {
        const text = await must(["preview", "--stack", "node1"], { days: 61 });
        expect(text.split("\n").filter((line) => TLS_STEPS.test(line) && /replace/.test(line))).toHaveLength(9);
        expect(text).not.toMatch(/SelfSignedCert.*replace/);
        expect(await outputs("node1")).toEqual(first);
    });

    it("are renewed once, even when the up that does so fails", async () => {
        const { code, text } = await pulumi(["up", "--yes", "--skip-preview", "--stack", "node1"], {
            days: 61,
            fails: true,
        });
        expect(code, text).not.toBe(0);
        expect((await outputs("node1")).certificates).toEqual(first.certificates);
        const renewed = (await recorded("node1"))["mid-1-certificate-clients"]!.certPem;
        expect(renewed).not.toBe(first.node.clients.certificate);

        await up("node1", { days: 61 });
        const { certificates, node, caCertificate } = await outputs("node1");
        expect(node.clients.certificate).toBe(renewed);
        expect(caCertificate).toBe(first.caCertificate);
        const ca = new X509Certificate(caCertificate);
        for (const purpose of ["clients", "peer", "objectStore"] as const) {
            expect(certificates[purpose]!.generation).toBe(2);
            const days = (Date.parse(certificates[purpose]!.notAfter) - Date.now()) / DAY_MS;
            expect(days).toBeCloseTo(61 + 90, 0);
            const leaf = new X509Certificate(node[purpose].certificate);
            expect(Date.parse(leaf.validTo)).toBeCloseTo(Date.parse(certificates[purpose]!.notAfter), -4);
            expect(leaf.checkIssued(ca) && leaf.verify(ca.publicKey)).toBe(true);
            expect(node[purpose].key).not.toBe(first.node[purpose].key);
            expect(leaf.checkPrivateKey(createPrivateKey(node[purpose].key))).toBe(true);
        }
        await must(["preview", "--expect-no-changes", "--stack", "node1"], { days: 61 });
    });

    it("are made anew for another address, and for a shorter time, but the CA stays", async () => {
        const before = await outputs("node1");
        configure("node1", {
            vip: "192.168.110.141",
            certificateLifetime: "2h",
            certificateRenewBefore: "1h",
            caLifetime: "20d",
        });
        await up("node1", { days: 61 });
        const { certificates, node, caCertificate } = await outputs("node1");
        expect(caCertificate).toBe(before.caCertificate);
        expect(new X509Certificate(node.clients.certificate).checkIP("192.168.110.141")).toBe("192.168.110.141");
        const hours = (Date.parse(certificates.peer!.notAfter) - Date.now() - 61 * DAY_MS) / 3_600_000;
        expect(hours).toBeGreaterThan(1.9);
        expect(hours).toBeLessThanOrEqual(2);
    });

    it("of a CA that ends within a year come with a warning", async () => {
        expect(await up("node1", { days: 3300 })).toMatch(
            /the CA ends on 20\d\d-\d\d-\d\d, and every certificate with it/,
        );
    });

    it("may be given instead, from files of many lines, the key as a secret", async () => {
        const ca = await newCa();
        const leaf = await newLeaf(ca);
        const given = { tlsCaCertificate: ca.certificate, tlsCertificate: leaf.certificate, tlsKey: leaf.key };
        configure("node1", {});
        await must(["config", "set", "tls", "provided", "--stack", "node1"]);
        for (const [key, text] of Object.entries(given))
            await must(["config", "set", key, ...(key === "tlsKey" ? ["--secret"] : []), "--stack", "node1"], {
                input: text,
            });
        expect(fs.readFileSync(path.join(project, "Pulumi.node1.yaml"), "utf8")).not.toContain(leaf.key.split("\n")[1]);
        await up("node1");
        const { node, caCertificate } = await outputs("node1");
        expect(caCertificate).toBe(ca.certificate);
        expect(node.clients).toEqual({ certificate: leaf.certificate, key: leaf.key });
    });

    it("go with tls: off, and begin again without it", async () => {
        configure("node1", { tls: "off" });
        await up("node1");
        expect(await outputs("node1")).not.toHaveProperty("certificates");
        expect(Object.keys(await recorded("node1")).filter((name) => name.startsWith("mid-1-certificate"))).toEqual([]);
        configure("node1", {});
        await up("node1");
        expect((await outputs("node1")).certificates.clients!.generation).toBe(1);
    });
});
