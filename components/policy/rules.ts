import { COMMAND_RULES } from "./command-rules";
import { CONTAINER_RULES, hardeningRules } from "./container-rules";
import { Rule, Severity } from "./model";

/** Of the rules for containers that keep whoever gets in from the rest of the host. "advisory" would make advice of them, here and nowhere else. */
export const HARDENING: Severity = "mandatory";

/** Everything that is asked of resources, by the policy pack and, what is mandatory, by the components themselves. */
export const RULES: Rule[] = [...CONTAINER_RULES, ...hardeningRules(HARDENING), ...COMMAND_RULES];

/** Those that stop a preview. */
export const MANDATORY: Rule[] = RULES.filter((rule) => rule.severity === "mandatory");
