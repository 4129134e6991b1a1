/** What differs between the systems when hosts are about to be changed; while that is done, their guards tell. Pure. */
import { apmNodesOf } from "../../components/settings/apm-nodes";
import { AnyDeployment, AnyNode } from "../deployment";
import { UserError } from "../errors";
import { withoutQuorum } from "../preview/apm";
import { Situation } from "../preview/consequences";
import { NodePlan } from "../preview/plan";
import { AnyStatus, isApmStatus } from "../status/text";
import { seemsForgotten, forgottenText } from "./allocation";
import { apmOrder, cannotRebuildApm } from "./apm-checks";
import { updateOrder } from "./checks";
import { cannotRebuild } from "./rebuild";
import { NOT_READY } from "./rolling";

/** @example "both stacks" */
export const stacksText = ({ system }: Pick<AnyDeployment, "system">): string =>
    system === "apm" ? "all stacks" : "both stacks";

/** The order of a rolling change. */
export const orderOf = (status: AnyStatus): string[] => (isApmStatus(status) ? apmOrder(status) : updateOrder(status));

/** Where things are. */
export function situationOf({ nodes }: Pick<AnyDeployment, "nodes">, status: AnyStatus): Situation {
    const manager = isApmStatus(status) ? status.cluster.manager : undefined;
    return {
        owners: isApmStatus(status) ? (manager === undefined ? [] : [manager]) : status.vip.owners,
        values: Object.fromEntries((nodes as AnyNode[]).map(({ name, values }) => [name, values])),
    };
}

/** Errors: a node cannot be made anew now. */
export function refuseRebuild(status: AnyStatus, name: string): void {
    const reason = isApmStatus(status) ? cannotRebuildApm(status, name) : cannotRebuild(status, name);
    if (reason) throw new UserError(`nothing was touched: ${reason}`, NOT_READY);
}

/** Errors: changed at once, the hosts would leave a cluster without a quorum. Of the pair people know what --parallel does. */
export function refuseTogether(plans: NodePlan[], { values }: Situation): void {
    const text = togetherText(plans, { values });
    if (text)
        throw new UserError(
            `nothing was touched: ${text}. Leave --parallel out, or add --force where that is wanted`,
            NOT_READY,
        );
}

/** What it means that all hosts are changed at once; undefined: nothing that the cluster does not bear. */
export function togetherText(plans: NodePlan[], { values }: Pick<Situation, "values">): string | undefined {
    const [any] = Object.values(values);
    return any?.system === "apm" ? withoutQuorum(plans, apmNodesOf(any).length) : undefined;
}

/** What a former change has left behind and this one ends; undefined: nothing. */
export const leftBehind = (status: AnyStatus): string | undefined =>
    isApmStatus(status) && seemsForgotten(status) ? forgottenText(status) : undefined;
