/** What `make demo-apm` leaves behind: what runs where, how the cluster is, and how to go on from there. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { columns, serviceTable, shown, tookLine } from "../demo-summary";
import { hostsOf, LAB_NAME, type LabNode } from "../nodes";
import type { Project } from "../project";
import type { SampleOutcome } from "../sample-service";
import type { ApmAccess } from "./access";
import { INDICES, manager } from "./search";

const NODES = hostsOf("apm");

export async function showApmSummary(
    project: Project,
    access: ApmAccess,
    outcome: SampleOutcome,
    { started, pulumi }: { started: number; pulumi: string },
): Promise<void> {
    console.log(await serviceTable("apm"));
    console.log(`\n${await clusterTable(access)}`);
    console.log(`\n${await indexTable(access)}`);
    const elected = await manager(access, NODES[0]!);
    const host = NODES.find(({ name }) => name === elected.replace("-", "")) ?? NODES[0]!;
    console.log(hints(access, outcome, curlWords(project, access), shown(pulumi), host));
    console.log(tookLine("make demo-apm", started));
}

interface CatNode {
    name: string;
    ip: string;
    cluster_manager: string;
    "heap.percent": string;
}
interface CatShard {
    index: string;
    state: string;
    node: string | null;
    prirep: string;
}

async function clusterTable(access: ApmAccess): Promise<string> {
    const columnsOfNodes = "name,ip,cluster_manager,heap.percent";
    const [nodes, shards] = await Promise.all([
        access.ask<CatNode[]>(NODES[0]!, `/_cat/nodes?format=json&h=${columnsOfNodes}&s=name`, { as: "admin" }),
        access.ask<CatShard[]>(NODES[0]!, "/_cat/shards?format=json&h=index,state,node,prirep", { as: "admin" }),
    ]);
    const rows = nodes.map((node) => {
        const here = shards.filter((shard) => shard.node === node.name && shard.state === "STARTED");
        const primaries = here.filter(({ prirep }) => prirep === "p").length;
        const role = node.cluster_manager === "*" ? "elected manager" : "";
        return [
            node.name,
            node.ip,
            role,
            String(primaries),
            String(here.length - primaries),
            `${node["heap.percent"]} %`,
        ];
    });
    return columns([["Node", "Address", "", "Primaries", "Copies", "Heap used"], ...rows]);
}

async function indexTable(access: ApmAccess): Promise<string> {
    const rows = await Promise.all(
        Object.entries(INDICES).map(async ([signal, index]) => {
            const { count } = await access.ask<{ count: number }>(NODES[0]!, `/${index}/_count`);
            return [signal, index, String(count)];
        }),
    );
    return columns([["Signal", "Index", "Documents"], ...rows]);
}

/** How curl gets in as someone who searches; what is secret is in a file. */
function curlWords(project: Project, access: ApmAccess): string {
    const door = access.door(NODES[0]!, "reader");
    if (!door) return "curl -s";
    const ca = join(project.dir, "ca.pem");
    const config = join(project.dir, "curl-reader.conf");
    writeFileSync(ca, door.ca ?? "");
    writeFileSync(config, `header = "Authorization: ${door.authorization}"\n`, { mode: 0o600 });
    return `curl -s --cacert ${shown(ca)} --config ${shown(config)}`;
}

function hints(
    access: ApmAccess,
    { traceIds, run }: SampleOutcome,
    curl: string,
    pulumi: string,
    elected: LabNode,
): string {
    const lab = LAB_NAME ? `OTEL_HA_LAB=${LAB_NAME} lab/lab` : "lab/lab";
    const url = access.opensearch(NODES[0]!);
    return `
Look around (addresses exist in the lab's network only: lab/lab run -- …)
  ${lab} run -- ${curl} '${url}/${INDICES.spans}/_search?q=traceId:${traceIds[0]}&pretty'
  ${lab} run -- ${curl} '${url}/${INDICES.logs}/_search?q=body:"${run}-7"&pretty'
  ${pulumi} stack output --stack apm1 --show-secrets

Take the elected manager's plug away, see the other two go on, and put it back
  ${lab} kill ${elected.name}; ${lab} start ${elected.name}

  make demo-apm     again: quick, puts everything back as shipped
  make demo-down    removes it all; what was built stays for the next time
`;
}
