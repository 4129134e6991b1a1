// Pulumi's entry point. Compiling TypeScript and resolving source maps at each run costs seconds (docs/performance.md): this bundles index.ts
// into dist/ when a source is newer than the bundle, and runs the bundle. `OTEL_HA_TRACE=1` brings stack traces back.
const fs = require("fs");
const path = require("path");

const SOURCES = ["index.ts", "components", "package.json"].map((name) => path.join(__dirname, name));
const BUNDLE = path.join(__dirname, "dist", "index.cjs");

function newest(file) {
    const stat = fs.statSync(file);
    if (!stat.isDirectory()) return stat.mtimeMs;
    return Math.max(stat.mtimeMs, ...fs.readdirSync(file).map((name) => newest(path.join(file, name))));
}

function compile() {
    const temporary = `${BUNDLE}.${process.pid}`;
    require("esbuild").buildSync({
        entryPoints: [path.join(__dirname, "index.ts")],
        outfile: temporary,
        bundle: true,
        platform: "node",
        target: "node20",
        packages: "external",
        sourcemap: "inline",
        logLevel: "error",
    });
    fs.renameSync(temporary, BUNDLE);
}

if (!fs.existsSync(BUNDLE) || newest(BUNDLE) < Math.max(...SOURCES.map(newest))) compile();

// The SDK takes a stack trace for each promise.
if (!process.env.OTEL_HA_TRACE) {
    Error.stackTraceLimit = 0;
    Error.prepareStackTrace = undefined;
}
require("module").enableCompileCache?.();

module.exports = require(BUNDLE);
