// Changes of Container APM: whose turn it is, what the cluster can spare, and what is left behind.
import { describe, expect, it, vi } from "vitest";
import { ApmDeployment } from "../../ops/deployment";
import { apartLines, withoutQuorum } from "../../ops/preview/apm";
import { consequences } from "../../ops/preview/consequences";
import { NodePlan, readPlan } from "../../ops/preview/plan";
import { risks } from "../../ops/preview/risks";
import { ApmStatus } from "../../ops/status/apm/judge";
import { ApmStatusReader } from "../../ops/status/reader";
import { PLAIN } from "../../ops/terminal";
import { apmOrder, cannotRebuildApm, clusterLacks } from "../../ops/up/apm-checks";
import { forget } from "../../ops/up/rebuild";
import { Rolling, RollingOptions } from "../../ops/up/rolling";
import { summaryText } from "../../ops/up/summary";
import { leftBehind, orderOf, refuseTogether, situationOf } from "../../ops/up/systems";
import { apmAfter, leave, withoutManager } from "./support/apm-cluster";
import { step } from "./support/plans";
import { APM_STACKS, ApmStackName, apmValuesOf } from "./support/stacks";

const IN_NODE = "otel-ha:index:ApmNode$otel-ha:index:";
const SERVICES = ["opensearch", "data-prepper", "otel-node-collector", "otel-cluster-collector"];
const nameOf = (stack: string): string => `apm-${stack.slice(-1)}`;
const container = (stack: ApmStackName, service: string, op = "replace") =>
    step(nameOf(stack), op, `${IN_NODE}Any$docker:index/container:Container`, service);
const file = (stack: ApmStackName, name: string, create = "put-file --reload x y") =>
    step(nameOf(stack), "update", `${IN_NODE}Any$otel-ha:index:RemoteFile$command:remote:Command`, name, create);

function planOf(stack: ApmStackName, ...steps: object[]): NodePlan {
    const preview = { steps, changeSummary: { same: 40, update: steps.length } };
    return readPlan(JSON.stringify(preview), { stack, name: nameOf(stack), services: SERVICES });
}
const restarts = APM_STACKS.map((stack) => planOf(stack, container(stack, "opensearch")));
const reloads = APM_STACKS.map((stack) => planOf(stack, file(stack, "opensearch-desired.txt")));
const values = Object.fromEntries(APM_STACKS.map((stack) => [nameOf(stack), apmValuesOf(stack)]));

/** Hosts that note what is done to them; `look` is asked for each status, and told what was done so far. */
function rolling(
    plans: NodePlan[],
    {
        fails = "",
        look = () => apmAfter(),
        ...options
    }: Partial<RollingOptions> & { fails?: string; look?: (done: string[]) => ApmStatus } = {},
) {
    const log: string[] = [];
    const said: string[] = [];
    const setup = "/usr/local/lib/otel-ha/setup-opensearch --container x --admin /a";
    const state = (stack: string): string =>
        JSON.stringify({
            deployment: {
                resources: [
                    {
                        urn: `urn:pulumi:${stack}::otel-ha::command:remote:Command::${nameOf(stack)}-opensearch-ready`,
                        type: "command:remote:Command",
                        inputs: { create: setup },
                    },
                ],
            },
        });
    const nodes = APM_STACKS.map((stack) => ({
        ...{ stack, name: nameOf(stack), address: "", values: values[nameOf(stack)]! },
        exec: async (line: string) => {
            log.push(`${nameOf(stack)}: ${line.replace(`${setup} `, "setup ")}`);
            return { code: 0, stdout: "changed: something\n", stderr: "" };
        },
        container: (service: string) => `${service}-${nameOf(stack)}`,
    }));
    const pulumi = async (args: string[]) => {
        const stack = args.at(-1)!;
        if (args.includes("export")) return { code: 0, stdout: state(stack), stderr: "" };
        log.push(`up ${stack}`);
        return { code: stack === fails ? 255 : 0, stdout: "Diagnostics:\n  no luck\nResources:\n", stderr: "" };
    };
    const deployment = { system: "apm", nodes, pulumi } as unknown as ApmDeployment;
    const reader = { read: async () => look(log) } as unknown as ApmStatusReader;
    const all = { waitMs: 0, force: false, parallel: false, all: plans, ...options };
    const run = new Rolling(deployment, reader, plans, all, (line) => said.push(line));
    return { run, said, log };
}

