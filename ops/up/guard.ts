import type { NodePlan } from "../preview/plan";
import type { TakeBack } from "./hand-over";
import type { NodeResult, RollingOptions } from "./rolling";

/** A condition that is waited for. */
export interface Condition {
    /** Who has to be whole. @example "mid-1" */
    who: string;
    /** What they lack now; nothing: they are whole. */
    missing(): Promise<string[]>;
    /** What a person can do when it takes too long. @default what is said anyway */
    advice?: string;
}

/** How a change goes on. */
export interface Course {
    /** What is to be done, in the order in which it was asked for. */
    plans: NodePlan[];
    options: RollingOptions;
    /** What became of each so far. */
    results: readonly NodeResult[];
    say(line: string): void;
}

/** What a system has to be asked while one host after the other is changed: all that differs between the systems. */
export interface Guard {
    /** Whose turn it is of those that are left. */
    next(left: NodePlan[]): Promise<NodePlan>;
    /** Nobody could stand in for the node: nobody is asked, and nothing is awaited. */
    alone(plan: NodePlan): boolean;
    /** What must be true before a node is touched. */
    before(plan: NodePlan): Condition;
    /** What must be true after that, before the next one is. `together`: all were changed at once. */
    after(plan: NodePlan, together: boolean): Condition;
    /** Has another node do what clients notice, before services of this one stop; undefined: they notice nothing. */
    relieve(plan: NodePlan): Promise<TakeBack | undefined>;
    /** When all went well: looks whether something was forgotten, and puts it right. Errors: that it cannot. */
    end(): Promise<void>;
}
