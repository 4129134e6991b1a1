// The day-2 command, as a person runs it: status of a pair that is well and of one that is not, and changes host by host.
import { beforeAll, describe, expect, it } from "vitest";
import { killNode, labExec, startNode } from "../../lab/hosts";
import { Project } from "../../lab/project";
import { sendSignal } from "../../components/service";
import { promql, vipOwners } from "../../lab/queries";
import { send } from "../../lab/telemetry";
import { RunOptions, RunResult, sleep } from "../../lab/run";
import { Status } from "../../ops/status/model";
import {
    allHealthy,
    containerIds,
    eventually,
    node1,
    node2,
    otelHa as otelHaIn,
    settings,
    settledProject,
    watchGap,
} from "./support";

let target: Project;
beforeAll(async () => {
    target = await settledProject();
    await eventually("node 1 holds the virtual IP", vipOwners, (owners) => owners.join() === "node1");
    await eventually("the pair is healthy", status, ({ code }) => code === 0, 120_000);
});

const otelHa = (args: string[], options: RunOptions = {}): Promise<RunResult> => otelHaIn(target, args, options);

async function status(): Promise<{ code: number; said: Status; seconds: number }> {
    const started = Date.now();
    const { code, stdout, stderr } = await otelHa(["status", "--json"]);
    expect(stderr).toBe("");
    return { code, said: JSON.parse(stdout) as Status, seconds: (Date.now() - started) / 1000 };
}

/** Settings of both stacks; the result undoes them. */
function bothSettings(...pairs: string[]): () => void {
    const undo = [settings(target, "node1", ...pairs), settings(target, "node2", ...pairs)];
    return () => undo.forEach((one) => one());
}

describe("otel-ha status", () => {
    it("says of a healthy pair that it is, with every queue, and ends with 0", async () => {
        const { code, said } = await status();
        expect(said.findings).toEqual([]);
        expect(code).toBe(0);
        expect(said.vip).toMatchObject({ owners: ["mid-1"], answers: true });
        expect(said.redundancy.full).toBe(true);
        for (const node of said.nodes) {
            expect(node.services.map(({ state, drift }) => `${state} ${drift}`)).toEqual(
                node.services.map(() => "ok "),
            );
            expect(node.queues?.map(({ exporter }) => exporter)).toEqual(
                expect.arrayContaining(["otlphttp/loki-peer", "otlphttp/prometheus-peer"]),
            );
            expect(node.queues?.every(({ capacityBytes }) => capacityBytes > 0)).toBe(true);
            expect(node.writeQuorum).toBe(true);
        }
        expect(said.clock!.differenceMs).toBeLessThan(200);
    });

    it("ends with 1, names the host that is away, and does not wait for it; with 0 again when it is back", async () => {
        await killNode("node2");
        try {
            const { code, said, seconds } = await status();
            expect(code).toBe(1);
            expect(said.findings.map(({ text }) => text).join("\n")).toMatch(/^mid-2 cannot be reached: /m);
            expect(said.redundancy).toMatchObject({ full: false });
            console.log(`status with a dead host: ${seconds.toFixed(1)} s`);
            expect(seconds).toBeLessThan(15);
        } finally {
            await startNode("node2");
        }
        const started = Date.now();
        await eventually(
            "redundancy is full again",
            status,
            ({ code, said }) => code === 0 && said.redundancy.full === true,
            120_000,
        );
        console.log(`redundancy full again ${((Date.now() - started) / 1000).toFixed(0)} s after the host was back`);
    });
});