async function quickly(run: Rolling): ReturnType<Rolling["run"]> {
    vi.useFakeTimers({ toFake: ["setTimeout", "Date"] });
    try {
        let over = false;
        const result = run.run().finally(() => (over = true));
        while (!over) await vi.advanceTimersByTimeAsync(500);
        return await result;
    } finally {
        vi.useRealTimers();
    }
}

describe("a rolling change of Container APM", () => {
    it("takes one node at a time, the elected manager last", async () => {
        const { run, log } = rolling(restarts);
        expect(await run.run()).toMatchObject({ exitCode: 0 });
        expect(log).toEqual(["up apm1", "up apm3", "up apm2"]);
    });

    it("asks anew who is the manager: with one that goes another one is elected", async () => {
        const look = (done: string[]): ApmStatus =>
            apmAfter((_, { view }) => (view.manager = done.includes("up apm1") ? "apm-3" : "apm-1"));
        const made = planOf(
            "apm1",
            container("apm1", "opensearch"),
            step("apm-1", "create", "a$random:index/randomPassword:RandomPassword", "credentials-x"),
        );
        const { run, log } = rolling([made, restarts[1]!, restarts[2]!], { look });
        await run.run();
        // The first one makes what the others wait for.
        expect(log).toEqual(["up apm1", "up apm2", "up apm3"]);
    });

    it.each([
        [
            "is yellow",
            (cluster: Parameters<typeof leave>[0]) =>
                void Object.assign(cluster.view.health, { status: "yellow", unassigned: 2 }),
            "the cluster is yellow: 2 copies are on no node",
        ],
        [
            "goes without another node already",
            (cluster: Parameters<typeof leave>[0]) => leave(cluster, "apm-3"),
            "apm-3 is not part of the cluster",
        ],
        [
            "does not make copies again, since another node is restarted",
            (cluster: Parameters<typeof leave>[0]) => void (cluster.view.allocation = "primaries"),
            "copies are not made again",
        ],
    ])("does not stop OpenSearch while the cluster %s", async (_, change, text) => {
        const look = () => apmAfter((_nodes, cluster) => change(cluster));
        const { run, log } = rolling([restarts[0]!], { look });
        const result = await run.run();
        expect(log).toEqual([]);
        expect(result).toMatchObject({ exitCode: 2, problem: expect.stringContaining(text) });
        expect(result.problem).toContain("the cluster is not whole before apm-1 is touched");
        expect(result.problem).toContain("--force does not look; the host itself refuses");
        const forced = rolling([restarts[0]!], { look, force: true });
        expect((await forced.run.run()).exitCode).toBe(0);
        expect(forced.log).toEqual(["up apm1"]);
    });

    it("does not stop OpenSearch when nobody says how the cluster is", async () => {
        const look = () =>
            apmAfter((_, cluster) => {
                for (const member of cluster.members) member.error = "timeout";
                withoutManager(cluster);
            });
        const { run, log } = rolling([restarts[0]!], { look });
        expect((await run.run()).problem).toContain(
            "no node says how the cluster is, or knows its manager (apm-1: timeout",
        );
        expect(log).toEqual([]);
    });

    it("touches the node that is away first: nobody misses it", async () => {
        const look = (done: string[]): ApmStatus =>
            apmAfter((_, cluster) => {
                if (!done.includes("up apm2")) leave(cluster, "apm-2");
            });
        const { run, log } = rolling(restarts, { look });
        expect((await run.run()).exitCode).toBe(0);
        expect(log).toEqual(["up apm2", "up apm1", "up apm3"]);
    });

    it("does not wait for green with what stops no OpenSearch, but for hosts and services of the others", async () => {
        const look = () =>
            apmAfter((_, { view }) => void Object.assign(view.health, { status: "yellow", unassigned: 2 }));
        const { run, log } = rolling(reloads, { look });
        expect((await run.run()).exitCode).toBe(0);
        expect(log).toHaveLength(3);
        const away = () => apmAfter(({ apm3 }) => (apm3.facts = { error: "no route" } as never));
        const refused = rolling([reloads[0]!], { look: away });
        expect((await refused.run.run()).problem).toContain("apm-3 cannot be reached: no route");
        expect(refused.log).toEqual([]);
    });

    it("does not go on to the next node until all copies are back", async () => {
        const look = (done: string[]): ApmStatus =>
            apmAfter((_, { view }) => {
                if (done.length > 0) Object.assign(view.health, { status: "yellow", unassigned: 0, initializing: 3 });
            });
        const { run, log } = rolling(restarts, { look });
        expect(await run.run()).toMatchObject({
            exitCode: 2,
            problem: expect.stringContaining("apm-1 is not whole after its update"),
            nodes: [{ state: "unwell" }, { state: "untouched" }, { state: "untouched" }],
        });
        expect(log).toEqual(["up apm1"]);
    });

    it("stops at the first failure", async () => {
        const { run, log } = rolling(restarts, { fails: "apm3" });
        expect(await run.run()).toMatchObject({ exitCode: 1 });
        expect(log).toEqual(["up apm1", "up apm3"]);
    });

    it("installs three empty hosts at once, and waits for green", async () => {
        const first = restarts.map((plan) => ({ ...plan, first: true }));
        const { run, log } = rolling(first, { parallel: true });
        expect((await run.run()).exitCode).toBe(0);
        expect(log.sort()).toEqual(["up apm1", "up apm2", "up apm3"]);
        const yellow = () => apmAfter((_, { view }) => void (view.health.status = "yellow"));
        expect(await rolling(first, { parallel: true, look: yellow }).run.run()).toMatchObject({ exitCode: 2 });
    });

    it("installs one after the other as well: of one alone nobody expects a cluster, of two no third", async () => {
        const first = restarts.map((plan) => ({ ...plan, first: true }));
        const look = (done: string[]): ApmStatus =>
            apmAfter((_, cluster) => {
                if (done.length < 2) withoutManager(cluster);
                if (done.length === 2)
                    Object.assign(cluster.view, {
                        nodes: ["apm-1", "apm-2"],
                        health: { ...cluster.view.health, status: "yellow", nodes: 2 },
                    });
            });
        const { run, log } = rolling(first, { look });
        expect((await run.run()).exitCode).toBe(0);
        expect(log).toEqual(["up apm1", "up apm2", "up apm3"]);
    });
});

