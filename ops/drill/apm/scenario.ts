/** What a drill of Container APM is made of. */
import type { Fault } from "../faults/fault";
import type { PowerCommands } from "../faults/hosts";
import type { ApmDrillNode, ApmTarget } from "./target";
import type { Forbidden, Transition } from "./transitions";

/** The system as it is when a step begins. */
export interface ApmStage {
    target: ApmTarget;
    power?: PowerCommands;
    /** Crash a host by its kernel where there are no power commands. */
    reboot: boolean;
}

/**
 * Which hosts a step is about, decided when it begins. manager: of the node that the API calls the cluster manager. other: of one that it does not.
 * Those that are away are never meant.
 */
export type Who = "manager" | "other" | "dashboards" | "all" | "nobody";

/** A step of a drill, one after another. */
export type Step =
    | {
          do: "fault";
          /** Its mark. @example "off-1" */
          mark: string;
          who: Who;
          /** Whether the nodes count as away from then on. */
          away: boolean;
          /** `others`: the nodes that it is not about. */
          fault: (nodes: ApmDrillNode[], stage: ApmStage, others: ApmDrillNode[]) => Fault;
      }
    /** Undoes faults, and waits for the hosts. The mark is set when that begins. */
    | { do: "repair"; mark: string; of: string[] }
    /** Goes on when all were seen, or their time is over. */
    | { do: "see"; transitions: Transition[] }
    | { do: "hold"; seconds: number };

/** How long something may be interrupted, seconds, by what happened. */
export type Interruption = "nothing" | "process" | "host" | "unbounded";

/** A drill of Container APM. */
export interface ApmScenario {
    /** @example "apm-one-node" */
    name: string;
    /** Runs in `make test`. */
    starred: boolean;
    title: string;
    description: string;
    steps: Step[];
    forbidden: Forbidden[];
    /** How long searches and writes through nodes that stay may be interrupted. */
    interruption: Interruption;
    /** Every node is restarted, one after another: searches count that are answered by any of them. @default each node that stays answers its own */
    restartsAll?: boolean;
    /** Nothing may be written, and nothing acknowledged by the cluster, between these two. */
    refusesWrites?: { from: string; to: string };
    /** Dashboards have to answer, on one node at least. */
    dashboards?: boolean;
    /** The drill's own index waits so long for a node before its copies are made anew. @default as telemetry's (opensearchDelayedTimeout) */
    delayed?: string;
    /** Why it cannot be carried out here. */
    refusal?(stage: ApmStage): string | undefined;
}

/** Seconds, for a cluster that notices a silent host within so many. Pure. */
export function interruptionLimit(
    kind: Interruption,
    detectionSeconds: number,
    what: "searches" | "writes" = "searches",
): number | undefined {
    // A write waits for the election, and for its shard's copy to become the primary; a search takes another copy.
    const election = what === "writes" ? 2 : 0;
    const limits: Record<Interruption, number | undefined> = {
        nothing: 2,
        // A closed connection tells at once.
        process: 2 + election,
        host: detectionSeconds + 3 + election,
        unbounded: undefined,
    };
    return limits[kind];
}
