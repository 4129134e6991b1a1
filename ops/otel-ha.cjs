#!/usr/bin/env node
// The day-2 command: runs ops/main.ts.
const { bundled, load } = require("../bundle.cjs");

const bundle = bundled("ops/main.ts", ["ops", "components", "package.json"], "otel-ha.cjs");

void load(bundle).main(process.argv);
