import { CredentialName } from "./credentials";

/** Names of the secrets of a pair that can be made anew, one by one. */
export const SECRET_NAMES = [
    "objectStoreRoot",
    "lokiUser",
    "thanosSidecarUser",
    "thanosStoreUser",
    "thanosCompactorUser",
    "vrrp",
    "haproxyStats",
    "query",
    "otlpTokens",
    "certificates",
    "ca",
] as const;

/** Name of one of them. */
export type SecretName = (typeof SECRET_NAMES)[number];

/** Secrets that others hold: the old one is accepted for a while beside the new one. */
export const OVERLAPPING = ["otlpTokens", "ca"] as const satisfies SecretName[];

/** Secrets that are first believed and used later. */
export const ISSUING = ["ca"] as const satisfies SecretName[];

/** A number for some of the secrets. */
export type Generations = Partial<Record<SecretName, number>>;

/** What the settings say of generations. */
export interface GenerationSettings {
    /** Of all that `generation` does not name. */
    secretGeneration: number;
    /** The newest one. */
    generation: Generations;
    /** The oldest one that is still accepted. */
    oldestGeneration: Generations;
    /** The one that signs. */
    issuingGeneration: Generations;
}

/** The newest generation of a secret: the one that is in use, or about to be. Pure. */
export function newestGeneration(settings: GenerationSettings, name: SecretName): number {
    return settings.generation[name] ?? settings.secretGeneration;
}

/** The oldest generation that is accepted: without a word about it the one before the newest, so that every rotation overlaps. Pure. */
export function oldestGeneration(settings: GenerationSettings, name: (typeof OVERLAPPING)[number]): number {
    return settings.oldestGeneration[name] ?? Math.max(1, newestGeneration(settings, name) - 1);
}

/** All generations that are accepted, the oldest first. Pure. */
export function acceptedGenerations(settings: GenerationSettings, name: (typeof OVERLAPPING)[number]): number[] {
    const oldest = oldestGeneration(settings, name);
    return Array.from({ length: newestGeneration(settings, name) - oldest + 1 }, (_, index) => oldest + index);
}

/** The generation that signs: without a word about it the oldest that is accepted, which everybody believes. Pure. */
export function issuingGeneration(settings: GenerationSettings, name: (typeof ISSUING)[number]): number {
    return settings.issuingGeneration[name] ?? oldestGeneration(settings, name);
}

/** Which generation each credential is of. */
export const SECRET_OF: Record<CredentialName, SecretName> = {
    objectStoreRootPassword: "objectStoreRoot",
    lokiObjectStoreSecret: "lokiUser",
    thanosSidecarObjectStoreSecret: "thanosSidecarUser",
    thanosStoreObjectStoreSecret: "thanosStoreUser",
    thanosCompactorObjectStoreSecret: "thanosCompactorUser",
    vrrpPassword: "vrrp",
    haproxyStatsPassword: "haproxyStats",
    queryPassword: "query",
};

/** The newest generation of each credential. Pure. */
export function credentialGenerations(settings: GenerationSettings): Record<CredentialName, number> {
    const entries = Object.entries(SECRET_OF).map(([key, name]) => [key, newestGeneration(settings, name)]);
    return Object.fromEntries(entries) as Record<CredentialName, number>;
}
