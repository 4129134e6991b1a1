// What somebody changes by hand, in the cluster and on the hosts: `otel-ha verify` names it, `--repair` heals it.
import { beforeAll, expect, it } from "vitest";
import { labExec } from "../../lab/hosts";
import { openProject, type Project } from "../../lab/project";
import type { NodeVerification } from "../../ops/verify/model";
import { eventually, otelHa } from "../lab/support";
import { NODES, PROJECT } from "./support";

let project: Project;
beforeAll(() => void (project = openProject(PROJECT, "apm")));

interface Said {
    nodes: NodeVerification[];
}

/** What differs, one line each. @example "apm-2 container opensearch-apm-2 state" */
async function named(): Promise<string[]> {
    const { stdout, stderr } = await otelHa(project, ["verify", "--json"]);
    expect(stdout, stderr).not.toBe("");
    const { nodes } = JSON.parse(stdout) as Said;
    expect(nodes.flatMap(({ unknown }) => unknown)).toEqual([]);
    return nodes
        .flatMap(({ name, findings }) =>
            findings.map(({ kind, subject, property }) => `${name} ${kind} ${subject} ${property}`),
        )
        .sort();
}

async function on(node: string, line: string): Promise<void> {
    const { code, stdout, stderr } = await labExec(node, ["sh", "-c", line]);
    expect(code, `${line}: ${stdout}${stderr}`).toBe(0);
}

/** As whom nothing is refused. */
const inCluster = (method: string, path: string, json?: string): Promise<void> =>
    on(
        "apm1",
        `docker exec -i opensearch-apm-1 sh -euc '
            umask 077; work=$(mktemp -d); trap "rm -rf $work" EXIT; cat >$work/admin.pem
            curl -sSf --cert $work/admin.pem --cacert /run/opensearch/tls/trusted.pem -X ${method} -H "Content-Type: application/json" \\
                ${json ? `--data-binary '\\''${json}'\\''` : ""} https://127.0.0.1:9200${path}' </data/docker/otel/opensearch-admin/admin.pem`,
    );

it("of seven kinds at once is named, each thing once, and healed", async () => {
    expect(await named()).toEqual([]);
    await inCluster("DELETE", "/_index_template/otel-logs");
    await inCluster("PUT", "/_cluster/settings", `{"persistent":{"action.destructive_requires_name":false}}`);
    await inCluster("DELETE", "/_plugins/_security/api/rolesmapping/otel-ha-reader");
    await inCluster("PUT", "/otel-logs-0*/_settings", `{"index.number_of_replicas":"0"}`);
    await on("apm2", "echo '# by hand' >>/data/docker/otel/opensearch/opensearch.yml");
    await on("apm3", "docker stop otel-node-collector-apm-3");
    await on("apm3", "rm /usr/local/lib/otel-ha/may-stop-opensearch");
    const all = await named();
    const cluster = all.filter((line) => / cluster /.test(line)).map((line) => line.replace(/^\S+ /, ""));
    expect(cluster).toEqual([
        "cluster index template otel-logs content",
        "cluster role mapping otel-ha-reader content",
        "cluster setting action.destructive_requires_name content",
        expect.stringMatching(/^cluster setting of .*otel-logs-0\*.* value$/),
    ]);
    expect(all).toEqual(
        expect.arrayContaining([
            "apm-2 file /data/docker/otel/opensearch/opensearch.yml content",
            "apm-3 container otel-node-collector-apm-3 state",
            "apm-3 file /usr/local/lib/otel-ha/may-stop-opensearch existence",
        ]),
    );

    const repaired = await otelHa(project, ["verify", "--repair", "--wait", "3m"]);
    expect(repaired.code, repaired.stdout + repaired.stderr).toBe(0);
    await eventually("nothing differs", named, (left) => left.length === 0, 60_000);
});

it("changes nothing in the cluster by looking: nobody else hears of it", async () => {
    const versions = async (): Promise<string[]> =>
        Promise.all(
            NODES.map(async ({ name }) => {
                const asked = `docker inspect --format '{{.Id}} {{.State.StartedAt}}' $(docker ps -q)`;
                return (await labExec(name, ["sh", "-c", asked])).stdout;
            }),
        );
    const before = await versions();
    expect(await named()).toEqual([]);
    expect(await versions()).toEqual(before);
});
