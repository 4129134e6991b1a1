import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";

/** The secrets that both nodes of a pair share. */
export interface SharedCredentials {
    /** Root of the object store. */
    objectStoreRootPassword: pulumi.Input<string>;
    /** Loki's user of the object store. */
    lokiObjectStoreSecret: pulumi.Input<string>;
    /** The Thanos sidecar's user of the object store. */
    thanosSidecarObjectStoreSecret: pulumi.Input<string>;
    /** The Thanos Store Gateway's. */
    thanosStoreObjectStoreSecret: pulumi.Input<string>;
    /** The Thanos Compactor's. */
    thanosCompactorObjectStoreSecret: pulumi.Input<string>;
    /** All that VRRP 2 uses: 8 characters. */
    vrrpPassword: pulumi.Input<string>;
    /** Of the administrator: HAProxy's statistics page and, with TLS, every API. */
    haproxyStatsPassword: pulumi.Input<string>;
    /** Of the user who may only query. */
    queryPassword: pulumi.Input<string>;
}

/** Name of one of the shared secrets. */
export type CredentialName = keyof SharedCredentials;

/** Letters and digits only: they go unquoted into configuration files of five programs. 32 of them are 190 bits. */
export const CREDENTIAL_LENGTHS: Record<CredentialName, number> = {
    objectStoreRootPassword: 32,
    lokiObjectStoreSecret: 32,
    thanosSidecarObjectStoreSecret: 32,
    thanosStoreObjectStoreSecret: 32,
    thanosCompactorObjectStoreSecret: 32,
    vrrpPassword: 8,
    haproxyStatsPassword: 32,
    queryPassword: 32,
};

export const CREDENTIAL_NAMES = Object.keys(CREDENTIAL_LENGTHS) as CredentialName[];

/** Of tokens: letters and digits, 256 bits. */
const TOKEN_LENGTH = 43;

export interface CredentialsArgs {
    /** Another number makes new secrets. @default 1 */
    generation?: number;
    /** Secrets that are given rather than made. */
    given?: Partial<SharedCredentials>;
    /** Names of those who send telemetry: each gets a token. Without its name a token is gone, the others stay. @default none */
    otlpTokens?: string[];
}

/** Makes the secrets of a pair. One stack owns them; the other reads them with {@link sharedSecrets}. */
export class Credentials extends pulumi.ComponentResource {
    readonly values: Record<CredentialName, pulumi.Output<string>>;
    /** By name. */
    readonly otlpTokens: pulumi.Output<Record<string, string>>;

    constructor(name: string, args: CredentialsArgs, opts?: pulumi.ComponentResourceOptions) {
        super("otel-ha:index:Credentials", name, {}, opts);
        this.values = {} as Record<CredentialName, pulumi.Output<string>>;
        for (const key of CREDENTIAL_NAMES)
            this.values[key] = this.createSecret(`${name}-${key}`, CREDENTIAL_LENGTHS[key], args, args.given?.[key]);
        const tokens = (args.otlpTokens ?? []).map((token) => [
            token,
            this.createSecret(`${name}-otlpToken-${token}`, TOKEN_LENGTH, args),
        ]);
        this.otlpTokens = pulumi.secret(
            pulumi.all(Object.fromEntries(tokens) as Record<string, pulumi.Output<string>>),
        );
        this.registerOutputs({ ...this.values, otlpTokens: this.otlpTokens });
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
