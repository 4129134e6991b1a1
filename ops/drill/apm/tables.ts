/** What each scenario's cluster has to go through: the tables of the two tests of the seed, and of the variants. Pure. */
import type { Forbidden, Transition } from "./transitions";

/** The host of the manager has gone, from the other two's view. */
export const MANAGER_LOST: Transition[] = [
    {
        id: "yellow",
        title: "yellow, with two nodes",
        since: "off-1",
        within: "detection",
        when: { status: ["yellow"], nodes: 2 },
    },
    {
        id: "new-manager",
        title: "another node is the manager, and both agree",
        since: "off-1",
        within: "detection",
        when: { manager: "other" },
        by: "each",
    },
    {
        id: "unassigned",
        title: "copies are unassigned",
        since: "off-1",
        within: "detection",
        when: { nodes: 2, unassigned: "some" },
    },
];

/** The copies that the lost node had are made anew on the other two. */
export const REBUILT: Transition[] = [
    {
        id: "initializing",
        title: "copies are made anew (INITIALIZING)",
        since: "unassigned",
        within: "begins",
        when: { nodes: 2, initializing: "some" },
    },
    {
        id: "green-on-two",
        title: "green with two nodes: every copy STARTED, none on the node that is away",
        since: "unassigned",
        within: "rebuilt",
        when: { status: ["green"], nodes: 2, allStarted: true, noneAway: true },
        by: "each",
    },
];

/** All three nodes are there again. */
export const whole = (mark: string, relocation: "seen" | "may be"): Transition[] => [
    {
        id: "three-nodes",
        title: "three nodes again, and all agree on one manager",
        since: mark,
        within: "boot",
        when: { nodes: 3, manager: "any" },
        by: "each",
    },
    {
        id: "relocation",
        title: "copies move to the node that is back (RELOCATING)",
        since: mark,
        within: "boot",
        when: { nodes: 3, relocating: "some" },
        optional: relocation === "may be",
    },
    {
        id: "green",
        title: "green with three nodes: every copy STARTED, nothing moves, no node has many more than another",
        since: "three-nodes",
        within: "rebuilt",
        when: { status: ["green"], nodes: 3, allStarted: true, relocating: "none", balanced: 3 },
        by: "each",
    },
];

/** Two of three nodes are away: what is left may not go on alone. */
export const noQuorum = (mark: string): Transition[] => [
    {
        id: "no-manager",
        title: "the node that is left knows no manager",
        since: mark,
        within: "detection",
        when: { manager: "none" },
        by: "each",
    },
    {
        id: "refuses",
        title: "asked for what a manager knows, it refuses (503, 504) within two seconds",
        since: "no-manager",
        within: "detection",
        when: { manager: "none", refusesWithinMs: 2000 },
        by: "each",
    },
];

/** The first of two is back. */
export const quorumAgain = (mark: string): Transition[] => [
    {
        id: "elected",
        title: "two nodes, which agree on a manager",
        since: mark,
        within: "boot",
        when: { nodes: 2, manager: "any" },
        by: "each",
    },
    {
        id: "copies-missing",
        title: "red or yellow, as the copies that are there allow",
        since: "elected",
        within: "detection",
        when: { status: ["red", "yellow"], nodes: 2, unassigned: "some" },
    },
    {
        id: "fewer-unassigned",
        title: "fewer and fewer copies are unassigned",
        since: "copies-missing",
        within: "rebuilt",
        when: { manager: "any", unassigned: "fewer" },
    },
];

/** Red while only stale copies are there: they must not be taken for the data. */
export const ONLY_STALE: Transition[] = [
    {
        id: "elected",
        title: "two nodes, which agree on a manager",
        since: "on-1",
        within: "boot",
        when: { nodes: 2, manager: "any" },
        by: "each",
    },
    {
        id: "red",
        title: "red: the copy that has everything is on the node that is still away, and the stale one is not opened",
        since: "elected",
        within: "detection",
        when: { status: ["red"], nodes: 2, unassigned: "some" },
    },
];

/** A rolling change has begun to restart nodes. */
export const RESTARTED: Transition = {
    id: "restarted",
    title: "a node is restarted, with two others there",
    since: "change",
    within: "rolling",
    when: { nodes: 2, manager: "any" },
};

/** A disk is too full to write to. */
export const FLOODED: Transition[] = [
    {
        id: "blocked",
        title: "indexes with a copy on the full disk take no writes",
        since: "full",
        within: "disk",
        when: { blocked: "some" },
    },
];

export const DRAINED: Transition[] = [
    {
        id: "unblocked",
        title: "they take writes again, by themselves",
        since: "room",
        within: "disk",
        when: { blocked: "none" },
        by: "each",
    },
    {
        id: "green",
        title: "green with three nodes: every copy STARTED",
        since: "unblocked",
        within: "rebuilt",
        when: { status: ["green"], nodes: 3, allStarted: true },
        by: "each",
    },
];

/** From now on, as long as the drill lasts, or until a mark. */
export const neverRed = (from: string, to?: string): Forbidden => ({
    id: "never-red",
    title: "The cluster is never red",
    never: { status: ["red"] },
    from,
    to,
});

/** One node at a time. */
export const twoNodesAtLeast = (from: string): Forbidden => ({
    id: "one-at-a-time",
    title: "There are never fewer than two nodes",
    never: { nodes: 1 },
    from,
});
