import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDeployment, openSystem, readValues } from "../../ops/deployment";
import { size, span } from "../../ops/format";
import { newProgram } from "../../ops/main";
import { run } from "../../ops/run";
import { asRoot, sshCommand } from "../../ops/ssh";
import { COLOURED, paintFor, PLAIN, table } from "../../ops/terminal";
import { APM_STACKS, apmConfig, config, ROOT, STACKS, valuesOf } from "./support/stacks";

let project: string;
let oldPath: string | undefined;

// In the place of Pulumi: prints the settings that lie beside it, and says what it was asked.
const PULUMI = `#!/bin/sh
echo "$@" >>asked
for stack; do [ -e "config-$stack.json" ] && exec cat "config-$stack.json"; done
echo "error: no stack named '$4' found" >&2
exit 255
`;

beforeEach(() => {
    project = fs.mkdtempSync(path.join(os.tmpdir(), "otel-ha-ops-"));
    fs.mkdirSync(path.join(project, "bin"));
    fs.mkdirSync(path.join(project, "inside"));
    write("Pulumi.yaml", "name: otel-ha\n");
    write("bin/pulumi", PULUMI);
    fs.chmodSync(path.join(project, "bin/pulumi"), 0o755);
    for (const stack of STACKS) addStack(stack, config(stack));
    oldPath = process.env.PATH;
    process.env.PATH = `${path.join(project, "bin")}:${oldPath}`;
});
afterEach(() => {
    process.env.PATH = oldPath;
    fs.rmSync(project, { recursive: true });
});

const write = (file: string, text: string): void => fs.writeFileSync(path.join(project, file), text);

/** A stack that has a file, and was never made. */
function addFile(stack: string, { nodeName, system }: Record<string, string>): void {
    const lines = [`  otel-ha:nodeName: ${nodeName}`, ...(system ? [`  otel-ha:system: ${system}`] : [])];
    write(`Pulumi.${stack}.yaml`, `config:\n${lines.join("\n")}\n`);
}

function addStack(stack: string, settings: Record<string, string>): void {
    addFile(stack, settings);
    const all = Object.entries(settings).map(([key, value]) => [`otel-ha:${key}`, { value, secret: false }]);
    const secret = [
        [`otel-ha:${settings.system === "apm" ? "opensearchAdminPassword" : "vrrpPassword"}`, { secret: true }],
    ];
    write(
        `config-${stack}.json`,
        JSON.stringify(Object.fromEntries([...all, ...secret, ["docker:host", { value: "x" }]])),
    );
}

describe("the pair, as its stacks describe it", () => {
    it("is found from anywhere in the project, the MASTER first", async () => {
        write("Pulumi.other.yaml", "config: {}\n");
        write("Pulumi.apm1.yaml", "config:\n  otel-ha:system: apm\n  otel-ha:nodeName: apm-1\n");
        const deployment = await openDeployment({ directory: path.join(project, "inside") });
        await deployment.close();
        expect(deployment.directory).toBe(project);
        expect(deployment.vip).toBe("192.168.110.140");
        expect(deployment.nodes.map(({ stack, name, address }) => [stack, name, address])).toEqual([
            ["node1", "mid-1", "192.168.110.214"],
            ["node2", "mid-2", "192.168.110.119"],
        ]);
        expect(deployment.nodes[1]!.container("haproxy")).toBe("haproxy-mid-2");
        // Defaults are the program's own, and secrets stay where they are.
        expect(deployment.nodes[0]!.values).toMatchObject({ lokiPort: 3100, vrrpPassword: "" });
        const asked = fs.readFileSync(path.join(project, "asked"), "utf8");
        expect(asked).not.toContain("--show-secrets");
        expect(asked).not.toMatch(/other|apm1/);
    });

    it("is not Container APM: its stacks are refused by what they are, not by what they lack", async () => {
        addStack("apm1", { ...config("node1"), system: "apm" });
        await expect(openDeployment({ directory: project, stacks: ["apm1"] })).rejects.toThrow(
            /^a setting of stack "apm1" cannot be used; .*\n {2}system: "apm" is Container APM, and this is for stacks of the two-host platform \(otel-ha\); choose those$/,
        );
    });

    it("may be given by its stacks", async () => {
        const deployment = await openDeployment({ directory: project, stacks: ["node2"] });
        await deployment.close();
        expect(deployment.nodes.map(({ name }) => name)).toEqual(["mid-2"]);
    });

    it("must be one pair", async () => {
        addStack("staging1", config("node1", { vip: "192.168.110.99" }));
        await expect(openDeployment({ directory: project })).rejects.toThrow(
            /stacks "node1" and "staging1" are of different pairs: their vip is "192\.168\.110\.140" and "192\.168\.110\.99"; .*--stack node1/,
        );
    });

    it("must have settings that can be used, and stacks that exist", async () => {
        addStack("node2", config("node2", { vip: "nowhere" }));
        await expect(openDeployment({ directory: project })).rejects.toThrow('vip: "nowhere" is not an IPv4 address');
        await expect(openDeployment({ directory: project, stacks: ["node3"] })).rejects.toThrow(
            /stack "node3" cannot be read; .*\nMake it once with: pulumi stack init node3/,
        );
    });

    it("is looked for in a project, with a stack that describes a node", async () => {
        await expect(openDeployment({ directory: os.tmpdir() })).rejects.toThrow("no Pulumi.yaml in");
        for (const stack of STACKS) fs.rmSync(path.join(project, `Pulumi.${stack}.yaml`));
        await expect(openDeployment({ directory: project })).rejects.toThrow("no stack in");
    });

    it("needs pulumi on PATH", async () => {
        process.env.PATH = "/nowhere";
        await expect(openDeployment({ directory: project })).rejects.toThrow("there is no pulumi on PATH");
    });

    it("leaves other projects' settings out", () => {
        const settings = Object.fromEntries(
            Object.entries(config("node1")).map(([key, value]) => [`mine:${key}`, value]),
        );
        expect(readValues("a", "mine", { ...settings, "docker:host": "x" }).nodeName).toBe("mid-1");
    });
});

