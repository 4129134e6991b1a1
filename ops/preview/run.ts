import { AnyDeployment, AnyNode } from "../deployment";
import { UserError } from "../errors";
import { expectedServices } from "../status/collect";
import { NodePlan, parsePreview, PlannedNode, planOf, Preview, previewErrors } from "./plan";

/** What Pulumi would do to one stack. */
export interface StackPreview {
    node: PlannedNode;
    preview: Preview;
    plan: NodePlan;
}

/** A stack whose preview fails. */
export interface FailedPreview {
    node: PlannedNode;
    errors: string[];
}

export const failed = (result: StackPreview | FailedPreview): result is FailedPreview => "errors" in result;

/** Previews one stack; touches no host. Does not throw for a preview that fails. */
export async function previewStack(
    deployment: Pick<AnyDeployment, "pulumi">,
    { stack, name, values }: AnyNode,
): Promise<StackPreview | FailedPreview> {
    const node: PlannedNode = { stack, name, services: expectedServices(values) };
    const { code, stdout, stderr } = await deployment.pulumi(["preview", "--json", "--stack", stack]);
    return readResult(node, code, stdout, stderr);
}

/** Reads what `pulumi preview --json` left. Pure. */
export function readResult(
    node: PlannedNode,
    code: number,
    stdout: string,
    stderr: string,
): StackPreview | FailedPreview {
    if (code !== 0) {
        const errors = [...previewErrors(stdout), stderr.trim()].filter(Boolean);
        return { node, errors: errors.length > 0 ? errors : [`pulumi preview ended with code ${code}`] };
    }
    let preview: Preview;
    try {
        preview = parsePreview(stdout);
    } catch {
        // Not what it printed: that may hold anything.
        return { node, errors: ["pulumi preview --json ended well, but printed no JSON document"] };
    }
    return { node, preview, plan: planOf(preview, node) };
}

/** What would be done to every stack. Errors: a preview that fails. */
export const plansOf = (deployment: Pick<AnyDeployment, "nodes" | "pulumi">): Promise<NodePlan[]> =>
    Promise.all((deployment.nodes as AnyNode[]).map((node) => planFor(deployment, node)));

/** What would be done to one. Errors: a preview that fails. */
export async function planFor(deployment: Pick<AnyDeployment, "pulumi">, node: AnyNode): Promise<NodePlan> {
    const result = await previewStack(deployment, node);
    if (!failed(result)) return result.plan;
    throw new UserError(`the preview of stack ${node.stack} fails; nothing was touched:\n${result.errors.join("\n")}`);
}
