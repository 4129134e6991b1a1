/** A word for a POSIX shell: left alone when it is plain, else in single quotes. */
export function shellQuote(word: string): string {
    return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The words of a line that {@link shellQuote} made, without their quotes. Errors: a quote that does not end. */
export function shellWords(line: string): string[] {
    const words = [...line.matchAll(/(?:'[^']*'|\\.|[^\s'\\])+/g)].map(([word]) => word);
    const rest = line.replace(/(?:'[^']*'|\\.|[^\s'\\])+/g, "").trim();
    if (rest !== "") throw new Error(`these are no words of a shell: ${rest.slice(0, 40)}`);
    return words.map((word) => word.replace(/'([^']*)'|\\(.)/g, (_, quoted, escaped) => quoted ?? escaped));
}

/** Where a host keeps the scripts of `templates/scripts`. */
export const HELPERS = "/usr/local/lib/otel-ha";

/** The command line of one of them. @example helper("await-healthy", "--timeout", "120", "loki-mid-1") */
export function helper(name: string, ...words: string[]): string {
    return [`${HELPERS}/${name}`, ...words].map(shellQuote).join(" ");
}
