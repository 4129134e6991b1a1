// What differs on the hosts, put right host by host: alone, and in the same run as a change.
import { describe, expect, it } from "vitest";
import { Deployment } from "../../ops/deployment";
import { StatusReader } from "../../ops/status/reader";
import { PLAIN } from "../../ops/terminal";
import { driftText, repaired, stillWrong } from "../../ops/up/drift";
import { outcomeText } from "../../ops/up/outcome";
import { Change, isEmpty, isGentle, needsPulumi, NodePlan, noPlan, readPlan, withRepair } from "../../ops/preview/plan";
import { Rolling, RollingOptions } from "../../ops/up/rolling";
import { summaryText } from "../../ops/up/summary";
import { chosen } from "../../ops/verify/command";
import { Look } from "../../ops/verify/look";
import { Finding } from "../../ops/verify/model";
import { Repair, Step } from "../../ops/verify/repair";
import { pairAfter } from "./support/pair";
import { StackName, valuesOf } from "./support/stacks";

const nameOf = (stack: StackName): string => `mid-${stack.slice(-1)}`;
const change = (service: string, effect: Change["effect"], op: Change["op"] = "update"): Change => {
    return { op, what: "container (repair)", effect, service };
};

/** Two hosts that note what is done to them. */
function pair(look = () => pairAfter()) {
    const log: string[] = [];
    let vipAt = "mid-1";
    const node = (stack: StackName) => {
        const values = valuesOf(stack);
        const exec = async (line: string) => {
            if (line.includes("echo -99 >/run/otel-ha.drain")) vipAt = (log.push("mid-1 drains"), "mid-2");
            if (line.startsWith("{ docker start keepalived")) vipAt = (log.push("mid-1 takes part again"), "mid-1");
            return { code: line.includes("grep -qF") && vipAt !== values.nodeName ? 1 : 0, stdout: "1\n", stderr: "" };
        };
        return { stack, name: values.nodeName, values, exec, container: (s: string) => `${s}-${values.nodeName}` };
    };
    const pulumi = async (args: string[]) => {
        log.push(args.filter((word) => word !== "--yes" && word !== "--skip-preview").join(" "));
        return { code: 0, stdout: "", stderr: "" };
    };
    const deployment = { nodes: [node("node1"), node("node2")], pulumi } as unknown as Deployment;
    const reader = { read: async () => (log.push("look"), look()) } as unknown as StatusReader;
    const step = (text: string, code = 0, more: Partial<Step> = {}): Step => {
        return {
            text,
            run: async () => (log.push(text), { code, stdout: "", stderr: code ? "no luck" : "" }),
            ...more,
        };
    };
    const said: string[] = [];
    const roll = (plans: NodePlan[], options: Partial<RollingOptions> = {}) => {
        const all = { waitMs: 0, force: false, parallel: false, all: [], ...options };
        return new Rolling(deployment, reader, plans, all, (line) => said.push(line)).run();
    };
    return { log, said, roll, step, deployment };
}

const repairOnly = (stack: StackName, repair: Partial<Repair>): NodePlan =>
    withRepair(noPlan(stack, nameOf(stack)), { before: [], refresh: false, after: [], changes: [], ...repair });

describe("a repair by itself", () => {
    it("that takes nothing away waits for nobody: what is stopped on both hosts is started", async () => {
        const { log, roll, step } = pair();
        const start = (stack: StackName, service: string) =>
            repairOnly(stack, { before: [step(`start ${service}`)], changes: [change(service, "starts")] });
        const plans = [start("node2", "loki"), start("node1", "prometheus")];
        expect(plans.map(isGentle)).toEqual([true, true]);
        const result = await roll(plans);
        expect(log).toEqual(["start loki", "start prometheus", "look", "look"]);
        expect(result).toMatchObject({ exitCode: 0, nodes: [{ state: "repaired" }, { state: "repaired" }] });
        expect(outcomeText(result, PLAIN)).toContain("mid-2 (stack node2): was put right, 0 s");
    });

    it("of files and directories alone asks nothing of the services", async () => {
        const { log, roll, step } = pair();
        await roll([repairOnly("node2", { before: [step("write /a")], after: [step("make buckets")] })]);
        expect(log).toEqual(["write /a", "make buckets"]);
    });

    it("that starts a service anew does so only while the other host is whole, and gives the address away before", async () => {
        const before = (step: (text: string) => Step) => [step("stop haproxy"), step("start haproxy")];
        const changes = [change("haproxy", "restarts")];
        const well = pair();
        await well.roll([repairOnly("node1", { before: before(well.step), changes })]);
        expect(well.log).toEqual([
            "look",
            "look",
            "mid-1 drains",
            "stop haproxy",
            "start haproxy",
            "mid-1 takes part again",
            "look",
        ]);
        const ill = pair(() => pairAfter(({ node2 }) => (node2.facts.host.answers["loki-mid-2"] = { lines: [] })));
        const result = await ill.roll([repairOnly("node1", { before: before(ill.step), changes })]);
        expect(ill.log).toEqual(["look"]);
        expect(result).toMatchObject({ exitCode: 2, nodes: [{ state: "untouched" }] });
    });

    it("has Pulumi make anew what is gone, on the host that lacks it first", async () => {
        const { log, roll, step } = pair();
        const anew = repairOnly("node1", { refresh: true, changes: [change("loki", "starts", "replace")] });
        expect(needsPulumi(anew)).toBe(true);
        const restarted = repairOnly("node2", { before: [step("restart")], changes: [change("loki", "restarts")] });
        await roll([restarted, anew]);
        expect(log).toEqual(["up --refresh --stack node1", "look", "look", "look", "restart", "look"]);
    });

    it("starts what it has stopped even when something fails in between, and then stops", async () => {
        const { log, roll, step } = pair();
        const failing = repairOnly("node2", {
            before: [step("stop loki"), step("write a", 1), step("write b"), step("start loki", 0, { mayFail: true })],
            changes: [change("loki", "restarts")],
        });
        const other = repairOnly("node1", { before: [step("other")], changes: [change("loki", "restarts")] });
        const result = await roll([failing, other], { force: true });
        expect(log.filter((line) => line !== "look")).toEqual(["stop loki", "write a", "start loki"]);
        expect(result).toMatchObject({
            exitCode: 1,
            problem: "mid-2: write a: no luck",
            nodes: [{ state: "failed" }, { state: "untouched" }],
        });
    });

    it("goes on when a service does not start: what comes later may mend it", async () => {
        const { said, roll, step } = pair();
        const plan = repairOnly("node2", { before: [step("start loki", 1, { mayFail: true }), step("more")] });
        expect((await roll([plan])).exitCode).toBe(0);
        expect(said).toEqual(expect.arrayContaining(["mid-2  no luck", "mid-2  more"]));
    });
});

