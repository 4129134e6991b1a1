import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";

/** The secrets that both nodes of a pair share. */
export interface SharedCredentials {
    /** Root of the object store. */
    objectStoreRootPassword: pulumi.Input<string>;
    /** Loki's user of the object store. */
    lokiObjectStoreSecret: pulumi.Input<string>;
    /** The Thanos sidecar's user of the object store. */
    thanosObjectStoreSecret: pulumi.Input<string>;
    /** All that VRRP 2 uses: 8 characters. */
    vrrpPassword: pulumi.Input<string>;
    /** Of HAProxy's statistics page. */
    haproxyStatsPassword: pulumi.Input<string>;
}

/** Name of one of the shared secrets. */
export type CredentialName = keyof SharedCredentials;

/** Letters and digits only: they go unquoted into configuration files of five programs. 32 of them are 190 bits. */
export const CREDENTIAL_LENGTHS: Record<CredentialName, number> = {
    objectStoreRootPassword: 32,
    lokiObjectStoreSecret: 32,
    thanosObjectStoreSecret: 32,
    vrrpPassword: 8,
    haproxyStatsPassword: 32,
};

export const CREDENTIAL_NAMES = Object.keys(CREDENTIAL_LENGTHS) as CredentialName[];

export interface CredentialsArgs {
    /** Another number makes new secrets. @default 1 */
    generation?: number;
    /** Secrets that are given rather than made. */
    given?: Partial<SharedCredentials>;
}

/** Makes the secrets of a pair. One stack owns them; the other reads them with {@link sharedCredentials}. */
export class Credentials extends pulumi.ComponentResource {
    readonly values: Record<CredentialName, pulumi.Output<string>>;

    constructor(name: string, args: CredentialsArgs, opts?: pulumi.ComponentResourceOptions) {
        super("otel-ha:index:Credentials", name, {}, opts);
        this.values = {} as Record<CredentialName, pulumi.Output<string>>;
        for (const key of CREDENTIAL_NAMES)
            this.values[key] = this.createSecret(`${name}-${key}`, CREDENTIAL_LENGTHS[key], args, args.given?.[key]);
        this.registerOutputs(this.values);
    }

    private createSecret(
        name: string,
        length: number,
        args: CredentialsArgs,
        given?: pulumi.Input<string>,
    ): pulumi.Output<string> {
        if (given !== undefined) return pulumi.secret(given);
        const keepers = { generation: String(args.generation ?? 1) };
        return new random.RandomPassword(name, { length, special: false, keepers }, { parent: this }).result;
    }
}

/** The output of the owning stack that holds the secrets. */
export const SHARED_CREDENTIALS_OUTPUT = "sharedCredentials";

// Both stacks may be brought up at once: the owner publishes the secrets in the first seconds of its own `up`.
const OWNER_PATIENCE_MS = 90_000;

/** Reads the secrets of the stack that owns them. Errors: when that stack has none yet, which stack to bring up first. */
export async function sharedCredentials(ownerStack: string): Promise<Record<CredentialName, pulumi.Output<string>>> {
    const stack = qualified(ownerStack);
    if (!(await ownerHasPublished(stack))) {
        if (!pulumi.runtime.isDryRun()) {
            throw new pulumi.RunError(
                `stack "${ownerStack}" has not published its credentials; run "pulumi up --stack ${ownerStack}" first, or beside this one`,
            );
        }
        void pulumi.log.warn(`stack "${ownerStack}" does not exist yet: its credentials are unknown in this preview`);
        return credentialsFrom(() => pulumi.secret("unknown-until-the-owner-is-up"));
    }
    const owner = new pulumi.StackReference(stack);
    const all = owner.requireOutput(SHARED_CREDENTIALS_OUTPUT) as pulumi.Output<Record<CredentialName, string>>;
    return credentialsFrom((key) => pulumi.secret(all.apply((values) => values[key])));
}

function credentialsFrom(
    value: (key: CredentialName) => pulumi.Output<string>,
): Record<CredentialName, pulumi.Output<string>> {
    return Object.fromEntries(CREDENTIAL_NAMES.map((key) => [key, value(key)])) as Record<
        CredentialName,
        pulumi.Output<string>
    >;
}

function qualified(stack: string): string {
    return stack.includes("/") ? stack : `${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}`;
}

async function ownerHasPublished(stack: string): Promise<boolean> {
    const deadline = Date.now() + (pulumi.runtime.isDryRun() ? 0 : OWNER_PATIENCE_MS);
    for (let said = false; ; said = true) {
        if (await hasCredentials(stack)) return true;
        if (Date.now() >= deadline) return false;
        if (!said) void pulumi.log.info(`waiting for stack "${stack}" to publish its credentials`);
        await new Promise((resolve) => setTimeout(resolve, 1000));
    }
}

// The engine's own function behind StackReference; unlike the resource it may be asked again.
async function hasCredentials(stack: string): Promise<boolean> {
    try {
        const found = (await pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", { name: stack })) as {
            outputs?: Record<string, unknown>;
        };
        return found.outputs?.[SHARED_CREDENTIALS_OUTPUT] !== undefined;
    } catch {
        return false;
    }
}
