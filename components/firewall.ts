import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Audience, Host, PortUse, Requirements } from "./host";
import { SERVICE_DEFAULTS, withDefaults } from "./service";
import { HELPERS, helper } from "./shell";
import { render } from "./templates";

/** Who is who for the ports of a host's services. Whatever else the host has or does is left as it is. */
export interface FirewallSettings {
    /** Directory on the host with one folder of configuration per service. @default "/data/docker/otel" (the seed's) */
    configDir?: string;
    /** IPv4 addresses of the other nodes. @default none @example ["192.168.110.119"] */
    peers?: string[];
    /**
     * Interface that VRRP's multicast leaves by. The other nodes let it in by this host's address, which must be there; checked before anything is touched.
     * @default not checked @example "eth0"
     */
    vrrpInterface?: string;
    /** Networks from which telemetry is sent and queries are asked, IPv4, as CIDR. @default ["192.168.110.0/24"] (the seed's) */
    clients?: string[];
    /** Networks from which people and monitoring reach each service by itself. @default ["192.168.110.0/24"] (the seed's) */
    admins?: string[];
}

export const FIREWALL_DEFAULTS = {
    configDir: SERVICE_DEFAULTS.configDir,
    peers: [] as string[],
    clients: ["192.168.110.0/24"],
    admins: ["192.168.110.0/24"],
};

/** Arguments of {@link Firewall}. */
export interface FirewallArgs {
    /** The host that gets it. */
    host: Host;
    /** Plain values: checked, and shown in line diffs, before anything is touched. */
    settings: FirewallSettings;
    /** The services on the host: their ports, and who may reach them. Errors: the port of SSH is among them. */
    requirements: Requirements[];
    /** Never restricted. @default 22 */
    sshPort?: number;
}

/** Rules that nobody has confirmed over a new SSH connection are taken back after this time. */
export const CONFIRM_SECONDS = 20;

// Past those seconds, so that the failure comes from the host and says why; a host that cannot be reached at all is an error within 30 s, as everywhere.
// The two differ so that each has a connection of its own on the lab's engine, too, which shares those that are alike.
const DIAL_CONFIRMED = { dialErrorLimit: 6, perDialTimeout: 4 };
const DIAL_KEPT = { dialErrorLimit: 8, perDialTimeout: 3 };

// In this order wherever several are named.
const AUDIENCES: Audience[] = ["clients", "admins", "peer"];

/** The name of the chain for a group of audiences. @example chainOf(["peer", "admins"]) → "admins_peer" */
function chainOf(audience: Audience[]): string {
    return AUDIENCES.filter((one) => audience.includes(one)).join("_") || "this_host";
}

/** Whether one network, as CIDR, lies in another, or is the same. */
function contains(outer: string, inner: string): boolean {
    const [[outerFrom, outerBits], [innerFrom, innerBits]] = [outer, inner].map(numbers);
    return outerBits <= innerBits && innerFrom >= outerFrom && innerFrom < outerFrom + 2 ** (32 - outerBits);
}

const dotted = (address: number): string =>
    [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");

/** The network that an address with a prefix length lies in. Pure. @example wholeNetwork("192.168.110.5/24") → "192.168.110.0/24" */
export function wholeNetwork(network: string): string {
    const [address, bits] = numbers(network);
    const size = 2 ** (32 - bits);
    return `${dotted(Math.floor(address / size) * size)}/${bits}`;
}

function numbers(network: string): [from: number, bits: number] {
    const [address, bits = "32"] = network.split("/");
    return [address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0), Number(bits)];
}

// nft refuses a set whose networks overlap.
const outermost = (networks: string[]): string[] =>
    [...new Set(networks)].filter((one) => !networks.some((other) => other !== one && contains(other, one)));

function refuseSshPort(ports: PortUse[], sshPort: number): void {
    const clash = ports.find(({ port }) => port === sshPort);
    if (clash)
        throw new pulumi.RunError(
            `${clash.key}: ${sshPort} (${clash.use}) is the port of SSH; a rule for it could lock everybody out, so write another one`,
        );
}

