/** How a drill of Container APM is carried out. */
import type { DrillOptions } from "../run/options";
import type { ApmRates } from "./load";

export interface ApmDrillOptions
    extends ApmRates,
        Pick<DrillOptions, "warmSeconds" | "afterSeconds" | "drainSeconds" | "force" | "power" | "reboot"> {
    /** Everything may take so many times as long: of machines that are busy with other things. */
    patience: number;
}

/** Rates that a cluster on small hosts takes beside everything else. */
export const APM_DRILL_DEFAULTS: ApmRates & Pick<ApmDrillOptions, "patience"> = {
    ...{ spansPerSecond: 200, recordsPerSecond: 200, pointsPerSecond: 100 },
    patience: 1,
};
