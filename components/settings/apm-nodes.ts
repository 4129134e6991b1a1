import { ApmValues } from "./keys";

/** A node of Container APM. */
export interface ApmNodeName {
    /** @example "apm-1" */
    name: string;
    /** IPv4 address. */
    address: string;
}

/** All nodes, in the order of the setting, which is the same on all stacks. Pure. */
export function apmNodesOf({ apmNodes }: Pick<ApmValues, "apmNodes">): ApmNodeName[] {
    return apmNodes.split(",").map((node) => {
        const [name, address] = node.split("=");
        return { name: name!, address: address! };
    });
}

/** Whether OpenSearch Dashboards runs on this node: on the first ones of the list. Pure. */
export function runsDashboards(v: Pick<ApmValues, "apmNodes" | "nodeName" | "dashboardsCopies">): boolean {
    const at = apmNodesOf(v).findIndex(({ name }) => name === v.nodeName);
    return at >= 0 && at < v.dashboardsCopies;
}
