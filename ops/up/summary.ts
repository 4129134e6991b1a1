import { affected, consequences, Situation } from "../preview/consequences";
import { hostLines } from "../preview/host-text";
import { NodePlan } from "../preview/plan";
import { Paint } from "../terminal";
import { togetherText } from "./systems";

/** What is about to happen, host by host in this order. Pure. */
export function summaryText(plans: NodePlan[], situation: Situation, parallel: boolean, paint: Paint): string {
    const hosts = plans.flatMap((plan, at) => {
        const order = parallel || plans.length === 1 ? "" : at === 0 ? ", first" : ", then";
        return hostLines(plan, order, paint);
    });
    const said = parallel
        ? [togetherText(plans, situation)].filter((text) => text !== undefined)
        : consequences(plans, situation).map(({ text }) => text);
    const meanwhile = said.map((text) => `  - ${text}`);
    const quiet = plans.every((plan) => affected(plan, "starts", "restarts", "stops").length === 0);
    return [
        ...hosts,
        ...(meanwhile.length > 0 ? ["", "Meanwhile:", ...meanwhile] : []),
        ...(quiet ? ["", "No service starts anew."] : []),
    ].join("\n");
}
