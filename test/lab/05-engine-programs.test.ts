// The lab engine by itself, no host: small programs in processes of their own, run by the SDK's runner: with a fake provider in this process, or by the
// whole engine.
import { execFile, spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { EngineEvent } from "../../lab/engine/events";
import { loadProject } from "../../lab/engine/project";
import { Program } from "../../lab/engine/runner";
import { Report, report, STACK, World } from "../unit/engine/support";

const REPO = resolve(__dirname, "../..");
const ENGINE = join(REPO, "lab/bin/pulumi");
const folders: string[] = [];

afterAll(() => {
    for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true });
});

function projectFolder(name: string, program: string): string {
    const folder = fs.mkdtempSync(join(tmpdir(), "engine-"));
    folders.push(folder);
    fs.writeFileSync(
        join(folder, "Pulumi.yaml"),
        `name: ${name}\nruntime: {name: nodejs, options: {typescript: false}}\n`,
    );
    fs.writeFileSync(join(folder, "package.json"), JSON.stringify({ name, main: "index.js" }));
    fs.writeFileSync(join(folder, "index.js"), `const pulumi = require("@pulumi/pulumi");\n${program}`);
    fs.symlinkSync(join(REPO, "node_modules"), join(folder, "node_modules"));
    return folder;
}

async function runWith(world: World, program: string, preview = false): Promise<Report> {
    const things = `class Thing extends pulumi.CustomResource {
        constructor(name, inputs, options) { super("fake:index:Thing", name, { made: undefined, ...inputs }, options); }
    }\n`;
    const project = loadProject(projectFolder("test", things + program));
    const events: EngineEvent[] = [];
    const run = await world.open(preview, (event) => events.push(event));
    world.fake.calls.length = 0;
    const config = { values: new Map<string, string>(), secretKeys: new Set<string>() };
    const options = { stack: STACK, preview, parallel: 4 };
    const started = await Program.start(project, config, options, async () => ({}));
    await started.runTo(run);
    started.close();
    if (!run.failed) await run.deleteLeftovers();
    await run.finish();
    return report(run, events);
}

// Each takes a second or two to load the SDK, on a processor of its own.
describe.concurrent("a program", { timeout: 60_000 }, () => {
    it("gets unknown outputs in previews, and its applies do not run", async () => {
        const world = new World();
        const program = `
            const a = new Thing("a", { size: 1 });
            new Thing("b", { note: pulumi.interpolate\`<\${a.made}>\` });
            a.made.apply((made) => console.log("made", made));
            exports.made = a.made;`;
        const preview = await runWith(world, program, true);
        const b = preview.events.find((event) => event.kind === "pre" && event.metadata.urn.endsWith("::b"));
        expect(b).toMatchObject({ metadata: { op: "create" } });
        expect(JSON.stringify(preview.events)).not.toContain('"message":"made');
        const up = await runWith(world, program);
        expect(up.events).toContainEqual(expect.objectContaining({ kind: "diagnostic", message: "made a-1" }));
        expect((await world.resource("b"))!.inputs).toEqual({ note: "<a-1>" });
        expect((await world.resource("test-dev"))!.outputs).toEqual({ made: "a-1" });
    });

    it("can wait for components as a whole, hide secrets and rename with aliases", async () => {
        const world = new World();
        const program = (name: string, options: string) => `
            class Group extends pulumi.ComponentResource {
                constructor(name) { super("test:index:Group", name); new Thing("inner", {}, { parent: this }); this.registerOutputs({}); }
            }
            const group = new Group("group");
            new Thing("${name}", { password: pulumi.secret("hunter2") }, { dependsOn: group, ${options} });`;
        await runWith(world, program("after", ""));
        expect(world.fake.calls).toEqual(["create inner", "create after"]);
        expect((await world.resource("after"))!.dependencies[0]).toContain("::inner");
        expect(world.file).not.toContain("hunter2");
        const renamed = await runWith(world, program("later", 'aliases: [{ name: "after" }]'));
        expect(renamed.changes).toEqual({ same: 4 });
    });

    it("ends when a resource fails, with one message", async () => {
        const world = new World();
        const result = await runWith(
            world,
            `const bad = new Thing("bad", { fail: true });
             new Thing("next", { note: bad.made });
             setTimeout(() => {}, 60000);`,
        );
        expect(result.errors).toEqual(["bad cannot be created"]);
        expect(world.fake.calls).toEqual(["create bad"]);
    });

    it("that throws leaves everything as it was", async () => {
        const world = new World();
        await runWith(world, `new Thing("a");`);
        const result = await runWith(world, `throw new Error("thrown on purpose");`);
        expect(result.failed).toBe(true);
        expect(result.errors.join()).toContain("thrown on purpose");
        expect(await world.resource("a")).toBeDefined();
    });
});

/** The whole engine, as a user starts it. */
class Cli {
    readonly backend = fs.mkdtempSync(join(tmpdir(), "engine-state-"));
    readonly env = {
        ...process.env,
        PULUMI_BACKEND_URL: `file://${this.backend}`,
        PULUMI_HOME: this.backend,
        PULUMI_CONFIG_PASSPHRASE: "passphrase",
        PULUMI_STACK: "dev",
    };

