import * as fs from "fs";
import * as path from "path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { COMMAND } from "../../components/policy/command-rules";
import { CONTAINER, IMAGE } from "../../components/policy/container-rules";
import { Asked } from "../../components/policy/model";
import { HARDENING, RULES } from "../../components/policy/rules";
import { STACK_RULES } from "../../components/policy/stack-rules";
import { Diagnostic, Pack, urnOf } from "./support/analyzer";
import { asAsked, programResources } from "./support/asked";
import { config, ROOT } from "./support/stacks";

const GIVEN = "given-by-the-configuration";

const started = (settings: Record<string, string>): Promise<Pack> =>
    Pack.start(Object.fromEntries(Object.entries(settings).map(([key, value]) => [`otel-ha:${key}`, value])));

let pack: Pack;
let program: Asked[];

beforeAll(async () => {
    pack = await started(config("node1", { haproxyStatsPassword: GIVEN }));
    program = (await programResources("node1", { haproxyStatsPassword: GIVEN })).map(asAsked);
}, 120_000);
afterAll(() => pack?.close());

const named = (type: string, name: string): Asked => program.find((one) => one.type === type && one.name === name)!;
const but = (asked: Asked, inputs: object, more: Partial<Asked> = {}): Asked => ({
    ...asked,
    ...more,
    inputs: { ...asked.inputs, ...inputs },
});
const mandatory = (all: Diagnostic[]): Diagnostic[] => all.filter(({ level }) => level === "mandatory");

describe("the policy pack, in its own process", () => {
    it("has every rule that a policy engine can apply, with its level", async () => {
        const rules = [...RULES.filter((rule) => rule.secrets !== "marks"), ...STACK_RULES];
        expect(await pack.policies()).toEqual(Object.fromEntries(rules.map((rule) => [rule.name, rule.severity])));
    });

    it("has nothing against any resource of the program", async () => {
        const said = await Promise.all(program.map((asked) => pack.analyze(asked)));
        expect(mandatory(said.flat())).toEqual([]);
        expect(mandatory(await pack.analyzeStack(program))).toEqual([]);
    });

    it("advises hardening until it is law", async () => {
        const bare = but(named(CONTAINER, "mid-1-loki"), { memory: undefined, memorySwap: undefined, readOnly: false });
        const said = await pack.analyze(bare);
        expect(said).toContainEqual(expect.objectContaining({ policy: "memory-limit", level: HARDENING }));
        expect(said).toContainEqual(expect.objectContaining({ policy: "read-only-root", level: HARDENING }));
    });

    it("names rule, resource, value and what would be right", async () => {
        const image = but(named(IMAGE, "mid-1-loki-image"), { name: "grafana/loki:latest" });
        expect(await pack.analyze(image)).toEqual([
            {
                policy: "image-pinned",
                level: "mandatory",
                message: expect.stringMatching(
                    /^An image is named by .*\nmid-1-loki-image: name is "grafana\/loki:latest", which has the tag latest; write a fixed tag/,
                ),
                urn: "",
            },
        ]);
        const container = but(named(CONTAINER, "mid-1-loki"), { healthcheck: null, privileged: true, restart: "no" });
        const found = mandatory(await pack.analyze(container)).map(({ policy }) => policy);
        expect(found.sort()).toEqual(["health-check", "not-privileged", "restart-policy"]);
    });

    it("looks into secrets, such as the connection, without saying what they are", async () => {
        const file = named(COMMAND, "mid-1-loki-config.yaml");
        expect(file.marked).toContain("connection");
        const connection = { host: "10.0.0.7", privateKey: "the-key-of-the-deployer" };
        const said = await pack.analyze(but(file, { connection }));
        expect(said.map(({ policy }) => policy)).toEqual(["host-key"]);
        expect(JSON.stringify(said)).not.toContain("the-key-of-the-deployer");
    });

    it("is silent about what a preview does not know, rather than saying so for each resource", async () => {
        const container = named(CONTAINER, "mid-1-loki");
        const { image, labels, ...inputs } = container.inputs;
        expect([image, labels]).not.toContain(undefined);
        const said = await pack.analyze({ ...container, inputs, unknown: ["image", "labels"] });
        expect(mandatory(said)).toEqual([]);
        expect(said.filter(({ message }) => /preview/.test(message))).toEqual([]);
        expect(await pack.analyzeStack([{ ...container, inputs, unknown: ["image", "labels"] }])).toEqual([
            expect.objectContaining({ policy: "known-limits" }),
        ]);
    });

    it("finds secrets in commands by their values: made, given, or of the deployer", async () => {
        const made: Asked = {
            type: "random:index/randomPassword:RandomPassword",
            name: "credentials-vrrpPassword",
            inputs: { length: 8, result: "made-by-random" },
            marked: ["result"],
        };
        const file = named(COMMAND, "mid-1-loki-config.yaml");
        const stack = (create: string): Asked[] => [made, but(file, { create }, { marked: ["create", "connection"] })];
        for (const secret of ["made-by-random", GIVEN]) {
            const said = mandatory(await pack.analyzeStack(stack(`mc --key ${secret}`)));
            expect(said).toEqual([expect.objectContaining({ policy: "no-secret-in-command", urn: urnOf(file) })]);
            expect(said[0].message).not.toContain(secret);
        }
        expect(mandatory(await pack.analyzeStack(stack("mc --key-file /etc/key")))).toEqual([]);
    });

    it("finds a second compactor of a bucket", async () => {
        const first = named(CONTAINER, "mid-1-thanos-compactor");
        const second = but(first, { name: "another" }, { name: "mid-1-another" });
        expect(mandatory(await pack.analyzeStack([...program, second]))).toEqual([
            expect.objectContaining({
                policy: "one-compactor",
                urn: urnOf(second),
                message: expect.stringContaining(
                    "mid-1-another: compacts the bucket that mid-1-thanos-compactor compacts; leave one out",
                ),
            }),
        ]);
    });

    it("warns of a store that is pooled over two hosts", async () => {
        const said = (await pack.analyzeStack([])).filter(({ policy }) => policy === "known-limits");
        expect(said).toEqual([
            expect.objectContaining({
                level: "advisory",
                message: expect.stringMatching(/\nobjectStore: pooled over two hosts: /),
            }),
        ]);
    });
});

