// A host is wiped, data and all, and built anew: it joins the cluster that is there. It is the one that formed the cluster once, whose list of first
// managers would make it a cluster of its own.
import { afterAll, beforeAll, expect, it } from "vitest";
import { ApmAccess } from "../../lab/apm/access";
import { health, INDICES } from "../../lab/apm/search";
import { resetNode } from "../../lab/hosts";
import { openProject, type Project } from "../../lab/project";
import { otelHa } from "../lab/support";
import { NODES, PROJECT, whole } from "./support";

const WIPED = NODES[0]!;
const KEPT = NODES[1]!;

let project: Project;
let access: ApmAccess;
beforeAll(async () => {
    project = openProject(PROJECT, "apm");
    access = await ApmAccess.of(project);
    await whole(access);
});
afterAll(() => access?.close());

const clusterOf = async (node: typeof WIPED): Promise<string> =>
    (await access.ask<{ cluster_uuid: string }>(node, "/", { as: "admin" })).cluster_uuid;

const documents = async (): Promise<number> =>
    (await access.ask<{ count: number }>(KEPT, `/${Object.values(INDICES).join()}/_count`)).count;

it("a host that was wiped is built anew by otel-ha up --rebuild, and joins the old cluster; no second one is ever there", async () => {
    const cluster = await clusterOf(KEPT);
    const before = await documents();
    await resetNode(WIPED.name, { keepImages: true });

    const seen = new Set<string>();
    let stopped = false;
    const watching = (async () => {
        for (; !stopped; await new Promise((done) => setTimeout(done, 200)))
            // A node that has not joined yet has no cluster: "_na_".
            for (const node of NODES)
                await clusterOf(node).then(
                    (uuid) => uuid !== "_na_" && seen.add(uuid),
                    () => {},
                );
    })();
    const plain = await otelHa(project, ["up", "--yes"]);
    expect(plain.code).not.toBe(0);
    expect(plain.stdout + plain.stderr).toContain("--rebuild");
    const { code, stdout, stderr } = await otelHa(project, ["up", "--node", "apm-1", "--rebuild", "--yes"]);
    stopped = true;
    await watching;
    expect(code, stdout + stderr).toBe(0);
    await whole(access);
    expect([...seen]).toEqual([cluster]);
    for (const node of NODES) {
        expect(await clusterOf(node)).toBe(cluster);
        expect(await health(access, node)).toMatchObject({ status: "green", number_of_nodes: 3 });
    }
    expect(await documents()).toBeGreaterThanOrEqual(before);
});
