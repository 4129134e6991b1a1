/** How the OpenSearch of Container APM is reached from outside, and as whom. */
import { OpenSearchRole, openSearchUser } from "../../components/opensearch-security";
import { apmNodesOf } from "../../components/settings/apm-nodes";
import { SHARED_CREDENTIALS_OUTPUT } from "../../components/shared-secrets";
import { ApmCredentialName } from "../../components/apm-credentials";
import { basic, stackOutputs } from "../access";
import type { ApmDeployment } from "../deployment";
import { UserError } from "../errors";
import type { Doors } from "../http";
import { ClusterApi } from "./cluster";

/** Every node of a cluster, by its name, as it is asked; also those whose stacks are not among the deployment's. */
export type ClusterApis = ReadonlyMap<string, ClusterApi>;

/** How long an answer is waited for: a host may be busy, which is when people ask. */
export const PATIENCE = { local: 3_000, manager: 5_000 };

/** Container APM as far as it matters here. */
export type ReachedApm = Pick<ApmDeployment, "pulumi"> & {
    nodes: Pick<ApmDeployment["nodes"][number], "stack" | "values">[];
};

const PASSWORD: Record<OpenSearchRole, ApmCredentialName> = {
    admin: "opensearchAdminPassword",
    writer: "opensearchWriterPassword",
    reader: "opensearchReaderPassword",
    dashboards: "opensearchDashboardsPassword",
    monitor: "opensearchMonitorPassword",
};

/** Opens the way to all nodes; nothing is asked yet, but with TLS the outputs of the stack that owns the secrets. Errors: it has none yet. */
export async function clusterApis(deployment: ReachedApm, role: OpenSearchRole = "monitor"): Promise<ClusterApis> {
    const [{ values }] = deployment.nodes as [ReachedApm["nodes"][number]];
    const doors = await doorsFor(deployment, role);
    const scheme = values.tls === "off" ? "http" : "https";
    return new Map(
        apmNodesOf(values).map(({ name, address }) => [
            name,
            new ClusterApi({ url: `${scheme}://${address}:${values.opensearchHttpPort}`, doors }, PATIENCE),
        ]),
    );
}

async function doorsFor({ nodes, pulumi }: ReachedApm, role: OpenSearchRole): Promise<Doors> {
    const [{ stack, values }] = nodes as [ReachedApm["nodes"][number]];
    if (values.tls === "off") return {};
    const owner = values.credentialsStack || stack;
    const outputs = await stackOutputs(pulumi, owner);
    const shared = outputs[SHARED_CREDENTIALS_OUTPUT] as Record<string, string> | undefined;
    const [secret, ca] = [shared?.[PASSWORD[role]], outputs.caCertificate];
    if (secret === undefined || typeof ca !== "string")
        throw new UserError(
            `stack "${owner}" has published no login of OpenSearch's yet: bring it up first, with otel-ha up`,
        );
    const { user, password } = openSearchUser(role, secret);
    const door = { ca, authorization: basic(user, password) };
    return Object.fromEntries(
        apmNodesOf(values).map(({ address }) => [`${address}:${values.opensearchHttpPort}`, door]),
    );
}

/** Ends their connections. */
export function closeAll(apis: ClusterApis): void {
    for (const api of apis.values()) api.close();
}
