// Container APM from empty hosts, with real OpenSearch; Data Prepper and Dashboards only where their images can be pulled.
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ApmAccess } from "../../lab/apm/access";
import { differences, foundOf, manager } from "../../lab/apm/search";
import { whatIsMissing } from "../../lab/apm/settings";
import type { Project } from "../../lab/project";
import { containers } from "../../lab/queries";
import { runSample, type SampleOutcome } from "../../lab/sample-service";
import { eventually, otelHa, unchanged } from "../lab/support";
import { freshProject, NODES, upAll, whole } from "./support";

/** From empty hosts that have the images. */
const FIRST_UP_MS = 120_000;
const ORDERS = 60;

let project: Project;
let access: ApmAccess;

beforeAll(async () => void (project = await freshProject()));
afterAll(() => access?.close());

describe("three stacks at once, from empty hosts", () => {
    it("form one green cluster within two minutes, everything beside it healthy", async () => {
        const started = Date.now();
        await upAll(project);
        access = await ApmAccess.of(project);
        await whole(access);
        const took = Date.now() - started;
        console.log(`first up of three hosts to green: ${(took / 1000).toFixed(1)} s`);
        expect(took).toBeLessThan(FIRST_UP_MS);
        const elected = await Promise.all(NODES.map((node) => manager(access, node)));
        expect(new Set(elected).size).toBe(1);
        for (const node of NODES) {
            const services = Object.values(await containers(node.name)).map(({ name }) => name.replace(/-apm-\d$/, ""));
            expect(services).toEqual(
                expect.arrayContaining(["opensearch", "otel-cluster-collector", "otel-node-collector"]),
            );
        }
    });

    it("change nothing when they are run again", async () => {
        for (const result of await upAll(project)) expect(unchanged(result), result.touched.join()).toBe(true);
    });
});

describe("an application's telemetry", () => {
    let outcome: SampleOutcome;

    it("is taken by each node's collector", async () => {
        const run = Date.now().toString(36);
        outcome = await runSample({ collectors: access.collectors(), run, orders: ORDERS });
        expect(outcome.traceIds).toHaveLength(ORDERS);
    });

    it.each(NODES)("is found at $name: each span, line and count once", async (node) => {
        await eventually(
            "everything is there",
            async () => differences(outcome, await foundOf(access, node, outcome)),
            (open) => open.length === 0,
            90_000,
        );
    });
});

// Who is let in, and may do what: 20-users and 25-scan.
describe.each(NODES)("on $name", (node) => {
    it.each([9200, 4317, 4318])("%d speaks TLS only", async (port) => {
        const answer = await new Promise<string>((resolve) => {
            const asked = request({ host: node.address, port, timeout: 3000 }, ({ statusCode }) =>
                resolve(String(statusCode)),
            );
            asked.on("timeout", () => asked.destroy(new Error("no answer")));
            asked.on("error", () => resolve("nothing"));
            asked.end();
        });
        // Go's servers say in the clear that they want TLS.
        expect(["nothing", "400"]).toContain(answer);
    });
});

describe("otel-ha", () => {
    it("status calls the system healthy", async () => {
        const { code, stdout, stderr } = await otelHa(project, ["status"]);
        expect(code, stdout + stderr).toBe(0);
    });

    it("verify finds nothing that differs", async () => {
        const { code, stdout, stderr } = await otelHa(project, ["verify"]);
        expect(code, stdout + stderr).toBe(0);
    });

    it("up has nothing to change", async () => {
        const { code, stdout, stderr } = await otelHa(project, ["up", "--yes"]);
        expect(code, stdout + stderr).toBe(0);
        expect(stdout).toContain("Nothing to change");
    });
});

describe("the parts whose images can only be pulled", () => {
    it("are healthy", async ({ skip }) => {
        const missing = whatIsMissing();
        if (missing) skip(missing);
        const all = (await Promise.all(NODES.map(({ name }) => containers(name)))).flatMap(Object.values);
        for (const service of ["data-prepper", "opensearch-dashboards"])
            expect(all.filter(({ name }) => name.startsWith(`${service}-apm-`)).length).toBeGreaterThan(0);
        expect(all.filter(({ health }) => health !== "healthy")).toEqual([]);
    });
});