/** The rule set of a host, as `nft -f` reads it. Errors: the port of SSH is among those of the services. Pure. */
export function firewallRules(args: Omit<FirewallArgs, "host">): string {
    const settings = withDefaults(args.settings, FIREWALL_DEFAULTS);
    const ports = args.requirements.flatMap((needs) => needs.ports);
    const protocols = args.requirements.flatMap((needs) => needs.protocols ?? []);
    refuseSshPort(ports, args.sshPort ?? 22);
    const groups = [...ports, ...protocols].map(({ audience }) => audience);
    const networks = { clients: settings.clients, admins: settings.admins, peer: settings.peers };
    return render("firewall/rules.nft", {
        sets: AUDIENCES.map((name) => ({
            name,
            filled: networks[name].length > 0,
            networks: outermost(networks[name]),
        })),
        anyPorts: ports.length > 0,
        ports: ports
            .map((use) => ({ ...use, chain: chainOf(use.audience) }))
            .sort((one, other) => one.port - other.port),
        protocols: protocols.map((use) => ({ ...use, chain: chainOf(use.audience) })),
        chains: [...new Map(groups.map((group) => [chainOf(group), group])).entries()]
            .sort(([one], [other]) => one.localeCompare(other, "en"))
            .map(([chain, audience]) => ({ chain, members: AUDIENCES.filter((one) => audience.includes(one)) })),
    });
}

/**
 * The nftables table `inet otel_ha` of a host, and no other. Rules are tried before they are kept: the first command loads them and leaves a timer on the
 * host that takes them back, the second stops that timer over a new SSH connection. When the second could not, the next `up` has it load them again, and the
 * third confirms; otherwise that one has nothing to do.
 */
export class Firewall extends pulumi.ComponentResource {
    /** Depend on this to run behind the firewall. */
    readonly ready: pulumi.Resource;

    constructor(name: string, args: FirewallArgs, opts?: pulumi.ComponentResourceOptions) {
        super("otel-ha:index:Firewall", name, {}, opts);
        const { host } = args;
        const directory = `${args.settings.configDir ?? FIREWALL_DEFAULTS.configDir}/firewall`;

        const rules = this.createRules(`${name}-rules`, args, directory);
        const confirmed = this.createConfirmation(`${name}-confirmed`, host, {
            after: rules,
            create: host.asRoot(helper("firewall", "confirm", "--again", directory)),
            dial: DIAL_CONFIRMED,
            logging: "none",
        });
        this.ready = this.createConfirmation(`${name}-kept`, host, {
            after: confirmed,
            create: host.asRoot(helper("firewall", "confirm", directory)),
            dial: DIAL_KEPT,
            // A host on which rules would not outlive a reboot is told so once, and it is not kept.
            logging: "stdout",
        });

        this.registerOutputs({});
    }

    private createRules(name: string, args: FirewallArgs, directory: string): command.remote.Command {
        const { host } = args;
        const remove = host.asRoot(helper("firewall", "remove", directory));
        return new command.remote.Command(
            name,
            {
                connection: host.connection,
                create: host.asRoot(helper("firewall", "apply", "--seconds", String(CONFIRM_SECONDS), directory)),
                // On a host that was set up anew there is nothing to remove, nor anything to remove it with.
                delete: `test ! -e ${HELPERS}/firewall || ${remove}`,
                stdin: firewallRules(args),
                addPreviousOutputInEnv: false,
                logging: "none",
            },
            // Of two tables with one name the old one cannot be removed after the new one.
            { parent: this, dependsOn: host.ready, deleteBeforeReplace: true, ...host.commandOptions },
        );
    }

    private createConfirmation(name: string, host: Host, args: Confirmation): command.remote.Command {
        const { after, dial, ...rest } = args;
        return new command.remote.Command(
            name,
            {
                ...rest,
                connection: host.connection.apply((connection) => ({ ...connection, ...dial })),
                // Another text whenever that command has run.
                stdin: after.stdout,
                addPreviousOutputInEnv: false,
            },
            { parent: this, dependsOn: after, ...host.commandOptions },
        );
    }
}

/** A command that keeps what the one before has loaded. */
interface Confirmation {
    after: command.remote.Command;
    create: string;
    dial: { dialErrorLimit: number; perDialTimeout: number };
    logging: "none" | "stdout";
}
