import { describe, expect, it } from "vitest";
import { clusterApis } from "../../ops/apm/access";
import { Asked, ClusterApi } from "../../ops/apm/cluster";
import { RunResult } from "../../ops/run";
import { readAllocation, readCluster, readDisks, readIndices, readUuid } from "../../ops/status/apm/facts";
import { ApmStatus } from "../../ops/status/apm/judge";
import { statusScript } from "../../ops/status/collect";
import { EXIT_CODES } from "../../ops/status/model";
import { ApmStatusReader } from "../../ops/status/reader";
import { statusText } from "../../ops/status/text";
import { PLAIN } from "../../ops/terminal";
import { apmAfter, healthyView, leave, withoutManager } from "./support/apm-cluster";
import { apmValuesOf } from "./support/stacks";

const said = (status: ApmStatus): string => statusText(status, PLAIN, 1_800_000_000);
const away = (text: string) => ({ error: text }) as never;

describe("otel-ha status of Container APM: the verdict", () => {
    it("is healthy when the cluster is green with all nodes, and every service works", () => {
        const status = apmAfter();
        expect(status.findings).toEqual([]);
        expect(EXIT_CODES[status.verdict]).toBe(0);
        const text = said(status);
        expect(text).toMatch(/^healthy\n\ncluster +green, 3 of 3 nodes, manager apm-2\ncopies +0 unassigned\n/);
        expect(text).toContain("otel-logs green, 2 of them, 123 documents, 2 MiB\n");
        expect(text).toMatch(/disks +apm-1 20 % of 100 GiB\n +apm-2 20 %/);
        expect(text).toContain("apm-2 192.168.110.232, is the cluster manager\n  opensearch");
    });

    it("is degraded, and names it, when a host is away; it is told once", () => {
        const status = apmAfter(({ apm3 }, cluster) => {
            apm3.facts = away("no answer within 5 s");
            leave(cluster, "apm-3");
        });
        expect(EXIT_CODES[status.verdict]).toBe(1);
        expect(status.findings.map(({ text }) => text)).toEqual([
            "the cluster is yellow: 4 copies are on no node, 0 are being made (otel-logs-000001, NODE_LEFT)",
            "apm-3 cannot be reached: no answer within 5 s",
        ]);
        expect(said(status)).toContain("yellow, 2 of 3 nodes, manager apm-2");
        expect(said(status)).toContain("apm-3 192.168.110.233, is not part of the cluster: cannot be reached");
    });

    it("is degraded when a node whose host is there is not part of the cluster", () => {
        const status = apmAfter((_, cluster) => leave(cluster, "apm-1"));
        expect(said(status)).toContain("! apm-1 is not part of the cluster: ECONNREFUSED");
        expect(status.verdict).toBe("degraded");
    });

    it("is broken without a cluster manager, whoever answers", () => {
        const status = apmAfter(({ apm1, apm2 }, cluster) => {
            apm1.facts = apm2.facts = away("gone");
            for (const member of cluster.members.slice(0, 2)) member.error = "EHOSTUNREACH";
            withoutManager(cluster);
        });
        expect(EXIT_CODES[status.verdict]).toBe(2);
        expect(said(status)).toContain(
            "! the cluster has no manager, and writes are refused: 1 of 3 nodes answer and know none (apm-1: EHOSTUNREACH; apm-2: EHOSTUNREACH)",
        );
        expect(said(status)).toContain("no cluster manager is known to anybody");
    });

    it.each([
        [
            "the cluster is red",
            "the cluster is red",
            (view: ReturnType<typeof healthyView>) => (view.health.status = "red"),
        ],
        [
            "a disk is over the flood watermark",
            "the disk of apm-1 is 96 % full",
            (view: ReturnType<typeof healthyView>) => (view.disks[0]!.usedBytes = view.disks[0]!.totalBytes * 0.96),
        ],
        [
            "indexes are blocked",
            "writes are refused to otel-logs-000002: a disk is above opensearchFloodWatermark",
            (view: ReturnType<typeof healthyView>) => (view.blocked = ["otel-logs-000002"]),
        ],
    ])("is broken when %s", (_, text, change) => {
        const status = apmAfter((_nodes, { view }) => void change(view));
        expect(EXIT_CODES[status.verdict]).toBe(2);
        expect(said(status)).toContain(`! ${text}`);
    });

    it("is broken when two clusters were formed, which nobody else would notice", () => {
        const status = apmAfter((_, { members }) => (members[2]!.uuid = "u2"));
        expect(status.verdict).toBe("broken");
        expect(said(status)).toContain("there are 2 clusters: apm-1 and apm-2 (u1), and apm-3 (u2)");
    });

    it.each([
        [86, "no new copies go there (opensearchLowWatermark, 85%)"],
        [91, "copies move away (opensearchHighWatermark, 90%)"],
    ])("is degraded by a disk that is %d %% full", (full, text) => {
        const status = apmAfter((_, { view }) => (view.disks[1]!.usedBytes = view.disks[1]!.totalBytes * (full / 100)));
        expect(status.verdict).toBe("degraded");
        expect(said(status)).toContain(`! the disk of apm-2 is ${full} % full, with ${100 - full} GiB left: ${text}`);
    });

    it("is degraded while copies are not made again, and says who puts that right", () => {
        const status = apmAfter((_, { view }) => (view.allocation = "primaries"));
        expect(status.verdict).toBe("degraded");
        expect(said(status)).toContain("cluster.routing.allocation.enable is primaries");
    });

    it("is degraded by a service that does not work, and by a certificate that ends", () => {
        const status = apmAfter(({ apm2 }) => {
            apm2.facts.host.containers["opensearch-apm-2"]!.health = "unhealthy";
            apm2.facts.host.certificates.opensearch = new Date(Date.now() + 86_400_000).toISOString();
        });
        expect(status.verdict).toBe("degraded");
        expect(said(status)).toContain("! opensearch-apm-2: Docker: unhealthy");
        expect(said(status)).toMatch(/! the certificate of OpenSearch on apm-2 ends in 24 h, .*: run otel-ha up/);
    });

    it("is unknown when nobody lets us in, or the way is shut, which says nothing of the cluster", () => {
        const refused = apmAfter((_, cluster) => {
            for (const member of cluster.members) member.error = "answers 401: Unauthorized";
            withoutManager(cluster);
        });
        expect(EXIT_CODES[refused.verdict]).toBe(3);
        expect(said(refused)).toContain("no OpenSearch answers who asks it");
        const shut = apmAfter((_, cluster) => {
            for (const member of cluster.members) member.error = "timeout";
            withoutManager(cluster);
        });
        expect(EXIT_CODES[shut.verdict]).toBe(3);
        expect(said(shut)).toContain("on apm-1 and apm-2 and apm-3 it is healthy: is this machine in adminCidrs?");
    });

    it("is unknown when no host can be reached", () => {
        const status = apmAfter((nodes) => {
            for (const node of Object.values(nodes)) node.facts = away("gone");
        });
        expect(EXIT_CODES[status.verdict]).toBe(3);
    });
});

