import { describe, expect, it } from "vitest";
import { renderTextDiff } from "../../../lab/engine/display-diff";
import { Display } from "../../../lab/engine/display";
import { secret } from "../../../lab/engine/values";
import { thing, World } from "./support";

describe("a text diff", () => {
    it("has the changed lines with two lines around them", () => {
        const lines = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        const changed = lines.map((line) => (line === "d" ? "D" : line)).filter((line) => line !== "j");
        expect(renderTextDiff(lines.join("\n"), changed.join("\n"))).toEqual([
            ...["  b", "  c", "- d", "+ D", "  e", "  f", "  ...", "  h", "  i", "- j"],
        ]);
    });
});

describe("a preview", () => {
    it("shows changed lines, hides secrets", async () => {
        const world = new World();
        const program = (word: string, password: string) => async (run: Parameters<Parameters<World["up"]>[0]>[0]) => {
            await thing(run, "file", { text: `first\n${word}\nlast\n`, password: secret(password) });
        };
        await world.up(program("old", "hunter2"));
        const { events } = await world.preview(program("new", "hunter3"));
        const lines: string[] = [];
        const display = new Display({
            action: "Previewing update",
            stack: "dev",
            preview: true,
            diff: true,
            write: (line) => lines.push(line),
        });
        events.forEach(display.sink);
        expect(lines).toContain(" ~  fake:index:Thing file update [diff: ~password,~text]");
        expect(lines.map((line) => line.trim())).toEqual(
            expect.arrayContaining(["~ text:", "first", "- old", "+ new", "last", "~ password: [secret] => [secret]"]),
        );
        expect(lines.join("\n")).not.toContain("hunter");
    });
});
