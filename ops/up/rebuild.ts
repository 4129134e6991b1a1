import { AnyNode, Deployment } from "../deployment";
import { UserError } from "../errors";
import { Status } from "../status/model";
import { complaint } from "./progress";
import { FAILED } from "./rolling";

/** Everything on the host, with the certificates that it had (NodeCertificates), and nothing of the shared secrets, which the stack may own. */
const OF_THE_NODE = { "otel-ha": "**otel-ha:index:Node**", apm: "**otel-ha:index:ApmNode**" };

/** Why a node cannot be made anew now: that must neither take anything from clients nor stop half-way. Pure. */
export function cannotRebuild(status: Status, name: string): string | undefined {
    const node = status.nodes.find((candidate) => candidate.name === name)!;
    if (!node.reachable) return `${name} cannot be reached: ${node.error}`;
    const away = status.nodes.find((other) => other.name !== name && !other.reachable);
    if (away) return `${away.name} cannot stand in for it: ${away.error}`;
    // An address without a Keepalived is a leftover, which the new one puts right.
    const serves = node.services.some(({ service, state }) => service === "keepalived" && state !== "missing");
    if (serves && status.vip.owners.includes(name))
        return `${name} holds the virtual IP, so that it is no host that was wiped; move the address away first: docker stop keepalived-${name} there`;
    return undefined;
}

/** What `--rebuild` is going to do. Pure. */
export function rebuildText({ stack, name }: Pick<AnyNode, "stack" | "name">): string {
    return `${name} (stack ${stack}): containers, configuration and helper scripts are removed and made anew; data that is on the host stays, secrets stay as they are`;
}

/** Has Pulumi forget everything that it has put on a host, and removes what is still there of it. Errors: Pulumi's. */
export async function forget(
    deployment: Pick<Deployment, "pulumi">,
    { stack, values }: Pick<AnyNode, "stack" | "values">,
): Promise<void> {
    // A refresh first: the provider fails to delete a container that is gone.
    const { code, stdout, stderr } = await deployment.pulumi([
        "destroy",
        "--refresh",
        "--yes",
        "--skip-preview",
        "--target",
        OF_THE_NODE[values.system],
        "--stack",
        stack,
    ]);
    if (code !== 0)
        throw new UserError(`pulumi destroy --stack ${stack} failed:\n${complaint(stdout, stderr)}`, FAILED);
}
