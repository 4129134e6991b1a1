// One run per stack at a time: the CLI's lock files, plus taking over what a dead process of this machine left behind.
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Backend, writeAtomically } from "./backend";
import { UserError } from "./errors";

interface LockContent {
    pid: number;
    username: string;
    hostname: string;
    timestamp: string;
}

function isAlive(pid: number): boolean {
    try {
        process.kill(pid, 0);
        return true;
    } catch (error) {
        return (error as NodeJS.ErrnoException).code === "EPERM";
    }
}

const folderOf = (backend: Backend, project: string, stack: string) =>
    path.join(backend.folder, "locks", "organization", project, stack);

/** Locks of live processes, or of other machines; stale ones are removed on the way. */
function othersIn(folder: string, own: string): string[] {
    const others: string[] = [];
    for (const name of fs.existsSync(folder) ? fs.readdirSync(folder) : []) {
        const file = path.join(folder, name);
        if (file === own || !name.endsWith(".json")) continue;
        try {
            const lock: LockContent = JSON.parse(fs.readFileSync(file, "utf8"));
            if (lock.hostname === os.hostname() && !isAlive(lock.pid)) fs.rmSync(file, { force: true });
            else
                others.push(
                    `  file://${file}: created by ${lock.username}@${lock.hostname} (pid ${lock.pid}) at ${lock.timestamp}`,
                );
        } catch (error) {
            // Released between listing and reading.
            if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
        }
    }
    return others;
}

/** Takes the stack's lock; the returned function gives it back. */
export function lockStack(backend: Backend, project: string, stack: string): () => void {
    const folder = folderOf(backend, project, stack);
    const own = path.join(folder, `${crypto.randomUUID()}.json`);
    const content: LockContent = {
        pid: process.pid,
        username: os.userInfo().username,
        hostname: os.hostname(),
        timestamp: new Date().toISOString(),
    };
    writeAtomically(own, JSON.stringify(content));
    const release = () => fs.rmSync(own, { force: true });
    const others = othersIn(folder, own);
    if (others.length > 0) {
        release();
        throw new UserError(
            `the stack is currently locked by ${others.length} lock(s). Either wait for the other process(es) to end or delete the ` +
                `lock file with \`pulumi cancel\`.\n${others.join("\n")}`,
        );
    }
    return release;
}

/** `pulumi cancel` */
export function removeLocks(backend: Backend, project: string, stack: string): void {
    fs.rmSync(folderOf(backend, project, stack), { recursive: true, force: true });
}
