// `otel-ha rotate` as a person runs it, with a `pulumi` that answers from files and notes what it is asked.
import { spawnSync } from "child_process";
import * as fs from "fs";
import * as os from "os";
import * as path from "path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { NOTE_KEY } from "../../ops/rotate/owner";
import { config, ROOT, STACKS } from "./support/stacks";

const PULUMI = `#!/bin/sh
echo "$*" >>asked
for last; do stack=$before; before=$last; done
case "$1 $2" in
    "config --json") cat "config-$stack.json" ;;
    "stack export") cat export.json ;;
    "preview --json") cat preview.json ;;
    *) echo "error: no" >&2; exit 1 ;;
esac
`;

const project = fs.mkdtempSync(path.join(os.tmpdir(), "otel-ha-rotate-"));
afterAll(() => fs.rmSync(project, { recursive: true }));
const write = (file: string, text: string, mode = 0o644): void =>
    fs.writeFileSync(path.join(project, file), text, { mode });

const DAY_MS = 86_400_000;
const created = (name: string, days: number) => ({
    urn: `urn:pulumi:node1::otel-ha::x::${name}`,
    created: new Date(Date.now() - days * DAY_MS).toISOString(),
});

function settings(changes: Record<string, string> = {}, more: object = {}): void {
    for (const stack of STACKS) {
        const own = stack === "node1" ? changes : {};
        const shown = Object.entries(config(stack, own)).map(([key, value]) => [`otel-ha:${key}`, { value }]);
        write(`config-${stack}.json`, JSON.stringify({ ...Object.fromEntries(shown), ...more }));
    }
}

beforeEach(() => {
    fs.mkdirSync(path.join(project, "bin"), { recursive: true });
    write("Pulumi.yaml", "name: otel-ha\n");
    for (const stack of STACKS) write(`Pulumi.${stack}.yaml`, "config:\n  otel-ha:nodeName: x\n");
    write("bin/pulumi", PULUMI, 0o755);
    write("asked", "");
    write("preview.json", JSON.stringify({ steps: [], changeSummary: { same: 1 } }));
    const resources = [created("credentials-lokiObjectStoreSecret", 100), created("ca-2", 3)];
    write("export.json", JSON.stringify({ deployment: { resources } }));
    settings();
});

function rotate(...words: string[]) {
    const env = { ...process.env, PATH: `${path.join(project, "bin")}:${process.env.PATH}` };
    const command = [path.join(ROOT, "ops/otel-ha.cjs"), "rotate", ...words];
    return spawnSync(process.execPath, command, { cwd: project, env, encoding: "utf8" });
}

const written = (): string[] =>
    fs
        .readFileSync(path.join(project, "asked"), "utf8")
        .split("\n")
        .filter((line) => /^(config (set|rm)|up)/.test(line));

describe("otel-ha rotate", { timeout: 120_000 }, () => {
    it("--check says how old secrets are and what would be done, and does nothing", () => {
        const done = rotate("--check", "lokiUser", "vrrp");
        expect(done).toMatchObject({ status: 0, stderr: "" });
        expect(done.stdout).toMatch(/lokiUser {2}generation 1 {2}made 100 days ago {2}Loki's user of the object store/);
        expect(done.stdout).toMatch(/vrrp {6}generation 1 {2}age not known/);
        expect(done.stdout).toContain("1. stack node1: generation.lokiUser=2, generation.vrrp=2; otel-ha up");
        expect(written()).toEqual([]);
    });

    it("--check ends with 1 while old and new are accepted, and says how to go on", () => {
        settings({ generation: '{"ca":2}' });
        const done = rotate("--check", "ca");
        expect(done.status).toBe(1);
        expect(done.stdout).toContain("generation 2  made 3 days ago");
        expect(done.stdout).toContain("otel-ha rotate ca --continue");
        const json = rotate("--check", "--json", "ca");
        expect(json.status).toBe(1);
        expect(JSON.parse(json.stdout)).toMatchObject({
            names: ["ca"],
            steps: [],
            open: [{ name: "ca", oldest: 1, newest: 2, issuing: 1 }],
            unfinished: [],
        });
        // What is open is not begun once more.
        expect(rotate("--yes", "ca")).toMatchObject({
            status: 0,
            stdout: expect.stringContaining("--continue") as string,
        });
        expect(written()).toEqual([]);
    });

    it("--check ends with 1 when a rotation did not end", () => {
        settings({}, { [NOTE_KEY]: { value: "generation.lokiUser=2" } });
        const done = rotate("--check");
        expect(done.status).toBe(1);
        expect(done.stdout).toContain("A rotation did not end (generation.lokiUser=2)");
    });

    it("has nothing to finish when nothing is under way", () => {
        expect(rotate("--finish", "--yes")).toMatchObject({ status: 0, stdout: "Nothing is under way.\n" });
    });

    it.each([
        [["loki"], 'there is no secret "loki" to rotate; there are: objectStoreRoot, lokiUser'],
        [["ca"], 'ca cannot be rotated here: tls is "off"'],
        [["lokiUser"], "nobody is there to say yes: add --yes"],
        [["--check", "--finish"], "--check and --finish exclude each other"],
        [
            ["lokiUser", "--yes", "--stack", "node2"],
            'stack "node1" owns the secrets: leave --stack out, or name it, too',
        ],
    ])("touches nothing with %j", (words, why) => {
        settings({ tls: words[0] === "ca" ? "off" : "internal" });
        const done = rotate(...words);
        expect(done.stderr).toContain(why);
        expect(done.status).toBe(3);
        expect(written()).toEqual([]);
    });

    it("touches nothing while something else is not deployed", () => {
        write("preview.json", JSON.stringify({ steps: [], changeSummary: { same: 1, update: 1 } }));
        const done = rotate("lokiUser", "--yes");
        expect(done.stderr).toContain(
            "nothing was touched: stack node1 and node2 has settings that were not deployed yet",
        );
        expect(done.status).toBe(3);
        expect(written()).toEqual([]);
    });
});
