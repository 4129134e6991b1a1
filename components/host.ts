import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { Firewall, FirewallSettings } from "./firewall";
import { checked } from "./policy/enforce";
import { HELPERS, shellQuote } from "./shell";
import { templateText } from "./templates";
import { bytes, Size } from "./units";

/** Mode of a directory that only its service looks into: what it holds is its users' data, and often their secrets. */
export const PRIVATE = "0700";

/** A directory on a host. Data directories outlive `destroy`. */
export interface Directory {
    /** Absolute; parents are made. @example "/data/volume/otel" */
    path: string;
    /** Numeric owner and group. @default "0:0" */
    owner?: string;
    /** Permissions, octal. @default "0755" */
    mode?: string;
    /**
     * Everything written in it is on the disk before the write returns (`chattr +S`; files made in it inherit this). For logs of services that acknowledge
     * before they sync. A warning where the file system cannot do it. @default false
     */
    synchronous?: boolean;
}

/** Who may connect to a port, besides the host itself: the other node, those who send and ask, those who operate. */
export type Audience = "clients" | "admins" | "peer";

/** A TCP port that a service listens on. */
export interface PortUse {
    /** Must be free on the host, or held by one of the stack's own containers. @example 9090 */
    port: number;
    /** Setting that changes it; named in the error when the port is taken. @example "prometheusPort" */
    key: string;
    /** Who listens. @example "Prometheus" */
    use: string;
    /** Whom the host's firewall lets in. Empty: nobody but the host itself. @example ["admins", "peer"] */
    audience: Audience[];
    /** What they must show, for the table of ports. @default nothing @example "TLS; the other node's certificate" */
    access?: string;
    /** What they want there, for the table of ports. @default nothing to say @example "the other node's HAProxy" */
    why?: string;
}

/** An IP protocol without ports that a service speaks. */
export interface ProtocolUse {
    /** Its number. @example 112 */
    protocol: number;
    /** Who speaks it. @example "Keepalived VRRP" */
    use: string;
    /** Whose packets the host's firewall lets in. @example ["peer"] */
    audience: Audience[];
    /** What they must show, for the table of ports. @default nothing */
    access?: string;
    /** What they want, for the table of ports. @default nothing to say */
    why?: string;
}

/** A directory where data grows. */
export interface DataSpace {
    /** @example "/data/volume/otel/prometheus" */
    path: string;
    /** Bytes that it must be able to hold, besides the room that every data path must have. @default 0 */
    needs?: number;
    /** Setting that makes it need less; named in the error. @example "maxPeerOutage" */
    of?: string;
}

/** Something outside the pair that a service cannot do without. */
export interface Reach {
    /** Host and port. @example "s3.example:443" */
    endpoint: string;
    /** Setting that names it; named in the error when nothing answers. @example "objectStoreEndpoint" */
    key: string;
    /** What it is. @example "the object store" */
    use: string;
}

/** What a service needs of its host. Every service has a pure function that tells. */
export interface Requirements {
    /** Name of the container, which may hold the ports already. */
    container: string;
    /** Made before anything else, with owner and mode. */
    directories: Directory[];
    /** Checked before anything is touched, and the only ones that the host's firewall restricts. */
    ports: PortUse[];
    /** Restricted by the host's firewall, as ports are. */
    protocols?: ProtocolUse[];
    /** Kernel settings, kept over a reboot. @example { "net.core.somaxconn": "4096" } */
    sysctls?: Record<string, string>;
    /** Where data grows: their file systems must have room. */
    dataPaths?: DataSpace[];
    /** What must answer over TCP from this host. */
    reaches?: Reach[];
    /** Names of helper scripts of ours that its steps call, besides those that every host gets. @default none */
    scripts?: string[];
}

