import { describe, expect, it } from "vitest";
import { Deployment } from "../../ops/deployment";
import { oldest, readCreations } from "../../ops/rotate/ages";
import { beginning, noteOf, openOverlaps, readNote, remainingSteps } from "../../ops/rotate/generations";
import { NOTE_KEY, ownerSettings } from "../../ops/rotate/owner";
import { endedBy, Rotation, rotationPlan } from "../../ops/rotate/rotation";
import { chosenSecrets } from "../../ops/rotate/secrets";
import { openText } from "../../ops/rotate/text";
import { RunResult } from "../../ops/run";
import { config, StackName, valuesOf } from "./support/stacks";

const WITH_ALL = { tls: "internal", otlpTokens: "web,billing" };
const values = (changes: Record<string, string> = {}) => valuesOf("node1", { ...WITH_ALL, ...changes });

describe("what can be rotated", () => {
    it("is everything that there is, when nothing is named", () => {
        expect(chosenSecrets([], values(), [])).toEqual([
            ...["objectStoreRoot", "lokiUser", "thanosSidecarUser", "thanosStoreUser", "thanosCompactorUser"],
            ...["vrrp", "haproxyStats", "query", "otlpTokens", "certificates", "ca"],
        ]);
        const seed = valuesOf("node1", { tls: "off", vrrpVersion: "3", vrrpUnicast: "true" });
        expect(chosenSecrets([], seed, ["lokiObjectStoreSecret"])).toEqual([
            ...["objectStoreRoot", "thanosSidecarUser", "thanosStoreUser", "thanosCompactorUser", "haproxyStats"],
        ]);
    });

    it.each([
        ["loki", {}, [], 'there is no secret "loki" to rotate; there are: objectStoreRoot, lokiUser,'],
        ["lokiUser", {}, ["lokiObjectStoreSecret"], "it is given: pulumi config set --secret lokiObjectStoreSecret"],
        ["vrrp", { vrrpVersion: "3", vrrpUnicast: "true" }, [], "vrrpVersion is 3, which has no password"],
        ["query", { tls: "off", otlpTokens: "" }, [], 'tls is "off"'],
        ["otlpTokens", { otlpTokens: "" }, [], "otlpTokens names nobody"],
        ["ca", { tls: "off", otlpTokens: "" }, [], 'ca cannot be rotated here: tls is "off"'],
    ])("is not %s with %j", (word, changes, given, why) => {
        expect(() => chosenSecrets([word], values(changes), given)).toThrow(why);
    });
});

