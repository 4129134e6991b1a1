/** Where the lab keeps things. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";

export const REPO = resolve(__dirname, "..");

/** Keys and known facts of the running lab; belongs to the checkout and is ignored by git. */
export const STATE_DIR = join(REPO, ".lab", process.env.OTEL_HA_LAB ?? "");

/** What took long to make and does not depend on the checkout: binaries, the hosts' file system, logs. */
export const CACHE_DIR =
    process.env.OTEL_HA_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "otel-ha");

export const LOG_DIR = join(CACHE_DIR, "logs");
