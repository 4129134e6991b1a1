// Pulumi's entry point. Compiling TypeScript and resolving source maps at each run costs seconds (docs/performance.md): this bundles index.ts
// into dist/ when a source is newer than the bundle, and runs the bundle. `OTEL_HA_TRACE=1` brings stack traces back.
const fs = require("fs");
const Module = require("module");
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
Module.enableCompileCache?.();

// The SDK loads a compiler and npm's dependency tree to turn functions into text, which this program never does: a third of a second of
// processor time at each run. They load when something asks them for anything after all.
const RARELY_USED = ["typescript", "@npmcli/arborist"];

function whenUsed(load) {
    let loaded;
    return new Proxy(
        { __esModule: true },
        {
            get(target, key) {
                if (key in target) return target[key];
                loaded ??= load();
                return key === "default" ? (loaded.default ?? loaded) : loaded[key];
            },
        },
    );
}

const load = Module._load;
Module._load = function (request, ...rest) {
    const now = () => load.call(this, request, ...rest);
    return RARELY_USED.includes(request) ? whenUsed(now) : now();
};
try {
    module.exports = require(BUNDLE);
} finally {
    Module._load = load;
}
