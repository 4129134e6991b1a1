import { spawn } from "child_process";
import * as fs from "fs";
import * as os from "os";
import * as path from "path";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ContainerService, Host, RemoteFile } from "../../components";
import { COMMAND } from "../../components/policy/command-rules";
import { CONTAINER, IMAGE } from "../../components/policy/container-rules";
import { judge } from "../../components/policy/enforce";
import { Asked, violations } from "../../components/policy/model";
import { MANDATORY, RULES } from "../../components/policy/rules";
import { secretValues, STACK_RULES, StackView } from "../../components/policy/stack-rules";
import { asAsked, asking, programResources } from "./support/asked";
import { Registered, run } from "./support/graph";
import { HOST_KEY, ROOT, STACKS, valuesOf } from "./support/stacks";

const MODES = ["pooled", "mirrored", "external"];
const external = {
    objectStoreEndpoint: "s3.example:443",
    lokiObjectStoreSecret: "given-for-loki",
    thanosSidecarObjectStoreSecret: "given-for-thanos-sidecar",
    thanosStoreObjectStoreSecret: "given-for-thanos-store",
    thanosCompactorObjectStoreSecret: "given-for-thanos-compactor",
};
const changesOf = (objectStore: string): Record<string, string> => ({
    objectStore,
    ...(objectStore === "external" ? external : {}),
});
const cases = STACKS.flatMap((stack) => MODES.map((mode) => ({ stack, mode })));

const RESOURCES = new Map<string, Registered[]>();
const resourcesOf = (stack: string, mode: string): Registered[] => RESOURCES.get(`${stack} ${mode}`)!;

beforeAll(async () => {
    for (const { stack, mode } of cases)
        RESOURCES.set(`${stack} ${mode}`, await programResources(stack, changesOf(mode)));
}, 120_000);

const stackFindings = (rule: string, stack: StackView): string[] =>
    STACK_RULES.find(({ name }) => name === rule)!
        .check(stack)
        .map(({ about, message }) => (about ? `${about.name}: ${message}` : message));

describe.each(cases)("the program of $stack with a store that is $mode", ({ stack, mode }) => {
    it("breaks no rule", () => {
        const resources = resourcesOf(stack, mode).map(asAsked);
        expect(resources.filter(({ type }) => type === CONTAINER).length).toBeGreaterThanOrEqual(8);
        expect(resources.flatMap((asked) => violations(MANDATORY, asked))).toEqual([]);
    });

    it("shows none of its secrets, whether they are marked or not", () => {
        const resources = resourcesOf(stack, mode).map((one) => ({ ...asAsked(one), marked: [] }));
        const settings = valuesOf(stack, changesOf(mode));
        const secrets = [...secretValues({ resources, settings }), "made for haproxyStatsPassword", "vrrp-one"];
        const rules = RULES.filter((rule) => rule.secrets === "values");
        expect(resources.flatMap((asked) => violations(rules, { ...asked, secrets }))).toEqual([]);
    });

    it("has one compactor for a bucket", () => {
        const view = { resources: resourcesOf(stack, mode).map(asAsked), settings: valuesOf(stack, changesOf(mode)) };
        expect(stackFindings("one-compactor", view)).toEqual([]);
    });
});

describe("the program with tls: internal", () => {
    it("shows no key and no token, whether they are marked or not", async () => {
        const changes = { tls: "internal", otlpTokens: "shop" };
        const resources = (await programResources("node1", changes)).map((one) => ({ ...asAsked(one), marked: [] }));
        const secrets = secretValues({ resources, settings: valuesOf("node1", changes) });
        const signs = resources.find(({ type }) => type.endsWith(":LocallySignedCert"))!;
        expect(secrets).toContain((signs.inputs.caPrivateKeyPem as string).trim());
        const rules = RULES.filter((rule) => rule.secrets === "values");
        expect(resources.flatMap((asked) => violations(rules, { ...asked, secrets }))).toEqual([]);
    });

    it("is what a rule asks for", () => {
        const of = (tls: string): string[] =>
            stackFindings("tls-on", { resources: [], settings: valuesOf("node1", { tls }) });
        expect(of("internal")).toEqual([]);
        expect(of("off")).toEqual(['tls is "off"; write internal, or provided with certificates of yours']);
    });
});

