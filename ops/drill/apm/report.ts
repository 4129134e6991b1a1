/** What a report says of Container APM besides the usual. All times are milliseconds since 1970. */
import type { Health } from "../../apm/answers";
import type { Gap, Span } from "../probe/gaps";
import type { Signal } from "../load/plan";
import type { Mark, TransitionResult } from "./transitions";

/** A stretch in which the cluster said the same, by those of its nodes that were not away. */
export interface StatusSpan {
    span: Span;
    /** none: nobody said. */
    status: Health | "none";
    manager?: string;
}

/** Copies at one time, by whoever said it. */
export interface CopyCounts {
    at: number;
    unassigned: number;
    initializing: number;
    relocating: number;
}

/** Documents in each second; seconds without any are left out. */
export interface Histogram {
    signal: Signal;
    /** Second since 1970, and how many. */
    seconds: [second: number, documents: number][];
    /** Longest time without any. */
    gap: Gap;
}

/** The same by the time at which things happened. */
export interface EventHistogram extends Histogram {
    /** Longest time in which clients made nothing, milliseconds: on a machine that is busy with other things they stand still, and nothing happens. */
    nothingMadeMs: number;
}

export interface ClusterReport {
    transitions: TransitionResult[];
    marks: Mark[];
    status: StatusSpan[];
    copies: CopyCounts[];
    /** By the time at which it happened, when all was read back. */
    eventTime: EventHistogram[];
    /** By the time at which it could first be found. */
    arrival: Histogram[];
    /** Longest time in which two nodes that answered named different managers. */
    twoManagers: Gap;
}
