/** Allocation of copies is off while a node is restarted: what to do when nobody has put it back. */
import { ApmDeployment } from "../deployment";
import { UserError } from "../errors";
import { sleep } from "../run";
import { ApmStatus } from "../status/apm/judge";
import { Reader } from "../status/reader";
import { clusterSetupLine } from "../verify/kinds/opensearch";
import { stackResources } from "../verify/state";
import { clusterLacks } from "./apm-checks";

/** Between taking its turn and leaving the cluster a node needs less. */
const FORGOTTEN_AFTER_MS = 30_000;
const POLL_MS = 1_000;

const isOff = ({ cluster }: ApmStatus): boolean => (cluster.allocation ?? "all") !== "all";

/** True when copies are not made although nobody can be restarting: all nodes are there. Pure. */
export const seemsForgotten = (status: ApmStatus): boolean =>
    isOff(status) && clusterLacks({ ...status.cluster, health: "green", allocation: "all" }).length === 0;

/** What it is called in a summary. Pure. */
export const forgottenText = ({ cluster }: ApmStatus): string =>
    `cluster.routing.allocation.enable is ${cluster.allocation}, which a restart has left behind: copies are made again`;

/** Waits until allocation is on again by itself, and turns it on when it was forgotten. Errors: it stays off. */
export async function putBackAllocation(
    deployment: Pick<ApmDeployment, "nodes" | "pulumi">,
    reader: Reader<ApmStatus>,
    say: (line: string) => void,
): Promise<void> {
    for (const end = Date.now() + FORGOTTEN_AFTER_MS; ; await sleep(POLL_MS)) {
        const status = await reader.read();
        if (!isOff(status)) return;
        if (!seemsForgotten(status)) {
            say(`open: ${forgottenText(status)} when the node that is being restarted is back`);
            return;
        }
        if (Date.now() >= end) break;
    }
    say("the cluster  makes copies again, which a restart has left switched off");
    await askHosts(deployment, say);
    const status = await reader.read();
    if (isOff(status))
        throw new UserError(`cluster.routing.allocation.enable is still ${status.cluster.allocation}`, 2);
}

// By the hosts' own script: who was being restarted is noted in the cluster by name, and only that node's host takes the note away.
async function askHosts(
    { nodes, pulumi }: Pick<ApmDeployment, "nodes" | "pulumi">,
    say: (line: string) => void,
): Promise<void> {
    const lines = await Promise.all(
        nodes.map(async (node) => ({ node, line: clusterSetupLine(await stackResources({ pulumi }, node.stack)) })),
    );
    const known = lines.filter((one): one is typeof one & { line: string } => one.line !== undefined);
    const steps = [
        ...known.map((one) => ({ ...one, only: "unlock" })),
        ...known.slice(0, 1).map((one) => ({ ...one, only: "allocate" })),
    ];
    for (const { node, line, only } of steps) {
        const { code, stdout, stderr } = await node.exec(`${line} --only ${only}`, { input: "" });
        for (const text of stdout.split("\n").filter(Boolean)) say(`${node.name}  ${text}`);
        if (code !== 0) throw new UserError(`${node.name}: setup-opensearch --only ${only}: ${stderr.trim()}`, 2);
    }
}
