/** Colours of the terminal, only where somebody sees them. */
export interface Paint {
    good(text: string): string;
    bad(text: string): string;
    warn(text: string): string;
    faint(text: string): string;
    bold(text: string): string;
}

const code =
    (number: number) =>
    (text: string): string =>
        text === "" ? "" : `\u001b[${number}m${text}\u001b[0m`;
const plain = (text: string): string => text;

export const PLAIN: Paint = { good: plain, bad: plain, warn: plain, faint: plain, bold: plain };
export const COLOURED: Paint = { good: code(32), bad: code(31), warn: code(33), faint: code(2), bold: code(1) };

/** Colours for a stream: never with NO_COLOR (https://no-color.org), and only on a terminal. */
export function paintFor(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): Paint {
    return stream.isTTY && !env.NO_COLOR && env.TERM !== "dumb" ? COLOURED : PLAIN;
}

// eslint-disable-next-line no-control-regex
const COLOURS = /\u001b\[\d+m/g;

/** Characters that are seen. */
export const width = (text: string): number => text.replace(COLOURS, "").length;

/** Rows with their columns under each other, each line indented. Pure. */
export function table(rows: string[][], indent = "  "): string[] {
    const widths: number[] = [];
    for (const row of rows) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, width(cell))));
    return rows.map((row) =>
        (indent + row.map((cell, at) => cell + " ".repeat(widths[at]! - width(cell))).join("  ")).trimEnd(),
    );
}
