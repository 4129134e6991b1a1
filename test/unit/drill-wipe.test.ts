// What a wipe takes from a host, and what it leaves: run for real, in a directory of its own.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { nodeRequirements } from "../../components/node";
import { nodeSettings } from "../../components/settings/node-settings";
import { wipeRefusal, wipeScript } from "../../ops/drill/faults/wipe";
import { valuesOf } from "./support/stacks";

let host: string;
beforeEach(() => (host = mkdtempSync(join(tmpdir(), "wipe-"))));
afterEach(() => rmSync(host, { recursive: true, force: true }));

/** A node whose directories are all below the test's own. */
function valuesHere() {
    return valuesOf("node2", {
        configDir: `${host}/config`,
        dataDir: `${host}/data`,
        lokiDataDir: `${host}/loki`,
    });
}

function wipe(docker: string): void {
    writeFileSync(join(host, "docker"), `#!/bin/sh\necho "$@" >>${host}/docker.log\n${docker}\n`, { mode: 0o755 });
    const script = wipeScript(valuesHere())
        .replaceAll("/usr/local/lib", `${host}/lib`)
        .replaceAll("/etc/", `${host}/etc/`);
    execFileSync("sh", ["-s"], { input: script, env: { PATH: `${host}:${process.env.PATH}` }, stdio: "pipe" });
}

it("takes containers, configuration, data and helpers, and nothing of anybody else's", () => {
    const directories = nodeRequirements(nodeSettings(valuesHere())).flatMap((one) => one.directories);
    for (const { path } of directories) {
        mkdirSync(join(path, "deep"), { recursive: true });
        writeFileSync(join(path, "deep", "file"), "x");
    }
    for (const other of ["data/somebody's", "lib/otel-ha", "lib/other"]) {
        mkdirSync(join(host, other), { recursive: true });
        writeFileSync(join(host, other, "file"), "x");
    }
    // The firewall is taken down by its own script, while that is still there.
    writeFileSync(join(host, "lib/otel-ha/firewall"), `#!/bin/sh\necho "$@" >${host}/firewall.log\n`, { mode: 0o755 });
    wipe('[ "$1" = rm ]');
    expect(readFileSync(join(host, "firewall.log"), "utf8")).toBe(`remove ${host}/config/firewall\n`);
    for (const { path } of directories) expect(existsSync(path), path).toBe(false);
    expect(existsSync(join(host, "lib/otel-ha"))).toBe(false);
    for (const other of ["data/somebody's/file", "lib/other/file"]) expect(existsSync(join(host, other))).toBe(true);
    expect(execFileSync("cat", [join(host, "docker.log")]).toString()).toContain("rm -f loki-mid-2");
    // Nothing is there any more: no error.
    wipe('[ "$1" = rm ]');
});

it("deletes no data under a container that cannot be removed", () => {
    mkdirSync(join(host, "loki"), { recursive: true });
    writeFileSync(join(host, "loki", "file"), "x");
    expect(() => wipe("true")).toThrow(/is still there/);
    expect(existsSync(join(host, "loki", "file"))).toBe(true);
});

it("is refused unless it was allowed, and wherever it would lose something", () => {
    const node = { name: "mid-2", values: valuesOf("node2") };
    expect(wipeRefusal(node, false)).toMatch(
        /deletes everything .* host of mid-2, its data included.* --wipe allows it/,
    );
    expect(wipeRefusal(node, true)).toBeUndefined();
    const seed = { name: "mid-2", values: valuesOf("node2", { dataPath: "seed" }) };
    expect(wipeRefusal(seed, true)).toMatch(/no second copy/);
});
