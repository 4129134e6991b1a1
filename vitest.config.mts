import { defineConfig } from "vitest/config";

// unit: no host, no network, seconds (`make check`). lab: real services on the lab's hosts, in file order, one after another (`make test`).
export default defineConfig({
    test: {
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
