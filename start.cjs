// Pulumi's entry point: runs index.ts. `OTEL_HA_TRACE=1` brings stack traces back.
const { bundled, load } = require("./bundle.cjs");

const bundle = bundled("index.ts", ["index.ts", "components", "package.json"], "index.cjs");

// The SDK takes a stack trace for each promise.
if (!process.env.OTEL_HA_TRACE) {
    Error.stackTraceLimit = 0;
    Error.prepareStackTrace = undefined;
}

module.exports = load(bundle);
