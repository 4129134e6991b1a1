/** The lab's machines and addresses: the one place to add a host. */

export interface LabNode {
    /** How the lab's commands call it; also the name of its stack. */
    name: string;
    address: string;
    hostname: string;
}

/** What the program can make of hosts; each has hosts of its own. */
export type System = "otel-ha" | "apm";

const HOSTS: Record<System, LabNode[]> = {
    "otel-ha": [
        { name: "node1", address: "192.168.110.214", hostname: "ish-otel-mid-1.novalocal" },
        { name: "node2", address: "192.168.110.119", hostname: "ish-otel-mid-2.novalocal" },
    ],
    apm: [
        { name: "apm1", address: "192.168.110.231", hostname: "ish-apm-1.novalocal" },
        { name: "apm2", address: "192.168.110.232", hostname: "ish-apm-2.novalocal" },
        { name: "apm3", address: "192.168.110.233", hostname: "ish-apm-3.novalocal" },
    ],
};

export const SYSTEMS = Object.keys(HOSTS) as System[];
export const hostsOf = (system: System): LabNode[] => HOSTS[system];
/** The pair: the hosts that are meant where nothing else is said. */
export const NODES = hostsOf("otel-ha");
export const ALL_NODES = SYSTEMS.flatMap(hostsOf);

export const NETWORK = {
    prefixLength: 24,
    /** The deployer, the tests and the image registry. */
    deployer: "192.168.110.1",
    /** Held by whichever host keepalived chose. */
    vip: "192.168.110.140",
    registryPort: 5000,
};

/** Several labs can be up at once, each a world of its own with the same addresses: OTEL_HA_LAB names another one. */
export const LAB_NAME = process.env.OTEL_HA_LAB ?? "";
if (!/^[a-z0-9]{0,12}$/.test(LAB_NAME)) throw new Error(`OTEL_HA_LAB: a few lower-case letters, not "${LAB_NAME}".`);

/** Images are shared by all labs. */
export const IMAGE_PREFIX = "otel-ha-lab";
/** Every container, volume and namespace of the lab starts with this, and `lab down` removes nothing else. */
export const PREFIX = LAB_NAME ? `${IMAGE_PREFIX}-${LAB_NAME}` : IMAGE_PREFIX;

export const NAMESPACE = PREFIX;
export const NAMESPACE_PATH = `/run/netns/${NAMESPACE}`;
export const BRIDGE = "lab0";

/** The deployer's link address. */
export const BRIDGE_MAC = "02:42:c0:a8:6e:01";

export function findNode(name: string): LabNode {
    const node = ALL_NODES.find((candidate) => candidate.name === name);
    if (!node) throw new Error(`No such node: ${name}. The lab has ${ALL_NODES.map((n) => n.name).join(", ")}.`);
    return node;
}

export function findSystem(name: string): System {
    const system = SYSTEMS.find((candidate) => candidate === name);
    if (!system) throw new Error(`No such system: ${name}. The lab has hosts of ${SYSTEMS.join(" and ")}.`);
    return system;
}

export const systemOf = (node: LabNode): System => SYSTEMS.find((system) => hostsOf(system).includes(node))!;

/** The hosts that `lab up` is to bring up: those named and those of the systems named, or the pair when neither is. */
export function chooseNodes(names: string[] = [], systems: System[] = []): LabNode[] {
    const chosen = [...names.map(findNode), ...systems.flatMap(hostsOf)];
    return chosen.length ? ALL_NODES.filter((node) => chosen.includes(node)) : NODES;
}

export const containerName = (node: LabNode): string => `${PREFIX}-${node.name}`;
export const dockerVolume = (node: LabNode): string => `${PREFIX}-${node.name}-docker`;
export const dataVolume = (node: LabNode): string => `${PREFIX}-${node.name}-data`;
/** The bridge's end of a host's cable; an interface name has at most 15 characters. */
export const portName = (node: LabNode): string => `p-${node.name}`.slice(0, 15);

/** The same after every start of a host, so that nobody's ARP entry goes stale. */
export function macAddress(node: LabNode): string {
    const bytes = node.address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
    return ["02", "42", ...bytes].join(":");
}
