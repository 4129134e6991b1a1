/** Gets every service image into the lab's registry: pulled where that works, built here where it does not. */
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { debianImage, registryReachable } from "../base";
import { dockerBuild, imageExists, removeOtherTags } from "../machine";
import { IMAGE_PREFIX as PREFIX } from "../nodes";
import { CACHE_DIR, LOG_DIR, REPO } from "../paths";
import { step } from "../progress";
import { push, pushedKey } from "../registry";
import { must, run } from "../run";
import { IMAGES, shortName, type ServiceImage } from "./catalog";
import { buildPrograms, type BuildOptions, dropBuildCaches, hasPrograms, programsDir, programsKey } from "./programs";

export type { BuildOptions };
export type ImageStatus = "served" | "outdated" | "missing";

const BUSYBOX_DIR = join(REPO, "lab", "images", "busybox");

/** Builds or pulls what is missing and pushes it; an image that is served and up to date costs nothing. */
export async function buildImages(wanted: ServiceImage[] = IMAGES, options: BuildOptions = {}): Promise<void> {
    const stale = wanted.filter((image) => options.updateSums || !isServed(image));
    if (stale.length === 0) return;
    const pull = !options.updateSums && (await registryReachable());
    const absent = pull ? [] : stale.filter((image) => !image.layout);
    if (absent.length)
        console.error(
            `  not in this lab, since it can only be pulled: ${absent.map((image) => image.reference).join(", ")}`,
        );
    for (const image of stale) {
        if (pull) await fetchImage(image);
        else if (image.layout) await makeImage(image, options);
    }
    // All are built: what only building needs (13 GB) can go. After a failure it stays, so that a retry goes on.
    if (IMAGES.filter(hasPrograms).every(isServed)) await dropBuildCaches();
}

/** Whether hosts can pull it from the lab's registry, as it is made now. */
export const isServed = (image: ServiceImage): boolean => pushedKey(image.repository, image.tag) === imageKey(image);

export function imageStatus(): Record<string, ImageStatus> {
    const one = (image: ServiceImage): ImageStatus => {
        if (isServed(image)) return "served";
        return pushedKey(image.repository, image.tag) === undefined ? "missing" : "outdated";
    };
    return Object.fromEntries(IMAGES.map((image) => [image.reference, one(image)]));
}

/** Changes with everything an image is made from, so that nothing is built twice and nothing old is served. */
export function imageKey(image: ServiceImage): string {
    const hash = createHash("sha256").update(image.reference).update(programsKey(image));
    for (const file of layoutFiles(image)) hash.update(basename(file)).update(readFileSync(file));
    for (const file of filesOf(BUSYBOX_DIR)) hash.update(readFileSync(file));
    return hash.digest("hex").slice(0, 16);
}

/** The Dockerfile, and the files of ours that it takes. */
function layoutFiles({ layout, files = [] }: ServiceImage): string[] {
    return layout ? [layout, ...files.map((name) => join(dirname(layout), name))] : [];
}

/** Where images can be pulled: upstream's own, and ours as a user builds them. */
async function fetchImage(image: ServiceImage): Promise<void> {
    const local = image.public ? image.reference : `${PREFIX}/${shortName(image)}:${image.tag}`;
    const logFile = join(LOG_DIR, `build-${shortName(image)}.log`);
    if (image.public) await step(`Pulling ${image.reference}`, () => must(["docker", "pull", local], { logFile }));
    else await step(`Building ${image.reference}`, () => dockerBuild(image.userDir!, local, { logFile }));
    await serve(image, local);
}

/** Where nothing can be pulled: upstream's layout, from Debian's packages, Go modules and Maven's artefacts. */
async function makeImage(image: ServiceImage, options: BuildOptions): Promise<void> {
    const local = `${PREFIX}/${shortName(image)}:${image.tag}`;
    const programs = hasPrograms(image) ? await buildPrograms(image, options) : undefined;
    const args = await baseArguments();
    await step(`Building ${image.reference}`, async () => {
        const context = assembleContext(image, programs);
        try {
            await dockerBuild(context, local, { args, logFile: join(LOG_DIR, `build-${shortName(image)}.log`) });
        } finally {
            rmSync(context, { recursive: true, force: true });
        }
    });
    await serve(image, local);
}

async function serve(image: ServiceImage, local: string): Promise<void> {
    await step(`Serving ${image.reference} to the hosts`, () =>
        push(local, image.repository, image.tag, imageKey(image)),
    );
    // The registry has it now.
    if (local.startsWith(`${PREFIX}/`)) await run(["docker", "image", "rm", local]);
}

function assembleContext(image: ServiceImage, programs: string | undefined): string {
    const context = join(CACHE_DIR, `context-${process.pid}-${shortName(image)}`);
    rmSync(context, { recursive: true, force: true });
    mkdirSync(context, { recursive: true });
    for (const file of layoutFiles(image)) copyFileSync(file, join(context, basename(file)));
    for (const program of programs ? readdirSync(programsDir(image)) : []) {
        copyFileSync(join(programsDir(image), program), join(context, program));
        chmodSync(join(context, program), 0o755);
    }
    return context;
}

/** The two images that the layouts start from: Debian, and a busybox as upstream's images have one. */
async function baseArguments(): Promise<string[]> {
    const debian = await debianImage();
    const hash = createHash("sha256");
    for (const file of filesOf(BUSYBOX_DIR)) hash.update(readFileSync(file));
    const busybox = `${PREFIX}/busybox:${hash.digest("hex").slice(0, 16)}`;
    const debianArgument = ["--build-arg", `BASE=${debian}`];
    if (!(await imageExists(busybox))) {
        const logFile = join(LOG_DIR, "build-busybox.log");
        await step("Building the busybox base", () =>
            dockerBuild(BUSYBOX_DIR, busybox, { args: debianArgument, logFile }),
        );
        await removeOtherTags(busybox);
    }
    return [...debianArgument, "--build-arg", `BUSYBOX=${busybox}`];
}

const filesOf = (dir: string): string[] =>
    existsSync(dir)
        ? readdirSync(dir)
              .sort()
              .map((name) => join(dir, name))
        : [];
