import { affected, consequences, Situation } from "./consequences";
import { apartLines } from "./apm";
import { Detail } from "./details";
import { NodePlan } from "./plan";

/** What a change does to the people who use the system, one kind of it. */
export interface Risk {
    /** @example "Starts anew" */
    title: string;
    /** For the headline. @example "services start anew" */
    said: string;
    lines: string[];
}

/** What one stack's preview says. */
export interface Planned {
    plan: NodePlan;
    details: Detail[];
}

/** What a change does, the worst first: what restarts, what moves the virtual IP, what breaks a quorum, what else is noticed, what only reloads. Pure. */
export function risks(planned: Planned[], situation: Situation): Risk[] {
    const plans = planned.map(({ plan }) => plan);
    const all = consequences(plans, situation);
    const of = (wanted: (one: (typeof all)[number]) => boolean): string[] => all.filter(wanted).map(({ text }) => text);
    const sections: Risk[] = [
        { title: "Starts anew", said: "services start anew", lines: plans.flatMap(restartLines) },
        { title: "Stops", said: "services are taken away", lines: plans.flatMap(stopLines) },
        {
            title: "Moves the virtual IP",
            said: "the virtual IP may move",
            lines: [...of((one) => one.of === "virtual IP"), ...vrrpLines(planned)],
        },
        {
            title: "Breaks a quorum",
            said: "a quorum breaks for a while",
            lines: [...of((one) => one.quorum === true), ...apartLines(planned)],
        },
        {
            title: "Meanwhile",
            said: "",
            lines: of((one) => one.of !== "virtual IP" && one.quorum !== true),
        },
        { title: "Only reloads", said: "services reload", lines: plans.flatMap(reloadLines) },
    ];
    return sections.filter(({ lines }) => lines.length > 0);
}

const named = (plan: NodePlan, services: string[]): string[] =>
    services.length > 0 ? [`${plan.name}: ${services.join(", ")}`] : [];

const restartLines = (plan: NodePlan): string[] => named(plan, affected(plan, "restarts"));
const stopLines = (plan: NodePlan): string[] => named(plan, affected(plan, "stops"));

function reloadLines(plan: NodePlan): string[] {
    const anew = affected(plan, "restarts", "stops");
    return named(
        plan,
        affected(plan, "reloads").filter((service) => !anew.includes(service)),
    );
}

/** Words of keepalived.conf on which the two hosts must agree, or else both hold the address. */
const AGREED = ["vrrp_version", "advert_int", "virtual_router_id", "unicast_src_ip"];
/** Words that decide who holds the address. */
const DECISIVE = ["priority", "state", "nopreempt", "preempt_delay", "weight", "interface"];

/** Keepalived takes a changed file without a restart, and may move the address all the same. */
function vrrpLines(planned: Planned[]): string[] {
    const lines = planned.flatMap(({ plan, details }) => {
        const file = details.find(({ op, title }) => op === "update" && title.endsWith("/keepalived.conf"));
        const changed = (file?.lines ?? []).filter(({ sign }) => sign !== " ").map(({ text }) => text.trim());
        const words = [...new Set(changed.map((line) => line.split(/\s/)[0]!))];
        return [
            ...words
                .filter((word) => AGREED.includes(word))
                .map((word) => `both hosts hold the virtual IP until both have the new ${word}`),
            ...words
                .filter((word) => DECISIVE.includes(word))
                .map(
                    (word) => `${plan.name}: its ${word} in keepalived.conf changes, and with it who holds the address`,
                ),
            ...(changed.some((line) => /^[\d.]+\/\d+ dev /.test(line))
                ? ["the virtual IP itself changes: clients need the new address"]
                : []),
        ];
    });
    return [...new Set(lines)];
}
