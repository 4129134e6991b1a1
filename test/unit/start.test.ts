import { spawn, spawnSync } from "child_process";
import * as fs from "fs";
import * as os from "os";
import * as path from "path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ROOT } from "./support/stacks";

// A small program in the place of ours: start.cjs compiles whatever index.ts lies beside it.

let project: string;
const bundle = (): string => path.join(project, "dist", "index.cjs");
const write = (file: string, text: string): void => fs.writeFileSync(path.join(project, file), text);

beforeEach(() => {
    project = fs.mkdtempSync(path.join(os.tmpdir(), "otel-ha-"));
    for (const file of ["start.cjs", "bundle.cjs"]) fs.copyFileSync(path.join(ROOT, file), path.join(project, file));
    fs.symlinkSync(path.join(ROOT, "node_modules"), path.join(project, "node_modules"));
    fs.mkdirSync(path.join(project, "components"));
    write("package.json", "{}");
    write("components/answer.ts", "export const answer: number = 42;\n");
    write("index.ts", 'import { answer } from "./components/answer";\nexport = async () => ({ answer });\n');
});
afterEach(() => fs.rmSync(project, { recursive: true }));

// Runs the program as Pulumi's runner does: requires it and calls what it exports.
const RUN = 'require("./start.cjs")().then((outputs) => console.log(JSON.stringify(outputs)))';

function run(): string {
    const done = spawnSync(process.execPath, ["-e", RUN], { cwd: project, encoding: "utf8" });
    return done.status === 0 ? done.stdout.trim() : done.stderr;
}

/** Makes a source newer or older than the bundle, whatever the clock's resolution. */
function age(file: string, seconds: number): void {
    const time = fs.statSync(bundle()).mtimeMs / 1000 - seconds;
    fs.utimesSync(path.join(project, file), time, time);
}

/** When the bundle was made; a mark that a second compilation would change. */
const made = (): number => fs.statSync(bundle()).ino;

describe("start.cjs", () => {
    it("compiles the program at the first run", () => {
        expect(run()).toBe('{"answer":42}');
        expect(fs.readdirSync(path.join(project, "dist"))).toEqual(["index.cjs"]);
    });

    it("does not compile again while no source has changed", () => {
        run();
        const first = made();
        fs.appendFileSync(bundle(), "// the very same file\n");
        expect(run()).toBe('{"answer":42}');
        expect(made()).toBe(first);
        expect(fs.readFileSync(bundle(), "utf8")).toContain("the very same file");
    });

    it("takes a changed source at the next run", () => {
        run();
        write("components/answer.ts", "export const answer: number = 43;\n");
        age("components/answer.ts", -1);
        expect(run()).toBe('{"answer":43}');
    });

    it("notices a source that is new, or gone", () => {
        run();
        const first = made();
        write("components/more.ts", "export {};\n");
        age("components", -1);
        age("components/more.ts", 100);
        run();
        expect(made()).not.toBe(first);
    });

    it("shows an error in a source with its place, and keeps the last good bundle out of the way", () => {
        run();
        write("components/answer.ts", "export const answer: number = ;\n");
        age("components/answer.ts", -1);
        expect(run()).toContain("components/answer.ts:1:30");
        write("components/answer.ts", "export const answer: number = 44;\n");
        age("components/answer.ts", -2);
        expect(run()).toBe('{"answer":44}');
        expect(fs.readdirSync(path.join(project, "dist"))).toEqual(["index.cjs"]);
    });

    it("loads what the SDK needs to turn functions into text only when it is used", () => {
        const loaded = 'Object.keys(require.cache).some((file) => file.includes("/node_modules/typescript/"))';
        write(
            "index.ts",
            `const ts = require("typescript");\nexport = async () => { const before = ${loaded}; return { before, version: typeof ts.version, after: ${loaded} }; };\n`,
        );
        expect(run()).toBe('{"before":false,"version":"string","after":true}');
    });

    it("may be started for both stacks at once on a fresh checkout", async () => {
        const outputs = await Promise.all(
            Array.from({ length: 4 }, async () => {
                const child = spawn(process.execPath, ["-e", RUN], { cwd: project });
                let text = "";
                for (const stream of [child.stdout, child.stderr])
                    stream.on("data", (data: Buffer) => (text += data.toString()));
                await new Promise((resolve) => child.once("close", resolve));
                return text.trim();
            }),
        );
        expect(outputs).toEqual(Array(4).fill('{"answer":42}'));
        expect(fs.readdirSync(path.join(project, "dist"))).toEqual(["index.cjs"]);
    });
});

describe("the real program", () => {
    it("compiles without a warning, and leaves its libraries out", () => {
        const options = {
            entryPoints: ["index.ts"],
            bundle: true,
            platform: "node",
            target: "node20",
            packages: "external",
        };
        const outfile = path.join(project, "out.cjs");
        const program = `const { metafile } = require("esbuild").buildSync(${JSON.stringify({ ...options, outfile, metafile: true })}); console.log(JSON.stringify(Object.keys(metafile.inputs)))`;
        const done = spawnSync(process.execPath, ["-e", program], { cwd: ROOT, encoding: "utf8" });
        expect(done.stderr).not.toMatch(/warning|error/i);
        const sources = JSON.parse(done.stdout) as string[];
        expect(sources).toContain("components/host.ts");
        expect(sources.filter((source) => !/^(index\.ts|components\/)/.test(source))).toEqual([]);
    });
});
