import { describe, expect, it } from "vitest";
import { urnMatcher } from "../../lab/engine/urn";
import { Deployment } from "../../ops/deployment";
import { consequences as allConsequences, Situation } from "../../ops/preview/consequences";
import { isEmpty, NodePlan, previewErrors, readPlan } from "../../ops/preview/plan";
import { Status } from "../../ops/status/model";
import { StatusReader } from "../../ops/status/reader";
import { PLAIN } from "../../ops/terminal";
import { notWhole, updateOrder } from "../../ops/up/checks";
import { outcomeText } from "../../ops/up/outcome";
import { cannotRebuild, forget } from "../../ops/up/rebuild";
import { Rolling, RollingOptions } from "../../ops/up/rolling";
import { summaryText } from "../../ops/up/summary";
import { healthyNode, pairAfter } from "./support/pair";
import { valuesOf } from "./support/stacks";

const SERVICES = ["haproxy", "keepalived", "loki", "minio", "otel-aggregator", "prometheus", "thanos-sidecar"];
const IN_NODE = "otel-ha:index:Node$otel-ha:index:";

/** One step of a preview, with the names that the program gives. */
function step(node: string, op: string, type: string, name: string, create = "") {
    const urn = `urn:pulumi:stack::otel-ha::${type}::${node}-${name}`;
    return { op, urn, newState: { inputs: { create } }, diffReasons: ["stdin"] };
}
const reload = (node: string) =>
    step(
        node,
        "update",
        `${IN_NODE}Haproxy$otel-ha:index:RemoteFile$command:remote:Command`,
        "haproxy-haproxy.cfg",
        "put-file --reload x y",
    );
const restart = (node: string, service: string, op = "replace") =>
    step(node, op, `${IN_NODE}Any$docker:index/container:Container`, service);

function planOf(stack: "node1" | "node2", ...steps: object[]): NodePlan {
    const preview = { steps, changeSummary: { same: 40, update: steps.length } };
    return readPlan(JSON.stringify(preview), { stack, name: `mid-${stack.slice(-1)}`, services: SERVICES });
}
const consequences = (plans: NodePlan[], where: Situation): string[] =>
    allConsequences(plans, where).map(({ text }) => text);
const situation: Situation = {
    owners: ["mid-1"],
    values: { "mid-1": valuesOf("node1"), "mid-2": valuesOf("node2") },
};

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
        await forget({ pulumi } as unknown as Deployment, { stack: "node1" });
        const target = asked[0]![asked[0]!.indexOf("--target") + 1];
        const matches = urnMatcher([target!]);
        const urn = (type: string) => `urn:pulumi:node1::otel-ha::${type}::x`;
        expect(matches(urn(`${IN_NODE}Host$command:remote:Command`))).toBe(true);
        expect(matches(urn("otel-ha:index:CertificateAuthority$tls:index/privateKey:PrivateKey"))).toBe(false);
        expect(matches(urn("otel-ha:index:Credentials$random:index/randomPassword:RandomPassword"))).toBe(false);
        expect(asked[0]).toContain("--refresh");
    });
});

