import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { createHash } from "crypto";
import { Host } from "./host";
import { checked } from "./policy/enforce";
import { RemoteFile } from "./remote-file";
import { helper } from "./shell";
import { Duration, goDuration, mebibytes, seconds, Size } from "./units";

/** A file that a service reads, in a directory that is mounted into its container. */
export interface ServiceFile {
    /** Absolute path on the host. */
    path: string;
    /** The whole text; a secret stays one. */
    content: pulumi.Input<string>;
    /** @default "0644" */
    mode?: string;
    /** @default "0:0" */
    owner?: string;
    /** Validator, run before the file takes its place. See {@link RemoteFileArgs.check}. */
    check?: string;
    /** Shell command that makes the running service take a change. Without it the container is made anew. */
    reload?: string;
    /** Shell command in the container that succeeds when it is there to reload, and works afterwards. @default its health check */
    reloaded?: string;
}

/** Part of a host's file system in a container. */
export interface Mount {
    /** On the host. Mount the directory of a file rather than the file: a file replaced by rename would stay the old one inside. */
    source: string;
    /** In the container. @example "/etc/prometheus" */
    target: string;
    /** @default false */
    readOnly?: boolean;
}

/** A directory in memory that belongs to the container's user. */
export interface Scratch {
    /** In the container. @example "/run/opensearch" */
    path: string;
    /** Numeric user and group; nobody else looks into it. @example "1000:1000" */
    owner: string;
    /** Its files may be run, as libraries that a program unpacks before it loads them. @default false */
    executable?: boolean;
    /** Most that it holds; counts as memory of the container. @default "64MiB" */
    size?: Size;
}

/** A limit of the kernel for each process of a container. */
export interface Ulimit {
    /** @example "nofile" */
    name: string;
    /** -1: none. */
    soft: number;
    /** -1: none. */
    hard: number;
}

/** How Docker, and the gate after each change, learn whether a service works. */
export interface HealthCheck {
    /** Shell command in the container. It should fail when the service cannot do its work, not just when the process has gone. */
    command: string;
    /** @default "10s" (the seed's) */
    interval?: Duration;
    /** Failures during this time after a start do not count. @default "120s" (the seed's) */
    startPeriod?: Duration;
    /** @default "5s" */
    timeout?: Duration;
    /** @default 3 */
    retries?: number;
}

/** When a service may be unhealthy without being at fault, because something on another host is missing. */
export interface OpenCondition {
    /** Shell command on the host that succeeds while the other thing is missing. */
    command: string;
    /** What is said then, after "open: ". */
    text: string;
    /** Seconds that the service has to be healthy without it. @default 0 */
    after?: number;
}

/** One container and all that belongs to it. */
export interface ContainerSpec {
    /** @example "haproxy-mid-1" */
    container: string;
    /** With tag. @example "prom/prometheus:v3.7.3" */
    image: string;
    /** Arguments after the image's entry point. */
    command?: string[];
    /** @default the image's */
    entrypoint?: string[];
    /** Numeric user and group. @default the image's */
    user?: string;
    /** Not for secrets: `docker inspect` shows it. Give them a file. */
    environment?: Record<string, string>;
    /** What it may do besides what any user may; Docker's defaults are taken away. @default none @example ["CAP_NET_ADMIN"] */
    capabilities?: string[];
    /** Written in this order. */
    files: ServiceFile[];
    /** Directories of the host in the container; they must exist before it starts. */
    mounts: Mount[];
    /** Directories in memory besides /tmp, empty after each start: a file there that names a process does not outlive it. @example ["/run"] */
    tmpfs?: (string | Scratch)[];
    /** Besides the number of processes, which every service has a limit of. @default Docker's @example [{ name: "nofile", soft: 65536, hard: 65536 }] */
    ulimits?: Ulimit[];
    /** Used by Docker and by the gate alike. */
    healthCheck: HealthCheck;
    /** How long the gate waits after a start. @default "120s" */
    readyTimeout?: Duration;
    /** What may keep the service from being healthy without failing the deployment. @default nothing */
    openIf?: OpenCondition;
    /** Time to end by itself before it is killed. @default 30 */
    stopSeconds?: number;
    /** Memory that it may use; above that it is killed, and started again. Swap is no way around. @example "4GiB" */
    memoryLimit: Size;
    /** Its share of the processors while they are all busy, in proportion to the others'. @default 1024, Docker's @example 4096 */
    cpuShares?: number;
    /**
     * Shell command on the host that must succeed before the running container is replaced. Errors: it stays as it is, and `up` fails with what the
     * command says. @default replaced without asking
     */
    mayStop?: string;
}

