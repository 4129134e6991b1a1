import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { Host } from "./host";
import { checked } from "./policy/enforce";
import { helper, shellQuote } from "./shell";

/** One file on a host. */
export interface RemoteFileArgs {
    /** The host that gets the file. */
    host: Host;
    /** Absolute path on the host. A missing parent directory is made. */
    path: string;
    /** The whole text. Preview shows its changes line by line; a secret shows as `[secret]`. */
    content: pulumi.Input<string>;
    /** Permissions, octal. @default "0644" @example "0400" */
    mode?: string;
    /** Numeric owner and group. @default "0:0" */
    owner?: string;
    /**
     * Shell command on the host that must succeed before the new text takes the place of the old one. `$DIR` is the file's directory and
     * `$CANDIDATE` the name of the new file in it. Errors: the validator's output and "the file is unchanged".
     * @example 'promtool check config "$DIR/$CANDIDATE"'
     */
    check?: string;
    /** What makes a running container read the file again; without it the file is only written. */
    reload?: Reload;
}

/** How a running service takes a changed file without a restart. */
export interface Reload {
    /** Container that reads the file. When it is not running there is nothing to reload. */
    container: string;
    /** Label `otel-ha.spec` of the container that the file is for: another one is about to be made anew, and is left alone. @default any */
    spec?: string;
    /** Shell command on the host. Errors: when it, or the health check after it, fails, the former content is put back. */
    command: string;
    /** Shell command in the container instead of its own health check. @default its health check */
    works?: string;
}

/** The command that writes the file; its content travels on standard input. Pure. */
export function putFileCommand(args: Omit<RemoteFileArgs, "host" | "content">): string {
    const words = ["--mode", args.mode ?? "0644", "--owner", args.owner ?? "0:0"];
    if (args.check) words.push("--check", args.check);
    if (args.reload) words.push("--reload", args.reload.command, "--container", args.reload.container);
    if (args.reload?.works) words.push("--works", args.reload.works);
    if (args.reload?.spec) words.push("--spec", args.reload.spec);
    return helper("put-file", ...words, args.path);
}

/** A file with content, mode and owner, written as one transaction: validated before, rolled back when its service does not take it. */
export class RemoteFile extends pulumi.ComponentResource {
    /** Absolute path on the host. */
    readonly path: pulumi.Output<string>;

    constructor(name: string, args: RemoteFileArgs, opts?: pulumi.ComponentResourceOptions) {
        super("otel-ha:index:RemoteFile", name, {}, checked(opts));

        // The same text creates and updates: Pulumi runs `create` again on a change. Only another path replaces: the new file is made, then the
        // old one removed. A trigger on anything else would remove what was just written.
        new command.remote.Command(
            name,
            {
                connection: args.host.connection,
                create: args.host.asRoot(putFileCommand(args)),
                delete: args.host.asRoot(`rm -f ${shellQuote(args.path)}`),
                stdin: args.content,
                triggers: [args.path],
                addPreviousOutputInEnv: false,
                logging: "none",
            },
            { parent: this, dependsOn: args.host.ready, ...args.host.commandOptions },
        );

        this.path = pulumi.output(args.path);
        this.registerOutputs({ path: this.path });
    }
}
