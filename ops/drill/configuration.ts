/** What a deployment promises, by its settings. Pure. */
import type { Values } from "../../components/settings/keys";
import { seconds } from "../../components/units";

export type Configuration = "default" | "resilient" | "seed";

/** Of Container APM: which way telemetry takes to OpenSearch. */
export type ApmConfiguration = "data-prepper" | "direct";

/** Which promises hold. */
export function configurationOf(values: Values): Configuration {
    if (values.dataPath === "seed") return "seed";
    const fast = values.vrrpVersion === 3 && values.vrrpUnicast && seconds(values.vrrpAdvertInterval) <= 0.2;
    return values.objectStore === "mirrored" && fast ? "resilient" : "default";
}

/** True where everything that was acknowledged must be found: with the seed's data path a node has what it took, a rebuilt one what came since. */
export function mustBeComplete(
    view: string,
    configuration: Configuration | ApmConfiguration,
    rebuilt?: string,
): boolean {
    return configuration === "seed" ? view === "global" : view !== rebuilt;
}

/** Kinds of disturbance that differ in how long they may stop the intake. */
export type GapKind = "none" | "cleanStop" | "processKilled" | "hostKilled" | "rolling";

/** Longest time without an acknowledged item that is allowed, milliseconds. */
const GAP_LIMITS: Record<GapKind, { default: number; resilient: number }> = {
    // Nothing on the way from client to acknowledgement is touched.
    none: { default: 1000, resilient: 1000 },
    cleanStop: { default: 1000, resilient: 1000 },
    processKilled: { default: 1500, resilient: 700 },
    // VRRP 2: three advertisements of a second and (256 - 90)/256 s.
    hostKilled: { default: 4000, resilient: 1000 },
    rolling: { default: 1000, resilient: 1000 },
};

export const gapLimit = (kind: GapKind, configuration: Configuration | ApmConfiguration): number =>
    GAP_LIMITS[kind][configuration === "resilient" ? "resilient" : "default"];

/** Age that fresh data may have when it is read, milliseconds: the exporters' batches wait up to ten seconds. */
export const FRESH_LIMIT_MS = 20_000;