describe("a rolling change", () => {
    /** Hosts that remember what was done to them; `look` is asked for each status. */
    function rolling(
        plans: NodePlan[],
        {
            fails = "",
            look = () => pairAfter(),
            preempts = true,
            ...options
        }: Partial<RollingOptions> & { fails?: string; look?: () => Status; preempts?: boolean } = {},
    ) {
        const log: string[] = [];
        let vipAt = "mid-1";
        const node = (stack: "node1" | "node2") => {
            const values = valuesOf(stack);
            const exec = async (line: string) => {
                const does = (what: string, owner: string): void =>
                    void (log.push(`${values.nodeName}: ${what}`), (vipAt = owner));
                if (line.startsWith("{ docker start keepalived")) does("takes part again", "mid-1");
                else if (line.startsWith("docker stop keepalived")) does("keepalived stops", "mid-2");
                else if (line.includes("echo -99 >/run/otel-ha.drain")) does("drains", preempts ? "mid-2" : vipAt);
                return {
                    code: line.includes("grep -qF") && vipAt !== values.nodeName ? 1 : 0,
                    stdout: "4711\n",
                    stderr: "",
                };
            };
            return {
                stack,
                name: values.nodeName,
                address: "",
                values,
                exec,
                container: (service: string) => `${service}-${values.nodeName}`,
            };
        };
        const pulumi = async (args: string[]) => {
            const stack = args.at(-1)!;
            log.push(`up ${stack}`);
            return { code: stack === fails ? 255 : 0, stdout: "Diagnostics:\n  x: no luck\nResources:\n", stderr: "" };
        };
        const deployment = { nodes: [node("node1"), node("node2")], pulumi } as unknown as Deployment;
        const reader = { read: async () => (log.push("look"), look()) } as unknown as StatusReader;
        const all = { waitMs: 0, force: false, parallel: false, all: plans, ...options };
        const said: string[] = [];
        const run = new Rolling(deployment, reader, plans, all, (line) => said.push(line));
        return { run, said, done: () => log.filter((line) => line !== "look"), log };
    }
    const both = [planOf("node2", reload("mid-2")), planOf("node1", reload("mid-1"))];

    it("updates one after the other, and looks before and after each", async () => {
        const { run, log } = rolling(both);
        const result = await run.run();
        expect(result).toMatchObject({
            exitCode: 0,
            nodes: [
                { name: "mid-2", state: "done" },
                { name: "mid-1", state: "done" },
            ],
        });
        expect(log).toEqual(["look", "look", "up node2", "look", "look", "look", "up node1", "look"]);
    });

    it.each([
        ["a CA", "tls:index/selfSignedCert:SelfSignedCert", "create", ["up node1", "up node2"]],
        ["another secret", "random:index/randomPassword:RandomPassword", "create", ["up node1", "up node2"]],
        [
            "a secret that the other one already has",
            "random:index/randomPassword:RandomPassword",
            "replace",
            ["up node2", "up node1"],
        ],
        [
            "a certificate of its own",
            "tls:index/locallySignedCert:LocallySignedCert",
            "create",
            ["up node2", "up node1"],
        ],
    ])("begins with the host whose stack makes what the other one waits for: %s", async (_, type, op, order) => {
        const made = planOf("node1", reload("mid-1"), step("mid-1", op, `a$${type}`, "x"));
        const { run, done } = rolling([both[0]!, made]);
        expect(await run.run()).toMatchObject({ exitCode: 0 });
        expect(done().filter((line) => line.startsWith("up "))).toEqual(order);
    });

    it("stops at the first failure, and says who has what", async () => {
        const { run, done } = rolling(both, { fails: "node2" });
        const result = await run.run();
        expect(done()).toEqual(["up node2"]);
        expect(result.exitCode).toBe(1);
        const text = outcomeText(result, PLAIN);
        expect(text).toContain("stopped: pulumi up --stack node2 failed:\nx: no luck");
        expect(text).toContain("mid-2 (stack node2): its update failed");
        expect(text).toContain("mid-1 (stack node1): untouched, has the old configuration");
        expect(text).toContain("otel-ha up --node node2");
    });

    it("touches nothing while the other host is not whole", async () => {
        const look = () => pairAfter(({ node1 }) => (node1.facts.host.answers["loki-mid-1"] = { lines: [] }));
        const { run, done } = rolling(both, { look });
        const result = await run.run();
        expect(done()).toEqual([]);
        expect(result).toMatchObject({ exitCode: 2, problem: expect.stringContaining("loki-mid-1: does not answer") });
        expect(outcomeText(result, PLAIN)).toContain("Nothing was changed");
        const forced = rolling(both, { look, force: true });
        await forced.run.run();
        expect(forced.done()).toEqual(["up node2", "up node1"]);
    });

    it("does not go on to the second host while the first is not well after its update", async () => {
        const broken = () =>
            pairAfter(({ node2 }) => (node2.facts.host.containers["haproxy-mid-2"]!.status = "restarting"));
        const { run, done } = rolling(both, { look: broken });
        const result = await run.run();
        expect(done()).toEqual(["up node2"]);
        expect(result).toMatchObject({ exitCode: 2, nodes: [{ state: "unwell" }, { state: "untouched" }] });
    });

    it("does not miss services that come with the change, until they should be there", async () => {
        const brings = (stack: "node1" | "node2") => planOf(stack, restart(`mid-${stack.slice(-1)}`, "loki", "create"));
        const look = () => pairAfter(({ node1 }) => delete node1.facts.host.containers["loki-mid-1"]);
        const { run, done } = rolling([brings("node2"), brings("node1")], { look });
        expect(await run.run()).toMatchObject({
            exitCode: 2,
            problem: expect.stringContaining("mid-1 is not whole after"),
        });
        expect(done()).toEqual(["up node2", "up node1"]);
    });

    it("does not wait for a store whose halves are not alike yet, nor for what needs it", async () => {
        const change = (stack: "node1" | "node2") => {
            const drives = (scheme: string) => ({ inputs: { command: ["server", `${scheme}://10.0.0.1:9000/data1`] } });
            const container = restart(`mid-${stack.slice(-1)}`, "minio");
            return planOf(stack, { ...container, oldState: drives("http"), newState: drives("https") });
        };
        let done: string[] = [];
        const look = () =>
            pairAfter(({ node2 }) => {
                if (done.length !== 1) return;
                node2.facts.host.answers["minio-mid-2"] = { status: 503, lines: [] };
                node2.facts.host.answers["loki-mid-2"] = { lines: [] };
            });
        const run = rolling([change("node2"), change("node1")], {
            look: () => {
                done = run.done();
                return look();
            },
        });
        expect(await run.run.run()).toMatchObject({ exitCode: 0 });
        expect(run.done()).toEqual(["up node2", "up node1"]);
    });

    it("waits for a host that is catching up", async () => {
        let looks = 0;
        const look = () =>
            pairAfter((nodes) => (nodes.node1 = healthyNode("node1", { "loki-peer": looks++ < 3 ? 12 : 0 })));
        const { run, said, done } = rolling([both[1]!], { look, waitMs: 60_000 });
        expect((await run.run()).exitCode).toBe(0);
        expect(done()).toEqual(["up node1"]);
        expect(said.filter((line) => /mid-2 {2}waiting: mid-2 has not caught up/.test(line))).toHaveLength(1);
    });

    it("makes the owner hand the virtual IP over before its HAProxy starts anew, and lets it back even when the update fails", async () => {
        const { run, done } = rolling([planOf("node1", restart("mid-1", "haproxy"))], { fails: "node1" });
        await run.run();
        expect(done()).toEqual(["mid-1: drains", "up node1", "mid-1: takes part again"]);
        // The other one takes nothing from somebody who is there (vrrpNopreempt).
        const stubborn = rolling([planOf("node1", restart("mid-1", "haproxy"))], { preempts: false });
        await stubborn.run.run();
        expect(stubborn.done()).toEqual([
            "mid-1: drains",
            "mid-1: keepalived stops",
            "up node1",
            "mid-1: takes part again",
        ]);
    });

    it("installs both at the same time, and leaves those alone that have nothing to change", async () => {
        const first = (plan: NodePlan) => ({ ...plan, first: true });
        const { run, done } = rolling(both.map(first), { parallel: true });
        expect((await run.run()).exitCode).toBe(0);
        expect(done()).toEqual(["up node2", "up node1"]);
        const one = rolling([planOf("node2"), both[1]!]);
        expect((await one.run.run()).nodes).toMatchObject([{ state: "unchanged" }, { state: "done" }]);
        expect(one.done()).toEqual(["up node1"]);
    });

    it("stops before the next step when it is interrupted", async () => {
        const { run, done } = rolling(both);
        run.interrupted = true;
        expect(await run.run()).toMatchObject({ exitCode: 1, problem: "interrupted" });
        expect(done()).toEqual([]);
    });
});
