/** A file system that fills up. */
import type { DeployedNode } from "../../deployment";
import { must, undoNow, withUndo, type Fault, type Machine } from "./fault";

/** More than this is not filled: fallocate takes no time for it, but somebody may be waiting for the room. */
export const MOST_FILLED_BYTES = 64 * 1024 ** 3;

const GRADUAL_BYTES = 1024 ** 3;
const STEP_BYTES = 64 * 1024 ** 2;

/** How a disk is filled. */
export interface Filling<Node = Machine> {
    /** The last GiB at 128 MiB/s, as something that runs away would, rather than all at once. @default false */
    gradually?: boolean;
    /** Lines for the host once there is room again, for a service that cannot go on by itself. @default none */
    afterwards?: (node: Node) => string;
    /** Part of the file system that stays free, 0 to 1: so that a limit is passed, and other things still have room. @default 0 */
    leave?: number;
}

/**
 * Starts Prometheus again, as an operator has to when it could not write to its logs. A start that had to mend the log of samples does not read the log
 * of late ones (tsdb/db.go: the repair comes instead of the rest): the next start does.
 */
export function restartPrometheus(node: DeployedNode): string {
    const container = node.container("prometheus");
    const get = (path: string): string =>
        `docker exec ${container} wget -q -O - http://127.0.0.1:${node.values.prometheusPort}${path}`;
    return [
        `docker restart ${container}`,
        `for i in $(seq 60); do ${get("/-/ready")} 2>/dev/null && break; sleep 1; done`,
        `{ ! ${get("/metrics")} | grep -q '^prometheus_tsdb_wal_corruptions_total [1-9]' || docker restart ${container}; }`,
    ].join(" && ");
}

/** Fills the file system of a directory to its last block, or until a part of it is left. */
export function fillDisk<Node extends Machine>(
    node: Node,
    directory: string,
    { gradually, afterwards, leave = 0 }: Filling<Node> = {},
): Fault {
    const id = `disk-${directory.split("/").pop()}`;
    const file = `${directory}/.otel-ha-drill-fill`;
    return {
        title: `fill the file system of ${directory} on ${node.name}`,
        inject: async () => {
            const asked = await must(node, `df --output=avail,size --block-size=1 ${directory} | tail -n 1`);
            const [free, size] = asked.trim().split(/\s+/).map(Number) as [number, number];
            const keep = leave > 0 ? Math.round(size * leave) : gradually ? GRADUAL_BYTES : 1_048_576;
            const atOnce = Math.max(1, free - keep);
            const step = `sleep 0.5 && fallocate -l ${STEP_BYTES} "${file}.$step"`;
            // fallocate writes nothing, however large the disk is; dd takes the blocks that are left.
            const fill = [
                `fallocate -l ${atOnce} ${file}`,
                ...(gradually ? [`{ step=0; while ${step} 2>/dev/null; do step=$((step + 1)); done; true; }`] : []),
                ...(leave > 0 ? [] : [`{ dd if=/dev/zero of=${file}.rest bs=4k 2>/dev/null; true; }`]),
            ].join(" && ");
            const undo = [`rm -f ${file} ${file}.*`, ...(afterwards ? [afterwards(node)] : [])];
            await withUndo(node, id, fill, undo.join(" && "));
        },
        heal: () => undoNow(node, id),
        refusal: async () => {
            const asked = await node.exec(
                `df --output=avail --block-size=1 ${directory} | tail -n 1; stat -c %d ${directory} ${directory}/..`,
            );
            if (asked.code !== 0) return `${node.name} has no directory ${directory}`;
            return fillRefusal(node.name, directory, asked.stdout.trim().split("\n").map(Number));
        },
    };
}

/** Why a directory is not filled; given are the free bytes of its file system, its device, and its parent's. Pure. */
export function fillRefusal(node: string, directory: string, [free, device, parent]: number[]): string | undefined {
    if (device === parent)
        return `${directory} of ${node} is not the mount point of a file system of its own: other things would be without room, too`;
    if (free! <= MOST_FILLED_BYTES) return undefined;
    return (
        `${directory} of ${node} has ${Math.round(free! / 1024 ** 3)} GiB free; more than ` +
        `${MOST_FILLED_BYTES / 1024 ** 3} GiB are not filled: this drill is for small file systems of their own`
    );
}
