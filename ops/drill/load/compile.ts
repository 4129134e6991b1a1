/** The worker's program, compiled when a source is newer. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The directory with package.json: from the sources as well as from a bundle in dist/. */
function packageRoot(): string {
    for (let at = __dirname; ; at = dirname(at)) {
        if (existsSync(join(at, "bundle.cjs"))) return at;
        if (at === dirname(at)) throw new Error(`no bundle.cjs above ${__dirname}`);
    }
}

interface Bundler {
    bundled(entry: string, sources: string[], name: string): string;
}

/** Path of a file that node runs as it is. */
export function workerProgram(): string {
    const root = packageRoot();
    const bundler = createRequire(join(root, "package.json"))("./bundle.cjs") as Bundler;
    return bundler.bundled(
        "ops/drill/load/worker.ts",
        ["ops/drill", "ops/apm", "ops/http.ts", "package.json"],
        "drill-worker.cjs",
    );
}
