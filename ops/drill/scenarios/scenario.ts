/** What a drill is made of. */
import type { DeployedNode, Deployment } from "../../deployment";
import type { GapKind } from "../configuration";
import type { Fault } from "../faults/fault";
import type { PowerCommands } from "../faults/hosts";
import type { ClientPlan } from "../load/plan";

/** The pair as it is when the drill starts. */
export interface Stage {
    deployment: Deployment;
    /** Holds the virtual IP. */
    owner: DeployedNode;
    backup: DeployedNode;
    power?: PowerCommands;
    /** Crash a host by its kernel where there are no power commands. */
    reboot: boolean;
    /** A node's data may be deleted. */
    wipe: boolean;
}

/** A drill. */
export interface Scenario {
    /** @example "host-owner" */
    name: string;
    /** Runs in `make test`. */
    starred: boolean;
    title: string;
    /** What it shows, and what one should know about it. */
    description: string;
    /** Time between putting the fault in and taking it out, seconds. */
    holdSeconds: number;
    /** How long the intake may stop. */
    gap: GapKind;
    /** Both nodes hold the virtual IP while they cannot see each other. */
    twoOwners?: boolean;
    /** A collector is gone or stands still with its queue: what it took last is shown only when it is back. */
    holdsBack?: boolean;
    fault(stage: Stage): Fault;
    /** The node that loses what it has. The other one keeps it, and so do the merged views; this one has only what came since. */
    rebuilt?(stage: Stage): DeployedNode;
    /** Clients besides the usual ones. */
    clients?(stage: Stage, usual: ClientPlan[]): ClientPlan[];
}
