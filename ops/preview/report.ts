import { UserError } from "../errors";
import { affected, Situation } from "./consequences";
import { Detail, details, follows } from "./details";
import { isEmpty, messages, NodePlan } from "./plan";
import { Risk, risks } from "./risks";
import { failed, FailedPreview, StackPreview } from "./run";

/** One host's part of a {@link Report}. */
export interface HostReport {
    stack: string;
    name: string;
    /** Undefined: its preview fails. */
    plan?: NodePlan;
    errors: string[];
    details: Detail[];
    /** Resources that change because others do. */
    follows: string[];
}

/** What the previews of a pair say, without secrets. */
export interface Report {
    /** Tells one pair's comment from another's. @example "all" */
    of: string;
    result: "changes" | "nothing to change" | "failed";
    /** @example "services start anew, the virtual IP may move" */
    headline: string;
    /** The worst first. */
    risks: Risk[];
    /** In the order in which `otel-ha up` updates them. */
    hosts: HostReport[];
    warnings: string[];
    /** What kept the previews from being made at all. */
    errors: string[];
    /** What is not known since nobody was asked; @default nothing */
    unasked?: string;
    /** Node that is taken for the owner of the virtual IP, since nobody was asked. */
    owner?: string;
}

/** When a host's turn is; "" where there is only one to change. @example ", first" Pure. */
export function orderText({ hosts }: Report, host: HostReport): string {
    const changed = hosts.filter(({ plan }) => plan !== undefined && !isEmpty(plan));
    if (changed.length < 2 || !changed.includes(host) || changed.every(({ plan }) => plan!.first)) return "";
    return changed[0] === host ? ", first" : ", then";
}

const UNASKED = "which node is the elected cluster manager, and goes last, only otel-ha up finds out.";

/** @example reportName([]) → "all" */
export const reportName = (stacks: string[] = []): string =>
    stacks.length === 0 ? "all" : [...stacks].sort().join(" ");

/** Puts the previews of a system together. `results` in the order of an update. Pure. */
export function makeReport(of: string, results: (StackPreview | FailedPreview)[], situation: Situation): Report {
    const hosts = results.map(hostReport);
    const planned = hosts.flatMap(({ plan, details: all }) => (plan ? [{ plan, details: all }] : []));
    const warnings = results.flatMap((one) => (failed(one) ? [] : messages(one.preview, "warning")));
    const found = risks(planned, situation);
    const result = results.some(failed)
        ? "failed"
        : planned.every(({ plan }) => isEmpty(plan))
          ? "nothing to change"
          : "changes";
    return {
        of,
        result,
        headline: headline(
            result,
            found,
            planned.map(({ plan }) => plan),
        ),
        risks: found,
        hosts,
        warnings: [...new Set(warnings)],
        errors: [],
        owner: situation.owners[0],
        ...(Object.values(situation.values).some(({ system }) => system === "apm") ? { unasked: UNASKED } : {}),
    };
}

/** When there is nothing to preview. Pure. */
export function failedReport(of: string, error: UserError): Report {
    const errors = [error.message];
    return { of, result: "failed", headline: "it fails", risks: [], hosts: [], warnings: [], errors };
}

function hostReport(result: StackPreview | FailedPreview): HostReport {
    const { stack, name } = result.node;
    if (failed(result)) return { stack, name, errors: result.errors, details: [], follows: [] };
    const { plan, preview, node } = result;
    return { stack, name, plan, errors: [], details: details(preview, node), follows: follows(preview, node) };
}

function headline(result: Report["result"], found: Risk[], plans: NodePlan[]): string {
    if (result === "failed") return "it fails";
    if (result === "nothing to change") return result;
    if (plans.every((plan) => plan.first || isEmpty(plan))) return "first installation";
    const said = found.map((risk) => risk.said).filter(Boolean);
    const quiet = plans.every((plan) => affected(plan, "starts", "restarts", "stops").length === 0);
    return [...(quiet ? ["no service starts anew"] : []), ...said].join(", ") || "services are added";
}
