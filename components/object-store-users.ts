import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { createHash } from "crypto";
import { ObjectStoreClient } from "./bucket";
import { Host } from "./host";
import { OBJECT_STORE_DEFAULTS, ObjectStoreSettings } from "./object-store";
import { withDefaults } from "./service";
import { helper } from "./shell";

/**
 * The access key of a user with this secret. Another secret is another user, so that the old one works on while the hosts move to the new one, one after
 * the other. Pure. @example userOf("loki", "…") → "loki-3f9a0c"
 */
export function userOf(base: string, secret: string): string {
    return `${base}-${createHash("sha256").update(secret).digest("hex").slice(0, 6)}`;
}

/** The client as such a user. */
export function withOwnUser(client: ObjectStoreClient): ObjectStoreClient {
    const user = pulumi.all([client.user, client.secret]).apply(([base, secret]) => userOf(base, secret));
    return { ...client, base: client.user, user };
}

/** Arguments of {@link retireUsers}. */
export interface RetireUsersArgs {
    /** Where the store runs. */
    host: Host;
    /** Of the store. */
    settings: ObjectStoreSettings;
    /** Those that the node's services are now. */
    clients: ObjectStoreClient[];
    /** Services that have to work as these before any other is taken away. */
    after: pulumi.Resource[];
}

/** Takes away users of the store that no node is any more. The last step of a change of secrets; it runs again when there are other users. */
export function retireUsers(
    name: string,
    { host, settings, clients, after }: RetireUsersArgs,
    opts: pulumi.CustomResourceOptions,
): pulumi.Resource {
    const lines = clients.map(({ user, base, bucket }) => pulumi.interpolate`${user} ${base ?? user} ${bucket}`);
    return new command.remote.Command(
        name,
        {
            connection: host.connection,
            create: host.asRoot(retireUsersCommand(settings)),
            stdin: pulumi.all(lines).apply((all) => pulumi.secret([...all, ""].join("\n"))),
            addPreviousOutputInEnv: false,
            // What is still open is said once, and not kept.
            logging: "stdout",
        },
        { ...opts, dependsOn: after, ...host.commandOptions },
    );
}

/** Its command line. Hosts with a store by themselves do not wait for each other. Pure. */
export function retireUsersCommand(settings: ObjectStoreSettings): string {
    const s = withDefaults(settings, OBJECT_STORE_DEFAULTS);
    const hosts = s.layout === "pooled" ? s.pool.length : 1;
    const options = ["--container", `minio-${s.node}`, "--port", String(s.port), "--group", s.node];
    return helper("retire-object-store-users", ...options, "--hosts", String(hosts));
}
