/** `lab status` for people. */
import type { LabStatus } from "./commands";
import { findNode } from "./nodes";

export function showStatus(status: LabStatus, json: boolean): void {
    console.log(json ? JSON.stringify(status, null, 2) : describe(status).join("\n"));
}

function describe(status: LabStatus): string[] {
    const word = (up: boolean) => (up ? "up" : "down");
    const lines = [`docker ${word(status.docker)}, network ${word(status.network)}, registry ${word(status.registry)}`];
    for (const [name, node] of Object.entries(status.nodes)) {
        const services = `ssh ${word(node.ssh)}, docker ${word(node.docker)}${node.attached ? "" : ", cable out"}`;
        const detail = node.container === "running" ? `: ${services}` : "";
        lines.push(`${name} ${findNode(name).address} ${node.container}${detail}`);
    }
    for (const [reference, state] of Object.entries(status.images)) lines.push(`image ${reference} ${state}`);
    for (const rule of status.cuts) lines.push(`cut: ${rule}`);
    return lines;
}
