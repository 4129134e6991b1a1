import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { REPO } from "../../lab/paths";
import { run } from "../../lab/run";

const SCRIPT = join(REPO, "lab", "host", "runc.sh");
const most = Number((/^Max open files +\S+ +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [])[1]);
const LIMITLESS = "18446744073709551615";

/** Runs the runtime with a stub of runc; gives back what that was told, and the file that it was given. */
async function runtime(
    text: string,
    args: (file: string, dir: string) => string[],
): Promise<{ said: string; file: string }> {
    const dir = mkdtempSync(join(tmpdir(), "lab-"));
    mkdirSync(join(dir, "bin"));
    writeFileSync(join(dir, "bin", "runc"), '#!/bin/sh\necho "$@"\n', { mode: 0o755 });
    const file = join(dir, "config.json");
    writeFileSync(file, text);
    const env = { PATH: `${join(dir, "bin")}:${process.env.PATH}` };
    const { code, stdout, stderr } = await run(["sh", SCRIPT, ...args(file, dir)], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return { said: stdout.trim().replaceAll(dir, "DIR"), file: readFileSync(file, "utf8") };
}

const rlimits = (...all: [string, string][]): string =>
    JSON.stringify({ process: { args: ["x"], rlimits: [] } }).replace(
        "[]",
        `[${all.map(([type, value]) => `{"type":"RLIMIT_${type}","hard":${value},"soft":${value}}`).join(",")}]`,
    );

it("brings limits down to the machine's, and leaves lower ones", async () => {
    const asked = rlimits(["NOFILE", LIMITLESS], ["NPROC", "7"], ["CORE", LIMITLESS]);
    const bundle = await runtime(asked, (_, dir) => [
        "--root",
        "/r",
        "create",
        "--bundle",
        dir,
        "--pid-file",
        "p",
        "id",
    ]);
    expect(bundle.said).toBe("--root /r create --bundle DIR --pid-file p id");
    expect(bundle.file).toBe(rlimits(["NOFILE", String(most)], ["NPROC", "7"], ["CORE", LIMITLESS]));
});

it("does so for a process that is added to a container", async () => {
    const added = await runtime(rlimits(["NOFILE", String(most + 1)]), (file) => ["exec", "--process", file, "id"]);
    expect(added.file).toBe(rlimits(["NOFILE", String(most)]));
    const lower = rlimits(["NOFILE", String(most - 1)]);
    expect((await runtime(lower, (file) => ["exec", "--process", file, "id"])).file).toBe(lower);
});

it("touches nothing else", async () => {
    const asked = rlimits(["NOFILE", LIMITLESS]);
    expect(await runtime(asked, () => ["state", "id"])).toEqual({ said: "state id", file: asked });
});
