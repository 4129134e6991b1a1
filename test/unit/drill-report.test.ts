// From what was seen to the verdict and to what people read.
import { beforeEach, describe, expect, it } from "vitest";
import { buildReport, type RawRun } from "../../ops/drill/report/build";
import { htmlReport } from "../../ops/drill/report/html";
import { markdownReport } from "../../ops/drill/report/markdown";
import { matrix } from "../../ops/drill/report/matrix";
import { terminalReport } from "../../ops/drill/report/terminal";
import { PLAIN } from "../../ops/terminal";
import { drillRun } from "./support/drill-run";

let raw: RawRun;
const prepare = (outageMs?: number): void => void (raw = drillRun(outageMs));
beforeEach(() => prepare());

describe("what people read", () => {
    it("is one page of HTML that loads nothing and escapes what it shows", () => {
        const page = htmlReport(buildReport(raw));
        expect(page).not.toMatch(/<script|src=|@import|url\(|<link/);
        expect(page).toContain("kill -9 the &lt;collector&gt;");
        expect(page).not.toContain("<collector>");
        expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
        expect([...page.matchAll(/<svg/g)]).toHaveLength(6);
        for (const tag of ["svg", "table", "figure", "tr", "td"])
            expect([...page.matchAll(new RegExp(`<${tag}[ >]`, "g"))].length).toBe(
                [...page.matchAll(new RegExp(`</${tag}>`, "g"))].length,
            );
    });

    it("is a page, too, when the drill failed before it began", () => {
        const page = htmlReport(
            buildReport({ ...raw, observed: undefined, injectedAt: undefined, views: [], failure: "no <host>" }),
        );
        expect(page).toContain("no &lt;host&gt;");
        expect(page).not.toMatch(/NaN|undefined|Infinity/);
    });

    it("says in Markdown and on the terminal what deviated", () => {
        raw.leftovers = ["mid-1: network"];
        const report = buildReport(raw);
        expect(markdownReport(report)).toContain(
            "| ❌ | The drill has left nothing behind on the hosts | nothing | mid-1: network |",
        );
        expect(terminalReport(report, PLAIN)).toContain("collector-kill: deviated, 1 of 15 hypotheses did not hold");
    });

    it("is a table of all configurations", () => {
        const resilient = structuredClone(buildReport(raw));
        resilient.system.configuration = "resilient";
        const worse = resilient.integrity.views.find(({ view, signal }) => view !== "global" && signal === "metrics")!;
        worse.balance.lost = 1234;
        resilient.outcome = "deviated";
        resilient.verdicts[0]!.state = "deviated";
        const table = matrix([buildReport(raw), resilient]).split("\n");
        expect(table.slice(2)).toEqual([
            "| `collector-kill` | default | passed | 0 | 0 | 0.62 s | 18 s |",
            `| \`collector-kill\` | resilient | deviated: lost | 1,234 metrics on ${worse.view}, 0 in the merged view | 0 | 0.62 s | 18 s |`,
        ]);
    });
});
