import { describe, expect, it } from "vitest";
import { CertificateEnds } from "../../ops/status/certificates";
import { judge } from "../../ops/status/judge";
import { EXIT_CODES, Status } from "../../ops/status/model";
import { readState } from "../../ops/status/state";
import { statusText } from "../../ops/status/text";
import { COLOURED, PLAIN } from "../../ops/terminal";
import { healthyNode, pairAfter } from "./support/pair";
import { STACKS, valuesOf } from "./support/stacks";

const said = (status: Status): string => statusText(status, PLAIN, 1_800_000_000);
const away = (text: string) => ({ error: text }) as never;

describe("otel-ha status: the verdict", () => {
    it("is healthy, and redundancy full, when everything works on both hosts", () => {
        const status = pairAfter();
        expect(status.findings).toEqual([]);
        expect(EXIT_CODES[status.verdict]).toBe(0);
        expect(status.redundancy).toEqual({ full: true, text: "full", waiting: {} });
        expect(said(status)).toMatch(/^healthy\n\nvirtual IP +192\.168\.110\.140 on mid-1\nredundancy +full\n/);
    });

    it("is degraded, and names it, when a host is away", () => {
        const status = pairAfter(({ node2 }) => (node2.facts = away("no answer within 5 s")));
        expect(EXIT_CODES[status.verdict]).toBe(1);
        expect(said(status)).toContain("! mid-2 cannot be reached: no answer within 5 s");
        expect(status.redundancy.full).toBe(false);
        expect(status.redundancy.text).toContain("none, mid-2 cannot be reached");
    });

    it("says how much waits for the host that is away, and since when", () => {
        const status = judge([
            healthyNode("node1", { "loki-peer": 12 }),
            { ...healthyNode("node2"), facts: away("gone") },
        ]);
        expect(status.redundancy.text).toBe(
            "none, mid-2 cannot be reached; 12 MiB queued for mid-2, the oldest 3 min old at most",
        );
    });

    it("is degraded until a host that is back has caught up", () => {
        const status = judge([healthyNode("node1", { "loki-peer": 12, "prometheus-peer": 30 }), healthyNode("node2")]);
        expect(status.verdict).toBe("degraded");
        expect(status.redundancy.text).toMatch(/^catching up; 42 MiB queued for mid-2, the oldest 6 h old at most$/);
    });

    it("does not take batches that fill for a backlog", () => {
        expect(
            judge([healthyNode("node1", { "prometheus-local": 1.5, "prometheus-peer": 0.6 }), healthyNode("node2")])
                .verdict,
        ).toBe("healthy");
        expect(judge([healthyNode("node1", { "prometheus-peer": 1.5 }), healthyNode("node2")]).redundancy.full).toBe(
            false,
        );
    });

    it.each([
        ["a container that has exited", { status: "exited" }, undefined, "loki-mid-2: exited"],
        ["a service that answers 503", {}, 503, "loki-mid-2: answers 503"],
        ["a service that Docker calls unhealthy", { health: "unhealthy" }, 200, "loki-mid-2: Docker: unhealthy"],
    ])("is degraded by %s", (_, change, answer, text) => {
        const status = pairAfter(({ node2 }) => {
            Object.assign(node2.facts.host.containers["loki-mid-2"]!, change);
            node2.facts.host.answers["loki-mid-2"] = { status: answer, lines: [] };
        });
        expect(status.verdict).toBe("degraded");
        expect(said(status)).toContain(`! ${text}`);
        expect(status.redundancy.text).toBe("reduced, without loki-mid-2");
    });

    it("is broken when no Loki is left, here or there", () => {
        const status = pairAfter(({ node1, node2 }) => {
            delete node1.facts.host.containers["loki-mid-1"];
            node2.facts = away("gone");
        });
        expect(EXIT_CODES[status.verdict]).toBe(2);
        expect(said(status)).toContain("! no Loki works on the hosts that can be asked");
    });

    it("is broken when two hosts hold the virtual IP, or none", () => {
        const both = pairAfter(({ node2 }) => (node2.facts.host.holdsVip = true));
        expect(both.verdict).toBe("broken");
        expect(said(both)).toContain("! mid-1 and mid-2 both hold the virtual IP 192.168.110.140");
        const none = pairAfter(({ node1 }) => (node1.facts.host.holdsVip = false));
        expect(none.verdict).toBe("broken");
        expect(said(none)).toContain("! nobody holds the virtual IP 192.168.110.140");
    });

    it("is broken when the virtual IP takes no data", () => {
        const status = pairAfter(({ node1, node2 }) => {
            for (const node of [node1, node2]) node.facts.host.answers.vip = { status: 503, lines: [] };
        });
        expect(status.verdict).toBe("broken");
    });

    it("is healthy with TLS when each host can connect to the virtual IP, and its owner's HAProxy says that it takes data", () => {
        const connected = pairAfter(({ node1, node2 }) => {
            for (const node of [node1, node2]) node.facts.host.answers.vip = { connected: true, lines: [] };
        });
        expect(connected.vip.answers).toBe(true);
        expect(connected.verdict).toBe("healthy");
        const empty = pairAfter(({ node1, node2 }) => {
            for (const node of [node1, node2]) node.facts.host.answers.vip = { connected: true, lines: [] };
            node1.facts.host.answers["haproxy-mid-1"] = { status: 503, lines: [] };
        });
        expect(said(empty)).toContain("! the virtual IP 192.168.110.140 takes no data: HAProxy on mid-1");
        const shut = pairAfter(({ node1, node2 }) => {
            for (const node of [node1, node2]) node.facts.host.answers.vip = { lines: [] };
        });
        expect(shut.verdict).toBe("broken");
    });

    it("is only degraded when SSH does not reach the owner, whose virtual IP answers", () => {
        const status = pairAfter(({ node1 }) => (node1.facts = away("Connection refused")));
        expect(status.verdict).toBe("degraded");
        expect(said(status)).toContain("mid-1, which cannot be asked, must hold it");
    });

    it("is unknown when no host can be reached", () => {
        const status = pairAfter(({ node1, node2 }) => (node1.facts = node2.facts = away("gone")));
        expect(EXIT_CODES[status.verdict]).toBe(3);
        expect(status.redundancy.full).toBeUndefined();
    });

    it("is unknown when Docker is silent, which knows the containers", () => {
        const status = pairAfter(({ node2 }) => {
            node2.facts.host.dockerVersion = undefined;
            node2.facts.host.containers = {};
        });
        expect(status.verdict).toBe("unknown");
        expect(said(status)).toContain("! keepalived-mid-2: Docker does not answer");
    });

    it("is degraded by clocks that differ by more than can be a mistake of measuring", () => {
        const offset = (ms: number, errorMs: number) =>
            pairAfter(({ node2 }) => Object.assign(node2.facts.host, { clockOffsetMs: ms, clockErrorMs: errorMs }));
        expect(offset(2000, 20).verdict).toBe("degraded");
        expect(offset(2000, 1900).verdict).toBe("healthy");
        expect(said(offset(2000, 20))).toContain("the clocks of mid-1 and mid-2 differ by 2 s");
    });

    it("notes a container that is not the deployed one, and says when that is not known", () => {
        const status = pairAfter(({ node1, node2 }) => {
            node1.facts.host.containers["haproxy-mid-1"]!.id = "another";
            node2.recorded = undefined;
        });
        expect(status.verdict).toBe("healthy");
        expect(said(status)).toContain("- haproxy-mid-1 is another container than the deployed one");
        expect(said(status).match(/drift unknown/g)).toHaveLength(healthyNode("node2").services.length);
    });

    it("is degraded by a Prometheus that took what it could not keep", () => {
        const status = pairAfter(({ node2 }) => {
            node2.facts.host.answers["log-writes"]!.lines = ["prometheus_tsdb_wal_writes_failed_total 26"];
        });
        expect(status.verdict).toBe("degraded");
        expect(said(status)).toContain("prometheus-mid-2 could not write to its log 26 times since it started");
    });

    it("is degraded by a Prometheus that has left out late samples", () => {
        const status = pairAfter(({ node2 }) => {
            node2.facts.host.answers["log-writes"]!.lines = [
                "prometheus_tsdb_wal_corruptions_total 1",
                "prometheus_tsdb_wal_writes_failed_total 0",
            ];
        });
        expect(status.verdict).toBe("degraded");
        expect(said(status)).toContain("prometheus-mid-2 had to mend its log when it started");
        expect(said(status)).not.toContain("could not write");
    });

    it("is degraded by disks with too little room", () => {
        const status = pairAfter(({ node2 }) => {
            const line = (mountpoint: string): string =>
                `system_filesystem_usage_bytes{mountpoint="${mountpoint}",state="free"} 4.194304e+08`;
            const lines = [line("/disk/prometheus"), line("/var/lib/otelcol/queue")];
            node2.facts.host.answers.disks = { status: 200, lines };
        });
        expect(status.verdict).toBe("degraded");
        expect(said(status)).toContain("prometheus-mid-2 gets no data");
        expect(said(status)).toContain(
            "the queues of otel-aggregator-mid-2 get no data; it goes to the other node's: there are only 400 MiB left",
        );
    });

    it("warns of a queue that is nearly full", () => {
        const status = judge([healthyNode("node1", { "loki-peer": 3000 }), healthyNode("node2")]);
        expect(said(status)).toContain("the queue of otlphttp/loki-peer (logs) on mid-1 holds 2.9 GiB of 3.3 GiB");
    });
});

