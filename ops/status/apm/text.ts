import { percent, size } from "../../format";
import { Paint } from "../../terminal";
import { Health } from "../../apm/answers";
import { ApmNodeStatus, ApmStatus, Disk, IndexGroup } from "./judge";

const tone = (health: Health, paint: Paint): string =>
    ({ green: paint.good, yellow: paint.warn, red: paint.bad })[health](health);

/** What is said above the hosts. Pure. */
export function apmHead({ cluster }: ApmStatus, paint: Paint): string[][] {
    const { health, nodes = [], expected, manager, unassigned, relocating, initializing } = cluster;
    if (health === undefined) return [["cluster", paint.bad("no cluster manager is known to anybody")]];
    const moving = [
        `${unassigned} unassigned`,
        ...(initializing ? [`${initializing} being made`] : []),
        ...(relocating ? [`${relocating} moving`] : []),
    ];
    const there = `${nodes.length} of ${expected.length} nodes`;
    return [
        [
            "cluster",
            `${tone(health, paint)}, ${nodes.length < expected.length ? paint.warn(there) : there}, manager ${manager ?? paint.bad("not known")}`,
        ],
        ["copies", moving.join(", ")],
        ...cluster.indices.map((group, at) => [at === 0 ? "indexes" : "", indexText(group, paint)]),
        ...cluster.disks.map((disk, at) => [at === 0 ? "disks" : "", diskText(disk, paint)]),
    ];
}

const indexText = ({ name, health, indices, documents, bytes }: IndexGroup, paint: Paint): string =>
    `${name} ${tone(health, paint)}, ${indices} of them, ${documents} documents, ${size(bytes)}`;

function diskText({ node, usedBytes, totalBytes, above }: Disk, paint: Paint): string {
    const full = percent(usedBytes / totalBytes);
    const text = `${node} ${full} of ${size(totalBytes)}`;
    if (above === undefined) return text;
    return (above === "flood" ? paint.bad : paint.warn)(`${text}, above the ${above} watermark`);
}

/** What follows a host's address. Pure. */
export function apmRole({ name, member }: ApmNodeStatus, { cluster }: ApmStatus): string {
    if (cluster.manager === name) return ", is the cluster manager";
    return member === false ? ", is not part of the cluster" : "";
}
