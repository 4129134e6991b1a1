import { APM_SECRET_OF } from "../apm-credentials";
import { SECRET_OF } from "../generations";
import { APM_LIMITS } from "./apm-limits";
import { APM_RULES } from "./apm-rules";
import { Limit } from "./common-limits";
import { commonRules } from "./common-rules";
import { Key, System } from "./key";
import { KEYS_OF, ValuesOf } from "./keys";
import { PAIR_LIMITS } from "./pair-limits";
import { PAIR_RULES } from "./pair-rules";
import { Rule } from "./problem";

/** What the settings of one system are. */
export interface SystemSettings<S extends System> {
    /** For people. */
    title: string;
    /** In the order of Pulumi.yaml. */
    keys: Record<string, Key>;
    /** What must be true of them together. */
    rules: Rule<ValuesOf<S>>[];
    /** What works, but not through every fault. */
    limits: Limit<ValuesOf<S>>[];
    /** Credentials, which a stack may give, and the secret that each is of. */
    secretOf: Record<string, string>;
}

export const SYSTEMS: { [S in System]: SystemSettings<S> } = {
    "otel-ha": {
        title: "the two-host platform",
        keys: KEYS_OF["otel-ha"],
        rules: [...commonRules(KEYS_OF["otel-ha"]), ...PAIR_RULES],
        limits: PAIR_LIMITS,
        secretOf: SECRET_OF,
    },
    apm: {
        title: "Container APM",
        keys: KEYS_OF.apm,
        rules: [...commonRules(KEYS_OF.apm), ...APM_RULES],
        limits: APM_LIMITS,
        secretOf: APM_SECRET_OF,
    },
};

/** The systems that have a setting of this name. Pure. */
export const systemsWith = (key: string): System[] =>
    (Object.keys(SYSTEMS) as System[]).filter((system) => key in SYSTEMS[system].keys);
