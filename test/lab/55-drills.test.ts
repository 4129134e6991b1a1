// The starred drills, as an operator runs them: nothing that was acknowledged is lost, and no query shows anything twice.
import { beforeAll, describe, it } from "vitest";
import { Project } from "../../lab/project";
import { vipOwners } from "../../lab/queries";
import { SCENARIOS } from "../../ops/drill/scenarios/all";
import { DRILL_TIMEOUT_MS, drillPasses } from "./drill";
import { eventually, settledProject } from "./support";

let target: Project;
beforeAll(async () => {
    target = await settledProject();
    await eventually("node 1 holds the virtual IP", vipOwners, (owners) => owners.join() === "node1");
});

describe("a drill", () => {
    for (const { name, title } of SCENARIOS.filter(({ starred }) => starred))
        it(`${name}: ${title}`, () => drillPasses(target, name), DRILL_TIMEOUT_MS);
});
