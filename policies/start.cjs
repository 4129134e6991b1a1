// Entry point of the policy pack (`pulumi preview --policy-pack policies`): runs pack.ts with the libraries of the project around it.
const { bundled, load } = require("../bundle.cjs");

load(bundled("policies/pack.ts", ["policies", "components", "package.json"], "policies.cjs"));