describe("the numbers of a rotation", () => {
    const next = (changes: Record<string, string>) =>
        noteOf(beginning(values(changes), ["lokiUser", "otlpTokens", "ca"], []));

    it("are one above what is, by name or for all", () => {
        expect(next({})).toBe("generation.lokiUser=2,generation.otlpTokens=2,generation.ca=2");
        expect(next({ secretGeneration: "4", oldestGeneration: '{"otlpTokens":4,"ca":4}' })).toBe(
            "generation.lokiUser=5,generation.otlpTokens=5,generation.ca=5",
        );
        expect(next({ generation: '{"lokiUser":7}' })).toBe(
            "generation.lokiUser=8,generation.otlpTokens=2,generation.ca=2",
        );
    });

    it("leave alone what others still have to get, and what another run has begun", () => {
        expect(next({ generation: '{"ca":2}' })).toBe("generation.lokiUser=2,generation.otlpTokens=2");
        const noted = readNote("generation.lokiUser=2");
        expect(beginning(values(), ["lokiUser", "query"], noted)).toEqual([
            { key: "generation", name: "query", number: 2 },
        ]);
    });

    it("end an overlap in steps: a CA signs before the former one goes, of tokens the former ones go at once", () => {
        const open = openOverlaps(values({ generation: '{"ca":2,"otlpTokens":3}' }), ["otlpTokens", "ca", "query"]);
        expect(open).toEqual([
            { name: "otlpTokens", oldest: 2, newest: 3 },
            { name: "ca", oldest: 1, newest: 2, issuing: 1 },
        ]);
        expect(remainingSteps(open).map(noteOf)).toEqual([
            "issuingGeneration.ca=2,oldestGeneration.otlpTokens=3",
            "oldestGeneration.ca=2",
        ]);
        expect(remainingSteps([])).toEqual([]);
    });

    it("are noted and read again; another text is none", () => {
        const text = "generation.lokiUser=2,issuingGeneration.ca=3";
        expect(noteOf(readNote(text))).toBe(text);
        expect(readNote("")).toEqual([]);
        expect(() => readNote("generation.lokiUser=x")).toThrow('"generation.lokiUser=x" is no number of a generation');
    });

    it("of a run that did not end come first, and nothing is counted up once more", () => {
        const owner = (noted: string, changes = {}) => ({
            ...{ stack: "node1", values: values(changes), named: [], noted: readNote(noted) },
        });
        const plan = (noted: string, mode: "begin" | "continue" | "finish", changes = {}) =>
            rotationPlan(owner(noted, changes), ["lokiUser", "ca"], mode).steps.map(noteOf);
        expect(plan("generation.lokiUser=2,generation.ca=2", "begin", { generation: '{"lokiUser":2}' })).toEqual([
            "generation.lokiUser=2,generation.ca=2",
        ]);
        expect(plan("generation.ca=2", "finish")).toEqual([
            ...["generation.ca=2", "issuingGeneration.ca=2", "oldestGeneration.ca=2"],
        ]);
        expect(plan("issuingGeneration.ca=2", "continue", { generation: '{"ca":2}' })).toEqual([
            "issuingGeneration.ca=2",
        ]);
        expect(plan("issuingGeneration.ca=2", "finish", { generation: '{"ca":2}' })).toEqual([
            ...["issuingGeneration.ca=2", "oldestGeneration.ca=2"],
        ]);
        expect(plan("", "continue")).toEqual([]);
    });

    it("end old values, except where old and new are accepted", () => {
        const steps = [readNote("generation.lokiUser=2,generation.ca=2")];
        expect(endedBy(steps, openOverlaps(values({ generation: '{"ca":2}' }), ["ca"]))).toEqual(["lokiUser"]);
        expect(endedBy([readNote("oldestGeneration.ca=2")], [])).toEqual(["ca"]);
    });
});

describe("what is open", () => {
    const said = (changes: Record<string, string>) =>
        openText(openOverlaps(values(changes), ["otlpTokens", "ca"]), "node1").join("\n");

    it("comes with what to hand out, and how to go on", () => {
        expect(said({})).toBe("");
        expect(said({ generation: '{"otlpTokens":2}' })).toContain(
            "Give each sender its new token: pulumi stack output otlpTokens --show-secrets --stack node1",
        );
        expect(said({ generation: '{"ca":2}' })).toMatch(
            /1 signs\. Give every client both CAs: pulumi stack output caCertificate --stack node1\n.*otel-ha rotate ca --continue/,
        );
        expect(said({ generation: '{"ca":2}', issuingGeneration: '{"ca":2}' })).toMatch(
            /2 signs\. Nobody needs the old one any more\n.*otel-ha rotate ca --finish/,
        );
    });
});

describe("the age of a secret", () => {
    const state = (...resources: object[]): string => JSON.stringify({ deployment: { resources } });
    const resource = (name: string, created: string, more = {}) => ({
        urn: `urn:pulumi:a::b::t::${name}`,
        created,
        ...more,
    });

    it("is that of what Pulumi has made last of it", () => {
        const made = readCreations(
            state(
                resource("credentials-lokiObjectStoreSecret", "2026-02-01T00:00:00Z"),
                resource("credentials-lokiObjectStoreSecret", "2025-02-01T00:00:00Z", { delete: true }),
                resource("ca-1", "2020-01-01T00:00:00Z"),
                resource("ca-1-key", "2020-01-01T00:00:00Z"),
                resource("ca-2", "2026-01-01T00:00:00Z"),
                resource("mid-1-certificate-peer", "2026-03-01T00:00:00Z"),
                resource("mid-1-certificate-clients", "2026-03-02T00:00:00Z"),
                resource("credentials-otlpToken-web", "2026-04-01T00:00:00Z"),
                resource("credentials-otlpToken-web.g2", "2026-05-01T00:00:00Z"),
            ),
        );
        const age = (name: "lokiUser" | "ca" | "certificates" | "otlpTokens" | "query", changes = {}) =>
            oldest(name, values(changes), "mid-1", made)?.slice(0, 10);
        expect(age("lokiUser")).toBe("2026-02-01");
        expect(age("ca", { generation: '{"ca":2}' })).toBe("2026-01-01");
        expect(age("certificates")).toBe("2026-03-01");
        expect(age("otlpTokens")).toBe("2026-04-01");
        expect(age("otlpTokens", { generation: '{"otlpTokens":2}' })).toBe("2026-05-01");
        expect(age("query")).toBeUndefined();
    });
});

