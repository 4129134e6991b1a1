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

/** Secrets that every system has, besides its credentials. */
export type CommonSecretName = "otlpTokens" | "certificates" | "ca";

/** Secrets that others hold: the old one is accepted for a while beside the new one. */
export const OVERLAPPING = ["otlpTokens", "ca"] as const satisfies CommonSecretName[];

/** Name of one of them. */
export type Overlapping = (typeof OVERLAPPING)[number];

/** Secrets that are first believed and used later. */
export const ISSUING = ["ca"] as const satisfies CommonSecretName[];

/** Name of one of them. */
export type Issuing = (typeof ISSUING)[number];

/** A number for some of the secrets. */
export type Generations<N extends string = SecretName> = Partial<Record<N, number>>;

/** What the settings of a system with secrets N say of generations. */
export interface GenerationSettings<N extends string = SecretName> {
    /** Of all that `generation` does not name. */
    secretGeneration: number;
    /** The newest one. */
    generation: Generations<N | CommonSecretName>;
    /** The oldest one that is still accepted. */
    oldestGeneration: Generations<Overlapping>;
    /** The one that signs. */
    issuingGeneration: Generations<Issuing>;
}

/** The same, for those who ask of no secret that one system has alone. */
export type CommonGenerationSettings = GenerationSettings<never>;

/** The newest generation of a secret: the one that is in use, or about to be. Pure. */
export function newestGeneration<N extends string>(
    settings: GenerationSettings<N>,
    name: NoInfer<N> | CommonSecretName,
): number {
    return settings.generation[name] ?? settings.secretGeneration;
}

/** The oldest generation that is accepted: without a word about it the one before the newest, so that every rotation overlaps. Pure. */
export function oldestGeneration(settings: CommonGenerationSettings, name: Overlapping): number {
    return settings.oldestGeneration[name] ?? Math.max(1, newestGeneration(settings, name) - 1);
}

/** All generations that are accepted, the oldest first. Pure. */
export function acceptedGenerations(settings: CommonGenerationSettings, name: Overlapping): number[] {
    const oldest = oldestGeneration(settings, name);
    return Array.from({ length: newestGeneration(settings, name) - oldest + 1 }, (_, index) => oldest + index);
}

/** The generation that signs: without a word about it the oldest that is accepted, which everybody believes. Pure. */
export function issuingGeneration(settings: CommonGenerationSettings, name: Issuing): number {
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

/** The newest generation of each credential of the two-host platform. Pure. */
export const credentialGenerations = (settings: GenerationSettings): Record<CredentialName, number> =>
    generationsOf(settings, SECRET_OF);

/** The newest generation of each credential C, by the secret that it is of. Pure. */
export function generationsOf<C extends string, N extends string>(
    settings: GenerationSettings<N>,
    secretOf: Record<C, NoInfer<N> | CommonSecretName>,
): Record<C, number> {
    const entries = (Object.entries(secretOf) as [C, N | CommonSecretName][]).map(([key, name]) => [
        key,
        newestGeneration(settings, name),
    ]);
    return Object.fromEntries(entries) as Record<C, number>;
}
