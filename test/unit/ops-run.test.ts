import { getPriority } from "os";
import { describe, expect, it } from "vitest";
import { run } from "../../ops/run";

const PRIORITY = [process.execPath, "-p", "require('os').getPriority()"];

describe("a program that is run", () => {
    it("has this process' priority", async () => {
        const { code, stdout } = await run(PRIORITY);
        expect({ code, priority: Number(stdout) }).toEqual({ code: 0, priority: getPriority() });
    });

    it("steps back when it is told to, with all that it starts", async () => {
        const { stdout } = await run(["sh", "-c", `exec "$0" "$@"`, ...PRIORITY], { niceness: 15 });
        expect(Number(stdout)).toBe(15);
    });

    it("that is not there is told, whatever its priority", async () => {
        const { code, stderr } = await run(["/nowhere/program"], { niceness: 15 });
        expect({ code, stderr }).toEqual({ code: 127, stderr: expect.stringContaining("ENOENT") });
    });
});
