/** Keeps two lab commands from building the same thing at once. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CACHE_DIR } from "./paths";
import { step } from "./progress";
import { until } from "./run";

const DAY_MS = 24 * 3600 * 1000;

/** Runs `work` while holding a lock; waits for another process that holds it, and takes it from one that died. */
export async function withLock<T>(name: string, work: () => Promise<T>): Promise<T> {
    mkdirSync(CACHE_DIR, { recursive: true });
    const file = join(CACHE_DIR, `${name}.lock`);
    if (!take(file)) {
        await step(`Waiting for another lab command (process ${owner(file)})`, () =>
            until(async () => take(file), DAY_MS, 500),
        );
    }
    const release = () => rmSync(file, { force: true });
    process.once("exit", release);
    try {
        return await work();
    } finally {
        process.off("exit", release);
        release();
    }
}

function take(file: string): boolean {
    const pid = owner(file);
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(file, { force: true });
    try {
        writeFileSync(file, String(process.pid), { flag: "wx" });
        return true;
    } catch {
        return false;
    }
}

function owner(file: string): number | undefined {
    return existsSync(file) ? Number(readFileSync(file, "utf8")) || undefined : undefined;
}