describe("otel-ha status: the screen", () => {
    it("shows when the last block was uploaded, and nothing where there was none", () => {
        const status = pairAfter(({ node1 }) => {
            node1.facts.host.answers.uploads!.lines = [
                'thanos_objstore_bucket_last_successful_upload_time{bucket="thanos"} 1.7999964e+09',
            ];
        });
        expect(said(status).match(/last block uploaded 60 min ago/g)).toHaveLength(1);
        expect(said(pairAfter())).not.toContain("last block");
    });

    it("has colours only where they are asked for", () => {
        expect(said(pairAfter())).not.toContain("\u001b");
        expect(statusText(pairAfter(), COLOURED, 0)).toContain("\u001b[32m");
    });
});

describe("what pulumi stack export says", () => {
    it("gives the containers, and leaves secrets alone", () => {
        const resource = (labels: unknown) => ({
            type: "docker:index/container:Container",
            id: "abc",
            outputs: { name: "loki-mid-1", image: "sha256:1", labels },
        });
        const text = (labels: unknown) =>
            JSON.stringify({ deployment: { resources: [{ type: "x" }, resource(labels)] } });
        expect(readState(text([{ label: "otel-ha.config", value: "77" }]))).toEqual({
            "loki-mid-1": { id: "abc", imageId: "sha256:1", config: "77" },
        });
        expect(readState(text({ ciphertext: "v1:…" }))["loki-mid-1"]!.config).toBeUndefined();
        expect(readState('{"deployment":{}}')).toEqual({});
    });
});