/** A machine, how to reach it, and what to make ready on it. */
export interface HostArgs {
    /** IP address or name that SSH connects to. @example "192.168.110.214" */
    address: string;
    /** The name that the machine calls itself; another one is an error: the wrong machine. @example "ish-otel-mid-1.novalocal" */
    hostName?: string;
    /** @default 22 */
    sshPort?: number;
    /** Another user than root needs password-less sudo and membership in the group docker. @default "root" */
    sshUser?: string;
    /**
     * The host's public SSH key, `ssh-ed25519 AAAA…` or `ecdsa-sha2-nistp256 AAAA…`; no connection is made to a host that shows another.
     * Get it on the host's own console: `cat /etc/ssh/ssh_host_ed25519_key.pub`.
     */
    hostKey: string;
    /** Private key, PEM or OpenSSH. Without it the SSH agent is used, and no key gets into Pulumi's state. */
    privateKey?: pulumi.Input<string>;
    /**
     * For a preview where the key is not at hand, as in CI: leaves the connection as it was recorded, so that the preview shows what else changes.
     * @default false
     */
    connectionUnknown?: boolean;
    /** The same key as a file, for the Docker provider, which runs the system's `ssh`. @example "~/.ssh/id_ed25519" */
    privateKeyFile?: string;
    /** What the services on this host need. */
    requirements: Requirements[];
    /** Directories besides those of the services. */
    directories?: Directory[];
    /** Who reaches the services' ports. @default everybody: no firewall of ours */
    firewall?: FirewallSettings;
    /** Oldest Docker that will do. @default "20.10" */
    minimumDocker?: string;
    /** Free space that each data file system must have. @default "10GiB" */
    minimumFreeDisk?: Size;
}

// Enough to ride out sshd's MaxStartups, little enough that an unreachable host is an error within 30 s (5 dials of 5 s and the pauses between).
const DIAL = { dialErrorLimit: 4, perDialTimeout: 5 };

/** Of every host: a text that is the same for all hosts of the two-host platform, whatever else there is. */
const SCRIPTS = [
    "put-file",
    "await-healthy",
    "reload-haproxy",
    "setup-object-store",
    "retire-object-store-users",
    "may-stop-object-store",
    "mirror-buckets",
    "flush-loki",
    "firewall",
];

/** The script that checks and prepares the host, settings first. Pure. */
export function setupScript(args: HostArgs): string {
    const all = args.requirements;
    const directories = [...(args.directories ?? []), ...all.flatMap((needs) => needs.directories)];
    const dataPaths = all.flatMap((needs) => needs.dataPaths ?? []);
    const lines = (values: string[]): string => shellQuote([...new Set(values)].join("\n"));
    const sysctls = Object.entries(
        Object.assign({}, ...all.map((needs) => needs.sysctls ?? {})) as Record<string, string>,
    );
    return [
        `LIB=${HELPERS}`,
        `ADDRESS=${shellQuote(args.address)}`,
        `HOST_NAME=${shellQuote(args.hostName ?? "")}`,
        `MINIMUM_DOCKER=${shellQuote(args.minimumDocker ?? "20.10")}`,
        `MINIMUM_FREE_KIB=${Math.ceil(bytes(args.minimumFreeDisk ?? "10GiB") / 1024)}`,
        `CONTAINERS=${shellQuote(all.map((needs) => needs.container).join(" "))}`,
        `DIRECTORIES=${lines(directories.map((at) => `${at.mode ?? "0755"} ${at.owner ?? "0:0"} ${at.path}`))}`,
        `SYNCHRONOUS=${lines(directories.filter((at) => at.synchronous).map((at) => at.path))}`,
        `DATA_PATHS=${lines(dataPaths.map((at) => `${Math.ceil((at.needs ?? 0) / 1024)} ${at.of ?? "minimumFreeDisk"} ${at.path}`))}`,
        `PORTS=${lines(all.flatMap((needs) => needs.ports.map((use) => `${use.port} ${use.key} ${use.use}`)))}`,
        `FIREWALL=${args.firewall ? "true" : "false"}`,
        `VRRP_INTERFACE=${args.firewall?.vrrpInterface ?? ""}`,
        `REACHES=${lines(all.flatMap((needs) => (needs.reaches ?? []).map((to) => `${to.endpoint} ${to.key} ${to.use}`)))}`,
        `SYSCTLS=${lines(sysctls.map(([key, value]) => `${key} = ${value}`))}`,
        templateText("scripts/setup-host.sh"),
        ...[...new Set([...SCRIPTS, ...all.flatMap((needs) => needs.scripts ?? [])])].map(
            (name) => `install_script ${name} <<'END_OF_SCRIPT'\n${templateText(`scripts/${name}.sh`)}END_OF_SCRIPT`,
        ),
        "",
    ].join("\n");
}

