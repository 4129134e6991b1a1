// Compiling TypeScript at each run costs seconds (docs/performance.md): this bundles sources into dist/ when one is newer than the bundle.
const fs = require("fs");
const Module = require("module");
const path = require("path");

function newest(file) {
    const stat = fs.statSync(file);
    if (!stat.isDirectory()) return stat.mtimeMs;
    return Math.max(stat.mtimeMs, ...fs.readdirSync(file).map((name) => newest(path.join(file, name))));
}

function compile(entry, bundle) {
    const temporary = `${bundle}.${process.pid}`;
    require("esbuild").buildSync({
        entryPoints: [entry],
        outfile: temporary,
        bundle: true,
        platform: "node",
        target: "node20",
        packages: "external",
        sourcemap: "inline",
        logLevel: "error",
    });
    fs.renameSync(temporary, bundle);
}

/** Path of the bundle of `entry`; `sources` are the files and directories that it is made from. All are relative to this directory. */
module.exports.bundled = (entry, sources, name) => {
    const bundle = path.join(__dirname, "dist", name);
    const stamps = sources.map((source) => newest(path.join(__dirname, source)));
    if (!fs.existsSync(bundle) || newest(bundle) < Math.max(...stamps)) compile(path.join(__dirname, entry), bundle);
    return bundle;
};

// The SDK loads a compiler and npm's dependency tree to turn functions into text, which this project never does: a third of a second of
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

/** What the bundle exports. */
module.exports.load = (bundle) => {
    Module.enableCompileCache?.();
    const load = Module._load;
    Module._load = function (request, ...rest) {
        const now = () => load.call(this, request, ...rest);
        return RARELY_USED.includes(request) ? whenUsed(now) : now();
    };
    try {
        return require(bundle);
    } finally {
        Module._load = load;
    }
};
