// Runs `otel-ha drill` as an operator does, with the lab's power switches.
import { delimiter, dirname, join } from "node:path";
import { expect } from "vitest";
import { pulumiCommand } from "../../lab/engine-choice";
import { REPO, STATE_DIR } from "../../lab/paths";
import { Project } from "../../lab/project";
import { run } from "../../lab/run";
import type { DrillReport } from "../../ops/drill/report/schema";

/** Reports stay, to be looked at. */
const REPORTS = join(STATE_DIR, "drill-reports");
const MINUTE = 60_000;
/** Half of what a person gets: each of these tests is as long as that. */
const WARM_SECONDS = 10;
export const DRILL_TIMEOUT_MS = 10 * MINUTE;

/** A drill, of which all hypotheses must hold. */
export async function drillPasses(target: Project, scenario: string): Promise<DrillReport> {
    const lab = join(REPO, "lab", "lab");
    const drill = ["drill", "--json", "--output", REPORTS, "--warm", String(WARM_SECONDS), scenario];
    const command = [`${target.dir}/ops/otel-ha.cjs`, ...drill];
    const { code, stdout, stderr } = await run(command, {
        cwd: target.dir,
        env: {
            ...target.env,
            PATH: `${dirname(pulumiCommand())}${delimiter}${process.env.PATH}`,
            OTEL_HA_POWER_OFF: `${lab} kill {stack}`,
            OTEL_HA_POWER_ON: `${lab} start {stack}`,
        },
        timeoutMs: 9 * MINUTE,
    });
    console.log(stderr);
    const [report] = stdout ? (JSON.parse(stdout) as DrillReport[]) : [];
    expect(report, stderr).toBeDefined();
    const failed = report!.verdicts.filter(({ state }) => state !== "passed");
    expect(failed, stderr).toEqual([]);
    expect(report!.outcome, stderr).toBe("passed");
    expect(code).toBe(0);
    return report!;
}
