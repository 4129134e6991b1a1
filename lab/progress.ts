/** What the user sees while something takes time: which step, how long. */

const INTERVAL_MS = process.stderr.isTTY ? 1_000 : 30_000;
/** A step that takes longer than this says that it has begun. */
const FIRST_MS = 3_000;

export interface Step {
    /** A few words on where the step is; shown with its name. */
    note(text: string): void;
}

/** Runs one named step and reports its start, its progress and its end on standard error. */
export async function step<T>(name: string, work: (step: Step) => Promise<T>): Promise<T> {
    const started = Date.now();
    let note = "";
    const show = (mark: string, text: string) => {
        const line = `${mark} ${name}${text ? ` (${text})` : ""} ${elapsed(started)}`;
        if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
        else process.stderr.write(`${line}\n`);
    };
    if (process.stderr.isTTY) show("…", "");
    const soon = setTimeout(() => show("…", note), FIRST_MS);
    const timer = setInterval(() => show("…", note), INTERVAL_MS);
    try {
        const result = await work({ note: (text) => (note = text) });
        show("✓", note);
        return result;
    } catch (error) {
        show("✗", note);
        throw error;
    } finally {
        clearTimeout(soon);
        clearInterval(timer);
        if (process.stderr.isTTY) process.stderr.write("\n");
    }
}

export function elapsed(since: number): string {
    const seconds = (Date.now() - since) / 1000;
    if (seconds < 60) return `${seconds.toFixed(1)}s`;
    return `${Math.floor(seconds / 60)}m${String(Math.floor(seconds % 60)).padStart(2, "0")}s`;
}
