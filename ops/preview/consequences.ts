import { AnyValues, Values } from "../../components/settings/keys";
import { ofApm } from "./apm";
import { Change, NodePlan } from "./plan";
import { ofRotations } from "./rotations";

/** Where things are before anything is touched. */
export interface Situation {
    /** Names of the nodes that hold the virtual IP, or of the elected cluster manager. */
    owners: string[];
    /** Settings of the nodes, by name: all of one system. */
    values: Record<string, AnyValues>;
}

/** What people notice while a change is made. */
export interface Consequence {
    of: "virtual IP" | "collector" | "object store" | "cluster" | "secrets" | "clients";
    text: string;
    /** A quorum is broken meanwhile. */
    quorum?: boolean;
}

/** Services by what happens to them, each once. Pure. */
export function affected(plan: NodePlan, ...effects: Change["effect"][]): string[] {
    const hit = plan.changes.filter(({ effect, service }) => service !== undefined && effects.includes(effect));
    return [...new Set(hit.map(({ service }) => service!))];
}

/** Services without which a node cannot keep the virtual IP. */
const DOOR = ["haproxy", "keepalived"];

/** True when the address has to leave the node while it is updated. Pure. */
export const movesVip = (plan: NodePlan, owners: string[]): boolean =>
    owners.includes(plan.name) && affected(plan, "restarts", "stops").some((service) => DOOR.includes(service));

/** What else people notice while the changes are made. Pure. */
export function consequences(plans: NodePlan[], { owners, values }: Situation): Consequence[] {
    return plans.flatMap((plan) => {
        const node = values[plan.name]!;
        if (node.system === "apm") return ofApm(plan, node, owners);
        const store = inTheStore(plan, node);
        return [...atTheDoor(plan, node, owners), ...store, ...ofNewSecrets(plan, node), ...ofRotations(plan, node)];
    });
}

function atTheDoor(plan: NodePlan, node: Values, owners: string[]): Consequence[] {
    const restarts = affected(plan, "restarts", "stops");
    if (movesVip(plan, owners)) {
        const door = restarts.filter((service) => DOOR.includes(service)).join(" and ");
        const back = node.role === "MASTER" ? ", and comes back" : "";
        const verb = door.includes(" and ") ? "start" : "starts";
        const text = `the virtual IP moves to ${node.peerNodeName} while ${door} of ${plan.name} ${verb} anew${back}`;
        return [{ of: "virtual IP", text }];
    }
    if (!restarts.includes("otel-aggregator") || !owners.includes(plan.name)) return [];
    const text = `data goes through the collector of ${node.peerNodeName} while that of ${plan.name} starts anew`;
    return [{ of: "collector", text }];
}

function inTheStore(plan: NodePlan, node: Values): Consequence[] {
    if (!affected(plan, "restarts", "stops").includes("minio")) return [];
    const quorum = node.objectStore === "pooled";
    if (quorum && plan.storeApart) {
        const text = `the object store takes no writes from the update of ${plan.name} until ${node.peerNodeName} has it, too; Loki and Thanos keep what they have until then`;
        return [{ of: "object store", text, quorum }];
    }
    const text = quorum
        ? `the object store takes no writes while minio of ${plan.name} starts anew; Loki and Thanos keep what they have until then`
        : `Loki and Thanos of ${plan.name} keep what they have while its minio starts anew`;
    return [{ of: "object store", text, quorum }];
}

/** A secret of a pooled store that both hosts must have the same of, made or given. */
const ROOT = ["secret objectStoreRootPassword", "root.env"];

function ofNewSecrets(plan: NodePlan, node: Values): Consequence[] {
    if (!plan.newSecrets || plan.first) return [];
    const apart = node.objectStore === "pooled" && plan.changes.some(({ what }) => ROOT.includes(what));
    const meanwhile = apart ? "; in between the two halves of the object store do not know each other" : "";
    return [
        {
            of: "secrets",
            text: `${plan.name} makes new secrets, which ${node.peerNodeName} gets right afterwards${meanwhile}`,
        },
    ];
}
