import { Warning } from "./common-limits";
import { AnyValues } from "./keys";
import { SYSTEMS } from "./systems";

export { Warning } from "./common-limits";

/** What a preview says about settings that work, but not through every fault. Pure. */
export function warnings(settings: AnyValues): Warning[] {
    const limits =
        settings.system === "apm"
            ? SYSTEMS.apm.limits.flatMap((limit) => limit(settings))
            : SYSTEMS["otel-ha"].limits.flatMap((limit) => limit(settings));
    return [...limits, ...generationOfGiven(settings)];
}

// Whoever counts on it would believe that an old secret is gone.
function generationOfGiven(settings: AnyValues): Warning[] {
    const { secretOf } = SYSTEMS[settings.system];
    const values = settings as unknown as Record<string, string>;
    const generation = settings.generation as Record<string, number>;
    return Object.entries(secretOf)
        .filter(([key, secret]) => values[key] !== "" && generation[secret] !== undefined)
        .map(([key, secret]) => ({
            key: "generation",
            message: `"${secret}" has no effect while ${key} is given; give another value there instead`,
        }));
}
