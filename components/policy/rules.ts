import { COMMAND_RULES } from "./command-rules";
import { CONTAINER_RULES, hardeningRules } from "./container-rules";
import { Rule, Severity } from "./model";

/** Advice until every container of ours complies; then "mandatory", here and nowhere else. */
export const HARDENING: Severity = "advisory";

/** Everything that is asked of resources, by the policy pack and, what is mandatory, by the components themselves. */
export const RULES: Rule[] = [...CONTAINER_RULES, ...hardeningRules(HARDENING), ...COMMAND_RULES];

/** Those that stop a preview. */
export const MANDATORY: Rule[] = RULES.filter((rule) => rule.severity === "mandatory");
