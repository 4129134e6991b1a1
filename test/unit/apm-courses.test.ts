// What was seen in a drill of Container APM, as courses in time.
import { describe, expect, it } from "vitest";
import { arrivals, statusSpans, twoManagers } from "../../ops/drill/apm/courses";
import { interruptionLimit } from "../../ops/drill/apm/scenario";
import { leaveAbove } from "../../ops/drill/apm/scenarios";
import type { SearchSample } from "../../ops/drill/apm/search-probe";
import { all, oneNodeLost, says, T0 } from "./support/cluster-views";
import { END, MARKS } from "./support/apm-run";

describe("courses", () => {
    it("are of status and manager, by those that are not away", () => {
        const spans = statusSpans(oneNodeLost(), MARKS, { from: T0, to: END });
        expect(spans.map(({ status, manager, span }) => [status, manager, (span.to - span.from) / 1000])).toEqual([
            ["green", "apm-3", 14],
            ["yellow", "apm-1", 26],
            ["green", "apm-1", 55],
        ]);
    });

    it("say how long two nodes had different managers", () => {
        const views = [...all(0), says("apm-1", 10, { manager: "apm-1" }), ...all(16, { manager: "apm-1" }, "apm-1")];
        expect(twoManagers(views, END)).toMatchObject({ ms: 6000 });
        expect(
            twoManagers(
                oneNodeLost().filter(({ node }) => node === "apm-1"),
                END,
            ).ms,
        ).toBe(0);
    });

    it("take nothing for an arrival that a slower node shows once more", () => {
        const sample = (second: number, logs: number): SearchSample => {
            return { kind: "search", node: "apm-1", at: T0 + second * 1000, ms: 0, counts: { logs } };
        };
        const all = arrivals("logs", [sample(1, 10), sample(2, 4), sample(3, 10), sample(8, 12)], {
            from: T0,
            to: T0 + 9000,
        });
        expect(all.seconds.map(([second, count]) => [second - T0 / 1000, count])).toEqual([
            [1, 10],
            [8, 2],
        ]);
        expect(all.gap.ms).toBe(7000);
    });

    it("have limits: two seconds for a process, detection and three for a host", () => {
        expect(interruptionLimit("process", 9)).toBe(2);
        expect(interruptionLimit("process", 9, "writes")).toBe(4);
        expect(interruptionLimit("host", 9)).toBe(12);
        expect(interruptionLimit("unbounded", 9)).toBeUndefined();
        expect(leaveAbove("95%")).toBeCloseTo(0.025);
    });
});