describe("what a host of Container APM is asked", () => {
    it("is its containers and certificates, and no virtual IP", () => {
        const values = apmValuesOf("apm1");
        const script = statusScript({ values, container: (service) => `${service}-apm-1` });
        expect(script).toMatch(/^VIP=''\nCONTAINERS='opensearch-apm-1 data-prepper-apm-1/);
        expect(script).toContain("opensearch /data/docker/otel/opensearch/tls/node.pem");
        expect(script).not.toContain("undefined");
    });
});

describe("what OpenSearch says", () => {
    /** Answers by path; others are refused. Without a network, which a busy machine may not have in time. */
    class Told extends ClusterApi {
        constructor(private readonly answers: Record<string, unknown>) {
            super({ url: "http://127.0.0.1:1", doors: {} });
        }
        override async ask<T>(path: string, _timeoutMs: number, read: (text: string) => T): Promise<Asked<T>> {
            const known = Object.keys(this.answers).find((start) => path.startsWith(start));
            if (known === undefined) return { ms: 1, status: 403, error: "security_exception" };
            return { ms: 1, value: read(JSON.stringify(this.answers[known])) };
        }
    }
    class Silent extends ClusterApi {
        override async ask<T>(): Promise<Asked<T>> {
            return { ms: 1, status: 0, error: "ECONNREFUSED" };
        }
    }
    const health = (known: boolean) => ({
        ...{ status: "green", number_of_nodes: 3, discovered_cluster_manager: known, active_primary_shards: 5 },
        ...{ active_shards: 10, unassigned_shards: 0, delayed_unassigned_shards: 0, initializing_shards: 0 },
        ...{ relocating_shards: 0, active_shards_percent_as_number: 100 },
    });

    it("is asked of a node that knows a manager; what is refused is not known, and nothing throws", async () => {
        const lonely = new Told({
            "/_cluster/health?local": health(false),
            "/?filter_path": { cluster_uuid: "u1" },
        });
        const member = new Told({
            "/_cluster/health": health(true),
            "/_cat/cluster_manager": [{ node: "apm-3", ip: "10.0.0.3" }],
            "/_cat/nodes": [{ name: "apm-3" }, { name: "apm-2" }],
            "/_cat/allocation": [{ node: "apm-2", "disk.used": "1", "disk.total": "4" }, { node: "UNASSIGNED" }],
            "/_cluster/settings": { persistent: {}, transient: {} },
            "/?filter_path": { cluster_uuid: "u1" },
        });
        const apis = new Map<string, ClusterApi>([
            ["apm-1", lonely],
            ["apm-2", member],
            ["apm-3", new Silent({ url: "", doors: {} })],
        ]);
        const { members, view } = await readCluster(apis);
        for (const api of apis.values()) api.close();
        expect(members).toMatchObject([
            { name: "apm-1", managerKnown: false, uuid: "u1" },
            { name: "apm-2", managerKnown: true },
            { name: "apm-3", error: "ECONNREFUSED" },
        ]);
        expect(view).toMatchObject({
            manager: "apm-3",
            nodes: ["apm-2", "apm-3"],
            disks: [{ node: "apm-2", usedBytes: 1, totalBytes: 4 }],
            allocation: "all",
        });
        expect([view!.shards, view!.indices, view!.blocked]).toEqual([undefined, undefined, undefined]);
    });

    it("is read as it comes", () => {
        expect(readUuid('{"cluster_uuid":"_na_"}')).toBeUndefined();
        const allocation = { "cluster.routing.allocation.enable": "primaries" };
        expect(readAllocation(JSON.stringify({ persistent: allocation, transient: {} }))).toBe("primaries");
        expect(readIndices('[{"index":"a","health":"yellow","docs.count":"3","store.size":"9"}]')).toEqual([
            { index: "a", health: "yellow", documents: 3, bytes: 9 },
        ]);
        expect(readDisks("[]")).toEqual([]);
    });

    const deployment = (tls: string, outputs: object) => {
        const asked: string[][] = [];
        const nodes = [
            { stack: "apm2", values: apmValuesOf("apm2", { tls, apm: '{"ingest":"direct"}', dashboardsCopies: "0" }) },
        ];
        const pulumi = async (args: string[]): Promise<RunResult> => {
            asked.push(args);
            return { code: 0, stdout: JSON.stringify(outputs), stderr: "" };
        };
        return { asked, nodes, pulumi };
    };

    it("is asked of all nodes, with the login that the owner has published, whichever stack was named", async () => {
        const shared = { opensearchMonitorPassword: "p" };
        const reached = deployment("internal", { caCertificate: "CA", sharedCredentials: shared });
        expect([...(await clusterApis(reached)).keys()]).toEqual(["apm-1", "apm-2", "apm-3"]);
        expect(reached.asked[0]!.at(-1)).toBe("apm1");
        const open = deployment("off", {});
        await clusterApis(open);
        expect(open.asked).toEqual([]);
        await expect(clusterApis(deployment("internal", {}))).rejects.toThrow('stack "apm1" has published no login');
    });

    it("is asked again with another login, when the one that was read is refused", async () => {
        const old = new Told({});
        const now = new Told({ "/_cluster/health": health(true) });
        const opened: ClusterApi[] = [old, now];
        const reader = new ApmStatusReader(
            { nodes: [], pulumi: async () => ({ code: 1, stdout: "", stderr: "" }) },
            async () => new Map([["apm-1", opened.shift()!]]),
        );
        // Without hosts there is nothing to judge; what matters is who was asked.
        await reader.read().catch(() => undefined);
        expect(opened).toEqual([]);
    });
});