/** Two stacks of which Pulumi knows the settings and what was deployed of them. */
class Pair {
    readonly asked: string[] = [];
    readonly settings: Record<string, unknown> = Object.fromEntries(
        Object.entries(config("node1", WITH_ALL)).map(([key, value]) => [`otel-ha:${key}`, value]),
    );
    /** What each stack has of the owner's numbers. */
    readonly deployed: Record<StackName, string> = { node1: this.numbers(), node2: this.numbers() };
    fails = 0;
    useless = false;

    readonly deployment = {
        directory: "/project",
        vip: "192.168.110.140",
        nodes: (["node1", "node2"] as const).map((stack) => ({
            ...{ stack, name: `mid-${stack.slice(-1)}`, address: "192.0.2.1", values: valuesOf(stack, WITH_ALL) },
            container: (service: string) => service,
            exec: () => Promise.resolve(done("InvalidAccessKeyId\ntaken\n")),
        })),
        pulumi: (args: string[]) => Promise.resolve(this.pulumi(args)),
        close: () => Promise.resolve(),
    } as unknown as Deployment;

    /** `otel-ha up`: the other stack reads what the owner had before. */
    readonly up = (): Promise<RunResult> => {
        this.asked.push("up");
        if (this.fails-- > 0) return Promise.resolve({ code: 1, stdout: "", stderr: "it failed" });
        if (!this.useless) [this.deployed.node2, this.deployed.node1] = [this.deployed.node1, this.numbers()];
        return Promise.resolve(done(""));
    };

    plan(names: Parameters<typeof rotationPlan>[1], mode: Parameters<typeof rotationPlan>[2] = "begin") {
        const shown = Object.fromEntries(
            Object.entries(this.settings).map(([key, value]) => [
                key,
                { value: typeof value === "object" ? JSON.stringify(value) : String(value) },
            ]),
        );
        return rotationPlan(ownerSettings("node1", shown), names, mode);
    }

    run(names: Parameters<typeof rotationPlan>[1], mode: Parameters<typeof rotationPlan>[2] = "begin") {
        return new Rotation(this.deployment, this.plan(names, mode), () => undefined, this.up as never).run();
    }

    private numbers(): string {
        return JSON.stringify(
            ["generation", "oldestGeneration", "issuingGeneration"].map((key) => this.settings?.[`otel-ha:${key}`]),
        );
    }

    private pulumi(args: string[]): RunResult {
        const words = args.slice(0, args.indexOf("--stack"));
        const stack = args.at(-1) as StackName;
        if (words[0] === "preview") {
            const changes = this.deployed[stack] === (stack === "node1" ? this.numbers() : this.deployed.node1) ? 0 : 1;
            return done(JSON.stringify({ steps: [], changeSummary: { same: 40, update: changes } }));
        }
        if (words[1] === "output") {
            const sharedCredentials = { lokiObjectStoreSecret: this.deployed.node1 };
            return done(JSON.stringify({ sharedCredentials }));
        }
        this.asked.push(words.join(" "));
        if (words[1] === "set") this.set(words.slice(2));
        if (words[1] === "rm") delete this.settings[words[2]!];
        if (words[1] !== "--json") return done("");
        const shown = Object.entries(this.settings).map(([key, value]) => [
            key,
            { value: typeof value === "object" ? JSON.stringify(value) : String(value) },
        ]);
        return done(JSON.stringify(Object.fromEntries(shown)));
    }

    private set([first, ...rest]: string[]): void {
        if (first !== "--path") return void (this.settings[first!] = rest[0]);
        const [key, name] = rest[0]!.split(".");
        const before = (this.settings[`otel-ha:${key}`] ?? {}) as object;
        this.settings[`otel-ha:${key}`] = { ...before, [name!]: Number(rest[1]) };
    }
}