describe("the components", () => {
    const types = [...new Set(RULES.flatMap((rule) => rule.types))];

    /** What a program makes on hosts, and of what the rules were asked. */
    async function asked(program: () => Promise<Registered[]>): Promise<{ made: string[]; seen: string[] }> {
        const seen = new Set<string>();
        const about = { name: "probe", severity: "mandatory", types, reads: [], description: "", why: "" } as const;
        MANDATORY.push({ ...about, reads: [], check: ({ name }) => (seen.add(name), []) });
        try {
            const made = (await program()).filter((one) => types.includes(one.type)).map(({ name }) => name);
            return { made: made.sort(), seen: [...seen].sort() };
        } finally {
            MANDATORY.pop();
        }
    }

    it("ask the rules about everything that they make on a host", async () => {
        const { made, seen } = await asked(() => programResources("node1"));
        expect(made.length).toBeGreaterThan(40);
        expect(seen).toEqual(made);
    });

    it("do so one by one, too", async () => {
        const program = (): Promise<Registered[]> =>
            run(() => {
                const host = new Host("web", { address: "10.0.0.7", hostKey: HOST_KEY, requirements: [] });
                new RemoteFile("web-motd", { host, path: "/etc/motd", content: "hello\n" });
                const spec = {
                    image: "nginx:1.29",
                    files: [],
                    mounts: [],
                    healthCheck: { command: "true" },
                    memoryLimit: "64MiB",
                };
                return new ContainerService("web-nginx", { ...spec, container: "nginx", host });
            }).then(({ resources }) => resources);
        const { made, seen } = await asked(program);
        const service = ["web-nginx", "web-nginx-image", "web-nginx-ready"];
        expect(made).toEqual(["web-docker", "web-motd", ...service, "web-setup"]);
        expect(seen).toEqual(made);
    });
});

describe("a verdict", () => {
    const image: Asked = { type: IMAGE, name: "web-image", inputs: { name: "loki:latest" } };
    const file: Asked = {
        type: COMMAND,
        name: "web-file",
        inputs: { connection: {}, create: "true", addPreviousOutputInEnv: false },
    };
    const connection = { hostKey: HOST_KEY };
    const verdict = (asked: Asked, props: object): Promise<unknown> =>
        judge(MANDATORY, asking(asked, props as Asked["inputs"])).then(
            () => "fine",
            (error: Error) => error,
        );

    it("is an error without a stack trace that lists all that is wrong with a resource", async () => {
        const error = await verdict(file, { connection: {}, create: pulumi.secret("mc --key abc") });
        expect(pulumi.RunError.isInstance(error)).toBe(true);
        expect((error as Error).message.split("\n")).toEqual([
            "web-file breaks 3 rules of docs/policies.md and is not touched:",
            expect.stringMatching(/^ {2}host-key: connection\.hostKey is missing; /),
            expect.stringMatching(/^ {2}no-secret-in-command: create holds a secret, /),
            "  no-previous-output: addPreviousOutputInEnv is not false; write false",
        ]);
    });

    it("reads outputs, and waits for none that a preview does not know", async () => {
        expect(await verdict(image, { name: pulumi.output("loki:latest") })).toBeInstanceOf(Error);
        expect(await verdict(image, { name: pulumi.output("loki:3.4.2") })).toBe("fine");
        expect(await verdict(image, { name: pulumi.output(pulumi.unknown) })).toBe("fine");
        const failed = pulumi.output(Promise.reject(new Error("its maker failed")));
        expect(await verdict(image, { name: failed })).toBe("fine");
    });

    it("does not wait for another resource, which may be refused itself, to say what is wrong", async () => {
        const never = pulumi.output(new Promise<string>(() => {}));
        const error = await verdict({ ...image, type: CONTAINER }, { image: never, privileged: true });
        expect((error as Error).message).toMatch(/\n {2}not-privileged: /);
    });

    it("finds a secret by its mark, however it got into the text", async () => {
        const key = pulumi.secret("abc");
        const inputs = { ...file.inputs, connection };
        for (const create of [
            key,
            pulumi.interpolate`mc --key ${key}`,
            pulumi.all([key]).apply(([text]) => `mc ${text}`),
        ])
            expect(await verdict(file, { ...inputs, create })).toBeInstanceOf(Error);
        const environment = { KEY: key };
        expect(await verdict(file, { ...inputs, environment })).toBeInstanceOf(Error);
        expect(await verdict(file, { ...inputs, create: "mc", stdin: key })).toBe("fine");
    });

    it("finds a secret of the configuration that has lost its mark", async () => {
        pulumi.runtime.setAllConfig({ "otel-ha:vrrpPassword": "hunter22", "otel-ha:vip": "10.0.0.99" }, [
            "otel-ha:vrrpPassword",
        ]);
        const inputs = { ...file.inputs, connection };
        expect(await verdict(file, { ...inputs, create: "echo hunter22" })).toBeInstanceOf(Error);
        expect(await verdict(file, { ...inputs, stdin: "auth_pass hunter22" })).toBeInstanceOf(Error);
        expect(await verdict(file, { ...inputs, stdin: pulumi.secret("auth_pass hunter22") })).toBe("fine");
        expect(await verdict(file, { ...inputs, create: "ping 10.0.0.99" })).toBe("fine");
        pulumi.runtime.setAllConfig({});
    });
});