    constructor() {
        folders.push(this.backend);
    }

    run(folder: string, ...args: string[]): Promise<{ code: number | null; text: string }> {
        return new Promise((done) => {
            const child = execFile(ENGINE, args, { cwd: folder, env: this.env }, (_error, stdout, stderr) =>
                done({ code: child.exitCode, text: stdout + stderr }),
            );
        });
    }

    async must(folder: string, ...args: string[]): Promise<string> {
        const { code, text } = await this.run(folder, ...args);
        expect(code, text).toBe(0);
        return text;
    }

    start(folder: string, ...args: string[]) {
        return spawn(ENGINE, args, { cwd: folder, env: this.env, stdio: "ignore" });
    }
}

async function until(check: () => boolean): Promise<void> {
    for (let tries = 0; !check(); tries++) {
        if (tries > 150) throw new Error("waited in vain");
        await new Promise((done) => setTimeout(done, 100));
    }
}

describe.concurrent("the command", { timeout: 60_000 }, () => {
    it("refuses a second run beside the first, and goes on after a kill -9", async () => {
        const cli = new Cli();
        const program = (rest: string) => `
            const random = require("@pulumi/random");
            const first = new random.RandomId("first", { byteLength: 4 });
            ${rest}
            exports.hex = first.hex;`;
        const folder = projectFolder(
            "killed",
            program(`first.hex.apply(() => new Promise(() => setTimeout(() => {}, 60000)));`),
        );
        await cli.must(folder, "stack", "init", "dev");
        const running = cli.start(folder, "up", "--yes", "--skip-preview");
        const stateFile = join(cli.backend, ".pulumi/stacks/killed/dev.json");
        const hex = () => /"hex": "(\w+)"/.exec(fs.readFileSync(stateFile, "utf8"))?.[1];
        await until(() => hex() !== undefined);
        const created = hex();
        const refused = await cli.run(folder, "up", "--yes", "--skip-preview");
        expect(refused.text).toContain("the stack is currently locked by 1 lock(s)");
        expect(refused.code).toBe(1);
        running.kill("SIGKILL");
        await new Promise((done) => running.on("close", done));
        fs.writeFileSync(join(folder, "index.js"), `const pulumi = require("@pulumi/pulumi");\n${program("")}`);
        expect(await cli.must(folder, "up", "--yes", "--skip-preview")).toContain("2 unchanged");
        expect((await cli.must(folder, "stack", "output", "hex")).trim()).toBe(created);
    });

    it("lets one stack read another's outputs, secrets included", async () => {
        const cli = new Cli();
        const source = projectFolder("source", `exports.open = "yes"; exports.hidden = pulumi.secret("hunter2");`);
        await cli.must(source, "stack", "init", "dev");
        await cli.must(source, "up", "--yes", "--skip-preview");
        const reader = projectFolder(
            "reader",
            `const other = new pulumi.StackReference("organization/source/dev");
             exports.open = other.getOutput("open"); exports.hidden = other.getOutput("hidden");`,
        );
        await cli.must(reader, "stack", "init", "dev");
        await cli.must(reader, "up", "--yes", "--skip-preview");
        expect(JSON.parse(await cli.must(reader, "stack", "output", "--json"))).toEqual({
            open: "yes",
            hidden: "[secret]",
        });
        expect((await cli.must(reader, "stack", "output", "hidden", "--show-secrets")).trim()).toBe("hunter2");
        expect(await cli.must(reader, "up", "--yes", "--skip-preview", "--expect-no-changes")).toContain("1 unchanged");
        expect(fs.readFileSync(join(cli.backend, ".pulumi/stacks/reader/dev.json"), "utf8")).not.toContain("hunter2");
    });

    it("previews in the CLI's words, shapes and exit codes", async () => {
        const cli = new Cli();
        const program = (length: number) =>
            `const random = require("@pulumi/random"); new random.RandomString("name", { length: ${length} });`;
        const folder = projectFolder("shapes", program(8));
        await cli.must(folder, "stack", "init", "dev");
        await cli.must(folder, "up", "--yes", "--skip-preview");
        fs.writeFileSync(join(folder, "index.js"), `const pulumi = require("@pulumi/pulumi");\n${program(9)}`);
        const text = await cli.must(folder, "preview", "--diff");
        expect(text).toContain("+- random:index:RandomString name replace [diff: ~length]");
        expect(text).toContain("~ length: 8 => 9");
        expect(text).toContain("+- 1 to replace\n    1 unchanged");
        const strict = await cli.run(folder, "preview", "--json", "--expect-no-changes");
        const digest = JSON.parse(strict.text.slice(0, strict.text.lastIndexOf("}") + 1));
        expect(digest.changeSummary).toEqual({ replace: 1, same: 1 });
        expect(digest.steps.map(({ op }: { op: string }) => op)).toEqual(["same", "replace"]);
        expect(strict.text).toContain("error: no changes were expected but changes were proposed");
        expect(strict.code).toBe(1);
    });
});
