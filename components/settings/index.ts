import * as pulumi from "@pulumi/pulumi";
import * as fs from "fs";
import * as os from "os";
import { APM_CREDENTIAL_LENGTHS, APM_SECRET_OF, ApmCredentialName } from "../apm-credentials";
import { ApmNodeSettings } from "../apm-node";
import { certificateGenerations } from "../ca-rotation";
import { CREDENTIAL_LENGTHS, CredentialName } from "../credentials";
import { acceptedGenerations, credentialGenerations, generationsOf } from "../generations";
import { NodeArgs, NodeSettings } from "../node";
import { OwnSecretsArgs, SharedSecretsArgs } from "../shared-secrets";
import { apmNodeSettings } from "./apm-node-settings";
import { System } from "./key";
import { AnyValues, ValuesOf } from "./keys";
import { nodeSettings } from "./node-settings";
import { parseStack, problemReport, RawConfig } from "./parse";
import { notValidNow } from "./tls-rules";
import { warnings } from "./warnings";

/** What differs between the systems: the settings of a node's parts, and the names of the credentials. */
interface Of {
    "otel-ha": { node: NodeSettings; credential: CredentialName };
    apm: { node: ApmNodeSettings; credential: ApmCredentialName };
}

/** All that the configuration of a stack of system S says, read and checked. */
export interface StackSettings<S extends System = "otel-ha"> {
    /** Which system it is a host of. */
    system: S;
    /** Settings of the node's parts. */
    node: Of[S]["node"];
    /** Every setting by its key in Pulumi.yaml. */
    values: ValuesOf<S>;
    /** Stack that owns the credentials; undefined when it is this one. */
    credentialsStack?: string;
    /** What the stack that owns the secrets makes. */
    own: OwnSecretsArgs<Of[S]["credential"]>;
    /** What the other stacks read of that one. */
    shared: SharedSecretsArgs<Of[S]["credential"]>;
    /** Credentials that the stack's configuration gives. */
    givenCredentials: Partial<Record<Of[S]["credential"], pulumi.Output<string>>>;
    /** How this machine logs in on the host. */
    login: Login;
}

/** The SSH key of the deployer; nothing at all: the SSH agent. */
export type Login = Pick<NodeArgs, "privateKey" | "connectionUnknown">;

/** Reads the configuration of the current stack. Errors: all problems at once, one line each, before any resource is registered. */
export function readSettings(): StackSettings | StackSettings<"apm"> {
    const { values, problems } = parseStack(projectConfig());
    if (values.credentialsStack === pulumi.getStack())
        problems.push({
            key: "credentialsStack",
            message: `"${values.credentialsStack}" is this stack itself; write "" in the stack that owns the credentials`,
        });
    if (problems.length === 0) problems.push(...notValidNow(values, Date.now()));
    if (problems.length > 0) throw new pulumi.RunError(problemReport(pulumi.getStack(), problems));
    if (pulumi.runtime.isDryRun())
        for (const { key, message } of warnings(values)) void pulumi.log.warn(`${key}: ${message}`);
    return values.system === "apm" ? apmStack(values) : pairStack(values);
}

function pairStack(values: ValuesOf<"otel-ha">): StackSettings {
    const secrets = secretSettings(values, CREDENTIAL_LENGTHS, values, credentialGenerations(values));
    return { system: "otel-ha", node: nodeSettings(values), values, ...secrets, ...stackSettings(values) };
}

function apmStack(values: ValuesOf<"apm">): StackSettings<"apm"> {
    const generations = generationsOf(values, APM_SECRET_OF);
    const secrets = secretSettings(values, APM_CREDENTIAL_LENGTHS, values, generations);
    return { system: "apm", node: apmNodeSettings(values), values, ...secrets, ...stackSettings(values) };
}

const stackSettings = (values: AnyValues): { credentialsStack?: string; login: Login } => ({
    credentialsStack: values.credentialsStack || undefined,
    login: values.sshPrivateKeyFile === "" ? {} : readLogin(values.sshPrivateKeyFile),
});

/** What a system with credentials N makes, or reads. */
function secretSettings<N extends string>(
    values: AnyValues,
    lengths: Record<N, number>,
    texts: Record<N, string>,
    generations: Record<N, number>,
): {
    own: OwnSecretsArgs<N>;
    shared: SharedSecretsArgs<N>;
    givenCredentials: Partial<Record<N, pulumi.Output<string>>>;
} {
    const names = Object.keys(lengths) as N[];
    const given = names.filter((name) => texts[name] !== "").map((name) => [name, pulumi.secret(texts[name])]);
    const givenCredentials = Object.fromEntries(given) as Partial<Record<N, pulumi.Output<string>>>;
    const own: OwnSecretsArgs<N> = {
        lengths,
        generations,
        given: givenCredentials,
        otlpTokens: values.otlpTokens === "" ? [] : values.otlpTokens.split(","),
        tokenGenerations: acceptedGenerations(values, "otlpTokens"),
        caLifetime: values.tls === "internal" ? values.caLifetime : undefined,
        certificates: certificateGenerations(values),
    };
    return { own, shared: { names, authority: values.tls === "internal" }, givenCredentials };
}

/** The configuration of the current stack, without the project's name. */
export function projectConfig(): RawConfig {
    const prefix = `${pulumi.getProject()}:`;
    const all = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(prefix));
    return Object.fromEntries(all.map(([key, value]) => [key.slice(prefix.length), value as string]));
}

// A preview also runs where the key is not, in CI for instance: it then leaves connections out, and says so.
function readLogin(file: string): Login {
    try {
        return { privateKey: pulumi.secret(fs.readFileSync(file.replace(/^~(?=\/)/, os.homedir()), "utf8")) };
    } catch (error) {
        const why = `sshPrivateKeyFile: "${file}" cannot be read (${(error as NodeJS.ErrnoException).code}); write the file of the key that the hosts accept, or "" to use the SSH agent`;
        if (!pulumi.runtime.isDryRun()) throw new pulumi.RunError(why);
        void pulumi.log.warn(why);
        return { connectionUnknown: true };
    }
}
