import { DeployedNode, Deployment } from "../deployment";
import { UserError } from "../errors";
import { expectedServices } from "../status/collect";
import { NodePlan, previewErrors, readPlan } from "./plan";

/** What `up` would do to every stack. Errors: a preview that fails. */
export const previewAll = (deployment: Deployment): Promise<NodePlan[]> =>
    Promise.all(deployment.nodes.map((node) => preview(deployment, node)));

/** What it would do to one. Errors: a preview that fails. */
export async function preview(deployment: Deployment, { stack, name, values }: DeployedNode): Promise<NodePlan> {
    const { code, stdout, stderr } = await deployment.pulumi(["preview", "--json", "--stack", stack]);
    if (code !== 0) {
        const why = [...previewErrors(stdout), stderr.trim()].filter(Boolean).join("\n");
        throw new UserError(`the preview of stack ${stack} fails; nothing was touched:\n${why}`);
    }
    return readPlan(stdout, { stack, name, services: expectedServices(values) });
}
