// What a drill leaves armed on a host is undone whether or not anybody comes back for it. Runs the script itself, in a directory of its own.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { templateText } from "../../components/templates";

let directory: string;
let mark: string;
beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "otel-ha-undo-"));
    mark = join(directory, "undone");
});
afterEach(() => {
    undo("undo-all");
    rmSync(directory, { recursive: true });
});

/** The script as it is sent to a host, but for its directory. */
function undo(...words: string[]): string {
    const script = templateText("scripts/drill-undo.sh").replace("/run/otel-ha-drill", join(directory, "armed"));
    return execFileSync("sh", ["-s", ...words], { input: script, encoding: "utf8" }).trim();
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("what is armed on a host", () => {
    it("is undone by the host itself after its time", async () => {
        undo("arm", "network", "1", `touch ${mark}`);
        expect(existsSync(mark)).toBe(false);
        expect(undo("list")).toBe("network");
        for (let i = 0; i < 50 && undo("list") !== ""; i++) await wait(100);
        expect(existsSync(mark)).toBe(true);
        expect(undo("list")).toBe("");
    });

    it("is undone at once when asked, once, and nothing of it is left", async () => {
        undo("arm", "network", "1", `echo x >>${mark}`);
        undo("undo", "network");
        undo("undo", "network");
        await wait(1500);
        expect(execFileSync("cat", [mark], { encoding: "utf8" })).toBe("x\n");
        expect(readdirSync(join(directory, "armed"))).toEqual([]);
    });

    it("is undone before the same is armed again", () => {
        undo("arm", "network", "300", `echo first >>${mark}`);
        undo("arm", "network", "300", `echo second >>${mark}`);
        undo("undo-all");
        expect(execFileSync("cat", [mark], { encoding: "utf8" })).toBe("first\nsecond\n");
    });
});
