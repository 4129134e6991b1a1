import { describe, expect, it } from "vitest";
import { urnMatcher } from "../../lab/engine/urn";
import { Deployment } from "../../ops/deployment";
import { isEmpty, previewErrors, readPlan } from "../../ops/preview/plan";
import { PLAIN } from "../../ops/terminal";
import { notWhole, updateOrder } from "../../ops/up/checks";
import { cannotRebuild, forget } from "../../ops/up/rebuild";
import { summaryText } from "../../ops/up/summary";
import { healthyNode, pairAfter } from "./support/pair";
import { consequences, IN_NODE, planOf, reload, restart, SERVICES, situation, step } from "./support/plans";
import { valuesOf } from "./support/stacks";

describe("an object store", () => {
    const store = (inputs: object, before: object) => ({
        ...restart("mid-2", "minio"),
        ...{ oldState: { inputs: before }, newState: { inputs } },
    });
    const is = { image: "a", command: ["server", "http://10.0.0.1:9000/data1"], envs: ["MINIO_X=1", "GOMEMLIMIT=1"] };

    it.each([
        ["TLS", { command: ["server", "https://10.0.0.1:9000/data1"] }],
        ["an image", { image: "b" }],
        ["a setting of MinIO's", { envs: ["GOMEMLIMIT=1"] }],
    ])("that gets %s works only with one that has it, too: that is said", (_what, change) => {
        const plan = planOf("node2", store({ ...is, ...change }, is));
        expect(plan.storeApart).toBe(true);
        expect(consequences([plan], situation)).toEqual([
            expect.stringContaining("no writes from the update of mid-2 until mid-1 has it, too"),
        ]);
    });

    it("that is made anew for anything else is whole again at once", () => {
        expect(planOf("node2", store({ ...is, envs: ["MINIO_X=1", "GOMEMLIMIT=2"] }, is)).storeApart).toBe(false);
        expect(planOf("node2", restart("mid-2", "minio", "create")).storeApart).toBe(false);
    });
});

describe("a preview", () => {
    it("becomes what happens to services", () => {
        const plan = planOf(
            "node1",
            step("mid-1", "update", "otel-ha:index:Node", "x"),
            reload("mid-1"),
            step(
                "mid-1",
                "update",
                `${IN_NODE}Loki$otel-ha:index:RemoteFile$command:remote:Command`,
                "loki-config.yaml",
                "put-file p",
            ),
            restart("mid-1", "loki"),
            step("mid-1", "update", `${IN_NODE}Loki$command:remote:Command`, "loki-ready"),
            step("mid-1", "update", `${IN_NODE}Host$command:remote:Command`, "host-setup"),
            step(
                "mid-1",
                "update",
                `${IN_NODE}Host$otel-ha:index:Firewall$command:remote:Command`,
                "host-firewall-rules",
            ),
            step(
                "mid-1",
                "update",
                `${IN_NODE}Host$otel-ha:index:Firewall$command:remote:Command`,
                "host-firewall-confirmed",
            ),
            step("mid-1", "same", `${IN_NODE}Any$docker:index/container:Container`, "minio"),
        );
        expect(plan.changes).toEqual([
            { op: "update", service: "haproxy", what: "haproxy.cfg", effect: "reloads" },
            { op: "update", service: "loki", what: "config.yaml", effect: "none" },
            { op: "replace", service: "loki", what: "container", effect: "restarts" },
            { op: "update", what: "host prepared", effect: "none" },
            { op: "update", what: "firewall", effect: "none" },
        ]);
        expect(plan).toMatchObject({ first: false, newSecrets: false });
    });

    it("knows a first installation, and one without changes", () => {
        const preview = (changeSummary: object) =>
            readPlan(JSON.stringify({ changeSummary }), { stack: "node1", name: "mid-1", services: [] });
        expect(preview({ create: 55 }).first).toBe(true);
        expect(preview({ create: 1, same: 54 }).first).toBe(false);
        expect(isEmpty(preview({ same: 55, read: 1 }))).toBe(true);
        expect(isEmpty(preview({ same: 54, delete: 1 }))).toBe(false);
    });

    it("knows a host that is set up again beside secrets that stayed: it takes nothing away", () => {
        const all = SERVICES.map((service) => restart("mid-1", service, "create"));
        expect(planOf("node1", ...all).first).toBe(true);
        expect(planOf("node1", ...all.slice(1)).first).toBe(false);
        expect(planOf("node1", ...SERVICES.map((service) => restart("mid-1", service))).first).toBe(false);
    });

    it("tells of new secrets, which the other stack has to get", () => {
        expect(
            planOf("node1", step("x", "replace", "a$random:index/randomPassword:RandomPassword", "p")).newSecrets,
        ).toBe(true);
        const file = `${IN_NODE}ObjectStore$otel-ha:index:RemoteFile$command:remote:Command`;
        const update = step("mid-1", "update", file, "minio-root.env");
        expect(planOf("node1", update).newSecrets).toBe(true);
        expect(planOf("node1", { ...update, op: "create" }).newSecrets).toBe(false);
        // The same text, checked in another way.
        expect(planOf("node1", { ...update, diffReasons: ["create"] })).toMatchObject({
            newSecrets: false,
            changes: [],
        });
    });

    it("that fails gives its errors", () => {
        const diagnostics = [
            { severity: "error", message: "vip: is missing\n" },
            { severity: "info", message: "…" },
        ];
        expect(previewErrors(JSON.stringify({ diagnostics }))).toEqual(["vip: is missing"]);
        expect(previewErrors("not JSON")).toEqual([]);
    });
});

