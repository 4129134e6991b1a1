/** The Debian file system that hosts and images start from, and the hosts' own image. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { dockerBuild, imageExists, removeOtherTags } from "./machine";
import { IMAGE_PREFIX as PREFIX } from "./nodes";
import { CACHE_DIR, LOG_DIR, REPO } from "./paths";
import { step } from "./progress";
import { must, run } from "./run";

const DEBIAN = `${PREFIX}/debian:bookworm`;
const PUBLIC_DEBIAN = "debian:bookworm-slim";
const HOST_DIR = join(REPO, "lab", "host");

let reachable: Promise<boolean> | undefined;

/** Can images be pulled here? Asked once, only when something is missing; OTEL_HA_IMAGES=build|pull decides instead. */
export function registryReachable(): Promise<boolean> {
    const forced = process.env.OTEL_HA_IMAGES;
    if (forced === "build" || forced === "pull") return Promise.resolve(forced === "pull");
    reachable ??= step("Asking whether images can be pulled here", async (progress) => {
        const asked = await run(["docker", "manifest", "inspect", PUBLIC_DEBIAN], { timeoutMs: 15_000 });
        progress.note(asked.code === 0 ? "yes" : "no: they are built here");
        return asked.code === 0;
    });
    return reachable;
}

/** The Debian image to build on; made by debootstrap where it cannot be pulled. */
export async function debianImage(): Promise<string> {
    if (await imageExists(DEBIAN)) return DEBIAN;
    if (await registryReachable()) {
        await step(`Pulling ${PUBLIC_DEBIAN}`, () => must(["docker", "pull", PUBLIC_DEBIAN]));
        await must(["docker", "tag", PUBLIC_DEBIAN, DEBIAN]);
    } else {
        await step("Installing a minimal Debian with debootstrap", debootstrap);
    }
    return DEBIAN;
}

async function debootstrap(): Promise<void> {
    const logFile = join(LOG_DIR, "debootstrap.log");
    const root = join(CACHE_DIR, "debootstrap");
    rmSync(root, { recursive: true, force: true });
    mkdirSync(root, { recursive: true });
    const mirror = process.env.OTEL_HA_DEBIAN_MIRROR ? [process.env.OTEL_HA_DEBIAN_MIRROR] : [];
    const command = ["debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", root, ...mirror];
    await must(command, { logFile });
    for (const waste of ["var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man"]) {
        rmSync(join(root, waste), { recursive: true, force: true });
    }
    await must(["sh", "-euc", `tar -C "$1" -c . | docker import -c 'CMD ["bash"]' - "$2"`, "sh", root, DEBIAN]);
    rmSync(root, { recursive: true, force: true });
}

/** The image of the hosts; built again when one of its files changed. */
export async function hostImage(): Promise<string> {
    const hash = createHash("sha256");
    for (const file of readdirSync(HOST_DIR).sort()) hash.update(file).update(readFileSync(join(HOST_DIR, file)));
    const tag = `${PREFIX}/host:${hash.digest("hex").slice(0, 16)}`;
    if (await imageExists(tag)) return tag;
    const base = await debianImage();
    await step("Building the hosts' image", () =>
        dockerBuild(HOST_DIR, tag, { args: ["--build-arg", `BASE=${base}`], logFile: join(LOG_DIR, "host.log") }),
    );
    await removeOtherTags(tag);
    return tag;
}
