// What Container APM's hosts and cluster have to be, by the state of the program's own resources.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../ops/run";
import { verifyText } from "../../ops/verify/text";
import { judge, Look, readSections, verifyScript, withoutDisputed, withoutRepeated } from "../../ops/verify/look";
import { clusterSetup, clusterSetupLine, openSearch, turnTaking } from "../../ops/verify/kinds/opensearch";
import { watch } from "../../ops/verify/kinds/watch";
import { Sections } from "../../ops/verify/model";
import { repairOf } from "../../ops/verify/repair";
import { readResources, StateResource } from "../../ops/verify/state";
import { PLAIN } from "../../ops/terminal";
import { exportText } from "./support/export";
import { run as runProgram } from "./support/graph";
import { apmConfig } from "./support/stacks";

const work = fs.mkdtempSync(path.join(os.tmpdir(), "otel-ha-"));
const keyFile = path.join(work, "key");
let resources: StateResource[];

beforeAll(async () => {
    fs.writeFileSync(keyFile, "not really a key\n");
    const module = (await import("../../index")) as unknown as { default: () => Promise<object> };
    const config = apmConfig("apm1", { sshPrivateKeyFile: keyFile });
    const graph = await runProgram(() => module.default(), { stack: "apm1", config });
    resources = readResources(exportText("apm1" as never, graph.resources));
}, 120_000);
afterAll(() => fs.rmSync(work, { recursive: true }));

const told = (...lines: string[]): Sections => ({ cluster: [...lines, "told"] });
const look = (said: Sections, more: Partial<Look> = {}): Look => {
    const { findings, unknown } = openSearch(resources).judge(said);
    return { stack: "apm1", name: "apm-1", findings, unknown, resources, said, ...more };
};

describe("what the cluster keeps itself", () => {
    it("is compared by the host's own script, which changes nothing", () => {
        const line = clusterSetupLine(resources)!;
        expect(line).toMatch(/^\/usr\/local\/lib\/otel-ha\/setup-opensearch --container opensearch-apm-1 /);
        expect(line).not.toContain("--only");
        expect(openSearch(resources).settings.CLUSTER).toBe(`${line} --only check`);
        // What a file's change runs, and what removes users, is no gate.
        expect(clusterSetup(resources)!.name).toBe("apm-1-opensearch-ready");
        expect(openSearch([]).settings).toEqual({ CLUSTER: "" });
    });

    it("differs as the script says", () => {
        const { findings, unknown } = look(
            told(
                "differs: index template otel-logs",
                'differs: setting of otel-logs-0*: "index.refresh_interval":"5s"',
                "open: x",
            ),
        );
        expect(unknown).toEqual([]);
        expect(findings).toMatchObject([
            {
                kind: "cluster",
                subject: "index template otel-logs",
                property: "content",
                found: "another one, or none",
            },
            { subject: "setting of otel-logs-0*", property: "value", expected: '"index.refresh_interval":"5s"' },
        ]);
        expect(verifyText([look(told("differs: user writer-1"))], PLAIN)).toContain("apm-1  cluster  user writer-1");
    });

    it("is not known when the script did not end well, and says why", () => {
        const said = { cluster: ["differs: role x"], "cluster-complaint": ["OpenSearch does not take GET /: 000"] };
        expect(look(said)).toMatchObject({
            findings: [],
            unknown: [
                "OpenSearch does not tell its users, templates and settings: OpenSearch does not take GET /: 000",
            ],
        });
        expect(look({}).unknown).toHaveLength(1);
    });

    it("is told once, and only where all nodes agree: a change may have reached some of them only", () => {
        const both = withoutDisputed([look(told("differs: role a", "differs: role b")), look(told("differs: role a"))]);
        expect(both.map(({ findings }) => findings.map(({ subject }) => subject))).toEqual([["role a"], ["role a"]]);
        expect(withoutRepeated(both, ["cluster"]).map(({ findings }) => findings.length)).toEqual([1, 0]);
        // Who tells nothing has no say, and what is noted of one node is that node's own.
        expect(withoutDisputed([look(told("differs: role a")), look({})])[0]!.findings).toHaveLength(1);
        const own = "differs: setting cluster.metadata.otel-ha.users.apm-1";
        expect(withoutDisputed([look(told(own)), look(told())])[0]!.findings).toHaveLength(1);
    });

    it("is put right by what made it", async () => {
        const repair = repairOf(look(told("differs: role a")))!;
        expect(repair.before).toEqual([]);
        expect(repair.refresh).toBe(false);
        expect(repair.after.map(({ text }) => text)).toEqual([
            "make users, roles, templates and settings of the cluster again",
        ]);
        const ran: string[] = [];
        const exec = async (line: string) => (ran.push(line), { code: 0, stdout: "", stderr: "" });
        await repair.after[0]!.run({ exec });
        expect(ran[0]).toContain("/setup-opensearch --container opensearch-apm-1");
        expect(repairOf(look(told()))).toBeUndefined();
    });
});

