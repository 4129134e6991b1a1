/** From views of a cluster to events of a timeline: what one would look at first. Numbers of copies are in the plots. */
import type { ClusterView } from "../../apm/poller";
import type { TimelineEvent } from "../report/schema";

interface Known {
    reachable?: boolean;
    state?: string;
    manager?: string;
    blocked?: number;
}

/** Notes what each node says that it did not say before. An answer that fails to come is not a change of what it would say. */
export function chronicle(note: (event: TimelineEvent) => void): (view: ClusterView) => void {
    const all = new Map<string, Known>();
    return (view) => {
        const known = all.get(view.node) ?? {};
        all.set(view.node, known);
        for (const [what, detail] of news(view, known))
            note({ at: view.at, source: "cluster", node: view.node, what, detail });
    };
}

function news(view: ClusterView, known: Known): [what: string, detail?: string][] {
    const events: [string, string?][] = [];
    const changed = <K extends keyof Known>(key: K, value: Known[K]): boolean => {
        if (value === undefined || known[key] === value) return false;
        known[key] = value;
        return true;
    };
    const first = known.reachable === undefined;
    if (changed("reachable", view.reachable) && !first) events.push([view.reachable ? "answers" : "no answer"]);
    const { health, manager, managerKnown, blocked } = view;
    if (health && changed("state", `${health.status}, ${health.nodes} nodes`))
        events.push([known.state!, health.unassigned > 0 ? `${health.unassigned} unassigned` : undefined]);
    const who = manager ? `manager ${manager}` : managerKnown === false ? "no manager" : undefined;
    if (changed("manager", who)) events.push([who!]);
    const before = known.blocked ?? 0;
    if (changed("blocked", blocked) && blocked !== before)
        events.push([blocked ? `${blocked} indexes take no writes` : "all indexes take writes"]);
    return events;
}
