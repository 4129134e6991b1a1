/** A file system that fills up. */
import type { DeployedNode } from "../../deployment";
import { must, undoNow, withUndo, type Fault } from "./fault";

/** More than this is not written, to fill a disk: a host's own large disk is left alone. */
export const MOST_FILLED_BYTES = 4 * 1024 ** 3;

/** Fills the file system of a directory but for a few blocks. */
export function fillDisk(node: DeployedNode, directory: string): Fault {
    const id = `disk-${directory.split("/").pop()}`;
    const file = `${directory}/.otel-ha-drill-fill`;
    return {
        title: `fill the file system of ${directory} on ${node.name}`,
        inject: async () => {
            const free = Number(await must(node, `df --output=avail --block-size=1 ${directory} | tail -n 1`));
            // Until nothing more fits: what fallocate cannot do, dd does.
            const fill = `fallocate -l ${Math.max(1, free - 1_048_576)} ${file}; dd if=/dev/zero of=${file}.rest bs=4k 2>/dev/null; true`;
            await withUndo(node, id, fill, `rm -f ${file} ${file}.rest`);
        },
        heal: () => undoNow(node, id),
        refusal: async () => {
            const asked = await node.exec(
                `df --output=avail --block-size=1 ${directory} | tail -n 1; stat -c %d ${directory} /`,
            );
            const [free, device, root] = asked.stdout.trim().split("\n").map(Number);
            if (asked.code !== 0) return `${node.name} has no directory ${directory}`;
            if (device === root)
                return `${directory} of ${node.name} is on the root file system, which other things need`;
            if (free! > MOST_FILLED_BYTES)
                return (
                    `${directory} of ${node.name} has ${Math.round(free! / 1024 ** 3)} GiB free; more than ` +
                    `${MOST_FILLED_BYTES / 1024 ** 3} GiB are not filled: this drill is for small file systems of their own`
                );
            return undefined;
        },
    };
}
