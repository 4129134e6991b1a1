import { PairPurpose, Purpose, PURPOSES } from "./certificates";
import { Duration, parseDuration } from "./units";

/** What a stack publishes of a certificate. */
export interface CertificateRecord {
    /** ISO 8601. */
    notAfter: string;
    /** Counts how often it was renewed, from 1. @default it was given */
    generation?: number;
}

/** What a stack has published of its certificates, as it is found. */
export type CertificateRecords = Partial<Record<Purpose, CertificateRecord>>;

/** Which certificate each purpose has to have: the next one when the last one ends within `renewBefore`. Pure. */
export function generations<P extends Purpose = PairPurpose>(
    last: CertificateRecords,
    renewBefore: Duration,
    now: number,
    purposes: readonly P[] = PURPOSES as Purpose[] as P[],
): Record<P, number> {
    return Object.fromEntries(
        purposes.map((purpose) => [purpose, generation(last[purpose], renewBefore, now)]),
    ) as Record<P, number>;
}

function generation(last: CertificateRecord | undefined, renewBefore: Duration, now: number): number {
    if (!last?.generation) return 1;
    return lasts(last.notAfter, renewBefore, now) ? last.generation : last.generation + 1;
}

/** True when something that ends at `notAfter` will still be valid after this time. Pure. */
export function lasts(notAfter: string, time: Duration, now: number): boolean {
    // An end that cannot be read is no reason to wait.
    return Date.parse(notAfter) - now > (parseDuration(time) ?? 0);
}
