import { Values } from "../../components/settings/keys";
import { Paint, table } from "../terminal";
import { Change, isEmpty, NodePlan } from "./plan";

/** Where things are before anything is touched. */
export interface Situation {
    /** Names of the nodes that hold the virtual IP. */
    owners: string[];
    /** Settings of the nodes, by name. */
    values: Record<string, Values>;
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
export function consequences(plans: NodePlan[], { owners, values }: Situation): string[] {
    return plans.flatMap((plan) => {
        const restarts = affected(plan, "restarts", "stops");
        const node = values[plan.name]!;
        const lines: string[] = [];
        if (movesVip(plan, owners)) {
            const door = restarts.filter((service) => DOOR.includes(service)).join(" and ");
            const back = node.role === "MASTER" ? ", and comes back" : "";
            const verb = door.includes(" and ") ? "start" : "starts";
            lines.push(
                `the virtual IP moves to ${node.peerNodeName} while ${door} of ${plan.name} ${verb} anew${back}`,
            );
        } else if (restarts.includes("otel-aggregator") && owners.includes(plan.name))
            lines.push(
                `data goes through the collector of ${node.peerNodeName} while that of ${plan.name} starts anew`,
            );
        if (restarts.includes("minio"))
            lines.push(
                node.objectStore === "pooled"
                    ? `the object store takes no writes while minio of ${plan.name} starts anew; Loki and Thanos keep what they have until then`
                    : `Loki and Thanos of ${plan.name} keep what they have while its minio starts anew`,
            );
        if (plan.newSecrets && !plan.first)
            lines.push(
                `${plan.name} makes new secrets, which ${node.peerNodeName} gets right afterwards; in between the two do not know each other`,
            );
        return lines;
    });
}

const SIGNS = { create: "+", update: "~", replace: "±", delete: "-" };
const SAID: Partial<Record<Change["effect"], string>> = {
    starts: "starts",
    restarts: "starts anew",
    stops: "stops",
    reloads: "reads it again",
};

/** What is about to happen, host by host in this order. Pure. */
export function summaryText(plans: NodePlan[], situation: Situation, parallel: boolean, paint: Paint): string {
    const hosts = plans.flatMap((plan, at) => {
        const order = parallel || plans.length === 1 ? "" : at === 0 ? ", first" : ", then";
        const title = `${paint.bold(plan.name)} (stack ${plan.stack})${order}`;
        if (isEmpty(plan)) return [`${title}: nothing to change`];
        const detail = plan.first ? [firstLine(plan)] : detailLines(plan, paint);
        return [`${title}:`, ...detail, ...countLine(plan).map((line) => `  ${paint.faint(line)}`)];
    });
    const meanwhile = parallel ? [] : consequences(plans, situation).map((line) => `  - ${line}`);
    const quiet = plans.every((plan) => affected(plan, "starts", "restarts", "stops").length === 0);
    return [
        ...hosts,
        ...(meanwhile.length > 0 ? ["", "Meanwhile:", ...meanwhile] : []),
        ...(quiet ? ["", "No service starts anew."] : []),
    ].join("\n");
}

function firstLine(plan: NodePlan): string {
    return `  first installation: ${affected(plan, "starts").join(", ")}`;
}

function detailLines(plan: NodePlan, paint: Paint): string[] {
    const restarts = affected(plan, "restarts", "stops");
    const steps = [...(plan.repair?.before ?? []), ...(plan.repair?.after ?? [])];
    const tone = { create: paint.good, update: paint.warn, replace: paint.warn, delete: paint.bad };
    const changes = table(
        plan.changes.map(({ op, service, what, effect }) => [
            tone[op](SIGNS[op]),
            service ?? "",
            what,
            // What starts anew reads its files anyway.
            effect !== "none" && !(effect === "reloads" && restarts.includes(service!))
                ? `${service} ${SAID[effect]}`
                : "",
        ]),
    );
    return [...changes, ...steps.map(({ text }) => `  ${paint.faint("repair:")} ${text}`)];
}

function countLine({ counts }: NodePlan): string[] {
    const said = Object.entries(counts).filter(([, count]) => count > 0);
    return said.length > 0 ? [`resources: ${said.map(([op, count]) => `${count} to ${op}`).join(", ")}`] : [];
}
