// What a cluster has to go through, and whether it did.
import { describe, expect, it } from "vitest";
import { APM_SCENARIOS } from "../../ops/drill/apm/scenarios";
import type { ApmScenario } from "../../ops/drill/apm/scenario";
import {
    awayAt,
    checkForbidden,
    checkTransitions,
    imbalance,
    limitsFor,
    points,
    type Mark,
    type Transition,
    type TransitionResult,
} from "../../ops/drill/apm/transitions";
import type { ClusterView } from "../../ops/apm/poller";
import { all, copies, health, oneNodeLost, says, silent, T0 } from "./support/cluster-views";

const LIMITS = limitsFor({ delayedSeconds: 10, detectionSeconds: 9, copiesPerNode: 4 });
const at = (second: number): number => T0 + second * 1000;
const mark = (id: string, second: number, does: Mark["does"], ...nodes: string[]): Mark => {
    return { id, at: at(second), does, nodes };
};
const scenario = (name: string): ApmScenario => APM_SCENARIOS.find((one) => one.name === name)!;

/** All transitions of a scenario, as the runner lists them. */
function listed({ steps }: ApmScenario): { transition: Transition; mark: string }[] {
    let current = "";
    return steps.flatMap((step) => {
        if (step.do === "fault" || step.do === "repair") current = step.mark;
        return step.do === "see" ? step.transitions.map((transition) => ({ transition, mark: current })) : [];
    });
}

const MARKS = [mark("off-1", 10, "away", "apm-3"), mark("on-1", 60, "back", "apm-3")];

const check = (views: ClusterView[], name = "apm-one-node", marks = MARKS, now = 600): TransitionResult[] =>
    checkTransitions(listed(scenario(name)), marks, views, LIMITS, at(now));
const stateOf = (results: TransitionResult[], id: string): string => results.find((one) => one.id === id)!.state;

describe("the table of the seed's first test", () => {
    it("is gone through, with the time of each state", () => {
        const results = check(oneNodeLost());
        expect(results.map(({ id, state, reachedAt, sinceAt }) => [id, state, (reachedAt! - sinceAt!) / 1000])).toEqual(
            [
                ["yellow", "reached", 4],
                ["new-manager", "reached", 4],
                ["unassigned", "reached", 4],
                ["initializing", "reached", 16],
                ["green-on-two", "reached", 26],
                ["three-nodes", "reached", 15],
                ["relocation", "reached", 17],
                ["green", "reached", 10],
            ],
        );
        expect(results[0]!.seen).toBe(
            "yellow, 2 nodes, manager apm-1, 4 unassigned (4 wait for their node), copies apm-1 4, apm-2 4",
        );
    });

    it("misses what was not seen, and says what was instead", () => {
        const results = check(oneNodeLost().filter((view) => !view.health?.initializing));
        expect(stateOf(results, "initializing")).toBe("missing");
        expect(results.find(({ id }) => id === "initializing")!.seen).toMatch(
            /^not seen; in the end apm-1: green, 3 nodes/,
        );
    });

    it("misses what depends on something that was not seen", () => {
        const results = check(oneNodeLost().filter(({ at: time }) => time < at(14)));
        expect(stateOf(results, "unassigned")).toBe("missing");
        expect(results.find(({ id }) => id === "initializing")).toMatchObject({
            state: "missing",
            seen: "unassigned was not seen before it",
        });
    });

    it("is late when a state comes after its time", () => {
        const late = oneNodeLost().map((view) => (view.at === at(14) ? { ...view, at: at(28) } : view));
        expect(stateOf(check(late), "yellow")).toBe("late");
    });

    it("waits while there is time, and for what comes before", () => {
        const results = check(
            oneNodeLost().filter(({ at: time }) => time < at(14)),
            "apm-one-node",
            MARKS.slice(0, 1),
            12,
        );
        expect(stateOf(results, "yellow")).toBe("pending");
        expect(stateOf(results, "green-on-two")).toBe("pending");
    });

    it("does not take the dead manager for a new one, nor one node's word for both's", () => {
        const split = oneNodeLost().map((view) => (view.node === "apm-2" ? { ...view, manager: "apm-3" } : view));
        // As long as apm-3 is away it is not there; when it is back it may be the manager, but that comes too late.
        expect(stateOf(check(split), "new-manager")).toBe("late");
        expect(stateOf(check(split, "apm-one-node", MARKS, 59), "new-manager")).not.toBe("reached");
    });

    it("wants no copy on the node that is away", () => {
        const haunted = oneNodeLost().map((view) => (view.at === at(40) ? { ...view, shards: copies(4, 4, 4) } : view));
        expect(stateOf(check(haunted), "green-on-two")).toBe("missing");
    });

    it("wants copies spread again", () => {
        const crooked = oneNodeLost().map((view) => (view.at === at(85) ? { ...view, shards: copies(6, 6) } : view));
        expect(imbalance(crooked.at(-1)!)).toBe(6);
        expect(stateOf(check(crooked), "green")).toBe("missing");
    });

    it("does not take what was so before the fault for its work", () => {
        const early = all(5, { health: health("yellow", 2, { unassigned: 3 }) }, "apm-3");
        const views = [...early, ...oneNodeLost()].sort((a, b) => a.at - b.at);
        expect(check(views)[0]!.reachedAt).toBe(at(14));
        expect(stateOf(check(early), "yellow")).toBe("missing");
    });

    it("does not listen to a node that is away", () => {
        const views = [...oneNodeLost(), says("apm-3", 11, { health: health("yellow", 2), manager: "apm-1" })];
        const results = check(views.sort((a, b) => a.at - b.at));
        expect(results[0]!.reachedAt).toBe(at(14));
    });
});

