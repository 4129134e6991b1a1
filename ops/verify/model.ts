import { StateResource } from "./state";

/** One way in which a host differs from what was deployed there. */
export interface Finding {
    kind:
        | "host"
        | "file"
        | "directory"
        | "sysctl"
        | "firewall"
        | "image"
        | "container"
        | "bucket"
        | "user"
        | "group"
        | "policy"
        | "cluster"
        | "service";
    /** @example "/data/docker/otel/haproxy/haproxy.cfg" */
    subject: string;
    /** What about it. @example "mode" */
    property: string;
    /** "[secret]" where it is one. */
    expected: string;
    found: string;
    /** Unified; never of a secret file. */
    diff?: string;
    /** The resource that it is part of. */
    urn: string;
}

/** What differs, and what could not be looked at. */
export interface Judgement {
    findings: Finding[];
    /** Sentences. */
    unknown: string[];
}

/** What a host printed, by section. */
export type Sections = Record<string, string[]>;

/** What a kind of thing has to be, by the state, and how that is looked at. */
export interface Inquiry {
    /** Variables for the script on the host. */
    settings: Record<string, string>;
    /** Compares with what the host said. */
    judge(said: Sections): Judgement;
}

/** A kind of thing that is compared. Pure. */
export type Kind = (resources: StateResource[]) => Inquiry;

/** What is known of one node. */
export interface NodeVerification extends Judgement {
    stack: string;
    /** @example "mid-1" */
    name: string;
}

export type Verdict = "clean" | "drift" | "unknown";

/** What `otel-ha verify` ends with. */
export const EXIT_CODES: Record<Verdict, number> = { clean: 0, drift: 1, unknown: 3 };

/** Drift is certain, whatever else could not be looked at. Pure. */
export function verdictOf(nodes: Judgement[]): Verdict {
    if (nodes.some(({ findings }) => findings.length > 0)) return "drift";
    return nodes.some(({ unknown }) => unknown.length > 0) ? "unknown" : "clean";
}

export const NOTHING: Judgement = { findings: [], unknown: [] };
