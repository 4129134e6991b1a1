/** How a drill of Container APM is carried out. */
import type { DrillOptions } from "../run/options";
import type { ApmRates } from "./load";

export interface ApmDrillOptions
    extends ApmRates, Pick<DrillOptions, "warmSeconds" | "afterSeconds" | "drainSeconds" | "force" | "power" | "reboot"> {}

/** Rates that a cluster on small hosts takes beside everything else. */
export const APM_DRILL_DEFAULTS: ApmRates = { spansPerSecond: 200, recordsPerSecond: 200, pointsPerSecond: 100 };
