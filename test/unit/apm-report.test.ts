// From what was seen of Container APM to the verdict and to what people read.
import { beforeEach, describe, expect, it } from "vitest";
import { buildApmReport, type ApmRun } from "../../ops/drill/apm/build";
import { htmlReport } from "../../ops/drill/report/html";
import { markdownReport } from "../../ops/drill/report/markdown";
import { matrix } from "../../ops/drill/report/matrix";
import { terminalReport } from "../../ops/drill/report/terminal";
import { PLAIN } from "../../ops/terminal";
import { health } from "./support/cluster-views";
import { apmRun } from "./support/apm-run";

let raw: ApmRun;
const prepare = (how?: Parameters<typeof apmRun>[0]): void => void (raw = apmRun(how));
beforeEach(() => prepare());

describe("what people read", () => {
    it("has the transitions, with their times, in all forms", () => {
        const report = buildApmReport(raw);
        const markdown = markdownReport(report);
        expect(markdown).toContain("## What the cluster went through");
        expect(markdown).toMatch(
            /\| green with two nodes: every copy STARTED.* \| unassigned \| 26\.0 s \| 78\.0 s \| apm-1: green/,
        );
        expect(markdown).toContain("24 log records/s, 24 spans/s, to the collectors of all nodes");
        const page = htmlReport(report);
        expect(page).toContain("What the cluster went through");
        expect(page).toContain("By the time at which it could first be found");
        expect(page).not.toContain("<apm-3>");
        expect(page).not.toContain("undefined");
        expect(page).not.toContain("NaN");
        expect(terminalReport(report, PLAIN)).toContain("apm-one-node: passed");
        expect(terminalReport(report, PLAIN)).toMatch(/acknowledged \d+ of \d+ data points, .* spans, .* documents/);
    });

    it("has a row for each drill", () => {
        expect(matrix([buildApmReport(raw)]).split("\n")[2]).toMatch(
            /^\| `apm-one-node` \| direct \| passed \| 0 \| 0 \| 0\.\d\d s \| 29 s \|$/,
        );
    });

    it("sends readers to the right page when something deviated", () => {
        raw.leftovers = ["apm-1: network"];
        expect(htmlReport(buildApmReport(raw))).toContain("docs/apm-drills.md");
        expect(health("red", 2).status).toBe("red");
    });
});
