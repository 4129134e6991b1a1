import { describe, expect, it } from "vitest";
import { HOST_GOING, HOST_OFF, longest, ownership } from "../../ops/drill/run/ownership";
import type { TimelineEvent } from "../../ops/drill/report/schema";

const vip = (at: number, node: string, what: string): TimelineEvent => ({ at, source: "vip", node, what });
const fault = (at: number, node: string, what: string): TimelineEvent => ({ at, source: "fault", node, what });
const START = [vip(10, "mid-1", "held"), vip(12, "mid-2", "absent")];
const SPAN = { from: 0, to: 10_000 };
const told = (timeline: TimelineEvent[]) =>
    ownership(timeline, SPAN).map(({ owner, span }) => [owner.join("+") || "nobody", span.from, span.to]);

describe("who holds the virtual IP", () => {
    it("is known from the moment on that both hosts have said so", () => {
        expect(told(START)).toEqual([["mid-1", 12, 10_000]]);
    });

    it("is nobody between a release and the next owner", () => {
        expect(told([...START, vip(5000, "mid-1", "released"), vip(5640, "mid-2", "held")])).toEqual([
            ["mid-1", 12, 5000],
            ["nobody", 5000, 5640],
            ["mid-2", 5640, 10_000],
        ]);
    });

    it("are two in a split network", () => {
        const periods = ownership([...START, vip(3000, "mid-2", "held"), vip(7000, "mid-2", "released")], SPAN);
        expect(longest(periods, SPAN, (owner) => owner.length > 1)).toBe(4000);
        expect(longest(periods, { from: 6500, to: 10_000 }, (owner) => owner.length > 1)).toBe(500);
    });

    it("is not a host without power, which cannot say that it has let go", () => {
        expect(
            told([
                ...START,
                fault(4000, "mid-1", HOST_GOING),
                fault(4300, "mid-1", HOST_OFF),
                vip(7600, "mid-2", "held"),
            ]),
        ).toEqual([
            ["mid-1", 12, 4300],
            ["nobody", 4300, 7600],
            ["mid-2", 7600, 10_000],
        ]);
    });

    it("is the new one alone, when that is faster than the command that switches the old one off", () => {
        expect(
            told([
                ...START,
                fault(4000, "mid-1", HOST_GOING),
                vip(4700, "mid-2", "held"),
                fault(5000, "mid-1", HOST_OFF),
            ]),
        ).toEqual([
            ["mid-1", 12, 4700],
            ["mid-2", 4700, 10_000],
        ]);
    });
});
