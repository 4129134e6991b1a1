/** Line diffs of configuration files. Pure. */

export interface DiffLine {
    sign: " " | "-" | "+";
    text: string;
}

// Beyond this many pairs of lines all of the middle is shown as removed and added: a table of them would take seconds.
const MOST_PAIRS = 4_000_000;

const split = (text: string): string[] => (text === "" ? [] : text.replace(/\n$/, "").split("\n"));
const signed = (sign: DiffLine["sign"], lines: string[]): DiffLine[] => lines.map((text) => ({ sign, text }));

/** All lines of both texts, in order. A newline at the end does not count. */
export function lineDiff(before: string, after: string): DiffLine[] {
    const [a, b] = [split(before), split(after)];
    let start = 0;
    while (start < a.length && start < b.length && a[start] === b[start]) start++;
    let end = 0;
    while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
    return [
        ...signed(" ", a.slice(0, start)),
        ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
        ...signed(" ", a.slice(a.length - end)),
    ];
}

/** By longest common subsequence. */
function middle(a: string[], b: string[]): DiffLine[] {
    if (a.length * b.length > MOST_PAIRS) return [...signed("-", a), ...signed("+", b)];
    const common = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
    for (let i = a.length - 1; i >= 0; i--)
        for (let j = b.length - 1; j >= 0; j--)
            common[i]![j] =
                a[i] === b[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
    const lines: DiffLine[] = [];
    let [i, j] = [0, 0];
    while (i < a.length || j < b.length) {
        if (i < a.length && j < b.length && a[i] === b[j]) {
            lines.push({ sign: " ", text: a[i++]! });
            j++;
        } else if (j >= b.length || (i < a.length && common[i + 1]![j]! >= common[i]![j + 1]!))
            lines.push({ sign: "-", text: a[i++]! });
        else lines.push({ sign: "+", text: b[j++]! });
    }
    return lines;
}

/** What was left out between two shown lines. */
export const GAP: DiffLine = { sign: " ", text: "…" };

/** Changed lines with `context` lines around them, and {@link GAP} for what is between. @default 3 lines */
export function changedLines(lines: DiffLine[], context = 3): DiffLine[] {
    const near = new Set<number>();
    lines.forEach(({ sign }, at) => {
        if (sign !== " ") for (let by = -context; by <= context; by++) near.add(at + by);
    });
    return lines.flatMap((line, at) => {
        if (near.has(at)) return [line];
        // One gap before each part that is shown; what follows the last one is not missed.
        return near.has(at + 1) ? [GAP] : [];
    });
}
