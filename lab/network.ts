/** The lab's network: a namespace with a bridge, and one cable (veth pair) per host. Nothing of it shows outside. */
import { readlinkSync, statSync } from "node:fs";
import { BRIDGE, BRIDGE_MAC, macAddress, NAMESPACE, NAMESPACE_PATH, NETWORK, portName, type LabNode } from "./nodes";
import { must, run, type RunOptions, type RunResult } from "./run";

const FILTER = "otel_ha_lab";

/** Prefixes a command so that it runs in the lab's namespace; harmless when already there. */
export const inside = (command: string[]): string[] => ["nsenter", `--net=${NAMESPACE_PATH}`, "--", ...command];

/** Runs a command in the lab's namespace. */
export const runInside = (command: string[], options?: RunOptions): Promise<RunResult> => run(inside(command), options);
const mustInside = (command: string[], options?: RunOptions): Promise<string> => must(inside(command), options);

/** Is this very process in the lab's namespace, and so without a way to the outside? */
export function isInside(): boolean {
    try {
        const own = /\[(\d+)\]/.exec(readlinkSync("/proc/self/ns/net"))?.[1];
        return String(statSync(NAMESPACE_PATH).ino) === own;
    } catch {
        return false;
    }
}

export async function networkIsUp(): Promise<boolean> {
    const shown = await runInside(["ip", "-4", "-brief", "address", "show", "dev", BRIDGE]);
    return shown.code === 0 && shown.stdout.includes(`${NETWORK.deployer}/`);
}

/** Creates namespace and bridge, or repairs what a reboot left. */
export async function createNetwork(): Promise<void> {
    if (await networkIsUp()) return;
    await run(["ip", "netns", "delete", NAMESPACE]);
    await must(["ip", "netns", "add", NAMESPACE]);
    const address = `${NETWORK.deployer}/${NETWORK.prefixLength}`;
    const script = [
        "ip link set lo up",
        // No snooping: nobody here asks for VRRP's multicast group the way a snooping bridge wants to see it.
        // An address of its own: else it has the lowest of its ports', another one whenever a host comes or goes, and hosts would look for it in vain.
        `ip link add ${BRIDGE} address ${BRIDGE_MAC} type bridge mcast_snooping 0 forward_delay 0`,
        `ip address add ${address} dev ${BRIDGE}`,
        `ip link set ${BRIDGE} up`,
        // A host's packet to somewhere else is refused at once instead of vanishing: each one. By default the second in a second is not, and who looks
        // up a name waits for five seconds, as Prometheus does at each of its starts.
        "sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0",
    ];
    await mustInside(["sh", "-euc", script.join("\n")]);
}

export async function deleteNetwork(): Promise<void> {
    await run(["ip", "netns", "delete", NAMESPACE]);
}

/** Plugs a running host's cable in: its eth0, with its address, at the bridge. */
export async function attach(node: LabNode, pid: number): Promise<void> {
    const port = portName(node);
    const host = `nsenter --net=/proc/${pid}/ns/net --`;
    const script = [
        `ip link delete ${port} 2>/dev/null || true`,
        `ip link add ${port} type veth peer name eth0 netns ${pid} address ${macAddress(node)}`,
        `ip link set ${port} master ${BRIDGE} up`,
        `${host} ip address add ${node.address}/${NETWORK.prefixLength} broadcast + dev eth0`,
        `${host} ip link set eth0 up`,
        `${host} ip route add default via ${NETWORK.deployer}`,
    ];
    await mustInside(["sh", "-euc", script.join("\n")]);
}

/** Pulls a host's cable out; {@link attach} brings a new one. */
export async function unplug(node: LabNode): Promise<void> {
    await mustInside(["ip", "link", "set", portName(node), "down"]);
}

export async function isAttached(node: LabNode, pid: number): Promise<boolean> {
    const shown = await run(["nsenter", `--net=/proc/${pid}/ns/net`, "--", "ip", "-4", "-brief", "address"]);
    const port = await runInside(["ip", "-brief", "link", "show", portName(node), "up", "master", BRIDGE]);
    return shown.stdout.includes(`${node.address}/`) && port.code === 0 && port.stdout.trim() !== "";
}

/** No frame passes between the two hosts; the deployer still reaches both. */
export async function cut(a: LabNode, b: LabNode): Promise<void> {
    await addRules([
        `add rule bridge ${FILTER} forward iifname ${portName(a)} oifname ${portName(b)} drop`,
        `add rule bridge ${FILTER} forward iifname ${portName(b)} oifname ${portName(a)} drop`,
    ]);
}

/** No frame passes between the host and anything else; unlike a pulled cable, its interface stays up. */
export async function isolate(node: LabNode): Promise<void> {
    const port = portName(node);
    await addRules([
        `add rule bridge ${FILTER} forward iifname ${port} drop`,
        `add rule bridge ${FILTER} forward oifname ${port} drop`,
        `add rule bridge ${FILTER} input iifname ${port} drop`,
        `add rule bridge ${FILTER} output oifname ${port} drop`,
    ]);
}

/** Ends every partition and isolation. */
export async function healNetwork(): Promise<void> {
    await runInside(["nft", "delete", "table", "bridge", FILTER]);
}

/** The rules of the partitions in force, one a line; empty when all hosts reach each other. */
export async function cutsInForce(): Promise<string[]> {
    const { stdout } = await runInside(["nft", "list", "table", "bridge", FILTER]);
    return stdout.split("\n").flatMap((line) => (line.includes(" drop") ? [line.trim().replaceAll('"', "")] : []));
}

async function addRules(rules: string[]): Promise<void> {
    const chain = (hook: string) => `add chain bridge ${FILTER} ${hook} { type filter hook ${hook} priority 0; }`;
    const lines = [`add table bridge ${FILTER}`, ...["forward", "input", "output"].map(chain), ...rules];
    await mustInside(["nft", "-f", "-"], { input: `${lines.join("\n")}\n` });
}
