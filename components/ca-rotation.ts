import { acceptedGenerations, CommonGenerationSettings, issuingGeneration, newestGeneration } from "./generations";

/** Which CAs a system has, and how often its certificates were made anew. */
export interface CertificateGenerations {
    /** CAs that are believed, the oldest first. @example [1, 2] */
    accepted: number[];
    /** The one of them that signs. */
    issuing: number;
    /** Another number makes all certificates anew, with new keys. */
    leaves: number;
}

/** Of one that has never changed any. */
export const FIRST_GENERATIONS: CertificateGenerations = { accepted: [1], issuing: 1, leaves: 1 };

/** What the settings of the owning stack want. Pure. */
export function certificateGenerations(settings: CommonGenerationSettings): CertificateGenerations {
    return {
        accepted: acceptedGenerations(settings, "ca"),
        issuing: issuingGeneration(settings, "ca"),
        leaves: newestGeneration(settings, "certificates"),
    };
}

/**
 * Why a system cannot go from one state to another without a moment in which one node does not believe the other; undefined when it can. While the nodes
 * are brought up one after the other, each of them has either state. Pure.
 */
export function tooFar(
    last: CertificateGenerations,
    next: CertificateGenerations,
    stacks = "both stacks",
): string | undefined {
    const [newest] = last.accepted.slice(-1);
    if (!last.accepted.includes(next.issuing))
        return (
            `issuingGeneration: ca ${next.issuing} would sign certificates that a node does not believe yet, since the last run knew ${named(last.accepted)} only; ` +
            `first run up on ${stacks} with issuingGeneration.ca ${last.issuing}`
        );
    if (!next.accepted.includes(last.issuing))
        return (
            `${last.issuing < next.issuing ? "oldestGeneration" : "generation"}: CA ${last.issuing} signed the certificates that the nodes have, and would not be believed any more; ` +
            `first run up on ${stacks} with it among those that are accepted, and with issuingGeneration.ca ${last.issuing < next.issuing ? newest : next.issuing}`
        );
    return undefined;
}

const named = (generations: number[]): string => `CA ${generations.join(" and ")}`;
