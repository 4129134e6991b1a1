import { defineConfig } from "vitest/config";
import { availableParallelism } from "os";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Unit tests that take longest: they begin first, so that none of them runs alone in the end. */
const LONGEST = ["certificates-apm-engine.test.ts", "ca-rotation-engine.test.ts", "renewal-engine.test.ts"];
const rank = ({ moduleId }: TestSpecification): number => {
    const at = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}`));
    return at < 0 ? LONGEST.length : at;
};

/** The lab's files build on each other: in the order of their names. */
class ByName extends BaseSequencer {
    override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
        return files.sort((a, b) => rank(a) - rank(b) || a.moduleId.localeCompare(b.moduleId));
    }
}

/** Real services on the lab's hosts, in file order, one after another. */
const onHosts = (name: string) => ({
    test: {
        name,
        include: [`test/${name}/**/*.test.ts`],
        testTimeout: 300_000,
        hookTimeout: 600_000,
        pool: "forks" as const,
        poolOptions: { forks: { singleFork: true } },
        sequence: { concurrent: false, groupOrder: 1 },
    },
});

// unit: no host, no network, seconds (`make check`). lab: the pair; apm: Container APM's three hosts (`make test`).
export default defineConfig({
    test: {
        sequence: { sequencer: ByName },
        // One more than by default: much of what a unit test does is to wait for another process. The lab has its own, single one.
        maxWorkers: Math.max(2, availableParallelism()),
        projects: [
            { test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 20_000 } },
            onHosts("lab"),
            onHosts("apm"),
        ],
    },
});