describe("a stack", () => {
    const compactor = (name: string, source: string): Asked => ({
        type: CONTAINER,
        name,
        inputs: {
            command: ["compact", "--objstore.config-file=/etc/thanos/bucket.yml"],
            mounts: [{ source, target: "/etc/thanos" }],
        },
    });
    const file = (directory: string, bucket: string): Asked => ({
        type: COMMAND,
        name: `${directory}-bucket`,
        inputs: { create: `put-file --mode 0644 ${directory}/bucket.yml`, stdin: `bucket: ${bucket}\n` },
    });

    it("has two compactors only for two buckets", () => {
        const two = (one: string, other: string): string[] =>
            stackFindings("one-compactor", {
                resources: [file("/a", one), file("/b", other), compactor("first", "/a"), compactor("second", "/b")],
            });
        expect(two("blocks", "blocks")).toEqual(["second: compacts the bucket that first compacts; leave one out"]);
        expect(two("blocks", "others")).toEqual([]);
        const same = [compactor("first", "/a"), compactor("second", "/a")];
        expect(stackFindings("one-compactor", { resources: same })).toHaveLength(1);
    });

    it("of the BACKUP has no compactor for a bucket that both nodes share", () => {
        const resources = [compactor("mid-2-thanos-compactor", "/a")];
        expect(stackFindings("one-compactor", { resources, settings: valuesOf("node2") })).toEqual([
            'mid-2-thanos-compactor: compacts "thanos-metrics", which both nodes share (objectStore "pooled"), and this one is the BACKUP; leave it to the master\'s stack',
        ]);
        const mirrored = valuesOf("node2", { objectStore: "mirrored" });
        expect(stackFindings("one-compactor", { resources, settings: mirrored })).toEqual([]);
        expect(stackFindings("one-compactor", { resources, settings: valuesOf("node1") })).toEqual([]);
    });

    it("is told of the limits of its settings", () => {
        const limits = (mode: string): string[] =>
            stackFindings("known-limits", { resources: [], settings: valuesOf("node1", changesOf(mode)) });
        expect(limits("pooled")).toEqual([expect.stringMatching(/^objectStore: pooled over two hosts: /)]);
        expect(limits("mirrored")).toEqual([]);
        expect(stackFindings("known-limits", { resources: [] })).toEqual([]);
    });

    it("has secrets that were made, given, or read from the other stack", () => {
        const resources: Asked[] = [
            { type: "random:index/randomPassword:RandomPassword", name: "p", inputs: { result: "made-by-random" } },
            { type: "tls:index/privateKey:PrivateKey", name: "k", inputs: { privateKeyPem: "-----BEGIN KEY-----\n" } },
            {
                type: COMMAND,
                name: "c",
                inputs: { connection: { privateKey: "key-of-deployer", host: "10.0.0.7-long" } },
            },
            {
                type: "pulumi:pulumi:StackReference",
                name: "owner",
                inputs: {
                    outputs: { shared: { a: "of-the-owner" }, vip: "192.168.110.140" },
                    secretOutputNames: ["shared"],
                },
            },
        ];
        const settings = valuesOf("node1", { vrrpPassword: "hunter22" });
        expect(secretValues({ resources, settings }).sort()).toEqual([
            "-----BEGIN KEY-----",
            "hunter22",
            "key-of-deployer",
            "made-by-random",
            "of-the-owner",
        ]);
    });
});

