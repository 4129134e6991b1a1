const CONTEXT = 3;

/** More than this is not compared line by line. */
const MOST_PAIRS = 4_000_000;

interface Line {
    sign: " " | "-" | "+";
    text: string;
}

/** A unified diff; undefined when the texts are too long for one. Pure. */
export function unifiedDiff(before: string, after: string): string | undefined {
    const [a, b] = [linesOf(before), linesOf(after)];
    if (a.length * b.length > MOST_PAIRS) return undefined;
    return hunks(compare(a, b)).join("\n");
}

// What a text without a last newline lacks is told in its last line, as diff does.
function linesOf(text: string): string[] {
    if (text === "") return [];
    const lines = text.split("\n");
    if (lines.at(-1) === "") return lines.slice(0, -1);
    return [...lines.slice(0, -1), `${lines.at(-1)} (no newline at the end)`];
}

// Longest common subsequence: how much the rest of both has in common, for every pair of places.
function compare(a: string[], b: string[]): Line[] {
    const common = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
    for (let i = a.length - 1; i >= 0; i--)
        for (let j = b.length - 1; j >= 0; j--)
            common[i]![j] =
                a[i] === b[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
    const lines: Line[] = [];
    let [i, j] = [0, 0];
    while (i < a.length || j < b.length) {
        if (i < a.length && j < b.length && a[i] === b[j]) {
            lines.push({ sign: " ", text: a[i]! });
            i++;
            j++;
        } else if (j >= b.length || (i < a.length && common[i + 1]![j]! >= common[i]![j + 1]!))
            lines.push({ sign: "-", text: a[i++]! });
        else lines.push({ sign: "+", text: b[j++]! });
    }
    return lines;
}

function hunks(lines: Line[]): string[] {
    const shown = new Set<number>();
    lines.forEach(({ sign }, at) => {
        if (sign !== " ") for (let near = Math.max(0, at - CONTEXT); near <= at + CONTEXT; near++) shown.add(near);
    });
    const text: string[] = [];
    let [old, now] = [1, 1];
    lines.forEach(({ sign, text: line }, at) => {
        if (shown.has(at) && !shown.has(at - 1)) text.push(`@@ -${old} +${now} @@`);
        if (shown.has(at)) text.push(`${sign}${line}`);
        if (sign !== "+") old++;
        if (sign !== "-") now++;
    });
    return text;
}