describe("allocation that a restart has left switched off", () => {
    it("is switched on in the end, by the hosts' own script", async () => {
        const look = (done: string[]): ApmStatus =>
            apmAfter((_, { view }) => {
                const off = done.includes("up apm1") && !done.some((line) => line.includes("--only allocate"));
                if (off) view.allocation = "primaries";
            });
        // What stops no OpenSearch does not wait for it.
        const { run, log, said } = rolling([reloads[0]!], { look });
        expect((await quickly(run)).exitCode).toBe(0);
        expect(log).toEqual([
            "up apm1",
            "apm-1: setup --only unlock",
            "apm-2: setup --only unlock",
            "apm-3: setup --only unlock",
            "apm-1: setup --only allocate",
        ]);
        expect(said).toContain("apm-1  changed: something");
    });

    it("is left to who is restarting a node now, and waited for a while", async () => {
        const away = (done: string[]): ApmStatus =>
            apmAfter((_, cluster) => {
                if (done.length === 0) return;
                cluster.view.allocation = "primaries";
                cluster.view.nodes = ["apm-1", "apm-2"];
            });
        const busy = rolling([reloads[0]!], { look: away });
        expect((await quickly(busy.run)).exitCode).toBe(0);
        expect(busy.log).toEqual(["up apm1"]);
        let looks = 0;
        const soon = (done: string[]): ApmStatus =>
            apmAfter((_, { view }) => {
                if (done.length > 0 && looks++ < 10) view.allocation = "primaries";
            });
        const ended = rolling([reloads[0]!], { look: soon });
        expect((await quickly(ended.run)).exitCode).toBe(0);
        expect(ended.log).toEqual(["up apm1"]);
    });

    it("that cannot be switched on is a failure", async () => {
        const look = (): ApmStatus => apmAfter((_, { view }) => (view.allocation = "none"));
        const { run } = rolling([], { look });
        expect(await quickly(run)).toMatchObject({
            exitCode: 2,
            problem: "cluster.routing.allocation.enable is still none",
        });
    });

    it("is something to do by itself, unless a node is away", () => {
        const off = apmAfter((_, { view }) => (view.allocation = "primaries"));
        expect(leftBehind(off)).toContain("cluster.routing.allocation.enable is primaries");
        expect(leftBehind(apmAfter())).toBeUndefined();
        const away = apmAfter((_, cluster) => (leave(cluster, "apm-3"), (cluster.view.allocation = "primaries")));
        expect(leftBehind(away)).toBeUndefined();
    });
});

