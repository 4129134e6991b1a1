/** How a drill is carried out. */
import type { PowerCommands } from "../faults/hosts";

export interface DrillOptions {
    pointsPerSecond: number;
    recordsPerSecond: number;
    /** Steady state before the fault, seconds. */
    warmSeconds: number;
    /** Load after the fault, at least, seconds. */
    afterSeconds: number;
    /** How long everything may take to be found after the load has ended, seconds. */
    drainSeconds: number;
    /** Time between two requests of a gap probe, milliseconds. */
    probeIntervalMs: number;
    /** Instead of the scenario's own. */
    holdSeconds?: number;
    /** Run on a system that is not healthy. */
    force: boolean;
    power?: PowerCommands;
    reboot: boolean;
    /** Delete a node's data, where a scenario does that. */
    wipe: boolean;
    /** Where the merged views are, when not at the virtual IP's own ports. */
    metricsUrl?: string;
    logsUrl?: string;
}

export const DRILL_DEFAULTS = {
    pointsPerSecond: 1000,
    recordsPerSecond: 500,
    warmSeconds: 20,
    afterSeconds: 12,
    drainSeconds: 180,
    probeIntervalMs: 20,
};

/** A probe gives up an answer after this time. Others are under way meanwhile: it does not limit what a gap can be. */
export const PROBE_TIMEOUT_MS = 1000;