describe("one of two systems", () => {
    const open = async (options: Parameters<typeof openSystem>[0] = {}) => {
        const deployment = await openSystem({ directory: project, ...options });
        await deployment.close();
        return deployment;
    };
    const names = async (options: Parameters<typeof openSystem>[0] = {}): Promise<string[]> => {
        const deployment = await open(options);
        return [deployment.system, ...deployment.nodes.map(({ name }) => name)];
    };

    it("is the one whose stacks were made, although both have files", async () => {
        for (const stack of APM_STACKS) addFile(stack, apmConfig(stack));
        expect(await names()).toEqual(["otel-ha", "mid-1", "mid-2"]);
        // Nobody misses what somebody never wanted.
        expect((await open()).leftOut).toEqual([]);
    });

    it("is Container APM, in the order of its nodes, where the pair's stacks were never made", async () => {
        for (const stack of STACKS) fs.rmSync(path.join(project, `config-${stack}.json`));
        for (const stack of APM_STACKS) addStack(stack, apmConfig(stack));
        expect(await names()).toEqual(["apm", "apm-1", "apm-2", "apm-3"]);
    });

    it("has to be said where stacks of both were made, and never is a mixture", async () => {
        for (const stack of APM_STACKS) addStack(stack, apmConfig(stack));
        await expect(open()).rejects.toThrow(
            "there are stacks of two systems: node1, node2 of the two-host platform (otel-ha), and apm1, apm2, apm3 of Container APM (apm); " +
                "say which with --system otel-ha or --system apm",
        );
        expect(await names({ system: "apm" })).toEqual(["apm", "apm-1", "apm-2", "apm-3"]);
        expect(await names({ system: "otel-ha" })).toEqual(["otel-ha", "mid-1", "mid-2"]);
        expect(await names({ stacks: ["apm2", "apm1"] })).toEqual(["apm", "apm-1", "apm-2"]);
        await expect(open({ stacks: ["node1", "apm1"] })).rejects.toThrow(
            'stack "node1" is of the two-host platform (otel-ha), and "apm1" of Container APM (apm): a command is for one system',
        );
        await expect(open({ stacks: ["node1"], system: "apm" })).rejects.toThrow(
            'system: "otel-ha" is the two-host platform, and this is for stacks of Container APM (apm)',
        );
    });

    it("goes without a stack of it that was never made, and says so", async () => {
        for (const stack of APM_STACKS.slice(0, 2)) addStack(stack, apmConfig(stack));
        addFile("apm3", apmConfig("apm3"));
        const { leftOut, nodes } = await open({ system: "apm" });
        expect([leftOut, nodes.map(({ name }) => name)]).toEqual([["apm3"], ["apm-1", "apm-2"]]);
        for (const stack of STACKS) fs.rmSync(path.join(project, `config-${stack}.json`));
        await expect(open({ system: "otel-ha" })).rejects.toThrow(
            "none of the stacks node1, node2 has been made; make those that you need once, as with: pulumi stack init node1",
        );
    });

    it("is one cluster", async () => {
        for (const stack of APM_STACKS) addStack(stack, apmConfig(stack));
        const nodes = "apm-3=192.168.110.233,apm-4=192.168.110.234,apm-5=192.168.110.235";
        addStack("apm3", apmConfig("apm3", { apmNodes: nodes }));
        await expect(open({ system: "apm" })).rejects.toThrow(
            'stacks "apm1" and "apm3" are of different clusters: their apmNodes is',
        );
    });

    it("is not asked of what only the pair has", async () => {
        const { status, stderr } = spawnSync(
            path.join(ROOT, "ops/otel-ha.cjs"),
            ["resync", "--to", "x", "--system", "apm"],
            { cwd: project, encoding: "utf8" },
        );
        expect([status, stderr]).toEqual([3, "otel-ha: this is for the two-host platform (otel-ha) only\n"]);
    });
});

