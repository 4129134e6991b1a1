/** Disks of a lab host's own: small file systems that can be filled, and that forget what was not written when their power is cut. */
import { hostExec, killHost } from "./host";
import { unplug } from "./network";
import { systemOf, type LabNode, type System } from "./nodes";

export interface Disk {
    name: string;
    /** Where it is mounted. */
    directory: string;
    /** @default {@link DISK_SIZE} */
    size?: string;
}

/** Where the pair keeps data by default, one file system each. */
export const DISKS: Disk[] = [
    { name: "queue", directory: "/data/volume/otel/otel-aggregator/queue" },
    { name: "prometheus", directory: "/data/volume/otel/prometheus" },
    { name: "loki", directory: "/data/otel/volume/loki" },
    { name: "store", directory: "/data/volume/otel/minio" },
];

/** Where each system does. */
export const DISKS_OF: Record<System, Disk[]> = {
    "otel-ha": DISKS,
    apm: [
        { name: "opensearch", directory: "/data/volume/otel/opensearch" },
        { name: "node-queue", directory: "/data/volume/otel/otel-node-collector/queue", size: "28GiB" },
        { name: "cluster-queue", directory: "/data/volume/otel/otel-cluster-collector/queue" },
    ],
};

/** Room for all that the program asks for before it goes to a host. The images are sparse: they take what is written. */
export const DISK_SIZE = "24GiB";

/** Gives a host these disks. Errors: one of the directories has something in it. */
export async function makeDisks(node: LabNode): Promise<void> {
    for (const { name, directory, size = DISK_SIZE } of DISKS_OF[systemOf(node)])
        await mustExec(node, ["lab-disks", "make", name, size, directory]);
}

/**
 * Takes a host's power away. The page cache of a container outlives it, so that its disks are told to forget first. The cable goes before that:
 * nothing may be acknowledged in between.
 */
export async function cutPower(node: LabNode): Promise<void> {
    if ((await hostExec(node, ["test", "-s", "/data/disks/table"])).code !== 0)
        throw new Error(`${node.name} has no disks of its own: run \`lab/lab disks\` while it is empty.`);
    await unplug(node);
    await mustExec(node, ["lab-disks", "cut"]);
    await killHost(node);
}

async function mustExec(node: LabNode, command: string[]): Promise<void> {
    const { code, stderr } = await hostExec(node, command);
    if (code !== 0) throw new Error(`${node.name}: ${stderr.trim()}`);
}
