import type { NodePlan } from "../preview/plan";

/**
 * How soon a plan's turn is, whatever else: a host that lacks a service cannot stand in for another one; what is made for all, such as a CA, has to be
 * there before another stack reads it. Pure.
 */
export const urgency = (plan: NodePlan): number => 2 * lacks(plan) + makes(plan);

const makes = ({ changes }: NodePlan): number =>
    Number(changes.some(({ op, what }) => op === "create" && what.startsWith("secret ")));
const lacks = ({ repair }: NodePlan): number =>
    Number(repair?.changes.some(({ effect, op }) => effect === "starts" && op === "replace") ?? false);
