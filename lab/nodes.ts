/** The lab's machines and addresses: the one place to add a host. */

export interface LabNode {
    /** How the lab's commands call it. */
    name: string;
    address: string;
    hostname: string;
}

export const NODES: LabNode[] = [
    { name: "node1", address: "192.168.110.214", hostname: "ish-otel-mid-1.novalocal" },
    { name: "node2", address: "192.168.110.119", hostname: "ish-otel-mid-2.novalocal" },
];

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
    const node = NODES.find((candidate) => candidate.name === name);
    if (!node) throw new Error(`No such node: ${name}. The lab has ${NODES.map((n) => n.name).join(", ")}.`);
    return node;
}

/** The nodes named, or all when none is. */
export function findNodes(names: string[]): LabNode[] {
    return names.length ? names.map(findNode) : NODES;
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