describe("ssh", () => {
    it("accepts the pinned host key only, and never asks", () => {
        const words = sshCommand(valuesOf("node1", { sshPort: "2222", sshUser: "deploy" }), "/run/x");
        expect(words).toContain("StrictHostKeyChecking=yes");
        expect(words).toContain("BatchMode=yes");
        expect(words.join(" ")).toContain("KnownHostsCommand=/bin/echo %H ssh-ed25519 ");
        expect(words.slice(0, 4)).toEqual(["ssh", "-T", "-p", "2222"]);
        expect(words.at(-1)).toBe("deploy@192.168.110.214");
    });

    it("hands the line to root's shell unharmed", () => {
        const line = `printf '%s|' "a b" 'it'"'"'s' $((1 + 1)); exit 3`;
        const done = spawnSync("sh", ["-c", asRoot("root", line)], { encoding: "utf8" });
        expect([done.status, done.stdout]).toEqual([3, "a b|it's|2|"]);
        expect(asRoot("deploy", "id")).toBe("sudo -n sh -c id");
    });
});

describe("running programs", () => {
    it("tells code, output, lines, and ends what takes too long", async () => {
        const lines: string[] = [];
        const done = await run(["sh", "-c", "cat; echo two; exit 5"], {
            input: "one\n",
            onLine: (line) => lines.push(line),
        });
        expect(done).toEqual({ code: 5, stdout: "one\ntwo\n", stderr: "" });
        expect(lines).toEqual(["one", "two"]);
        const started = Date.now();
        expect((await run(["sh", "-c", "sleep 9 & sleep 9"], { timeoutMs: 200 })).code).toBe(124);
        expect(Date.now() - started).toBeLessThan(3000);
        expect((await run(["/no/such/program"])).code).toBe(127);
    });
});

describe("the command line", () => {
    const commands = newProgram().commands;

    it.each(commands.map((command) => [command.name(), command] as const))(
        "%s has --json, and help with exit codes and examples",
        (name, command) => {
            expect(command.options.map(({ long }) => long)).toEqual(
                expect.arrayContaining(["--json", "--stack", "--cwd"]),
            );
            let help = "";
            command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
            expect(help).toMatch(/Exit codes:\n {2}0 /);
            expect(help).toMatch(new RegExp(`Examples:\\n  otel-ha ${name}`));
        },
    );

    // As `npx otel-ha` starts it.
    const otelHa = (...words: string[]) =>
        spawnSync(path.join(ROOT, "ops/otel-ha.cjs"), words, { cwd: project, encoding: "utf8" });

    it("ends with 3, a sentence and no stack trace when it cannot start", () => {
        const wrong = otelHa("statsu");
        expect(wrong.status).toBe(3);
        expect(wrong.stderr).toContain("Did you mean status?");
        const nowhere = otelHa("status", "-C", "/");
        expect(nowhere.status).toBe(3);
        expect(nowhere.stderr).toBe("otel-ha: no Pulumi.yaml in / or above it; run this in the project's directory\n");
    });

    it("goes on without a word when nobody reads its output any more", () => {
        const closed = 'process.stdout.emit("error", Object.assign(new Error("write EPIPE"), { code: "EPIPE" }))';
        const script = `require(${JSON.stringify(path.join(ROOT, "ops/otel-ha.cjs"))}); ${closed}`;
        const { status, stderr } = spawnSync(process.execPath, ["-e", script, "otel-ha", "drill", "--list"], {
            encoding: "utf8",
        });
        expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    });

    it("shows help and the examples", () => {
        const help = otelHa("--help");
        expect(help.status).toBe(0);
        expect(help.stdout).toMatch(/otel-ha status .*\n.*otel-ha up/);
    });
});

describe("the terminal", () => {
    it("gets colours only when it is one, and NO_COLOR is not set", () => {
        expect(paintFor({ isTTY: true }, {})).toBe(COLOURED);
        expect(paintFor({ isTTY: true }, { NO_COLOR: "1" })).toBe(PLAIN);
        expect(paintFor({ isTTY: true }, { TERM: "dumb" })).toBe(PLAIN);
        expect(paintFor({}, {})).toBe(PLAIN);
    });

    it("has columns under each other, whatever their colour", () => {
        expect(
            table([
                ["a", COLOURED.good("ok"), "x"],
                ["bbb", "failing", "y"],
            ]),
        ).toEqual(["  a    \u001b[32mok\u001b[0m       x", "  bbb  failing  y"]);
    });

    it("shows numbers as people read them", () => {
        expect([0, 1023, 12_900_000, 3_650_000_000].map(size)).toEqual(["0 B", "1023 B", "12.3 MiB", "3.4 GiB"]);
        expect([0.02, 45, 200, 7200, 200_000].map(span)).toEqual(["20 ms", "45 s", "3 min", "2 h", "2 days"]);
    });
});