describe("before anything is touched", () => {
    const situation = situationOf({ nodes: [] }, apmAfter());
    const all = { ...situation, values };

    it("the order is that of who is missed least", () => {
        expect(orderOf(apmAfter())).toEqual(["apm-1", "apm-3", "apm-2"]);
        expect(apmOrder(apmAfter((_, cluster) => leave(cluster, "apm-3")))).toEqual(["apm-3", "apm-1", "apm-2"]);
        const failing = apmAfter(({ apm3 }) => (apm3.facts.host.containers["opensearch-apm-3"]!.status = "exited"));
        expect(apmOrder(failing)).toEqual(["apm-3", "apm-1", "apm-2"]);
    });

    it("several that stop OpenSearch are refused at once, and said", () => {
        expect(() => refuseTogether(restarts, all)).toThrow(
            "nothing was touched: opensearch of apm-1, apm-2 and apm-3 at the same time leave the cluster without a quorum",
        );
        expect(() => refuseTogether([restarts[0]!, reloads[1]!, reloads[2]!], all)).not.toThrow();
        expect(() =>
            refuseTogether(
                restarts.map((plan) => ({ ...plan, first: true })),
                all,
            ),
        ).not.toThrow();
        expect(withoutQuorum(restarts.slice(0, 2), 5)).toBeUndefined();
        expect(summaryText(restarts, all, true, PLAIN)).toContain("without a quorum");
    });

    it("says what people notice, and who is elected instead", () => {
        const said = consequences(restarts.slice(0, 2), all).map(({ text }) => text);
        expect(said).toEqual([
            "the cluster goes without apm-1 while its opensearch starts anew, yellow until its copies are back; searches and writes go on",
            "the cluster goes without apm-2 while its opensearch starts anew, yellow until its copies are back; searches and writes go on",
            "another node is elected manager in the place of apm-2: writes wait for a second or two",
        ]);
        expect(consequences(reloads, all)).toEqual([]);
        const alone = { owners: [], values: { "apm-1": apmValuesOf("apm1", { opensearchReplicas: "0" }) } };
        expect(consequences([restarts[0]!], alone)[0]!.text).toContain("neither found nor written");
        const collector = planOf("apm1", container("apm1", "otel-node-collector"), container("apm1", "data-prepper"));
        expect(consequences([collector], all).map(({ text }) => text)).toEqual([
            "collectors send to the data-prepper of another node while that of apm-1 starts anew",
            "applications that send to apm-1 have to try again, or send to another node, while its otel-node-collector starts anew",
        ]);
    });

    it("names what keeps a node from knowing the others", () => {
        const detail = {
            ...{ op: "update" as const, title: "/data/docker/otel/opensearch/opensearch.yml" },
            lines: [
                { sign: "-" as const, text: "transport.port: 9300" },
                { sign: "+" as const, text: "transport.port: 9301" },
                { sign: " " as const, text: "cluster.name: apm" },
            ],
        };
        const planned = [{ plan: restarts[0]!, details: [detail] }];
        expect(apartLines(planned)).toEqual([
            expect.stringContaining("a node with the new transport.port does not know those with the old one"),
        ]);
        expect(risks(planned, all).find(({ title }) => title === "Breaks a quorum")?.lines).toHaveLength(1);
        expect(apartLines([{ plan: { ...restarts[0]!, first: true }, details: [detail] }])).toEqual([]);
    });

    it("a node that was wiped is made anew only while the others have what it lost", () => {
        const wiped = apmAfter((_, cluster) => leave(cluster, "apm-3"));
        expect(cannotRebuildApm(wiped, "apm-3")).toBeUndefined();
        expect(cannotRebuildApm(wiped, "apm-1")).toContain(
            "apm-1 is part of the cluster, so that it is no host that was wiped",
        );
        const red = apmAfter((_, cluster) => (leave(cluster, "apm-3"), (cluster.view.health.status = "red")));
        expect(cannotRebuildApm(red, "apm-3")).toContain("the cluster is red");
        const none = apmAfter((_, cluster) => withoutManager(cluster));
        expect(cannotRebuildApm(none, "apm-3")).toContain("a node without data joins one that works");
        const away = apmAfter(({ apm1 }) => (apm1.facts = { error: "no route" } as never));
        expect(cannotRebuildApm(away, "apm-3")).toBe("apm-1 cannot stand in for it: no route");
    });

    it("Pulumi forgets all of the node, and nothing of the secrets", async () => {
        const asked: string[][] = [];
        const pulumi = async (args: string[]) => (asked.push(args), { code: 0, stdout: "", stderr: "" });
        await forget({ pulumi } as never, { stack: "apm1", values: values["apm-1"]! });
        expect(asked[0]).toContain("**otel-ha:index:ApmNode**");
    });

    it("a cluster lacks nothing when all is well", () => {
        expect(clusterLacks(apmAfter().cluster)).toEqual([]);
    });
});