it("what holds when a change has ended counts, though nobody says it once more", () => {
    const marks = [
        mark("change", 10, "nothing"),
        mark("change done", 60, "done"),
        mark("change-back", 70, "back"),
        mark("change-back done", 120, "done"),
    ];
    const restarted = { nodes: ["apm-1", "apm-2"], health: health("yellow", 2, { unassigned: 4 }) };
    const views = [...all(0), ...all(20, restarted, "apm-3"), ...all(40)];
    const results = check(views, "apm-rolling-image", marks);
    const seen = results.filter(({ optional }) => !optional).map(({ id, state, reachedAt }) => [id, state, reachedAt]);
    expect(seen).toEqual([
        ["restarted", "reached", at(20)],
        ["three-nodes", "reached", at(60)],
        ["green", "reached", at(60)],
        ["three-nodes-2", "reached", at(120)],
        ["green-2", "reached", at(120)],
    ]);
});

describe("the table of the seed's second test", () => {
    const marks = [
        mark("off-1", 10, "away", "apm-3"),
        mark("off-2", 20, "away", "apm-1"),
        mark("on-2", 60, "back", "apm-1"),
        mark("on-1", 120, "back", "apm-3"),
    ];
    const two = { nodes: ["apm-1", "apm-2"], manager: "apm-1" };
    const refusal = { status: 503, error: "cluster_manager_not_discovered_exception", ms: 1500 };
    const alone = {
        health: undefined,
        manager: undefined,
        nodes: undefined,
        shards: undefined,
        managerKnown: false,
        refusal,
    };
    const views = (): ClusterView[] => [
        ...all(0),
        ...all(14, { ...two, health: health("yellow", 2, { unassigned: 4 }), shards: copies(4, 4) }, "apm-3"),
        silent("apm-1", 21),
        says("apm-2", 25, alone),
        ...all(80, { ...two, health: health("yellow", 2, { unassigned: 5 }), shards: copies(4, 3) }, "apm-3"),
        ...all(95, { ...two, health: health("yellow", 2, { unassigned: 3 }), shards: copies(5, 4) }, "apm-3"),
        ...all(140, { manager: "apm-1", health: health("green", 3), shards: copies(4, 4, 4) }),
    ];

    it("is gone through", () => {
        const states = check(views(), "apm-two-nodes", marks).map(({ id, state }) => `${id} ${state}`);
        expect(states).toEqual([
            ...["yellow reached", "new-manager reached", "no-manager reached", "refuses reached", "elected reached"],
            ...[
                "copies-missing reached",
                "fewer-unassigned reached",
                "three-nodes reached",
                "relocation missing",
                "green reached",
            ],
        ]);
    });

    it("deviates when the one that is left goes on alone", () => {
        const goesOn = views().map((view) => (view.at === at(25) ? says("apm-2", 25, two) : view));
        const results = check(goesOn, "apm-two-nodes", marks);
        expect(stateOf(results, "no-manager")).toBe("missing");
        expect(stateOf(results, "refuses")).toBe("missing");
    });

    it("deviates when it hangs instead of refusing", () => {
        const hangs = { ...alone, refusal: { status: 0, error: "timeout", ms: 2000 } };
        const hanging = views().map((view) => (view.at === at(25) ? says("apm-2", 25, hangs) : view));
        expect(stateOf(check(hanging, "apm-two-nodes", marks), "refuses")).toBe("missing");
    });

    it("deviates when no copy finds its node", () => {
        const stuck = views().filter((view) => view.at !== at(95));
        stuck.forEach((view) => view.at === at(140) && (view.health = health("yellow", 3, { unassigned: 5 })));
        expect(stateOf(check(stuck, "apm-two-nodes", marks), "fewer-unassigned")).toBe("missing");
    });
});

