/** What the settings say of generations, and which numbers a rotation writes. Pure. */
import {
    GenerationSettings,
    issuingGeneration,
    ISSUING,
    newestGeneration,
    oldestGeneration,
    OVERLAPPING,
    SecretName,
} from "../../components/generations";
import { ApmSecretName } from "../../components/apm-credentials";

/** A secret of whichever system. */
export type AnySecretName = SecretName | ApmSecretName;

/** What the settings of whichever system say of generations. */
export type AnyGenerations = GenerationSettings<AnySecretName>;

/** A secret whose old value is accepted beside the new one, since others hold it. */
export type Overlapping = (typeof OVERLAPPING)[number];

export const overlaps = (name: AnySecretName): name is Overlapping => (OVERLAPPING as readonly string[]).includes(name);

/** One number in the settings of the stack that owns the secrets. */
export interface Assignment {
    key: "generation" | "oldestGeneration" | "issuingGeneration";
    name: AnySecretName;
    number: number;
}

/** @example path({ key: "generation", name: "ca", number: 2 }) → "generation.ca" */
export const path = ({ key, name }: Assignment): string => `${key}.${name}`;

/** As it is noted. @example "generation.lokiUser=2,generation.query=2" */
export const noteOf = (assignments: Assignment[]): string =>
    assignments.map((one) => `${path(one)}=${one.number}`).join(",");

/** Reads {@link noteOf}. Errors: another text. */
export function readNote(text: string): Assignment[] {
    return text
        .split(",")
        .filter(Boolean)
        .map((part) => {
            const [, key, name, number] =
                /^(generation|oldestGeneration|issuingGeneration)\.(\w+)=(\d+)$/.exec(part) ?? [];
            if (key === undefined) throw new Error(`"${part}" is no number of a generation`);
            return { key: key as Assignment["key"], name: name as AnySecretName, number: Number(number) };
        });
}

/** How far the replacement of a secret that others hold is. */
export interface Overlap {
    name: Overlapping;
    /** The oldest that is accepted. */
    oldest: number;
    newest: number;
    /** Signs; only of a CA. */
    issuing?: number;
}

/** Those for which an old value is accepted beside the new one. */
export function openOverlaps(settings: AnyGenerations, names: AnySecretName[]): Overlap[] {
    return names.filter(overlaps).flatMap((name) => {
        const [oldest, newest] = [oldestGeneration(settings, name), newestGeneration(settings, name)];
        if (oldest >= newest) return [];
        const signs = ISSUING.find((one) => one === name);
        return [{ name, oldest, newest, ...(signs ? { issuing: issuingGeneration(settings, signs) } : {}) }];
    });
}

/** Numbers that begin the rotation of some secrets. One that is open goes on first: it is left as it is. */
export function beginning(settings: AnyGenerations, names: AnySecretName[], noted: Assignment[]): Assignment[] {
    const open = openOverlaps(settings, names).map(({ name }) => name as AnySecretName);
    return names
        .filter((name) => !open.includes(name) && !noted.some((one) => one.name === name))
        .map((name) => ({ key: "generation", name, number: newestGeneration(settings, name) + 1 }));
}

/** What is left to do for overlaps, one run of both hosts after the other. */
export function remainingSteps(open: Overlap[]): Assignment[][] {
    const last = (overlap: Overlap): Assignment => ({
        key: "oldestGeneration",
        name: overlap.name,
        number: overlap.newest,
    });
    const signing = open.filter(({ issuing, newest }) => issuing !== undefined && issuing < newest);
    const first = [
        ...signing.map(({ name, newest }): Assignment => ({ key: "issuingGeneration", name, number: newest })),
        ...open.filter((one) => !signing.includes(one)).map(last),
    ];
    return [first, signing.map(last)].filter((step) => step.length > 0);
}
