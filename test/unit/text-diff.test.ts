import { describe, expect, it } from "vitest";
import { textDiff } from "../../ops/text-diff";

const shown = (before: string, after: string): string[] | undefined =>
    textDiff(before, after)?.flatMap((hunk) => [
        `@@ -${hunk.before} +${hunk.after} @@`,
        ...hunk.lines.map(({ sign, text }) => sign + text),
    ]);

describe("a diff of two texts", () => {
    const text = Array.from({ length: 12 }, (_, at) => `line ${at + 1}`);
    const joined = (lines: string[]): string => `${lines.join("\n")}\n`;

    it("has what changed with three lines around it, and where that is", () => {
        expect(shown(joined(text), joined(text.with(5, "edited")))).toEqual([
            "@@ -3 +3 @@",
            ...[" line 3", " line 4", " line 5", "-line 6", "+edited", " line 7", " line 8", " line 9"],
        ]);
        expect(shown("", "new\n")).toEqual(["@@ -1 +1 @@", "+new"]);
        expect(shown("a\n", "a\n")).toEqual([]);
    });

    it("tells of a newline that is missing at the end, as diff does", () => {
        expect(shown("a\nb\n", "a\nb")).toEqual(["@@ -1 +1 @@", " a", "-b", "+b", " \\ No newline at end of file"]);
    });

    it("follows long texts, and gives up on long ones with nothing in common", () => {
        const before = Array.from({ length: 5000 }, (_, at) => `line ${at}`);
        const after = before.map((line, at) => (at % 1000 === 500 ? `${line} changed` : line));
        expect(textDiff(joined(before), joined(after))).toHaveLength(5);
        const other = Array.from({ length: 20_000 }, (_, at) => `other ${at}`);
        expect(textDiff(joined(other.map((line) => `not ${line}`)), joined(other))).toBeUndefined();
    });
});
