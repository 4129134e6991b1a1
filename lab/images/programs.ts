/** Builds the programs inside the service images from Go modules, into a cache keyed by what they are made from. */
import { createHash } from "node:crypto";
import {
    copyFileSync,
    existsSync,
    mkdirSync,
    readdirSync,
    readFileSync,
    renameSync,
    rmSync,
    writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { CACHE_DIR, LOG_DIR, REPO } from "../paths";
import { elapsed, step, type Step } from "../progress";
import { must, type RunOptions } from "../run";
import { shortName, type CollectorProgram, type GoPrograms, type ServiceImage } from "./catalog";

/** Modules and compiled packages: 13 GB after all builds, so they live only until the last build succeeded. */
const WORK_DIR = join(CACHE_DIR, "go");
const MIN_GO = [1, 25];
/** Go's name of `images/otel-aggregator/apm`. */
const OWN_COMPONENTS = "otel-ha.internal/apm/...";
/** Raise it when the way of building changes, so that old results are not taken for new ones. */
const RECIPE = "1";

export interface BuildOptions {
    /** After a change of a go.mod: compile whatever is cached, and write the go.sum that belongs to it. */
    updateSums?: boolean;
}

/** Names the result by everything that determines it. */
export function programsKey(image: ServiceImage): string {
    const hash = createHash("sha256").update(RECIPE);
    if (image.go) {
        hash.update(readFileSync(join(image.go.dir, "go.mod"))).update(readIfThere(join(image.go.dir, "go.sum")));
        hash.update(JSON.stringify([image.go.programs, image.go.tags, image.go.variables]));
    }
    if (image.collector) {
        for (const file of collectorFiles(image.collector))
            hash.update(file).update(readFileSync(join(image.collector.dir, file)));
        hash.update(image.collector.builder);
    }
    return hash.digest("hex").slice(0, 16);
}

export function programsDir(image: ServiceImage): string {
    return join(CACHE_DIR, "programs", `${shortName(image)}-${image.tag}-${programsKey(image)}`);
}

/** Builds an image's programs unless they are there; returns the directory that holds them. */
export async function buildPrograms(image: ServiceImage, options: BuildOptions = {}): Promise<string> {
    if (existsSync(programsDir(image)) && !options.updateSums) return programsDir(image);
    return step(`Compiling ${image.reference}`, async (progress) => {
        await requireGo();
        const started = Date.now();
        const work = join(WORK_DIR, "work", shortName(image));
        rmSync(work, { recursive: true, force: true });
        mkdirSync(join(work, "out"), { recursive: true });
        const log = join(LOG_DIR, `build-${shortName(image)}.log`);
        rmSync(log, { force: true });
        if (image.go) await goBuild(image.go, work, goOptions(work, log, progress), options.updateSums ?? false);
        if (image.collector) await collectorBuild(image.collector, work, goOptions(work, log, progress));
        // Complete or not there at all: an interrupted build leaves nothing under the final name.
        const result = programsDir(image);
        mkdirSync(join(CACHE_DIR, "programs"), { recursive: true });
        rmSync(result, { recursive: true, force: true });
        renameSync(join(work, "out"), result);
        rmSync(work, { recursive: true, force: true });
        writeFileSync(`${result}.took`, `${elapsed(started)}\n`);
        progress.note("done");
        return result;
    });
}

/** Frees the space that only building needs. */
export async function dropBuildCaches(): Promise<void> {
    if (!existsSync(WORK_DIR)) return;
    await step("Removing what only compiling needed", () => rm(WORK_DIR, { recursive: true, force: true }));
}

async function goBuild(go: GoPrograms, work: string, options: RunOptions, updateSums: boolean): Promise<void> {
    copyFileSync(join(go.dir, "go.mod"), join(work, "go.mod"));
    const sums = join(go.dir, "go.sum");
    if (existsSync(sums)) copyFileSync(sums, join(work, "go.sum"));
    if (updateSums && go.sums) await addForeignSums(go.sums, work, options);
    for (const [program, pkg] of Object.entries(go.programs)) {
        const ldflags = ["-s", "-w", ...Object.entries(go.variables ?? {}).map(([k, v]) => `-X ${k}=${v}`)].join(" ");
        const tags = go.tags ? ["-tags", go.tags.join(",")] : [];
        const flags = ["-mod=mod", "-trimpath", "-v", ...tags, "-ldflags", ldflags];
        await must(["nice", "-n", "10", "go", "build", ...flags, "-o", join(work, "out", program), pkg], options);
    }
    if (updateSums) copyFileSync(join(work, "go.sum"), sums);
}

/** Takes the go.sum lines that the checksum database lacks from the module that vouches for them. */
async function addForeignSums(sums: NonNullable<GoPrograms["sums"]>, work: string, options: RunOptions): Promise<void> {
    const downloaded = await must(["go", "mod", "download", "-json", sums.from], options);
    const { Dir } = JSON.parse(downloaded) as { Dir: string };
    const lines = readFileSync(join(Dir, "go.sum"), "utf8").split("\n");
    const wanted = lines.filter((line) => sums.modules.some((module) => line.startsWith(`${module} `)));
    const target = join(work, "go.sum");
    const missing = wanted.filter((line) => !readIfThere(target).toString().includes(line));
    writeFileSync(target, `${readIfThere(target)}${missing.map((line) => `${line}\n`).join("")}`);
}

/** What the collector is built from: all files of its directory but the Dockerfile, those of our own components among them. */
function collectorFiles({ dir }: CollectorProgram): string[] {
    const all = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return all
        .map((entry) => relative(dir, join(entry.parentPath, entry.name)))
        .filter((file) => file !== "Dockerfile")
        .sort();
}

async function collectorBuild(collector: CollectorProgram, work: string, options: RunOptions): Promise<void> {
    for (const file of collectorFiles(collector)) {
        mkdirSync(dirname(join(work, file)), { recursive: true });
        copyFileSync(join(collector.dir, file), join(work, file));
    }
    // The builder makes this directory's other files.
    mkdirSync(join(work, "build"), { recursive: true });
    copyFileSync(join(collector.dir, "go.sum"), join(work, "build", "go.sum"));
    const builder = ["go", "run", collector.builder, "--config", "builder.yaml"];
    await must(["nice", "-n", "10", ...builder, "--skip-compilation"], options);
    // The builder's own compile step hides its progress; this is the same command, with -v.
    const out = join(work, "out", "otelcol-contrib");
    const flags = ["-trimpath", "-v", "-ldflags", "-s -w", "-o", out];
    await must(["nice", "-n", "10", "go", "build", ...flags, "."], { ...options, cwd: join(work, "build") });
    // What of it is our own; compiled already.
    await must(["nice", "-n", "10", "go", "test", "-trimpath", OWN_COMPONENTS], {
        ...options,
        cwd: join(work, "build"),
    });
}

function goOptions(work: string, logFile: string, progress: Step): RunOptions {
    let compiled = 0;
    let downloads = 0;
    return {
        cwd: work,
        logFile,
        env: {
            CGO_ENABLED: "0",
            GOFLAGS: "-modcacherw -buildvcs=false",
            GOMODCACHE: join(WORK_DIR, "mod"),
            GOCACHE: join(WORK_DIR, "build"),
            GOWORK: "off",
        },
        onLine: (line) => {
            if (line.startsWith("go: downloading")) downloads++;
            else if (/^[\w.-]+(\/[\w.~-]+)*$/.test(line)) compiled++;
            progress.note(`${downloads} modules fetched, ${compiled} packages compiled`);
        },
    };
}

async function requireGo(): Promise<void> {
    // Asked beside a go.mod that wants this version: an older Go that may fetch a newer one then does.
    const cwd = join(REPO, "lab", "images", "thanos");
    const version = await must(["go", "env", "GOVERSION"], { cwd }).catch(() => "none");
    const [, major, minor] = /^go(\d+)\.(\d+)/.exec(version) ?? [];
    if (Number(major) > MIN_GO[0]! || Number(minor) >= MIN_GO[1]!) return;
    throw new Error(
        `Building the service images needs Go ${MIN_GO.join(".")} or later (found: ${version}). ` +
            "Install it (https://go.dev/doc/install), put it on PATH and run this again.",
    );
}

function readIfThere(file: string): Buffer {
    return existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
}
