// The starred drills, as an operator runs them: nothing that was acknowledged is lost, and no query shows anything twice.
import { delimiter, dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { pulumiCommand } from "../../lab/engine-choice";
import { REPO, STATE_DIR } from "../../lab/paths";
import { Project } from "../../lab/project";
import { vipOwners } from "../../lab/queries";
import { run, RunResult } from "../../lab/run";
import { SCENARIOS } from "../../ops/drill/scenarios/all";
import type { DrillReport } from "../../ops/drill/report/schema";
import { eventually, settledProject } from "./support";

let target: Project;
beforeAll(async () => {
    target = await settledProject();
    await eventually("node 1 holds the virtual IP", vipOwners, (owners) => owners.join() === "node1");
});

/** Reports stay, to be looked at. */
const REPORTS = join(STATE_DIR, "drill-reports");
const MINUTE = 60_000;

async function drill(args: string[]): Promise<RunResult & { reports: DrillReport[] }> {
    const lab = join(REPO, "lab", "lab");
    const result = await run([`${target.dir}/ops/otel-ha.cjs`, "drill", "--json", "--output", REPORTS, ...args], {
        cwd: target.dir,
        env: {
            ...target.env,
            PATH: `${dirname(pulumiCommand())}${delimiter}${process.env.PATH}`,
            OTEL_HA_POWER_OFF: `${lab} kill {stack}`,
            OTEL_HA_POWER_ON: `${lab} start {stack}`,
        },
        timeoutMs: 9 * MINUTE,
    });
    return { ...result, reports: result.stdout ? (JSON.parse(result.stdout) as DrillReport[]) : [] };
}

describe("a drill", () => {
    for (const { name, title } of SCENARIOS.filter(({ starred }) => starred))
        it(
            `${name}: ${title}`,
            async () => {
                const { code, stderr, reports } = await drill([name]);
                console.log(stderr);
                expect(reports, stderr).toHaveLength(1);
                expect(
                    reports[0]!.verdicts.filter(({ state }) => state !== "passed"),
                    stderr,
                ).toEqual([]);
                expect(reports[0]!.outcome, stderr).toBe("passed");
                expect(code).toBe(0);
            },
            10 * MINUTE,
        );
});
