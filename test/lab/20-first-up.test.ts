// From empty hosts to a stack that runs, first one host by itself, then both at once.
import { beforeAll, describe, expect, it } from "vitest";
import { access } from "../../lab/access";
import { resetNode } from "../../lab/hosts";
import { Project, pulumi, STACKS } from "../../lab/project";
import { containers, vipOwners } from "../../lab/queries";
import {
    allHealthy,
    buckets,
    eventually,
    freshProject,
    node1,
    node2,
    outcome,
    servicesOf,
    unchanged,
    up,
    upBoth,
} from "./support";

let project: Project;

describe("one host whose peer does not exist yet", () => {
    beforeAll(async () => {
        await resetNode(undefined, { keepImages: true });
        project = await freshProject();
    });

    it("is brought up by itself, and the output says what is still open", async () => {
        const result = await up(project, "node1");
        expect(result.stdout).toMatch(
            /open: the object store has no write quorum: nothing listens at 192\.168\.110\.119:9000/,
        );
        expect(Object.keys(await containers("node1"))).toHaveLength(servicesOf(node1).length);
    });

    it("is completed by the second host's up: store formed, buckets made, all healthy", async () => {
        const result = await up(project, "node2");
        expect(result.stdout).not.toMatch(/open:/);
        expect(await buckets(node2)).toEqual(["loki-data", "thanos-metrics"]);
        await Promise.all([allHealthy(node1), allHealthy(node2)]);
    });
});

describe("both stacks at once, from empty hosts", () => {
    beforeAll(async () => {
        await resetNode(undefined, { keepImages: true });
        project = await freshProject();
    });

    it("bring up all containers, healthy and with the seed's names", async () => {
        const started = Date.now();
        await upBoth(project);
        console.log(`first up of both hosts: ${((Date.now() - started) / 1000).toFixed(1)} s`);
        for (const [node, name] of [
            [node1, "mid-1"],
            [node2, "mid-2"],
        ] as const) {
            expect(Object.keys(await allHealthy(node))).toEqual(
                servicesOf(node).map((service) => `${service}-${name}`),
            );
        }
    });

    it("have exactly one owner of the virtual IP, node 1", async () => {
        await eventually("node 1 holds the virtual IP", vipOwners, (owners) => owners.join() === "node1", 20_000);
        for (let look = 0; look < 10; look++) expect(await vipOwners()).toEqual(["node1"]);
    });

    it("change nothing when they are run again", async () => {
        for (const result of await upBoth(project)) expect(result.touched).toEqual([]);
    });

    it("change nothing when they are run again with --refresh", async () => {
        for (const result of await upBoth(project, ["--refresh"])) {
            expect(result.touched).toEqual([]);
            expect(unchanged(result)).toBe(true);
        }
    });

    it("expect no changes at preview", async () => {
        const preview = (stack: string) => outcome(project, ["preview", "--stack", stack, "--expect-no-changes"]);
        for (const { code, stdout, stderr } of await Promise.all(STACKS.map(preview)))
            expect(code, stdout + stderr).toBe(0);
    });

    it("publish the addresses of everything", async () => {
        const { stdout } = await pulumi(project, ["stack", "output", "--json", "--stack", "node2"]);
        const { scheme } = await access();
        expect(JSON.parse(stdout)).toMatchObject({
            otlpHttp: `${scheme}://192.168.110.140:4318`,
            otlpGrpc: "192.168.110.140:4317",
            haproxyStats: `${scheme}://192.168.110.119:8404/stats`,
            prometheus: `${scheme}://192.168.110.119:9090`,
            thanosSidecar: `${scheme}://192.168.110.119:10902`,
            thanosSidecarGrpc: "192.168.110.119:10901",
            thanosQuery: `${scheme}://192.168.110.119:10904`,
            thanosStore: `${scheme}://192.168.110.119:10906`,
            loki: `${scheme}://192.168.110.119:3100`,
            objectStore: `${scheme}://192.168.110.119:9000`,
            otelAggregatorMetrics: `${scheme}://192.168.110.119:9464/metrics`,
            haproxyStatsPassword: "[secret]",
        });
    });
});