describe("pulumi preview on the lab's engine", { timeout: 120_000 }, () => {
    const projects: string[] = [];
    afterAll(() => projects.forEach((project) => fs.rmSync(project, { recursive: true })));

    function makeProject(changes: Record<string, string>, program?: string): string {
        const project = fs.mkdtempSync(path.join(os.tmpdir(), "otel-ha-"));
        projects.push(project);
        const parts = ["start.cjs", "bundle.cjs", "package.json", "Pulumi.yaml", "Pulumi.node1.yaml", "components"];
        for (const part of [...parts, "templates", "index.ts"])
            fs.cpSync(path.join(ROOT, part), path.join(project, part), { recursive: true });
        const lines = Object.entries({ hostKey: HOST_KEY, sshPrivateKeyFile: "", ...changes }).map(
            ([key, value]) => `  otel-ha:${key}: "${value}"\n`,
        );
        fs.appendFileSync(path.join(project, "Pulumi.node1.yaml"), lines.join(""));
        if (program) fs.writeFileSync(path.join(project, "index.ts"), program);
        fs.symlinkSync(fs.realpathSync(path.join(ROOT, "node_modules")), path.join(project, "node_modules"));
        return project;
    }

    async function cli(project: string, ...args: string[]): Promise<{ code: number | null; said: string }> {
        const env = { ...process.env, PULUMI_BACKEND_URL: `file://${project}`, PULUMI_CONFIG_PASSPHRASE: "x" };
        const engine = path.join(ROOT, "lab/bin/pulumi");
        const child = spawn(engine, [...args, "--non-interactive"], { cwd: project, env });
        let said = "";
        for (const stream of [child.stdout, child.stderr])
            stream.on("data", (data: Buffer) => (said += data.toString()));
        const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
        return { code, said };
    }

    /** Resources that would be made, of those that are not just for order. */
    const planned = (said: string): string[] =>
        [...said.matchAll(/^ \+ {2}(?:command|docker):\S+ (\S+) create$/gm)].map(([, name]) => name);

    it("fails with all that the program breaks, and no stack trace", async () => {
        const project = makeProject({ imageLoki: "loki:latest", imageHaproxy: "haproxy:latest" });
        await cli(project, "stack", "init", "node1");
        const { code, said } = await cli(project, "preview", "--stack", "node1");
        expect(code, said).not.toBe(0);
        for (const service of ["loki", "haproxy"])
            expect(said).toMatch(
                new RegExp(
                    `error: mid-1-${service}-image breaks a rule .*\\n\\s+image-pinned: name is "${service}:latest"`,
                ),
            );
        expect(said).not.toMatch(/\n\s+at .*:\d+:\d+/);
        expect(planned(said)).toContain("mid-1-prometheus-image");
        expect(planned(said)).not.toContain("mid-1-loki-image");
    });

    it("fails likewise for a program of one's own that uses the library: what breaks a rule is not made, nor what needs it", async () => {
        const program = `
            import { ContainerService, Host } from "./components";
            const host = new Host("web", { address: "10.0.0.7", hostKey: "${HOST_KEY}", requirements: [] });
            const spec = { container: "web", image: "nginx", files: [], mounts: [], healthCheck: { command: "true" }, memoryLimit: "64MiB" };
            new ContainerService("web-nginx", { ...spec, host, stopSeconds: 1 });`;
        const project = makeProject({}, program);
        await cli(project, "stack", "init", "node1");
        const { code, said } = await cli(project, "preview", "--stack", "node1");
        expect(code, said).not.toBe(0);
        expect(said).toMatch(/error: web-nginx breaks a rule .*\n\s+grace-period: destroyGraceSeconds is 1; /);
        expect(said).toMatch(/error: web-nginx-image breaks a rule .*\n\s+image-pinned: name is "nginx", /);
        expect(said).not.toMatch(/\n\s+at .*:\d+:\d+/);
        expect(planned(said)).toEqual(["web-setup"]);
    });
});