describe("a state that must not be seen", () => {
    const red = all(50, { health: health("red", 2, { unassigned: 8 }), manager: "apm-1" }, "apm-3");

    it("is found, with who said it", () => {
        const named = points(MARKS, []);
        const [never] = scenario("apm-one-node").forbidden;
        expect(checkForbidden(never!, named, MARKS, oneNodeLost())).toBeUndefined();
        const views = [...oneNodeLost(), ...red].sort((a, b) => a.at - b.at);
        expect(checkForbidden(never!, named, MARKS, views)).toMatchObject({ at: at(50), view: { node: "apm-1" } });
    });

    it("counts within its bounds only, and not at all when they were not reached", () => {
        const never = { id: "x", title: "x", never: { status: ["green" as const] }, from: "red", to: "on-2" };
        const marks = [...MARKS, mark("on-2", 70, "back", "apm-2")];
        expect(checkForbidden(never, points(marks, []), marks, oneNodeLost())).toBe("unknown");
        const reached = points(marks, [{ id: "red", reachedAt: at(50) } as TransitionResult]);
        const views = [...oneNodeLost().filter((view) => view.at !== at(40)), ...red].sort((a, b) => a.at - b.at);
        expect(checkForbidden(never, reached, marks, views)).toBeUndefined();
        expect(
            checkForbidden(
                never,
                reached,
                marks,
                [...views, says("apm-1", 65)].sort((a, b) => a.at - b.at),
            ),
        ).toMatchObject({ at: at(65) });
    });
});

describe("every scenario", () => {
    it.each(APM_SCENARIOS.map((one) => [one.name, one] as const))("%s refers to what it has", (_, one) => {
        const known = new Set<string>();
        for (const step of one.steps) {
            if (step.do === "fault") known.add(step.mark).add(`${step.mark} done`);
            if (step.do === "repair") {
                for (const id of step.of) expect(known).toContain(id);
                known.add(step.mark).add(`${step.mark} done`);
            }
            if (step.do === "see")
                for (const { id, since } of step.transitions) {
                    if (since) expect(known).toContain(since);
                    expect(known).not.toContain(id);
                    known.add(id);
                }
        }
        for (const { from, to } of one.forbidden) for (const id of [from, to]) if (id) expect(known).toContain(id);
        const { from, to } = one.refusesWrites ?? {};
        for (const id of [from, to]) if (id) expect(known).toContain(id);
        const repaired = one.steps.flatMap((step) => (step.do === "repair" ? step.of : []));
        expect(one.steps.flatMap((step) => (step.do === "fault" ? [step.mark] : [])).sort()).toEqual(repaired.sort());
        expect(one.name).toMatch(/^apm-[a-z-]+$/);
    });
});

describe("who is away", () => {
    it("follows the marks", () => {
        expect([...awayAt(MARKS, at(5))]).toEqual([]);
        expect([...awayAt(MARKS, at(30))]).toEqual(["apm-3"]);
        expect([...awayAt(MARKS, at(61))]).toEqual([]);
    });

    it("gets limits from the cluster's settings, and more of it from patience", () => {
        expect(LIMITS).toMatchObject({ detection: 17, begins: 39, rebuilt: 78 });
        expect(limitsFor({ delayedSeconds: 60, detectionSeconds: 33, copiesPerNode: 4 }, 2).detection).toBe(82);
    });
});
