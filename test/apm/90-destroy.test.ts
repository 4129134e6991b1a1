// Last: nothing is left of the deployment but the data, which a later up finds again.
import { afterAll, beforeAll, expect, it } from "vitest";
import { ApmAccess } from "../../lab/apm/access";
import { INDICES } from "../../lab/apm/search";
import { labExec } from "../../lab/hosts";
import { openProject, pulumi, type Project } from "../../lab/project";
import { containers } from "../../lab/queries";
import { NODES, PROJECT, upAll, whole } from "./support";

let project: Project;
let access: ApmAccess | undefined;
beforeAll(() => void (project = openProject(PROJECT, "apm")));
afterAll(() => access?.close());

const documents = async (of: ApmAccess): Promise<number> => {
    const { count } = await of.ask<{ count: number }>(NODES[0]!, `/${INDICES.spans}/_count`);
    return count;
};

it("destroy removes containers, configuration and firewall, and leaves the data; a later up finds it", async () => {
    const before = await ApmAccess.of(project).then(async (of) => documents(of).finally(() => of.close()));
    expect(before).toBeGreaterThan(0);
    for (const stack of [...project.stacks].reverse()) {
        const { code, stdout, stderr } = await pulumi(project, ["destroy", "--yes", "--stack", stack]);
        expect(code, stdout + stderr).toBe(0);
    }
    for (const { name } of NODES) {
        expect(await containers(name)).toEqual({});
        const left = await labExec(name, [
            "sh",
            "-c",
            "nft list tables; ls /data/docker/otel /data/volume/otel/opensearch",
        ]);
        expect(left.stdout).not.toContain("otel_ha");
        expect(left.stdout).toContain("nodes");
    }
    await upAll(project);
    access = await ApmAccess.of(project);
    await whole(access);
    expect(await documents(access)).toBe(before);
});