describe("the summary", () => {
    it("lists hosts in their order, and says when no service starts anew", () => {
        expect(
            summaryText([planOf("node2", reload("mid-2")), planOf("node1", reload("mid-1"))], situation, false, PLAIN),
        ).toBe(
            [
                "mid-2 (stack node2), first:",
                "  ~  haproxy  haproxy.cfg  haproxy reads it again",
                "  resources: 1 to update",
                "mid-1 (stack node1), then:",
                "  ~  haproxy  haproxy.cfg  haproxy reads it again",
                "  resources: 1 to update",
                "",
                "No service starts anew.",
            ].join("\n"),
        );
    });

    it("says what moves the virtual IP: HAProxy or Keepalived of its owner, and nobody else", () => {
        const moves = consequences([planOf("node1", restart("mid-1", "haproxy"))], situation);
        expect(moves).toEqual(["the virtual IP moves to mid-2 while haproxy of mid-1 starts anew, and comes back"]);
        expect(consequences([planOf("node2", restart("mid-2", "haproxy"))], situation)).toEqual([]);
        expect(consequences([planOf("node1", restart("mid-1", "otel-aggregator"))], situation)[0]).toContain(
            "data goes through the collector of mid-2",
        );
    });

    it("says what pauses the object store", () => {
        const lines = consequences([planOf("node2", restart("mid-2", "minio"))], situation);
        expect(lines).toEqual([expect.stringContaining("the object store takes no writes while minio of mid-2")]);
        const values = { ...situation.values, "mid-2": valuesOf("node2", { objectStore: "mirrored" }) };
        expect(consequences([planOf("node2", restart("mid-2", "minio"))], { ...situation, values })).toEqual([
            "Loki and Thanos of mid-2 keep what they have while its minio starts anew",
        ]);
    });
});

describe("the order", () => {
    it("leaves the owner of the virtual IP to the end, whoever that is", () => {
        expect(updateOrder(pairAfter())).toEqual(["mid-2", "mid-1"]);
        const moved = pairAfter(({ node1, node2 }) => {
            node1.facts.host.holdsVip = false;
            node2.facts.host.holdsVip = true;
        });
        expect(updateOrder(moved)).toEqual(["mid-1", "mid-2"]);
    });

    it("puts the MASTER last when nobody has the address", () => {
        expect(updateOrder(pairAfter(({ node1 }) => (node1.facts.host.holdsVip = false)))).toEqual(["mid-2", "mid-1"]);
    });
});

describe("a node is whole", () => {
    it("when its services work and nothing waits for it", () => {
        expect(notWhole(pairAfter(), "mid-2")).toEqual([]);
        const failing = pairAfter(
            ({ node2 }) => (node2.facts.host.answers["minio-mid-2"] = { status: 503, lines: [] }),
        );
        expect(notWhole(failing, "mid-2")).toEqual(["minio-mid-2: answers 503"]);
        expect(notWhole(failing, "mid-2", ["minio"])).toEqual([]);
        expect(notWhole(failing, "mid-1")).toEqual([]);
    });

    it("not while the other one keeps data for it", () => {
        const status = pairAfter((nodes) => (nodes.node1 = healthyNode("node1", { "loki-peer": 12 })));
        expect(notWhole(status, "mid-2")).toEqual([
            expect.stringContaining("mid-2 has not caught up: catching up; 12 MiB"),
        ]);
        expect(notWhole(status, "mid-1")).toEqual([]);
    });
});

describe("a rebuild", () => {
    const wiped = () => pairAfter(({ node2 }) => (node2.facts.host.containers = {}));

    it("is for a host that was wiped, not for the one that serves, nor while nobody else does", () => {
        expect(cannotRebuild(wiped(), "mid-2")).toBeUndefined();
        expect(cannotRebuild(wiped(), "mid-1")).toMatch(/^mid-1 holds the virtual IP/);
        // Whose containers were all removed has nobody left who would take the address off.
        const removed = pairAfter(({ node1 }) => (node1.facts.host.containers = {}));
        expect(removed.vip.owners).toEqual(["mid-1"]);
        expect(cannotRebuild(removed, "mid-1")).toBeUndefined();
        const away = pairAfter((nodes) => (nodes.node1.facts = { error: "no route" } as never));
        expect(cannotRebuild(away, "mid-2")).toBe("mid-1 cannot stand in for it: no route");
        expect(cannotRebuild(away, "mid-1")).toBe("mid-1 cannot be reached: no route");
    });

    it("leaves the secrets of the stack alone", async () => {
        const asked: string[][] = [];
        const pulumi = async (args: string[]) => (asked.push(args), { code: 0, stdout: "", stderr: "" });
        await forget({ pulumi } as unknown as Deployment, { stack: "node1", values: valuesOf("node1") });
        const target = asked[0]![asked[0]!.indexOf("--target") + 1];
        const matches = urnMatcher([target!]);
        const urn = (type: string) => `urn:pulumi:node1::otel-ha::${type}::x`;
        expect(matches(urn(`${IN_NODE}Host$command:remote:Command`))).toBe(true);
        expect(matches(urn("otel-ha:index:CertificateAuthority$tls:index/privateKey:PrivateKey"))).toBe(false);
        expect(matches(urn("otel-ha:index:Credentials$random:index/randomPassword:RandomPassword"))).toBe(false);
        expect(asked[0]).toContain("--refresh");
    });
});