/** Options for the system's ssh: the key of the inventory is the only one accepted, whatever known_hosts says. Pure. */
export function sshOptions(args: Pick<HostArgs, "address" | "hostKey" | "privateKeyFile">): string[] {
    const options = [
        "StrictHostKeyChecking=yes",
        "UserKnownHostsFile=/dev/null",
        "GlobalKnownHostsFile=/dev/null",
        // Names the key without a file: the same on every machine that runs the program.
        `KnownHostsCommand=/bin/echo %H ${args.hostKey.split(/\s+/).slice(0, 2).join(" ")}`,
        "ConnectTimeout=10",
        "BatchMode=yes",
    ];
    if (args.privateKeyFile) options.push(`IdentityFile=${args.privateKeyFile}`, "IdentitiesOnly=yes");
    return options.flatMap((option) => ["-o", option]);
}

/** A machine made ready: checked, with its directories, kernel settings, helper scripts and firewall. Everything else on it goes through this. */
export class Host extends pulumi.ComponentResource {
    /** Address of the machine. */
    readonly address: string;
    /** For `command.remote.*`. */
    readonly connection: pulumi.Output<command.types.input.remote.ConnectionArgs>;
    /** Options that every `command.remote.*` on this machine needs. */
    readonly commandOptions: pulumi.CustomResourceOptions;
    /** Docker on this machine. */
    readonly docker: docker.Provider;
    /** Depend on this to run after the checks have passed, and behind the firewall. */
    readonly ready: pulumi.Resource;

    private readonly user: string;

    constructor(name: string, args: HostArgs, opts?: pulumi.ComponentResourceOptions) {
        super("otel-ha:index:Host", name, {}, checked(opts));
        this.address = args.address;
        this.user = args.sshUser ?? "root";

        this.connection = this.createConnection(args);
        this.commandOptions = args.connectionUnknown ? { ignoreChanges: ["connection"] } : {};
        this.ready = this.createSetup(name, args);
        if (args.firewall) this.ready = this.createFirewall(name, args.firewall, args);
        this.docker = this.createDocker(name, args);

        this.registerOutputs({ address: this.address });
    }

    /** A command line as it must be given so that root runs it. */
    asRoot(line: string): string {
        return this.user === "root" ? line : `sudo -n ${line}`;
    }

    private createConnection(args: HostArgs): pulumi.Output<command.types.input.remote.ConnectionArgs> {
        return pulumi.output({
            host: args.address,
            port: args.sshPort ?? 22,
            user: this.user,
            hostKey: args.hostKey,
            ...(args.privateKey ? { privateKey: pulumi.secret(args.privateKey) } : {}),
            ...DIAL,
        });
    }

    private createSetup(name: string, args: HostArgs): pulumi.Resource {
        return new command.remote.Command(
            `${name}-setup`,
            {
                connection: this.connection,
                create: this.asRoot("sh -s"),
                delete: this.asRoot(`rm -rf ${HELPERS} /etc/sysctl.d/90-otel-ha.conf`),
                stdin: setupScript(args),
                addPreviousOutputInEnv: false,
                // What is missing without being needed is said once, and not kept.
                logging: "stdout",
            },
            { parent: this, ...this.commandOptions },
        );
    }

    private createFirewall(name: string, settings: FirewallSettings, args: HostArgs): pulumi.Resource {
        const { requirements, sshPort } = args;
        return new Firewall(`${name}-firewall`, { host: this, settings, requirements, sshPort }, { parent: this })
            .ready;
    }

    private createDocker(name: string, args: HostArgs): docker.Provider {
        return new docker.Provider(
            `${name}-docker`,
            { host: `ssh://${this.user}@${args.address}:${args.sshPort ?? 22}`, sshOpts: sshOptions(args) },
            // A host that is refused, or not ready, leaves the provider as it was.
            { parent: this, dependsOn: this.ready },
        );
    }
}
