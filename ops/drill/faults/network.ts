/** Faults of the network between nodes. Clients, and this drill, reach both all the time. */
import type { DeployedNode } from "../../deployment";
import { must, undoNow, withUndo, type Fault, type Machine } from "./fault";

const ID = "network";
const COMMENT = "otel-ha-drill";

/** iptables lines, with -A or -D, that drop everything from and to an address. Pure. */
function dropLines(action: "-I" | "-D", peer: string, match = ""): string[] {
    const rule = (chain: string, side: string): string =>
        `iptables -w ${action} ${chain} ${side} ${peer} ${match}-m comment --comment ${COMMENT} -j DROP`;
    return [rule("INPUT", "-s"), rule("OUTPUT", "-d")];
}

// Until nothing is left to delete: also what an interrupted run left twice.
const dropUndo = (peer: string, match = ""): string =>
    dropLines("-D", peer, match)
        .map((line) => `while ${line} 2>/dev/null; do :; done`)
        .join("; ");

/** No packet passes between nodes of the one side and nodes of the other; those of a side see each other. */
export function partition(one: Machine[], other: Machine[]): Fault {
    const names = (nodes: Machine[]): string => nodes.map(({ name }) => name).join(" and ");
    const sides: [Machine, Machine[]][] = [
        ...one.map((node): [Machine, Machine[]] => [node, other]),
        ...other.map((node): [Machine, Machine[]] => [node, one]),
    ];
    const drop = (peers: Machine[]): string => peers.flatMap(({ address }) => dropLines("-I", address)).join(" && ");
    const undo = (peers: Machine[]): string => peers.map(({ address }) => dropUndo(address)).join("; ");
    return {
        title: `no packet passes between ${names(one)} and ${names(other)}`,
        inject: async () =>
            void (await Promise.all(sides.map(([node, peers]) => withUndo(node, ID, drop(peers), undo(peers))))),
        heal: async () => void (await Promise.all(sides.map(([node]) => undoNow(node, ID)))),
        refusal: () => withoutIptables([...one, ...other]),
    };
}

/** Packets between the two nodes are delayed, and some lost. */
export function slowLink(a: DeployedNode, b: DeployedNode, delayMs: number, lossPercent: number): Fault {
    const pairs: [DeployedNode, DeployedNode][] = [
        [a, b],
        [b, a],
    ];
    // A class of its own for the peer: what goes to clients is not delayed.
    const set = (node: DeployedNode, peer: string): string => {
        const device = `dev ${node.values.networkInterface}`;
        return [
            `tc qdisc replace ${device} root handle 1: prio bands 4`,
            `tc qdisc add ${device} parent 1:4 handle 40: netem delay ${delayMs / 2}ms loss ${lossPercent}%`,
            `tc filter add ${device} protocol ip parent 1: prio 1 u32 match ip dst ${peer}/32 flowid 1:4`,
        ].join(" && ");
    };
    return {
        title: `${delayMs} ms more for the round trip, and ${lossPercent} % of packets lost, between ${a.name} and ${b.name}`,
        inject: async () => {
            for (const [node, peer] of pairs)
                await withUndo(
                    node,
                    ID,
                    set(node, peer.address),
                    `tc qdisc del dev ${node.values.networkInterface} root 2>/dev/null || true`,
                );
        },
        heal: async () => void (await Promise.all(pairs.map(([node]) => undoNow(node, ID)))),
        refusal: () => withoutNetem([a, b]),
    };
}

/** Packets between the two nodes are lost at random, by the firewall: where the kernel has no netem. */
export function lossyLink(a: DeployedNode, b: DeployedNode, lossPercent: number): Fault {
    const match = `-m statistic --mode random --probability ${(lossPercent / 100).toFixed(3)} `;
    const pairs: [DeployedNode, DeployedNode][] = [
        [a, b],
        [b, a],
    ];
    return {
        title: `${lossPercent} % of packets lost in each direction between ${a.name} and ${b.name}`,
        inject: async () => {
            for (const [node, peer] of pairs) {
                const [incoming] = dropLines("-I", peer.address, match);
                await withUndo(node, ID, incoming!, dropUndo(peer.address, match));
            }
        },
        heal: async () => void (await Promise.all(pairs.map(([node]) => undoNow(node, ID)))),
        refusal: () => withoutStatistic([a, b]),
    };
}

async function withoutIptables(nodes: Machine[]): Promise<string | undefined> {
    for (const node of nodes)
        if ((await node.exec("command -v iptables")).code !== 0) return `${node.name} has no iptables`;
    return undefined;
}

async function withoutNetem(nodes: DeployedNode[]): Promise<string | undefined> {
    for (const node of nodes) {
        const device = node.values.networkInterface;
        const root = await must(node, `tc qdisc show dev ${device} root 2>&1 || echo no tc`);
        if (!/noqueue|pfifo_fast|fq_codel|mq|^$/.test(root))
            return `${node.name} shapes ${device} already: ${root.split("\n")[0]}`;
        // On the loopback device of a name space of its own nothing is disturbed.
        const tried = await node.exec("unshare --net tc qdisc add dev lo root netem delay 1ms");
        if (tried.code !== 0)
            return `the kernel of ${node.name} cannot delay packets (sch_netem is missing): ${tried.stderr.trim()}`;
    }
    return undefined;
}

async function withoutStatistic(nodes: DeployedNode[]): Promise<string | undefined> {
    for (const node of nodes) {
        const line = "iptables -A INPUT -m statistic --mode random --probability 0.5 -j DROP";
        const tried = await node.exec(`unshare --net ${line}`);
        if (tried.code !== 0)
            return `the firewall of ${node.name} cannot drop at random: ${tried.stderr.trim().split("\n")[0]}`;
    }
    return undefined;
}
