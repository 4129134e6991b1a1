import * as pulumi from "@pulumi/pulumi";
import { ApmCredentials } from "./apm-credentials";
import { Host, HostArgs, Requirements } from "./host";
import { checked } from "./policy/enforce";
import { ApmTls } from "./tls";

/** One node of Container APM: a host and the settings of everything on it. */
export interface ApmNodeSettings {
    /** The machine and how to reach it. */
    host: Omit<HostArgs, "requirements" | "privateKey" | "connectionUnknown">;
}

/** Arguments of {@link ApmNode}. */
export interface ApmNodeArgs {
    /** Plain values of everything on the node. @example apmNodeSettings(values) */
    settings: ApmNodeSettings;
    /** The system's secrets: made by {@link Credentials}, or read from the stack that made them. */
    credentials: ApmCredentials;
    /** Certificates and keys. @default none: connections are in the clear */
    tls?: ApmTls;
    /** Secrets by the names of those who send telemetry with them, as `Authorization: Bearer …`; each may have several. @default {}: none are asked for */
    otlpTokens?: pulumi.Input<Record<string, pulumi.Input<string[]>>>;
    /** SSH key of the deployer. @default the SSH agent */
    privateKey?: pulumi.Input<string>;
    /** See {@link HostArgs.connectionUnknown}. @default false */
    connectionUnknown?: boolean;
}

/** What all services together need of the host. Pure. */
export function apmNodeRequirements(_settings: ApmNodeSettings): Requirements[] {
    return [];
}

/** A host of Container APM, its services started in the order in which they need each other. */
export class ApmNode extends pulumi.ComponentResource {
    readonly host: Host;
    /** Names of the containers. */
    readonly containers: pulumi.Output<string>[];

    constructor(name: string, args: ApmNodeArgs, opts?: pulumi.ComponentResourceOptions) {
        super("otel-ha:index:ApmNode", name, {}, checked(opts));
        const { settings } = args;
        const inside = { parent: this };
        this.host = new Host(
            `${name}-host`,
            {
                ...settings.host,
                privateKey: args.privateKey,
                connectionUnknown: args.connectionUnknown,
                requirements: apmNodeRequirements(settings),
            },
            inside,
        );

        this.containers = [];
        this.registerOutputs({ containers: this.containers });
    }
}