describe("the policy pack, where TLS is off", () => {
    it("advises against that", async () => {
        const other = await started(config("node1", { tls: "off" }));
        try {
            expect(await other.analyzeStack([])).toEqual([
                expect.objectContaining({ policy: "known-limits" }),
                expect.objectContaining({ policy: "tls-on", level: "advisory" }),
            ]);
        } finally {
            other.close();
        }
    });
});

describe("the policy pack, where it knows nothing of the settings", () => {
    it("applies what needs none", async () => {
        const other = await Pack.start({});
        try {
            expect(
                mandatory(await other.analyze(but(named(CONTAINER, "mid-1-loki"), { privileged: true }))),
            ).toHaveLength(1);
            expect(await other.analyzeStack(program)).toEqual([]);
        } finally {
            other.close();
        }
    });
});

describe("policies/", () => {
    const text = (file: string): string => fs.readFileSync(path.join(ROOT, file), "utf8");

    it("is a policy pack for Node with the project's version and libraries", () => {
        expect(parse(text("policies/PulumiPolicy.yaml"))).toMatchObject({ runtime: "nodejs" });
        const pack = JSON.parse(text("policies/package.json")) as Record<string, unknown>;
        const project = JSON.parse(text("package.json")) as Record<string, unknown>;
        expect(pack.version).toBe(project.version);
        expect(fs.existsSync(path.join(ROOT, "policies", pack.main as string))).toBe(true);
        expect(pack).not.toHaveProperty("dependencies");
        expect(project.devDependencies).toHaveProperty(["@pulumi/policy"]);
    });
});
