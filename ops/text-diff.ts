/** Line diffs of configuration files. Pure. */
import { structuredPatch } from "diff";

export interface DiffLine {
    sign: " " | "-" | "+";
    text: string;
}

/** Changed lines with what is around them. */
export interface Hunk {
    /** Number of its first line in the text before; 1 is the first. */
    before: number;
    /** The same in the text after. */
    after: number;
    lines: DiffLine[];
}

/** Lines around a change that are shown with it. */
const CONTEXT = 3;

/** Longest time for one diff: texts that have little in common take long. */
const PATIENCE_MS = 2000;

/** Where two texts differ; undefined when they have too little in common to say so in reasonable time. */
export function textDiff(before: string, after: string): Hunk[] | undefined {
    const patch = structuredPatch("", "", before, after, undefined, undefined, {
        context: CONTEXT,
        timeout: PATIENCE_MS,
    });
    // A missing newline at the end is a line that begins with a backslash, as diff prints it.
    return patch?.hunks.map(({ oldStart, newStart, lines }) => ({
        before: oldStart,
        after: newStart,
        lines: lines.map((line): DiffLine => {
            return line.startsWith("\\")
                ? { sign: " ", text: line }
                : { sign: line[0] as DiffLine["sign"], text: line.slice(1) };
        }),
    }));
}
