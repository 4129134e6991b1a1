import { AnyDeployment, AnyNode } from "../deployment";
import { Paint } from "../terminal";
import { Look, lookAtAll, verification } from "../verify/look";
import { NodeVerification } from "../verify/model";
import { repairOf } from "../verify/repair";
import { driftLines } from "../verify/text";
import { NodePlan, withRepair } from "../preview/plan";
import { FAILED, RollingResult } from "./rolling";

/** The same plans, with what puts each host right. What a plan makes anew anyway is left to it. Pure. */
export function repaired(plans: NodePlan[], looks: Look[]): NodePlan[] {
    return plans.map((plan) => {
        const look = looks.find(({ name }) => name === plan.name);
        return withRepair(plan, look && repairOf(look, plan.renewed));
    });
}

/** What differs on the hosts, for the summary; "": nothing. Pure. */
export function driftText(looks: NodeVerification[], repair: boolean, paint: Paint): string {
    const lines = driftLines(looks, paint);
    if (lines.length === 0) return "";
    const differs = looks.some(({ findings }) => findings.length > 0);
    const what = repair ? "put right in this run; otel-ha verify shows diffs" : "left as it is (--no-repair)";
    const title = differs ? `Not as it was deployed, ${what}:` : "Not compared with what was deployed:";
    return [paint.bold(title), ...lines].join("\n");
}

/** The same for `--json`. Pure. */
export const driftReport = (looks: Look[]): NodeVerification[] => looks.map(verification);

/** Looks again at what was put right. What still differs is a failure. */
export async function stillWrong(
    result: RollingResult,
    plans: NodePlan[],
    deployment: AnyDeployment,
): Promise<RollingResult> {
    const names = plans.filter(({ repair }) => repair).map(({ name }) => name);
    if (result.problem !== undefined || names.length === 0) return result;
    const looks = await lookAtAll(
        deployment,
        (deployment.nodes as AnyNode[]).filter(({ name }) => names.includes(name)),
    );
    const left = looks.flatMap(({ name, findings }) =>
        findings.map(({ kind, subject, property, found }) => `  ${name}: ${kind} ${subject}: ${property} is ${found}`),
    );
    if (left.length === 0) return result;
    return { ...result, problem: `not everything could be put right:\n${left.join("\n")}`, exitCode: FAILED };
}
