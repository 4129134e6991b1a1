/** The report of one drill: what report.json holds. HTML and Markdown are made from it. All times are milliseconds since 1970. */
import type { Look } from "../../rotate/looks";
import type { SentBalance, ViewBalance } from "../accounting/account";
import type { Protocol, Signal } from "../load/plan";
import type { Gap, Span } from "../probe/gaps";
import type { ReadKind } from "../probe/read";
import type { ClusterReport } from "../apm/report";
import type { ApmConfiguration, Configuration } from "../configuration";

/** Something that happened. */
export interface TimelineEvent {
    at: number;
    /** drill: the drill itself; fault: what it did to the system; the rest: what was seen. */
    source: "drill" | "fault" | "vip" | "container" | "haproxy" | "service" | "cluster";
    node?: string;
    what: string;
    detail?: string;
}

/** What a collector had in its queues; in the unit of the queue. */
export interface QueueSample {
    at: number;
    node: string;
    queues: Record<string, number>;
}

/** passed, deviated, or not measured, with the reason in `seen`. */
export type VerdictState = "passed" | "deviated" | "not measured";

/** One hypothesis and what became of it. */
export interface Verdict {
    id: string;
    /** @example "Nothing that was acknowledged is lost" */
    hypothesis: string;
    /** @example "0 lost" */
    tolerance: string;
    /** @example "mid-1 0, mid-2 0, global view 0" */
    seen: string;
    state: VerdictState;
    /** Where to look when it deviated; a section of docs/drills.md, of Container APM docs/apm-drills.md. */
    runbook?: string;
}

/** Answers in a stretch of time. */
export interface Phase {
    asked: number;
    succeeded: number;
    p50Ms?: number;
    p99Ms?: number;
}

/** One probe: how it did before, during and after the fault. */
export interface ProbeReport {
    client: string;
    protocol: Protocol | "read";
    signal: Signal;
    before: Phase;
    during: Phase;
    after: Phase;
    /** Longest time without a success: in the steady state before, and from the fault on. */
    longestGapBefore: Gap;
    longestGap: Gap;
    /** What the requests that ended within {@link longestGap} ended with, and how many of each; only of intake. */
    failuresInGap?: Record<string, number>;
}

/** One point of the plots: what happened in a fifth of a second. */
export interface RatePoint {
    at: number;
    acknowledged: number;
    failed: number;
    /** Slowest answer. */
    maxMs?: number;
}

/** One question to a merged view. */
export interface ReadPoint {
    at: number;
    ms: number;
    signal: Signal;
    kind: ReadKind;
    error?: string;
    /** fresh: age of the newest item. */
    lagMs?: number;
    /** recent, old: items that it should have shown. */
    missing?: number;
}

/** Time from the fault until a layer worked again for good, milliseconds; 0 when it never stopped; undefined when it did not come back. */
export interface RecoveryTimes {
    virtualIp?: number;
    ingest?: number;
    query?: number;
    /** Container APM, where every node is restarted in its turn: longest time in which none of them answered. */
    queryByAny?: number;
    /** Both nodes healthy, all queues empty, everything found. From the end of the fault. */
    fullRedundancy?: number;
    storeWritable?: number;
    /** Container APM: longest time without a cluster manager that a node names. */
    manager?: number;
    /** Container APM: longest time in which the cluster was not green, or said nothing. */
    green?: number;
}

/** What a query view has. */
export interface ViewReport {
    /** A node's name, or "global". */
    view: string;
    signal: Signal;
    /** Where it was read. */
    source: string;
    /** Why it could not be read. The balance then says nothing. */
    error?: string;
    balance: ViewBalance;
}

/** One period without an owner of the virtual IP, or with two. */
export interface Ownership {
    owner: string[];
    span: Span;
}

export interface DrillReport {
    schema: "otel-ha-drill/1";
    scenario: {
        name: string;
        title: string;
        description: string;
        method: string[];
        /** The node whose data the drill deletes. */
        rebuilt?: string;
    };
    /** passed: every hypothesis held. deviated: one did not. failed: the drill itself could not be carried out. */
    outcome: "passed" | "deviated" | "failed";
    /** Why it failed. */
    failure?: string;
    startedAt: number;
    endedAt: number;
    system: {
        /** @default "otel-ha" */
        system?: "otel-ha" | "apm";
        configuration: Configuration | ApmConfiguration;
        /** Hash of the settings of all stacks. */
        configHash: string;
        nodes: { name: string; address: string; clockOffsetMs?: number; images: Record<string, string> }[];
        /** Where clients send to, when there is one. */
        vip?: string;
        ownerAtStart?: string;
    };
    load: {
        run: string;
        pointsPerSecond: number;
        recordsPerSecond: number;
        spansPerSecond?: number;
        clients: string[];
        skippedRequests: number;
    };
    fault?: Span;
    timeline: TimelineEvent[];
    ownership: Ownership[];
    availability: { probes: ProbeReport[]; generator: ProbeReport[]; failures: Record<string, number> };
    integrity: {
        sent: Record<"metrics" | "logs", SentBalance> & Partial<Record<Signal, SentBalance>>;
        views: ViewReport[];
        /** Age span of what was lost: 0 when nothing was. */
        recoveryPointMs: number;
        /** Samples that the back ends took out of order, and refused as too old, by node. */
        outOfOrderSamples: Record<string, number>;
        refusedSamples: Record<string, number>;
    };
    recovery: RecoveryTimes;
    queues: { peak: Record<string, number>; drainedAt?: number; samples: QueueSample[] };
    plots: { rates: Record<string, RatePoint[]>; reads: ReadPoint[] };
    /** Stretches in which the measuring processes themselves stood still. */
    clientStalls: { at: number; ms: number }[];
    verdicts: Verdict[];
    /** Container APM: what the cluster went through, and when data arrived. */
    cluster?: ClusterReport;
    /** What the drill left behind on the hosts; should be empty. */
    leftovers: string[];
    /** What became of credentials that the drill rotated. */
    looks?: Look[];
}
