/** A word for a POSIX shell: left alone when it is plain, else in single quotes. */
export function shellQuote(word: string): string {
    return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Where a host keeps the scripts of `templates/scripts`. */
export const HELPERS = "/usr/local/lib/otel-ha";

/** The command line of one of them. @example helper("await-healthy", "--timeout", "120", "loki-mid-1") */
export function helper(name: string, ...words: string[]): string {
    return [`${HELPERS}/${name}`, ...words].map(shellQuote).join(" ");
}