describe("otel-ha status, of certificates", () => {
    const NOW = Date.parse("2026-06-01T00:00:00Z");
    const LONG = "2030-01-01T00:00:00.000Z";
    const pair = (ends: CertificateEnds, changes: Record<string, string> = { tls: "internal" }): Status =>
        judge(
            STACKS.map((stack) => {
                const node = healthyNode(stack);
                node.values = valuesOf(stack, changes);
                node.facts.host.certificates = { clients: LONG, peer: LONG, objectStore: LONG, ca: LONG, ...ends };
                return node;
            }),
            NOW,
        );

    it("is healthy while all last, and says when they end", () => {
        const status = pair({});
        expect(EXIT_CODES[status.verdict]).toBe(0);
        expect(status.nodes[0]!.certificates).toMatchObject({ clients: LONG });
    });

    it("is degraded when one ends within certificateRenewBefore, and says what to do", () => {
        const status = pair({ peer: "2026-06-30T00:00:00.000Z" });
        expect(EXIT_CODES[status.verdict]).toBe(1);
        expect(said(status)).toContain(
            "! the certificate that the other node sees on mid-1 ends in 29 days, on 2026-06-30 00:00 UTC: run otel-ha up",
        );
        expect(pair({ peer: "2026-07-02T00:00:00.000Z" }).verdict).toBe("healthy");
    });

    it("is broken when one has ended", () => {
        const status = pair({ clients: "2026-05-31T00:00:00.000Z" });
        expect(EXIT_CODES[status.verdict]).toBe(2);
        expect(said(status)).toContain("! the certificate that clients see on mid-2 has ended on 2026-05-31");
    });

    it("is degraded when one is not there, and does not ask for one where there is no TLS", () => {
        expect(said(pair({ objectStore: undefined }))).toContain(
            "! the certificate of the object store on mid-1 is not there, or cannot be read; run otel-ha up",
        );
        expect(pair({ objectStore: undefined }, { tls: "off" }).verdict).toBe("healthy");
    });

    it("speaks of the CA a year ahead, and is degraded when it is nearly over", () => {
        const ahead = pair({ ca: "2027-05-01T00:00:00.000Z" });
        expect(ahead.verdict).toBe("healthy");
        expect(said(ahead)).toMatch(/- the CA on mid-1 ends in 334 days, .*: every certificate ends with it/);
        expect(pair({ ca: "2026-06-15T00:00:00.000Z" }).verdict).toBe("degraded");
    });
});