describe("a Prometheus whose disk has too little room", () => {
    const query = '{service_name="no-room"}';
    const samples = async (): Promise<number[]> =>
        Promise.all([node1, node2].map(async (node) => (await promql(node, query)).length));

    // Without a disk that could be filled: the collector of node 2 is told that a PiB is too little. What shipped says 512 MiB.
    const wanted = async (bytes: number): Promise<void> => {
        const script = [
            "config=/data/docker/otel/otel-collector/config.yaml",
            `sed -i 's/value_int >= [0-9]*/value_int >= ${bytes}/' "$config" && grep -q 'value_int >= ${bytes}' "$config"`,
            sendSignal("HUP", "otel-aggregator-mid-2"),
        ].join(" && ");
        expect(await labExec("node2", ["sh", "-c", script])).toMatchObject({ code: 0 });
    };
    const finding = (said: Status): string | undefined =>
        said.findings.find(({ text }) => text.startsWith("prometheus-mid-2 gets no data"))?.text;

    it("gets nothing that it could not keep; the other one has it, and status says so", async () => {
        await wanted(2 ** 50);
        await eventually("status says so", status, ({ code, said }) => code === 1 && finding(said) !== undefined);
        await send("http/protobuf", { service: "no-room", value: 1, kind: "book", line: "no room" });
        await eventually(query, samples, ([first]) => first! > 0, 40_000);
        // Longer than a batch waits.
        await sleep(12_000);
        expect((await samples())[1]).toBe(0);
    });

    it("gets all of it when there is room again", async () => {
        await wanted(512 * 2 ** 20);
        await eventually(query, samples, ([, second]) => second! > 0, 40_000);
        await eventually("status is well", status, ({ code }) => code === 0, 60_000);
    });
});

describe("otel-ha up", () => {
    let portBack = (): void => {};

    it("does nothing when there is nothing to do", async () => {
        const { code, stdout } = await otelHa(["up"]);
        expect(stdout).toContain("Nothing to change");
        expect(code).toBe(0);
    });

    it("does not begin unless somebody says yes", async () => {
        const undo = bothSettings("haproxyMaxConnections=7000");
        const { code, stdout, stderr } = await otelHa(["up"]);
        undo();
        expect(stdout).toContain("mid-2 (stack node2), first:\n  ~  haproxy  haproxy.cfg  haproxy reads it again");
        expect(stderr).toContain("add --yes");
        expect(code).toBe(3);
    });

    // HAProxy has to start anew: its health check asks another port.
    it("updates the host without the virtual IP first, then the other, which hands the address over; nobody notices", async () => {
        portBack = bothSettings("haproxyStatsPort=8405");
        const before = { node1: await containerIds(node1), node2: await containerIds(node2) };
        const gap = watchGap();
        const { code, stdout, stderr } = await otelHa(["up", "--yes", "--json", "--wait", "90s"]);
        const longest = await gap();
        expect(code, stderr + stdout).toBe(0);
        expect(JSON.parse(stdout)).toMatchObject({
            result: "done",
            nodes: [
                { name: "mid-2", state: "done" },
                { name: "mid-1", state: "done" },
            ],
        });
        const order = ["mid-2  updated", "mid-1  hands the virtual IP over to mid-2", "mid-1  updated"];
        expect(order.map((line) => stderr.indexOf(line)).every((at, index, all) => at > (all[index - 1] ?? -1))).toBe(
            true,
        );
        console.log(`rolling change with a new HAProxy on both hosts: ${longest} ms without an answer`);
        expect(longest).toBeLessThan(1000);
        for (const node of [node1, node2]) {
            const after = await containerIds(node);
            const changed = Object.keys(after).filter(
                (service) => after[service] !== before[node.name as "node1"][service],
            );
            expect(changed).toEqual(["haproxy"]);
        }
        await eventually("node 1 has the virtual IP back", vipOwners, (owners) => owners.join() === "node1", 30_000);
    });

    it("stops at the first host that fails, and leaves the other untouched", async () => {
        const undo = bothSettings("imageLoki=grafana/loki:0.0.0");
        const before = { node1: await containerIds(node1), node2: await containerIds(node2) };
        const { code, stdout } = await otelHa(["up", "--yes"]);
        undo();
        portBack();
        expect(code, stdout).toBe(1);
        expect(stdout).toContain("mid-2 (stack node2): its update failed");
        expect(stdout).toContain("mid-1 (stack node1): untouched, has the old configuration");
        expect(stdout).not.toContain("pulumi up --stack node1");
        expect(await containerIds(node1)).toEqual(before.node1);

        const back = await otelHa(["up", "--yes"]);
        expect(back.code, back.stdout + back.stderr).toBe(0);
        await allHealthy(node2);
    });
});
