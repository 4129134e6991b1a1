import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The lab's files build on each other: in the order of their names. */
class ByName extends BaseSequencer {
    override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
        return files.sort((a, b) => a.moduleId.localeCompare(b.moduleId));
    }
}

// unit: no host, no network, seconds (`make check`). lab: real services on the lab's hosts, in file order, one after another (`make test`).
export default defineConfig({
    test: {
        sequence: { sequencer: ByName },
        projects: [
            { test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 20_000 } },
            {
                test: {
                    name: "lab",
                    include: ["test/lab/**/*.test.ts"],
                    testTimeout: 300_000,
                    hookTimeout: 600_000,
                    pool: "forks",
                    poolOptions: { forks: { singleFork: true } },
                    sequence: { concurrent: false, groupOrder: 1 },
                },
            },
        ],
    },
});
