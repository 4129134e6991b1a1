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

/** Arguments of {@link Credentials} with the names N. */
export interface CredentialsArgs<N extends string = CredentialName> {
    /** What is made: the name of each secret, and how many letters and digits it has. @default those of the two-host platform */
    lengths?: Record<N, number>;
    /** Another number makes a new secret. @default 1 each */
    generations?: Partial<Record<NoInfer<N>, number>>;
    /** Secrets that are given rather than made. */
    given?: Partial<Record<NoInfer<N>, pulumi.Input<string>>>;
    /** Names of those who send telemetry: each gets a token. Without its name a token is gone, the others stay. @default none */
    otlpTokens?: string[];
    /** Each of them has a token of each of these generations. @default [1] */
    tokenGenerations?: number[];
}

/** Makes the secrets of a system. One stack owns them; the others read them with {@link sharedSecrets}. */
export class Credentials<N extends string = CredentialName> extends pulumi.ComponentResource {
    readonly values: Record<N, pulumi.Output<string>>;
    /** By name, the newest first. All of them are accepted. */
    readonly otlpTokens: pulumi.Output<Record<string, string[]>>;

    constructor(name: string, args: CredentialsArgs<N>, opts?: pulumi.ComponentResourceOptions) {
        super("otel-ha:index:Credentials", name, {}, opts);
        this.values = {} as Record<N, pulumi.Output<string>>;
        const lengths = args.lengths ?? (CREDENTIAL_LENGTHS as Record<N, number>);
        for (const key of Object.keys(lengths) as N[]) {
            const given = args.given?.[key];
            this.values[key] =
                given === undefined
                    ? this.createSecret(`${name}-${key}`, lengths[key], args.generations?.[key] ?? 1)
                    : pulumi.secret(given);
        }
        const tokens = (args.otlpTokens ?? []).map((token) => [
            token,
            this.createTokens(`${name}-otlpToken-${token}`, args),
        ]);
        this.otlpTokens = pulumi.secret(
            pulumi.all(Object.fromEntries(tokens) as Record<string, pulumi.Output<string[]>>),
        );
        this.registerOutputs({ ...this.values, otlpTokens: this.otlpTokens });
    }

    // Several generations stand beside each other, so each has a resource of its own. No sender's name has a dot.
    private createTokens(name: string, { tokenGenerations = [1] }: CredentialsArgs<N>): pulumi.Output<string[]> {
        const newestFirst = [...tokenGenerations].sort((a, b) => b - a);
        return pulumi.all(
            newestFirst.map((generation) =>
                this.createSecret(generation === 1 ? name : `${name}.g${generation}`, TOKEN_LENGTH, generation),
            ),
        );
    }

    private createSecret(name: string, length: number, generation: number): pulumi.Output<string> {
        const keepers = { generation: String(generation) };
        return new random.RandomPassword(name, { length, special: false, keepers }, { parent: this }).result;
    }
}
