import * as pulumi from "@pulumi/pulumi";
import * as fs from "fs";
import * as os from "os";
import { CREDENTIAL_NAMES, SharedCredentials } from "../credentials";
import { NodeArgs, NodeSettings } from "../node";
import { OwnSecretsArgs, SharedSecretsArgs } from "../shared-secrets";
import { Values } from "./keys";
import { nodeSettings } from "./node-settings";
import { parseValues, problemReport, RawConfig } from "./parse";
import { notValidNow } from "./tls-rules";
import { warnings } from "./warnings";

/** All that a stack's configuration says, read and checked. */
export interface StackSettings {
    /** Settings of the node's parts. */
    node: NodeSettings;
    /** Every setting by its key in Pulumi.yaml. */
    values: Values;
    /** Stack that owns the credentials; undefined when it is this one. */
    credentialsStack?: string;
    /** What the stack that owns the secrets makes. */
    own: OwnSecretsArgs;
    /** What the other stack reads of that one. */
    shared: SharedSecretsArgs;
    /** Credentials that the stack's configuration gives. */
    givenCredentials: Partial<SharedCredentials>;
    /** How this machine logs in on the host. */
    login: Login;
}

/** The SSH key of the deployer; nothing at all: the SSH agent. */
export type Login = Pick<NodeArgs, "privateKey" | "connectionUnknown">;

/** Reads the configuration of the current stack. Errors: all problems at once, one line each, before any resource is registered. */
export function readSettings(): StackSettings {
    const { values, problems } = parseValues(projectConfig());
    if (values.credentialsStack === pulumi.getStack())
        problems.push({
            key: "credentialsStack",
            message: `"${values.credentialsStack}" is this stack itself; write "" in the stack that owns the credentials`,
        });
    if (problems.length === 0) problems.push(...notValidNow(values, Date.now()));
    if (problems.length > 0) throw new pulumi.RunError(problemReport(pulumi.getStack(), problems));
    if (pulumi.runtime.isDryRun())
        for (const { key, message } of warnings(values)) void pulumi.log.warn(`${key}: ${message}`);
    const givenCredentials = Object.fromEntries(
        CREDENTIAL_NAMES.filter((name) => values[name] !== "").map((name) => [name, pulumi.secret(values[name])]),
    );
    return {
        node: nodeSettings(values),
        values,
        credentialsStack: values.credentialsStack || undefined,
        own: {
            generation: values.secretGeneration,
            given: givenCredentials,
            otlpTokens: values.otlpTokens === "" ? [] : values.otlpTokens.split(","),
            caLifetime: values.tls === "internal" ? values.caLifetime : undefined,
        },
        shared: { authority: values.tls === "internal" },
        givenCredentials,
        login: values.sshPrivateKeyFile === "" ? {} : readLogin(values.sshPrivateKeyFile),
    };
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