describe("a node's OpenSearch that has to be another one", () => {
    const found = (status: string, id: string) =>
        JSON.stringify({
            ...{ name: "/opensearch-apm-1", id, image: "x", ref: "x", status, labels: {}, command: [], entrypoint: [] },
            ...{ created: "2026-01-01T00:00:00Z", startedAt: "2026-01-01T00:00:01Z", user: "", restart: "", memory: 0 },
            mounts: [],
        });
    const of = (property: string, said: Sections): Look => {
        const { urn } = resources.find(({ type, name }) => type.endsWith(":Container") && name === "apm-1-opensearch")!;
        const finding = {
            kind: "container" as const,
            subject: "opensearch-apm-1",
            property,
            expected: "",
            found: "",
            urn,
        };
        return { stack: "apm1", name: "apm-1", findings: [finding], unknown: [], resources, said };
    };

    it("asks the cluster before it is stopped", () => {
        const said = { docker: ["20.10"], containers: [found("running", "other")] };
        const repair = repairOf(of("identity", said))!;
        expect(turnTaking(resources)!.name).toBe("apm-1-opensearch-may-stop");
        expect(repair.before.map(({ text }) => text)).toEqual([
            "ask the cluster whether it can spare the node",
            "remove opensearch-apm-1, which is not the deployed one",
        ]);
        expect(repair.changes).toMatchObject([{ effect: "restarts", service: "opensearch" }]);
    });

    it("is waited for, and its turn ended, when it was only stopped", () => {
        const said = { docker: ["20.10"], containers: [found("exited", "x")] };
        const repair = repairOf(of("state", said))!;
        expect(repair.before.map(({ text }) => text)).toEqual(["start opensearch-apm-1"]);
        expect(repair.after.map(({ text }) => text)).toEqual([
            "wait until the node is part of the cluster, and the cluster is as it should be",
        ]);
    });
});

describe("the host's own service", () => {
    it("is compared by its own script, and installed again", () => {
        const { settings, judge: judged } = watch(resources);
        expect(settings.WATCH).toMatch(/^\/usr\/local\/lib\/otel-ha\/watch-containers check /);
        const { findings } = judged({ watch: ["watch-containers is not running", "told"] });
        expect(findings).toMatchObject([{ kind: "service", found: "watch-containers is not running" }]);
        const one = { stack: "apm1", name: "apm-1", findings, unknown: [], resources, said: {} };
        expect(repairOf(one)!.before.map(({ text }) => text)).toEqual(["install the watch of containers again"]);
        expect(judged({ watch: ["command not found"] }).unknown).toHaveLength(1);
        expect(judge(resources, [watch(resources)], { watch: ["told"] }).findings).toEqual([]);
    });
});

describe("the script that asks a host", () => {
    const ask = async (cluster: string, itself: string): Promise<Sections> => {
        const nothing = ["FILES", "DIRECTORIES", "SYSCTLS", "CONTAINERS", "IMAGES", "STORE", "CLIENTS", "FIREWALL"];
        const settings = { ...Object.fromEntries(nothing.map((name) => [name, ""])), CLUSTER: cluster, WATCH: itself };
        const { stdout } = await run(["bash", "-s"], {
            input: verifyScript([{ settings, judge: () => ({ findings: [], unknown: [] }) }]),
        });
        return readSections(stdout);
    };

    it("tells what the cluster's script says, and whether that was all", async () => {
        expect(await ask("echo differs: role a", "echo odd; false")).toMatchObject({
            cluster: ["differs: role a", "told"],
            watch: ["odd", "told"],
        });
        const ended = await ask("echo differs: role a; echo gone >&2; exit 1", "echo broken >&2; exit 2");
        expect(ended).toMatchObject({ cluster: ["differs: role a"], "cluster-complaint": ["gone"], watch: ["broken"] });
        expect(await ask("", "")).not.toHaveProperty("cluster");
    });
});