const done = (stdout: string): RunResult => ({ code: 0, stdout, stderr: "" });

describe("a rotation", () => {
    it("notes what it is about to write, writes it, and updates until both stacks have it", async () => {
        const pair = new Pair();
        const { looks, open } = await pair.run(["lokiUser"]);
        expect(pair.asked.filter((line) => line !== "config --json")).toEqual([
            `config set ${NOTE_KEY} generation.lokiUser=2`,
            "config set --path generation.lokiUser 2",
            "up",
            "up",
            `config rm ${NOTE_KEY}`,
        ]);
        expect(pair.deployed.node2).toBe(pair.deployed.node1);
        expect(looks.map(({ where, state, seen }) => [where, state, seen])).toEqual([
            ["mid-1", "refused", "old: InvalidAccessKeyId, new: taken"],
            ["mid-2", "refused", "old: InvalidAccessKeyId, new: taken"],
        ]);
        expect(open).toEqual([]);
    });

    it("goes on with what is missing after an update that failed, with the same numbers", async () => {
        const pair = new Pair();
        pair.fails = 1;
        await expect(pair.run(["lokiUser", "query"])).rejects.toMatchObject({
            message: expect.stringContaining("then the same command again") as string,
            exitCode: 1,
        });
        expect(pair.settings[NOTE_KEY]).toBe("generation.lokiUser=2,generation.query=2");
        const { looks } = await pair.run(["lokiUser", "query"]);
        expect(pair.settings).not.toHaveProperty(NOTE_KEY);
        expect(pair.settings["otel-ha:generation"]).toEqual({ lokiUser: 2, query: 2 });
        expect(new Set(looks.map(({ state }) => state))).toEqual(new Set(["unknown"]));
    });

    it("writes nothing while something else is not deployed", async () => {
        const pair = new Pair();
        pair.deployed.node2 = "something else";
        await expect(pair.run(["lokiUser"])).rejects.toThrow(
            "nothing was touched: stack node2 has settings that were not deployed yet; first otel-ha up",
        );
        expect(pair.asked).toEqual([]);
    });

    it("does not go on for ever when updates change nothing", async () => {
        const pair = new Pair();
        pair.useless = true;
        await expect(pair.run(["lokiUser"])).rejects.toThrow(
            "3 times otel-ha up, and there is still something to change",
        );
        expect(pair.settings[NOTE_KEY]).toBe("generation.lokiUser=2");
    });

    it("of a CA is three of them, each on both hosts before the next", async () => {
        const pair = new Pair();
        const peers = pair.deployment.nodes[0]!;
        // What it shows the other node is read before; here nobody listens, and the look says so.
        expect(peers.name).toBe("mid-1");
        const { open } = await pair.run(["ca"]);
        expect(open).toEqual([{ name: "ca", oldest: 1, newest: 2, issuing: 1 }]);
        pair.asked.length = 0;
        expect((await pair.run(["ca"])).done).toEqual([]);
        const { open: left } = await pair.run(["ca"], "finish");
        expect(left).toEqual([]);
        expect(pair.asked.filter((line) => line === "up" || line.includes("--path"))).toEqual([
            "config set --path issuingGeneration.ca 2",
            "up",
            "up",
            "config set --path oldestGeneration.ca 2",
            "up",
            "up",
        ]);
    });
});

describe("the owner's settings", () => {
    const shown = Object.fromEntries(
        Object.entries(config("node1")).map(([key, value]) => [`otel-ha:${key}`, { value }]),
    );

    it("tell which secrets are given, open or not", () => {
        const given = { "otel-ha:vrrpPassword": {}, "otel-ha:queryPassword": { value: "" } };
        const { named, noted } = ownerSettings("node1", { ...shown, ...given });
        expect(named).toContain("vrrpPassword");
        expect(named).not.toContain("queryPassword");
        expect(noted).toEqual([]);
    });

    it("with a note that nobody understands are an error that says how to get rid of it", () => {
        expect(() => ownerSettings("node1", { ...shown, [NOTE_KEY]: { value: "all" } })).toThrow(
            `remove it with: pulumi config rm ${NOTE_KEY} --stack node1`,
        );
    });
});
