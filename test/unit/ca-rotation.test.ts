import { describe, expect, it } from "vitest";
import { certificateGenerations, tooFar } from "../../components/ca-rotation";
import { valuesOf } from "./support/stacks";

const of = (accepted: number[], issuing = accepted[0]!) => ({ accepted, issuing, leaves: 1 });

describe("generations of CAs", () => {
    const wanted = (changes: Record<string, string>) => certificateGenerations(valuesOf("node1", changes));

    it.each([
        [{}, { accepted: [1], issuing: 1, leaves: 1 }],
        [{ secretGeneration: "2" }, { accepted: [1, 2], issuing: 1, leaves: 2 }],
        [{ generation: '{"certificates":4}' }, { accepted: [1], issuing: 1, leaves: 4 }],
        [{ generation: '{"ca":2}' }, { accepted: [1, 2], issuing: 1, leaves: 1 }],
        [
            { generation: '{"ca":2}', issuingGeneration: '{"ca":2}' },
            { accepted: [1, 2], issuing: 2, leaves: 1 },
        ],
        [
            { generation: '{"ca":2}', oldestGeneration: '{"ca":2}' },
            { accepted: [2], issuing: 2, leaves: 1 },
        ],
    ])("follow the settings: %j", (changes, generations) => {
        expect(wanted(changes as Record<string, string>)).toEqual(generations);
    });

    it.each([
        [of([1]), of([1])],
        [of([1]), of([1, 2])],
        [of([1, 2]), of([1, 2], 2)],
        [of([1, 2], 2), of([2])],
        // Back again, from each step.
        [of([1, 2]), of([1])],
        [of([1, 2], 2), of([1, 2])],
        [of([2]), of([2, 3])],
    ])("go from %j to %j", (last, next) => {
        expect(tooFar(last, next)).toBeUndefined();
    });

    it.each([
        [of([1]), of([1, 2], 2), "issuingGeneration: ca 2 would sign", "with issuingGeneration.ca 1"],
        [of([1]), of([2]), "issuingGeneration: ca 2 would sign", "with issuingGeneration.ca 1"],
        [of([1, 2]), of([2]), "oldestGeneration: CA 1 signed", "with issuingGeneration.ca 2"],
        [of([1, 2]), of([2, 3]), "oldestGeneration: CA 1 signed", "with issuingGeneration.ca 2"],
        [of([1, 2], 2), of([1]), "generation: CA 2 signed", "with issuingGeneration.ca 1"],
    ])("do not go from %j to %j at once", (last, next, what, first) => {
        expect(tooFar(last, next)).toContain(what);
        expect(tooFar(last, next)).toContain(first);
    });
});
