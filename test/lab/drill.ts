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

/** A drill, of which all hypotheses must hold. Once more, when the machine kept it from measuring one; what was measured counts. */
export async function drillPasses(target: Project, scenario: string, more: string[] = []): Promise<DrillReport> {
    const first = await drill(target, scenario, more);
    const onlyUnmeasured = open(first).length > 0 && open(first).every(({ state }) => state === "not measured");
    const report = onlyUnmeasured ? await drill(target, scenario, more) : first;
    expect(open(report)).toEqual([]);
    expect(report.outcome).toBe("passed");
    return report;
}

const open = ({ verdicts }: DrillReport): DrillReport["verdicts"] => verdicts.filter(({ state }) => state !== "passed");

async function drill(target: Project, scenario: string, more: string[]): Promise<DrillReport> {
    const lab = join(REPO, "lab", "lab");
    const words = ["drill", "--json", "--output", REPORTS, "--warm", String(WARM_SECONDS), ...more, scenario];
    const { code, stdout, stderr } = await run([`${target.dir}/ops/otel-ha.cjs`, ...words], {
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
    expect(code === 0, stderr).toBe(report!.outcome === "passed");
    return report!;
}
