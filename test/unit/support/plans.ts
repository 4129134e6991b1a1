// Plans of updates, as they are read from previews.
import { consequences as allConsequences, Situation } from "../../../ops/preview/consequences";
import { NodePlan, readPlan } from "../../../ops/preview/plan";
import { valuesOf } from "./stacks";

export const SERVICES = ["haproxy", "keepalived", "loki", "minio", "otel-aggregator", "prometheus", "thanos-sidecar"];
export const IN_NODE = "otel-ha:index:Node$otel-ha:index:";

/** One step of a preview, with the names that the program gives. */
export function step(node: string, op: string, type: string, name: string, create = "") {
    const urn = `urn:pulumi:stack::otel-ha::${type}::${node}-${name}`;
    return { op, urn, newState: { inputs: { create } }, diffReasons: ["stdin"] };
}
export const reload = (node: string) =>
    step(
        node,
        "update",
        `${IN_NODE}Haproxy$otel-ha:index:RemoteFile$command:remote:Command`,
        "haproxy-haproxy.cfg",
        "put-file --reload x y",
    );
export const restart = (node: string, service: string, op = "replace") =>
    step(node, op, `${IN_NODE}Any$docker:index/container:Container`, service);

export function planOf(stack: "node1" | "node2", ...steps: object[]): NodePlan {
    const preview = { steps, changeSummary: { same: 40, update: steps.length } };
    return readPlan(JSON.stringify(preview), { stack, name: `mid-${stack.slice(-1)}`, services: SERVICES });
}
export const consequences = (plans: NodePlan[], where: Situation): string[] =>
    allConsequences(plans, where).map(({ text }) => text);
export const situation: Situation = {
    owners: ["mid-1"],
    values: { "mid-1": valuesOf("node1"), "mid-2": valuesOf("node2") },
};
