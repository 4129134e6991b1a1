import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { createHash } from "crypto";
import { Host } from "./host";
import { checked } from "./policy/enforce";
import { helper, HELPERS } from "./shell";
import { templateText } from "./templates";
import { bytes, Duration, seconds, Size } from "./units";

/** What a host says about its containers, in files: no container may ask the engine itself. */
export interface ContainerWatchSettings {
    /** Where it is written. @default "/data/volume/otel/otel-watch" */
    directory?: string;
    /** Between two looks. @default "10s" */
    interval?: Duration;
    /** A file that is larger becomes the second of two, and the former second one is gone. @default "16MiB" */
    maxFile?: Size;
    /** Containers whose logs are not offered: those that collect them, or each line would make another. @example ["otel-node-collector-apm-1"] @default [] */
    skip?: string[];
}

export const WATCH_DEFAULTS = {
    directory: "/data/volume/otel/otel-watch",
    interval: "10s",
    maxFile: "16MiB",
    skip: [] as string[],
};

/** Arguments of {@link ContainerWatch}. */
export interface ContainerWatchArgs {
    /** Where it runs: as root, beside Docker, without a container. */
    host: Host;
    /** What it writes, where, and how often. */
    settings: ContainerWatchSettings;
}

/** The command line of one verb. Pure. @example watchCommand("check", settings) */
export function watchCommand(verb: "install" | "check" | "remove", settings: ContainerWatchSettings): string {
    const s = { ...WATCH_DEFAULTS, ...settings };
    const options = [
        "--interval",
        String(Math.max(1, Math.round(seconds(s.interval)))),
        "--max-kib",
        String(Math.ceil(bytes(s.maxFile) / 1024)),
        ...s.skip.flatMap((name) => ["--skip", name]),
    ];
    return helper("watch-containers", verb, ...(verb === "remove" ? [] : options), s.directory);
}

/** A service of the host that writes links to the containers' logs, their figures, the engine's events and the journal, also after a reboot. */
export class ContainerWatch extends pulumi.ComponentResource {
    /** Depend on this to run when the files are there. */
    readonly ready: pulumi.Resource;

    constructor(name: string, args: ContainerWatchArgs, opts?: pulumi.ComponentResourceOptions) {
        super("otel-ha:index:ContainerWatch", name, {}, checked(opts));
        const { host, settings } = args;
        const script = createHash("sha256").update(templateText("scripts/watch-containers.sh")).digest("hex");
        this.ready = new command.remote.Command(
            name,
            {
                connection: host.connection,
                create: host.asRoot(watchCommand("install", settings)),
                // On a host that was set up anew there is nothing to remove, nor anything to remove it with.
                delete: `test ! -e ${HELPERS}/watch-containers || ${host.asRoot(watchCommand("remove", settings))}`,
                // Not read: another script begins anew.
                stdin: `script ${script}\n`,
                triggers: [settings.directory ?? WATCH_DEFAULTS.directory],
                addPreviousOutputInEnv: false,
                // A host on which it would not outlive a reboot is told so once, and it is not kept.
                logging: "stdout",
            },
            // Of two, the old one cannot be ended after the new one.
            { parent: this, dependsOn: host.ready, deleteBeforeReplace: true, ...host.commandOptions },
        );
        this.registerOutputs({});
    }
}
