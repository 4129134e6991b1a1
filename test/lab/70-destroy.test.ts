// `destroy` takes away what `up` made, but never data.
import { beforeAll, expect, it } from "vitest";
import { labExec } from "../../lab/hosts";
import { Project } from "../../lab/project";
import { containers, logql, promql } from "../../lab/queries";
import { send } from "../../lab/telemetry";
import { allHealthy, eventually, node1, node2, outcome, settledProject, upBoth } from "./support";

let project: Project;
const sample = { service: "before-destroy", value: 11, kind: "old", line: "written before destroy" };

beforeAll(async () => {
    project = await settledProject();
    await send("http/protobuf", sample);
    await eventually(
        "the sample is stored",
        () => promql(node1, `{__name__=~"lab_orders.*",service_name="${sample.service}"}`),
        (found) => found.length === 1,
        40_000,
    );
    await eventually(
        "the line is stored",
        () => logql(node1, `{service_name="${sample.service}"}`),
        (found) => found.length === 1,
        40_000,
    );
});

it("destroy removes containers, configuration, firewall and helper scripts, and leaves the data directories", async () => {
    const both = await Promise.all(
        ["node2", "node1"].map((stack) => outcome(project, ["destroy", "--yes", "--skip-preview", "--stack", stack])),
    );
    for (const result of both) expect(result.code, result.stdout + result.stderr).toBe(0);
    for (const node of ["node1", "node2"]) {
        expect(await containers(node)).toEqual({});
        expect(
            (
                await labExec(node, [
                    "find",
                    "/data/docker/otel",
                    "/usr/local/lib/otel-ha",
                    "/etc/sysctl.d/90-otel-ha.conf",
                    "/etc/network/if-pre-up.d",
                    "-type",
                    "f",
                ])
            ).stdout,
        ).toBe("");
        expect((await labExec(node, ["nft", "list", "tables"])).stdout).not.toContain("otel_ha");
        for (const directory of [
            "/data/volume/otel/prometheus/wal",
            "/data/volume/otel/minio/data1/loki-data",
            "/data/otel/volume/loki/wal",
        ]) {
            expect((await labExec(node, ["test", "-d", directory])).code, `${directory} on ${node}`).toBe(0);
        }
    }
});

it("a later up finds the old data again", async () => {
    await upBoth(project);
    await Promise.all([allHealthy(node1, 150_000), allHealthy(node2, 150_000)]);
    const range = `last_over_time({__name__=~"lab_orders.*",service_name="${sample.service}"}[1h])`;
    const series = await eventually(
        range,
        () => promql(node1, range),
        (found) => found.length > 0,
    );
    expect(series[0]?.value).toBe(sample.value);
    const lines = await eventually(
        "the old line",
        () => logql(node1, `{service_name="${sample.service}"}`),
        (found) => found.length > 0,
    );
    expect(lines[0]?.line).toBe(sample.line);
});
