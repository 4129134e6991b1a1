// One node's OpenSearch, over real sockets: answers, refusals, silence; and what is kept of them.
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { readBlocked, readHealth, readManager, readNodes, readRecoveries, readShards } from "../../ops/apm/answers";
import { ClusterApi, isValue, reason } from "../../ops/apm/cluster";
import { ClusterPoller, ClusterRecord, countShards } from "../../ops/apm/poller";
import { chronicle } from "../../ops/drill/apm/chronicle";
import type { TimelineEvent } from "../../ops/drill/report/schema";
import { newCa, newLeaf, type Made } from "./support/certificates";
import { health, says, silent } from "./support/cluster-views";

/** What a cluster of three said: OpenSearch 2.19.1, recorded. */
const recorded = (name: string): string =>
    readFileSync(join(__dirname, "support", "opensearch", `${name}.json`), "utf8");

let ca: Made;
let identity: Made;
beforeAll(async () => {
    ca = await newCa();
    identity = await newLeaf(ca, { ipAddresses: ["127.0.0.1"], dnsNames: ["apm-1"] });
});

const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

async function node(
    answer: (path: string, answer: ServerResponse, request: IncomingMessage) => void,
): Promise<ClusterApi> {
    const server = createServer({ cert: identity.certificate, key: identity.key }, (request, response) =>
        answer(request.url!, response, request),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const doors = { [`127.0.0.1:${port}`]: { ca: ca.certificate, authorization: "Basic eA==" } };
    const api = new ClusterApi({ url: `https://127.0.0.1:${port}`, doors }, { local: 1500, manager: 1500 });
    closers.push(() => {
        api.close();
        server.closeAllConnections();
        server.close();
    });
    return api;
}

describe("what a real cluster said", () => {
    it("is its health", () => {
        expect(readHealth(recorded("health-green"))).toMatchObject({
            status: "green",
            nodes: 3,
            managerKnown: true,
            unassigned: 0,
        });
        const yellow = readHealth(recorded("health-yellow"));
        expect(yellow).toMatchObject({ status: "yellow", nodes: 2 });
        expect(yellow.unassigned + yellow.initializing).toBeGreaterThan(0);
        expect(readHealth(recorded("health-local-alone"))).toMatchObject({ managerKnown: false });
    });

    it("is its manager and its nodes", () => {
        expect(readManager(recorded("manager"))!.name).toMatch(/^apm-[123]$/);
        const nodes = readNodes(recorded("nodes"));
        expect(nodes.map(({ name }) => name)).toEqual(["apm-1", "apm-2", "apm-3"]);
        expect(nodes.filter(({ manager }) => manager)).toHaveLength(1);
    });

    it("is where copies are", () => {
        const shards = readShards(recorded("shards-yellow"));
        const made = shards.filter(({ state }) => state === "INITIALIZING");
        expect(made.map(({ reason: why, primary }) => [why, primary])).toEqual([
            ["NODE_LEFT", false],
            ["NODE_LEFT", false],
        ]);
        const { shards: byNode, reasons } = countShards(shards);
        expect(Object.values(byNode!).map(({ started, initializing }) => started + initializing)).toEqual([10, 10]);
        expect(Object.values(byNode!).reduce((sum, one) => sum + one.initializing, 0)).toBe(2);
        expect(reasons).toEqual({});
        const lost = { index: "a", shard: 0, primary: false, state: "UNASSIGNED" as const, reason: "NODE_LEFT" };
        expect(countShards([lost, { ...lost, shard: 1 }]).reasons).toEqual({ NODE_LEFT: 2 });
    });

    it("is that it has no manager", () => {
        expect(reason(recorded("health-no-manager"))).toMatch(/manager_not_discovered|master_not_discovered/);
    });
});

describe("answers", () => {
    it("of copies that move have where from and where to", () => {
        const row = { index: "a", shard: "2", prirep: "r", state: "RELOCATING", node: "apm-1 -> 10.0.0.2 9xYz apm-2" };
        const [shard] = readShards(JSON.stringify([{ ...row, "unassigned.reason": null }]));
        expect(shard).toEqual({
            ...{ index: "a", shard: 2, primary: false, state: "RELOCATING", node: "apm-1", target: "apm-2" },
            reason: undefined,
        });
    });

    it("of recoveries and blocks are read", () => {
        const recovery = {
            index: "a",
            shard: "0",
            type: "peer",
            stage: "index",
            source_node: "apm-1",
            target_node: "apm-2",
        };
        expect(readRecoveries(JSON.stringify([recovery]))[0]).toMatchObject({
            kind: "peer",
            source: "apm-1",
            target: "apm-2",
        });
        const blocked = { b: { settings: { "index.blocks.read_only_allow_delete": "true" } }, a: { settings: {} } };
        expect(readBlocked(JSON.stringify(blocked))).toEqual(["b"]);
        expect(readBlocked("{}")).toEqual([]);
    });

    it("that are none are errors, not guesses", () => {
        for (const text of ["", "OpenSearch Security not initialized.", "{}", '{"status":"blue"}'])
            expect(() => readHealth(text)).toThrow();
        expect(() => readShards("{}")).toThrow("no list");
        expect(readManager("[]")).toBeUndefined();
        expect(readManager('[{"node":"-","ip":"-","host":"-"}]')).toBeUndefined();
    });
});

describe("a question", () => {
    it("is asked over TLS, with the login", async () => {
        let shown: string | undefined;
        const api = await node((_, answer, { headers }) => {
            shown = headers.authorization;
            answer.end(JSON.stringify({ name: "apm-1" }));
        });
        const asked = await api.name();
        expect(isValue(asked) && asked.value).toBe("apm-1");
        expect(shown).toBe("Basic eA==");
    });

    it("that is refused, not understood, or not answered is data", async () => {
        const api = await node((path, answer) => {
            if (path.startsWith("/_cluster/health?local")) answer.end("nonsense");
            else if (path.startsWith("/_cluster/health"))
                answer.writeHead(503).end('{"error":{"type":"cluster_manager_not_discovered_exception"},"status":503}');
            else if (!path.startsWith("/_cat/shards")) answer.writeHead(401).end("Unauthorized");
        });
        expect(await api.localHealth()).toMatchObject({
            status: 0,
            error: expect.stringContaining("no JSON") as string,
        });
        expect(await api.health()).toMatchObject({ status: 503, error: "cluster_manager_not_discovered_exception" });
        expect(await api.manager()).toMatchObject({ status: 401, error: "Unauthorized" });
        const silentOne = await api.shards();
        expect(silentOne).toMatchObject({ status: 0, error: "timeout" });
        expect(silentOne.ms).toBeGreaterThanOrEqual(1400);
    });

    it("to nobody is data, too", async () => {
        const api = new ClusterApi({ url: "http://127.0.0.1:1", doors: {} });
        expect(await api.health()).toMatchObject({ status: 0, error: "ECONNREFUSED" });
    });
});

describe("the poller", () => {
    it("keeps changes only, and is not held up by what hangs", async () => {
        let status = "green";
        let asked = 0;
        const api = await node((path, answer) => {
            if (path.startsWith("/_cat/shards")) return;
            asked++;
            const text = recorded("health-green").replace('"green"', `"${status}"`);
            answer.end(path.startsWith("/_cluster/health") ? text : path.startsWith("/_cat") ? "[]" : "{}");
        });
        const record = new ClusterRecord();
        const poller = new ClusterPoller(new Map([["apm-1", api]]), record, 20);
        poller.start();
        while (record.of("apm-1")?.blocked === undefined || asked < 60) await new Promise((go) => setTimeout(go, 20));
        const before = record.views.length;
        // Each question says something new once.
        expect(before).toBeLessThanOrEqual(8);
        status = "yellow";
        while (record.of("apm-1")?.health?.status !== "yellow") await new Promise((go) => setTimeout(go, 20));
        poller.stop();
        expect(record.views.length).toBeLessThanOrEqual(before + 2);
        expect(record.of("apm-1")).toMatchObject({ reachable: true, managerKnown: true });
        expect(record.of("apm-1")!.shards).toBeUndefined();
    });
});

describe("the chronicle", () => {
    it("says what is new, and nothing because an answer did not come", () => {
        const events: TimelineEvent[] = [];
        const tell = chronicle((event) => events.push(event));
        tell(says("apm-1", 0));
        tell(says("apm-1", 1, { health: undefined, manager: undefined }));
        tell(says("apm-1", 2));
        tell(says("apm-1", 3, { health: health("yellow", 2, { unassigned: 4 }), manager: "apm-2" }));
        tell(silent("apm-1", 4));
        tell(says("apm-1", 5, { manager: undefined, managerKnown: false, health: undefined }));
        tell(says("apm-1", 6, { manager: "apm-2", health: undefined, blocked: 2 }));
        expect(events.map(({ what, detail }) => (detail ? `${what} (${detail})` : what))).toEqual([
            ...["green, 3 nodes", "manager apm-3", "yellow, 2 nodes (4 unassigned)", "manager apm-2"],
            ...["no answer", "answers", "no manager", "manager apm-2", "2 indexes take no writes"],
        ]);
    });
});
