// The engine in use does what the real one did: see test/conformance/README.md.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { comparableResource, comparableRun, maskedLike, Relations } from "../conformance/compare";
import { Bench, expected, Observation, RecordedResource } from "../conformance/replay";

const STEPS = ["1", "1b", "2", "3", "4", "5", "6", "7", "8", "9", "10"];
const STEP_TIMEOUT_MS = 120_000;

describe("conformance with the real engine", () => {
    const bench = new Bench();
    const recorded = expected<RecordedResource[]>("state-after-step-1");
    const relations = new Relations(recorded);

    beforeAll(() => bench.prepare());
    afterAll(() => bench.remove());

    function compare(actual: Observation): void {
        const wanted = expected<Observation>(actual.step);
        expect(comparableRun(actual)).toEqual(comparableRun(wanted));
        expect(relations.orderedPairs(actual.completionOrder)).toEqual(relations.orderedPairs(wanted.completionOrder));
        if (wanted.outputs) expect(maskedLike(actual.outputs ?? {}, wanted.outputs)).toEqual(wanted.outputs);
    }

    for (const step of STEPS) {
        it(`step ${step}`, async () => compare(await bench.up(step)), STEP_TIMEOUT_MS);
        if (step === "1") it("records the same state after step 1", () => compareState(bench, recorded));
    }

    it("destroy", async () => compare(await bench.destroy()), STEP_TIMEOUT_MS);
});

async function compareState(bench: Bench, wanted: RecordedResource[]): Promise<void> {
    const byName = (resources: RecordedResource[]) =>
        Object.fromEntries(
            resources
                .filter(({ type }) => type !== "pulumi:pulumi:Stack")
                .map((resource) => [`${resource.type} ${resource.name}`, comparableResource(resource)]),
        );
    expect(byName(await bench.state())).toEqual(byName(wanted));
}
