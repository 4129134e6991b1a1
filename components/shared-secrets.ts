import * as pulumi from "@pulumi/pulumi";
import { unknown } from "@pulumi/pulumi/output";
import { CertificateGenerations, FIRST_GENERATIONS } from "./ca-rotation";
import { Authority, CertificateAuthority } from "./certificates";
import { CREDENTIAL_NAMES, CredentialName, Credentials, CredentialsArgs } from "./credentials";
import { publishedOutputs, qualified } from "./stack-outputs";
import { Duration } from "./units";

/** What all nodes of a system must have the same of: credentials N, tokens, a CA. One stack makes it, the others read it there. */
export interface SharedSecrets<N extends string = CredentialName> {
    /** By name. */
    credentials: Record<N, pulumi.Output<string>>;
    /** By the names of those who send telemetry with them, the newest first. */
    otlpTokens: pulumi.Output<Record<string, string[]>>;
    /** Undefined: the system has no CA of its own. */
    authority?: Authority;
}

/** The output of the owning stack that holds the secrets. */
export const SHARED_CREDENTIALS_OUTPUT = "sharedCredentials";

/** What is in that output. */
export type PublishedSecrets<N extends string = CredentialName> = Record<N, pulumi.Input<string>> &
    Pick<SharedSecrets, "otlpTokens"> & { authority?: Authority };

/** What is to be made. */
export interface OwnSecretsArgs<N extends string = CredentialName> extends CredentialsArgs<N> {
    /** How long a CA is valid. @default none is made */
    caLifetime?: Duration;
    /** Which CAs there are, and which one signs. @default the first one, alone */
    certificates?: CertificateGenerations;
}

/** Makes the secrets of a system. */
export function ownSecrets<N extends string = CredentialName>(args: OwnSecretsArgs<N>): SharedSecrets<N> {
    const { values, otlpTokens } = new Credentials("credentials", args);
    const { caLifetime, certificates } = args;
    const authority = caLifetime
        ? new CertificateAuthority("ca", { lifetime: caLifetime, generations: certificates })
        : undefined;
    return { credentials: values, otlpTokens, authority };
}

/** The secrets as the other stacks want to find them. */
export function published<N extends string = CredentialName>({
    credentials,
    otlpTokens,
    authority,
}: SharedSecrets<N>): PublishedSecrets<N> {
    if (!authority) return { ...credentials, otlpTokens };
    const { certificate, key, trusted, generations } = authority;
    return { ...credentials, otlpTokens, authority: { certificate, key, trusted, generations } };
}

// All stacks may be brought up at once: the owner publishes the secrets in the first seconds of its own `up`.
const OWNER_PATIENCE_MS = 90_000;

/** What is read of the stack that owns the secrets. */
export interface SharedSecretsArgs<N extends string = CredentialName> {
    /** Which credentials. @default those of the two-host platform */
    names?: N[];
    /** Whether its CA is needed, too. */
    authority: boolean;
}

/** Reads the secrets of the stack that owns them. Errors: when that stack has none yet, or not all, which stack to bring up first. */
export async function sharedSecrets<N extends string = CredentialName>(
    ownerStack: string,
    args: SharedSecretsArgs<N>,
): Promise<SharedSecrets<N>> {
    const stack = qualified(ownerStack);
    const names = args.names ?? (CREDENTIAL_NAMES as N[]);
    const wanted = [...names, "otlpTokens", ...(args.authority ? ["authority"] : [])];
    const missing = await awaitSecrets(stack, wanted);
    if (missing.length > 0) {
        const what =
            missing.length === wanted.length
                ? "credentials"
                : missing.map((key) => (key === "authority" ? "CA" : key)).join(", ");
        if (!pulumi.runtime.isDryRun())
            throw new pulumi.RunError(
                `stack "${ownerStack}" has not published its ${what}; run "pulumi up --stack ${ownerStack}" first, or beside this one`,
            );
        void pulumi.log.warn(`stack "${ownerStack}" has not published its ${what} yet: unknown in this preview`);
    }
    const owner = missing.length < wanted.length ? new pulumi.StackReference(stack) : undefined;
    return readFrom(owner, missing, { ...args, names });
}

function readFrom<N extends string>(
    owner: pulumi.StackReference | undefined,
    missing: string[],
    args: Required<SharedSecretsArgs<N>>,
): SharedSecrets<N> {
    const all = owner?.requireOutput(SHARED_CREDENTIALS_OUTPUT) as pulumi.Output<Record<string, unknown>> | undefined;
    const read = <T>(key: string): pulumi.Output<T> => {
        const found = all && !missing.includes(key) ? all.apply((values) => values[key]) : pulumi.output(unknown);
        return pulumi.secret(found) as pulumi.Output<T>;
    };
    const credentials = Object.fromEntries(args.names.map((key) => [key, read<string>(key)]));
    return {
        credentials: credentials as SharedSecrets<N>["credentials"],
        otlpTokens: read<PublishedTokens>("otlpTokens").apply(tokenLists),
        authority: args.authority ? authorityFrom(read("authority")) : undefined,
    };
}

// An owner that was brought up by an earlier program has one token for each sender, not a list.
type PublishedTokens = Record<string, string | string[]>;
const tokenLists = (tokens: PublishedTokens): Record<string, string[]> =>
    Object.fromEntries(Object.entries(tokens).map(([sender, of]) => [sender, [of].flat()]));

interface PublishedAuthority extends Record<"certificate" | "key" | "trusted", string> {
    generations?: CertificateGenerations;
}

function authorityFrom(read: pulumi.Output<PublishedAuthority>): Authority {
    return {
        certificate: pulumi.unsecret(read.apply(({ certificate }) => certificate)),
        key: read.apply(({ key }) => key),
        trusted: pulumi.unsecret(read.apply(({ trusted }) => trusted)),
        // An owner that was brought up by an earlier program says nothing of them.
        generations: pulumi.unsecret(read.apply(({ generations }) => generations ?? FIRST_GENERATIONS)),
    };
}

/** Which of the wanted secrets a stack has not published in the end. */
async function awaitSecrets(stack: string, wanted: string[]): Promise<string[]> {
    const deadline = Date.now() + (pulumi.runtime.isDryRun() ? 0 : OWNER_PATIENCE_MS);
    for (let said = false; ; said = true) {
        const there = await publishedSecrets(stack);
        const missing = wanted.filter((key) => there[key] === undefined);
        if (missing.length === 0 || Date.now() >= deadline) return missing;
        if (!said) void pulumi.log.info(`waiting for stack "${stack}" to publish its credentials`);
        await new Promise((resolve) => setTimeout(resolve, 1000));
    }
}

// A stack that is not there yet will perhaps be.
async function publishedSecrets(stack: string): Promise<Record<string, unknown>> {
    try {
        return ((await publishedOutputs(stack))[SHARED_CREDENTIALS_OUTPUT] ?? {}) as Record<string, unknown>;
    } catch {
        return {};
    }
}