/** Arguments of {@link ContainerService}. */
export interface ContainerServiceArgs extends ContainerSpec {
    /** Where it runs. */
    host: Host;
    /** The container starts after these; its image and files do not wait. */
    after?: pulumi.Input<pulumi.Resource>[];
    /** Its last file, which says where it listens, is written after these: they give up ports that it takes. @default nothing */
    configAfter?: pulumi.Input<pulumi.Resource>[];
}

// Changes that the Docker provider shows as an update and then does not make (reference: its resource's update function).
const NOT_UPDATED_IN_PLACE = ["healthcheck", "tmpfs", "init", "rm", "cpuPeriod", "cpuQuota", "stopTimeout", "logOpts"];

/** Docker's arguments of a service, apart from what only exists at run time. Pure. */
export function containerArgs(spec: ContainerSpec): Omit<docker.ContainerArgs, "image"> {
    const check = spec.healthCheck;
    return {
        name: spec.container,
        command: spec.command,
        entrypoints: spec.entrypoint,
        user: spec.user,
        envs: spec.environment && Object.entries(spec.environment).map(([key, value]) => `${key}=${value}`),
        ...confinement(spec),
        mounts: spec.mounts.map((mount) => ({
            type: "bind",
            source: mount.source,
            target: mount.target,
            readOnly: mount.readOnly ?? false,
        })),
        networkMode: "host",
        restart: "unless-stopped",
        healthcheck: {
            tests: ["CMD-SHELL", check.command],
            interval: goDuration(check.interval ?? "10s"),
            timeout: goDuration(check.timeout ?? "5s"),
            retries: check.retries ?? 3,
            startPeriod: goDuration(check.startPeriod ?? "120s"),
        },
        // Docker's own default never rotates.
        logDriver: "json-file",
        logOpts: { "max-size": "20m", "max-file": "5" },
        destroyGraceSeconds: spec.stopSeconds ?? 30,
        wait: false,
    };
}

// A service that is taken over can write to its own data and to memory, has no rights beyond its user's, and gets none by a program that lends them.
function confinement(spec: ContainerSpec): Partial<docker.ContainerArgs> {
    const scratch = Object.fromEntries((spec.tmpfs ?? []).map(scratchMount));
    return {
        readOnly: true,
        tmpfs: { "/tmp": "mode=1777,size=64m", ...scratch },
        capabilities: { drops: ["ALL"], adds: spec.capabilities },
        securityOpts: ["no-new-privileges:true"],
        // The provider has no limit of processes per container; this one counts all processes of the container's user. Root has none.
        ulimits: [{ name: "nproc", soft: MOST_PROCESSES, hard: MOST_PROCESSES }, ...(spec.ulimits ?? [])],
        // Both, or every refresh finds a difference; and a container that swaps instead of ending is worse than one that is started anew.
        memory: mebibytes(spec.memoryLimit),
        memorySwap: mebibytes(spec.memoryLimit),
        cpuShares: spec.cpuShares,
    };
}

function scratchMount(mount: string | Scratch): [path: string, options: string] {
    if (typeof mount === "string") return [mount, "mode=0755"];
    const [user, group] = mount.owner.split(":");
    // Docker's default is noexec.
    const exec = mount.executable ? ",exec" : "";
    return [mount.path, `mode=0700,uid=${user},gid=${group},size=${mebibytes(mount.size ?? "64MiB")}m${exec}`];
}

/** Threads count, too, and several services share a user. */
const MOST_PROCESSES = 4096;

/** A container with its image and files, replaced or reloaded when they change, and a gate that passes when it is healthy. */
export class ContainerService extends pulumi.ComponentResource {
    /** Name of the container. */
    readonly container: pulumi.Output<string>;
    /** Depend on this to run after the service is healthy. */
    readonly ready: pulumi.Resource;
    /** Depend on this to run after the service has its last file, and a running one has taken it. */
    readonly configured: pulumi.Resource;
    /** Depend on this to run after the former container, or its former settings, are gone. */
    readonly started: pulumi.Resource;

    constructor(
        name: string,
        args: ContainerServiceArgs,
        opts?: pulumi.ComponentResourceOptions,
        type = "ContainerService",
    ) {
        super(`otel-ha:index:${type}`, name, {}, checked(opts));

        const image = this.createImage(name, args);
        const files = this.createFiles(name, args, image);
        const stopGate = this.createStopGate(name, args, [image, ...files]);
        const container = this.createContainer(name, args, image, [...files, ...stopGate]);
        this.ready = this.createGate(name, args, container);
        this.configured = files.at(-1) ?? image;
        this.started = container;

        this.container = pulumi.output(args.container);
        this.registerOutputs({ container: this.container });
    }