describe("otel-ha up on hosts that are not as they were deployed", () => {
    const urn = (type: string, name: string): string => `urn:pulumi:node1::otel-ha::a$${type}::${name}`;
    const finding = (more: Partial<Finding>): Finding => {
        return { kind: "file", subject: "/a", property: "mode", expected: "0644", found: "0666", urn: "", ...more };
    };
    const look = (...findings: Finding[]): Look => {
        return { stack: "node1", name: "mid-1", findings, unknown: [], resources: [], said: {} };
    };
    const situation = { owners: [], values: { "mid-1": valuesOf("node1"), "mid-2": valuesOf("node2") } };

    it("puts right what the change leaves, in the same run and before it", async () => {
        const { log, roll, step } = pair();
        const plan = { ...noPlan("node1", "mid-1"), counts: { update: 1 } };
        const both = withRepair(plan, {
            before: [step("write /a")],
            refresh: false,
            after: [step("make buckets")],
            changes: [],
        });
        await roll([both]);
        expect(log).toEqual(["write /a", "look", "look", "up --stack node1", "make buckets", "look"]);
    });

    it("leaves to the change what that makes anew; a container that is changed in place is not made anew", () => {
        const steps = [
            { op: "update", urn: urn("command:remote:Command", "x"), diffReasons: ["stdin"] },
            { op: "replace", urn: urn("docker:index/container:Container", "y") },
            { op: "update", urn: urn("docker:index/container:Container", "z") },
            { op: "same", urn: urn("command:remote:Command", "w") },
        ];
        const preview = JSON.stringify({ steps, changeSummary: { update: 2 } });
        const plan = readPlan(preview, { stack: "node1", name: "mid-1", services: [] });
        expect(plan.renewed.map((one) => one.split("::").at(-1))).toEqual(["x", "y"]);
        const [left] = repaired([plan], [look(finding({ urn: plan.renewed[0] }))]);
        expect(left!.repair).toBeUndefined();
        const [kept] = repaired([plan], [look(finding({ urn: "another" }))]);
        expect(kept!.repair).toBeDefined();
    });

    it("has something to do although the settings have not changed", () => {
        const [plan] = repaired([noPlan("node1", "mid-1")], [look(finding({}))]);
        expect(isEmpty(plan!)).toBe(false);
        expect(isEmpty(repaired([noPlan("node1", "mid-1")], [look()])[0]!)).toBe(true);
    });

    it("shows it in its summary, or that it is left", () => {
        const text = driftText([look(finding({}))], true, PLAIN);
        expect(text.split("\n")).toEqual([
            "Not as it was deployed, put right in this run; otel-ha verify shows diffs:",
            "  mid-1  file  /a  mode  should be 0644, is 0666",
        ]);
        expect(driftText([look(finding({}))], false, PLAIN)).toContain("left as it is (--no-repair)");
        expect(driftText([look()], true, PLAIN)).toBe("");
        expect(driftText([{ ...look(), unknown: ["cannot be reached"] }], true, PLAIN)).toBe(
            "Not compared with what was deployed:\n  mid-1  ? cannot be reached",
        );
        const { step } = pair();
        const plan = repairOnly("node1", { before: [step("start loki-mid-1")], changes: [change("loki", "starts")] });
        expect(summaryText([plan], situation, false, PLAIN)).toBe(
            ["mid-1 (stack node1):", "  ~  loki  container (repair)  loki starts", "  repair: start loki-mid-1"].join(
                "\n",
            ),
        );
    });

    it("looks again afterwards only at what was put right, and not after a failure", async () => {
        const { deployment } = pair();
        const done = { nodes: [], exitCode: 0 };
        expect(await stillWrong(done, [noPlan("node1", "mid-1")], deployment)).toBe(done);
        const failed = { ...done, problem: "x", exitCode: 2 };
        expect(await stillWrong(failed, [repairOnly("node1", {})], deployment)).toBe(failed);
    });
});

describe("--node", () => {
    it("takes the stack's name or the node's, and no other", () => {
        const { nodes } = pair().deployment;
        expect(chosen(nodes, undefined)).toHaveLength(2);
        expect(chosen(nodes, "node2")).toEqual(chosen(nodes, "mid-2"));
        expect(() => chosen(nodes, "mid-3")).toThrow("--node mid-3: there is no such stack; write node1 or node2");
    });
});
