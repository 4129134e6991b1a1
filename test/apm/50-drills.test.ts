// The seed's two tests of Container APM, as an operator runs them, on the three hosts that the tests before it have brought up.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DRILL_RATES } from "../../lab/apm/settings";
import { openProject, type Project } from "../../lab/project";
import { APM_SCENARIOS } from "../../ops/drill/apm/scenarios";
import { DRILL_TIMEOUT_MS, drillPasses } from "../lab/drill";
import { PROJECT } from "./support";

/** Both together. */
const LIMIT_MS = 6 * 60_000;

let target: Project;
let tookMs = 0;
beforeAll(() => {
    expect(
        existsSync(join(PROJECT, "Pulumi.apm1.yaml")),
        `${PROJECT} is not there: the stacks were not brought up`,
    ).toBe(true);
    target = openProject(PROJECT, "apm");
});

describe("a drill of Container APM", () => {
    for (const { name, title } of APM_SCENARIOS.filter(({ starred }) => starred))
        it(
            `${name}: ${title}`,
            async () => {
                const { cluster, startedAt, endedAt, availability } = await drillPasses(target, name, DRILL_RATES);
                tookMs += endedAt - startedAt;
                for (const { title: state, reachedAt, sinceAt } of cluster!.transitions)
                    console.log(
                        `${reachedAt ? `${((reachedAt - sinceAt!) / 1000).toFixed(1)} s` : "not seen"}  ${state}`,
                    );
                for (const { client, longestGap } of availability.probes)
                    console.log(`${client}: longest gap ${longestGap.ms} ms`);
            },
            DRILL_TIMEOUT_MS,
        );

    afterAll(() => expect(tookMs, "both together").toBeLessThanOrEqual(LIMIT_MS));
});