    /** Runs again whenever the container is another one, and until it has succeeded. */
    protected createGate(name: string, args: ContainerServiceArgs, container: docker.Container): pulumi.Resource {
        return new command.remote.Command(
            `${name}-ready`,
            { ...gateArgs(args, awaitHealthyCommand(args)), stdin: pulumi.interpolate`container ${container.id}\n` },
            { parent: this, dependsOn: container, ...args.host.commandOptions },
        );
    }

    private createImage(name: string, args: ContainerServiceArgs): docker.RemoteImage {
        return new docker.RemoteImage(
            `${name}-image`,
            { name: args.image, keepLocally: true },
            { parent: this, provider: args.host.docker, dependsOn: args.host.ready },
        );
    }

    // One after another: a validator may read the file that was written before.
    private createFiles(name: string, args: ContainerServiceArgs, image: docker.RemoteImage): RemoteFile[] {
        const written: RemoteFile[] = [];
        for (const file of args.files) {
            const reload = file.reload
                ? { container: args.container, command: file.reload, works: file.reloaded, spec: specHash(args) }
                : undefined;
            const fileName = `${name}-${file.path.split("/").pop()}`;
            const last = file === args.files.at(-1);
            const dependsOn = [image, ...written, ...(last ? (args.configAfter ?? []) : [])] as pulumi.Resource[];
            written.push(new RemoteFile(fileName, { ...file, host: args.host, reload }, { parent: this, dependsOn }));
        }
        return written;
    }

    // Last before the container: what may fail earlier must not leave a question answered that is about to be old.
    private createStopGate(
        name: string,
        args: ContainerServiceArgs,
        before: pulumi.Resource[],
    ): command.remote.Command[] {
        if (!args.mayStop) return [];
        return [
            new command.remote.Command(
                `${name}-may-stop`,
                { ...gateArgs(args, args.mayStop), stdin: restartIdentity(args) },
                { parent: this, dependsOn: before, ...args.host.commandOptions },
            ),
        ];
    }

    private createContainer(
        name: string,
        args: ContainerServiceArgs,
        image: docker.RemoteImage,
        before: pulumi.Resource[],
    ): docker.Container {
        return new docker.Container(
            name,
            {
                ...containerArgs(args),
                image: image.imageId,
                labels: [
                    { label: "otel-ha.config", value: restartHash(args.files) },
                    { label: "otel-ha.spec", value: specHash(args) },
                ],
            },
            {
                parent: this,
                provider: args.host.docker,
                dependsOn: [...before, ...(args.after ?? [])] as pulumi.Resource[],
                replaceOnChanges: NOT_UPDATED_IN_PLACE,
                deleteBeforeReplace: true,
            },
        );
    }
}

/** What all gates have in common. */
export function gateArgs(args: ContainerServiceArgs, line: string): command.remote.CommandArgs {
    return {
        connection: args.host.connection,
        create: args.host.asRoot(line),
        addPreviousOutputInEnv: false,
        // What is still open is said once, while the gate runs, and not kept.
        logging: "stdout",
    };
}

/** A line that is another one whenever the container is about to be another one: what is asked before, and undone after, runs again by it. */
export function restartIdentity(spec: ContainerSpec): pulumi.Output<string> {
    return restartHash(spec.files).apply(
        (label) => `container ${digest(JSON.stringify([spec.image, containerArgs(spec), label]))}\n`,
    );
}

/** The gate's command line. Pure. */
export function awaitHealthyCommand(spec: ContainerSpec): string {
    const words = ["--timeout", String(timeoutSeconds(spec))];
    if (spec.openIf) words.push("--open-if", spec.openIf.command, "--open", spec.openIf.text);
    if (spec.openIf?.after) words.push("--open-after", String(spec.openIf.after));
    return helper("await-healthy", ...words, spec.container);
}

/** Whole seconds that the gate waits. Pure. */
export function timeoutSeconds(spec: ContainerSpec): number {
    return Math.ceil(seconds(spec.readyTimeout ?? "120s"));
}

/**
 * What a container is made of, apart from its files, as a label. A file for another image, port or mount than the running container's is not for
 * that one: see put-file. Pure.
 */
export function specHash(spec: ContainerSpec): string {
    const text = JSON.stringify([spec.image, containerArgs(spec)]);
    return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

// A running container does not see that a file it read at its start has changed: the label makes it another container.
function restartHash(files: ServiceFile[]): pulumi.Output<string> {
    const contents = files.filter((file) => !file.reload).map((file) => file.content);
    return pulumi.all(contents).apply((texts) => digest(texts.join("\0")));
}

const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);
