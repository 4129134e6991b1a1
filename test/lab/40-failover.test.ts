// The seed's failover test, word for word.
import { beforeAll, expect, it } from "vitest";
import { labExec } from "../../lab/hosts";
import { vipOwners } from "../../lab/queries";
import { post } from "../../lab/telemetry";
import { allHealthy, eventually, node1, node2, watchGap } from "./support";

beforeAll(async () => {
    await Promise.all([allHealthy(node1), allHealthy(node2)]);
    await eventually("node 1 holds the virtual IP", vipOwners, (owners) => owners.join() === "node1");
});

it("docker stop keepalived-mid-1 moves the virtual IP to node 2, which answers 200", async () => {
    const gap = watchGap();
    await labExec("node1", ["docker", "stop", "keepalived-mid-1"]);
    await eventually("node 2 holds the virtual IP", vipOwners, (owners) => owners.join() === "node2", 10_000);
    expect((await post("/v1/metrics", { resourceMetrics: [] })).status).toBe(200);
    const longest = await gap();
    console.log(`failover to node 2: ${longest} ms without an answer`);
    expect(longest).toBeLessThan(5000);
});

it("docker start keepalived-mid-1 brings the virtual IP back to node 1", async () => {
    const gap = watchGap();
    await labExec("node1", ["docker", "start", "keepalived-mid-1"]);
    await eventually("node 1 holds the virtual IP", vipOwners, (owners) => owners.join() === "node1", 20_000);
    expect((await post("/v1/metrics", { resourceMetrics: [] })).status).toBe(200);
    console.log(`back to node 1: ${await gap()} ms without an answer`);
});

it("a collector that stops working gives the virtual IP away, and gets it back", async () => {
    await labExec("node1", ["docker", "pause", "otel-aggregator-mid-1"]);
    try {
        await eventually("node 2 holds the virtual IP", vipOwners, (owners) => owners.join() === "node2", 30_000);
        expect((await post("/v1/metrics", { resourceMetrics: [] })).status).toBe(200);
    } finally {
        await labExec("node1", ["docker", "unpause", "otel-aggregator-mid-1"]);
    }
    await eventually("node 1 holds the virtual IP", vipOwners, (owners) => owners.join() === "node1", 30_000);
});
