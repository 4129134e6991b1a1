import { Paint, table } from "../terminal";
import { affected } from "./consequences";
import { Change, isEmpty, NodePlan, Operation } from "./plan";

export const SIGNS: Record<Operation, string> = { create: "+", update: "~", replace: "±", delete: "-" };

const SAID: Partial<Record<Change["effect"], string>> = {
    starts: "starts",
    restarts: "starts anew",
    stops: "stops",
    reloads: "reads it again",
};

/** What a service makes of a change; "" where it says nothing new. @example "haproxy reads it again" Pure. */
export function effectText({ effect, service }: Change, plan: NodePlan): string {
    // What starts anew reads its files anyway.
    const restarts = affected(plan, "restarts", "stops");
    const known = effect === "none" || (effect === "reloads" && restarts.includes(service!));
    return known ? "" : `${service} ${SAID[effect]}`;
}

/** What is about to happen to one host. `order` follows its name. Pure. */
export function hostLines(plan: NodePlan, order: string, paint: Paint): string[] {
    const title = `${paint.bold(plan.name)} (stack ${plan.stack})${order}`;
    if (isEmpty(plan)) return [`${title}: nothing to change`];
    const detail = plan.first ? [`  ${firstText(plan)}`] : detailLines(plan, paint);
    const count = countText(plan);
    return [`${title}:`, ...detail, ...(count === "" ? [] : [`  ${paint.faint(count)}`])];
}

/** @example "first installation: haproxy, keepalived" */
export const firstText = (plan: NodePlan): string => `first installation: ${affected(plan, "starts").join(", ")}`;

function detailLines(plan: NodePlan, paint: Paint): string[] {
    const steps = [...(plan.repair?.before ?? []), ...(plan.repair?.after ?? [])];
    const tone = { create: paint.good, update: paint.warn, replace: paint.warn, delete: paint.bad };
    const changes = table(
        plan.changes.map((change) => {
            const { op, service, what } = change;
            return [tone[op](SIGNS[op]), service ?? "", what, effectText(change, plan)];
        }),
    );
    return [...changes, ...steps.map(({ text }) => `  ${paint.faint("repair:")} ${text}`)];
}

/** "" where the host alone changes. @example "resources: 3 to update, 1 to replace" */
export function countText({ counts }: Pick<NodePlan, "counts">): string {
    const said = Object.entries(counts).filter(([, count]) => count > 0);
    return said.length === 0 ? "" : `resources: ${said.map(([op, count]) => `${count} to ${op}`).join(", ")}`;
}
