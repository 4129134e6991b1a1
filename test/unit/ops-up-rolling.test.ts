import { describe, expect, it, vi } from "vitest";
import { Deployment } from "../../ops/deployment";
import { NodePlan } from "../../ops/preview/plan";
import { Status } from "../../ops/status/model";
import { StatusReader } from "../../ops/status/reader";
import { PLAIN } from "../../ops/terminal";
import { outcomeText } from "../../ops/up/outcome";
import { Rolling, RollingOptions } from "../../ops/up/rolling";
import { healthyNode, pairAfter } from "./support/pair";
import { planOf, reload, restart, step } from "./support/plans";
import { valuesOf } from "./support/stacks";

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
    /** Runs it on a clock that goes on by itself: it waits for seconds. */
    async function quickly(run: Rolling): ReturnType<Rolling["run"]> {
        vi.useFakeTimers({ toFake: ["setTimeout", "Date"] });
        try {
            let over = false;
            const result = run.run().finally(() => (over = true));
            while (!over) await vi.advanceTimersByTimeAsync(100);
            return await result;
        } finally {
            vi.useRealTimers();
        }
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
        expect((await quickly(run)).exitCode).toBe(0);
        expect(done()).toEqual(["up node1"]);
        expect(said.filter((line) => /mid-2 {2}waiting: mid-2 has not caught up/.test(line))).toHaveLength(1);
    });

    it("makes the owner hand the virtual IP over before its HAProxy starts anew, and lets it back even when the update fails", async () => {
        const { run, done } = rolling([planOf("node1", restart("mid-1", "haproxy"))], { fails: "node1" });
        await run.run();
        expect(done()).toEqual(["mid-1: drains", "up node1", "mid-1: takes part again"]);
        // The other one takes nothing from somebody who is there (vrrpNopreempt).
        const stubborn = rolling([planOf("node1", restart("mid-1", "haproxy"))], { preempts: false });
        await quickly(stubborn.run);
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
