// The program's part that makes certificates, as two stacks on the small engine, with a clock that the test moves.
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import * as tls from "node:tls";
import * as esbuild from "esbuild";
import { expect } from "vitest";
import { parse, stringify } from "yaml";
import { Backend } from "../../../lab/engine/backend";
import { readStackOutputs } from "../../../lab/engine/stack";
import { encodeMap } from "../../../lab/engine/values";
import { AnyStackName, changedConfig, ROOT, STACKS } from "./stacks";

export const DAY_MS = 86_400_000;
const PASSPHRASE = "passphrase";

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

// As start.cjs does: loading the whole SDK, and a stack trace for each promise, would cost each run a second and more.
const START = `
Error.stackTraceLimit = 0;
Error.prepareStackTrace = undefined;
module.exports = require(${JSON.stringify(path.join(ROOT, "bundle.cjs"))}).load(require.resolve("./program.js"));`;

// As if the deployer's clock said another time: for the engine, the provider and the program.
const CLOCK = `
const offset = Number(process.env.TEST_CLOCK_OFFSET_MS || 0);
const RealDate = Date;
globalThis.Date = class Date extends RealDate {
    constructor(...args) { super(...(args.length ? args : [RealDate.now() + offset])); }
    static now() { return RealDate.now() + offset; }
};`;

/** What a stack whose node has certificates for these purposes publishes. */
export interface Outputs<P extends string = "clients" | "peer" | "objectStore"> {
    caCertificate: string;
    certificates: Record<string, { notAfter: string; generation: number }>;
    certificateGenerations: { accepted: number[]; issuing: number; leaves: number };
    node: { trusted: string } & Record<P, { certificate: string; key: string }>;
}

export interface When {
    days?: number;
    fails?: boolean;
    /** Standard input. */
    input?: string;
}

/** A project of its own, with the stacks of a system. */
export class CertificateStacks {
    private readonly project = fs.mkdtempSync(path.join(os.tmpdir(), "otel-ha-certificates-"));
    private readonly state = path.join(this.project, "state");
    private readonly backend = `file://${this.state}`;

    constructor(private readonly names: AnyStackName[] = STACKS) {}

    async create(): Promise<void> {
        const write = (file: string, text: string): void => fs.writeFileSync(path.join(this.project, file), text);
        fs.mkdirSync(this.state);
        write("Pulumi.yaml", "name: otel-ha\nruntime: {name: nodejs, options: {typescript: false}}\n");
        write("package.json", JSON.stringify({ name: "otel-ha", main: "index.js" }));
        write("index.js", START);
        write("program.js", PROGRAM);
        write("clock.cjs", CLOCK);
        fs.symlinkSync(path.join(ROOT, "node_modules"), path.join(this.project, "node_modules"));
        esbuild.buildSync({
            entryPoints: [path.join(ROOT, "components/index.ts")],
            outfile: path.join(this.project, "components.cjs"),
            bundle: true,
            platform: "node",
            packages: "external",
        });
        for (const stack of this.names) {
            await this.must(["stack", "init", stack]);
            this.configure(stack, {});
        }
    }

    remove(): void {
        fs.rmSync(this.project, { recursive: true });
    }

    run(
        args: string[],
        { days = 0, fails = false, input = "" }: When = {},
    ): Promise<{ code: number | null; text: string }> {
        const env = {
            ...process.env,
            PULUMI_BACKEND_URL: this.backend,
            PULUMI_HOME: this.state,
            PULUMI_CONFIG_PASSPHRASE: PASSPHRASE,
            NODE_OPTIONS: `--require ${path.join(this.project, "clock.cjs")}`,
            TEST_CLOCK_OFFSET_MS: String(days * DAY_MS),
            TEST_FAILS: fails ? "1" : "",
        };
        return new Promise((done) => {
            const child = execFile(
                path.join(ROOT, "lab/bin/pulumi"),
                args,
                { cwd: this.project, env, maxBuffer: 2 ** 26 },
                (_error, stdout, stderr) => done({ code: child.exitCode, text: stdout + stderr }),
            );
            child.stdin!.end(input);
        });
    }

    async must(args: string[], when?: When): Promise<string> {
        const { code, text } = await this.run(args, when);
        expect(code, text).toBe(0);
        return text;
    }

    up(stack: AnyStackName, when?: When): Promise<string> {
        return this.must(["up", "--yes", "--skip-preview", "--stack", stack], when);
    }

    async outputs<P extends string = "clients" | "peer" | "objectStore">(stack: AnyStackName): Promise<Outputs<P>> {
        // As `stack output --json --show-secrets`, without a process for it.
        process.env.PULUMI_CONFIG_PASSPHRASE = PASSPHRASE;
        const outputs = encodeMap(await readStackOutputs(new Backend(this.backend), "otel-ha", stack), false);
        return JSON.parse(JSON.stringify(outputs)) as Outputs<P>;
    }

    /** Settings besides the shipped ones; what was set so before is gone. */
    configure(stack: AnyStackName, changes: Record<string, unknown>): void {
        const file = path.join(this.project, `Pulumi.${stack}.yaml`);
        const settings = parse(fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "{}") as Record<string, unknown>;
        const all = { ...changedConfig(stack, { tls: "internal", sshPrivateKeyFile: "" }), ...changes };
        settings.config = Object.fromEntries(Object.entries(all).map(([key, value]) => [`otel-ha:${key}`, value]));
        fs.writeFileSync(file, stringify(settings));
    }

    /** The text of a stack's settings. */
    settingsOf(stack: AnyStackName): string {
        return fs.readFileSync(path.join(this.project, `Pulumi.${stack}.yaml`), "utf8");
    }

    /** Resources of a stack's state, by name. */
    async recorded(stack: AnyStackName): Promise<Record<string, Record<string, unknown>>> {
        const { deployment } = JSON.parse(await this.must(["stack", "export", "--show-secrets", "--stack", stack])) as {
            deployment: { resources: { urn: string; delete?: boolean; outputs?: Record<string, unknown> }[] };
        };
        // What was replaced by a run that failed is still there, too.
        const current = deployment.resources.filter((one) => !one.delete);
        return Object.fromEntries(current.map(({ urn, outputs: made }) => [urn.split("::").at(-1)!, made ?? {}]));
    }
}

/** What a node shows to the other one, and whom it believes, as an end of a connection. */
export const peerEnd = ({ node }: Outputs): { cert: string; key: string; ca: string } => ({
    ...{ cert: node.peer.certificate, key: node.peer.key, ca: node.trusted },
});

/** What each end sees of the other one. */
export async function handshake(
    server: tls.TlsOptions,
    client: tls.ConnectionOptions,
): Promise<Record<"client" | "server", string>> {
    const listening = tls.createServer({ requestCert: true, rejectUnauthorized: true, ...server });
    await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
    // A client need not have one.
    const name = (socket: tls.TLSSocket): string => socket.getPeerCertificate().subject?.CN ?? "";
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
