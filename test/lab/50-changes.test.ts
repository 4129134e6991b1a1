// One change touches one thing.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { CREDENTIAL_NAMES } from "../../components/credentials";
import { labExec, startNode, stopNode } from "../../lab/hosts";
import { Project, pulumi } from "../../lab/project";
import { promql, vipOwners } from "../../lab/queries";
import { RunResult } from "../../lab/run";
import { send } from "../../lab/telemetry";
import {
    allHealthy,
    containerIds,
    eventually,
    haproxyStats,
    node1,
    node2,
    objects,
    outcome,
    settledProject,
    stackSecret,
    up,
    upBoth,
} from "./support";

let project: Project;

beforeAll(async () => {
    project = await settledProject();
});

/** Changes one line of a template in the test's copy of the project; gives back how to undo it. */
function editTemplate(file: string, from: string, to: string): () => void {
    const path = join(project.dir, "templates", file);
    const text = readFileSync(path, "utf8");
    expect(text).toContain(from);
    writeFileSync(path, text.replace(from, to));
    return () => writeFileSync(path, text);
}

const RELOADED = [
    {
        template: "haproxy/haproxy.cfg.mustache",
        from: "retries 3",
        to: "retries 4",
        resource: "mid-1-haproxy-haproxy.cfg",
        file: "haproxy/haproxy.cfg",
    },
    {
        template: "keepalived/keepalived.conf.mustache",
        from: "garp_master_refresh 5",
        to: "garp_master_refresh 6",
        resource: "mid-1-keepalived-keepalived.conf",
        file: "keepalived/keepalived.conf",
    },
    {
        template: "prometheus/prometheus.yml.mustache",
        from: "job_name: prometheus",
        to: "job_name: prometheus-renamed",
        resource: "mid-1-prometheus-prometheus.yml",
        file: "prometheus/prometheus.yml",
    },
    {
        template: "otel-collector/config.yaml.mustache",
        from: "check_interval: 1s",
        to: "check_interval: 2s",
        resource: "mid-1-otel-aggregator-config.yaml",
        file: "otel-collector/config.yaml",
    },
];

describe.each(RELOADED)("a changed line of $template", ({ template, from, to, resource, file }) => {
    it("shows as that line at preview, changes that file, and reloads the service in place", async () => {
        const before = await containerIds(node1);
        const undo = editTemplate(template, from, to);
        try {
            const preview = await outcome(project, ["preview", "--diff", "--stack", "node1"]);
            expect(preview.stdout).toMatch(new RegExp(`- .*${from}[\\s\\S]*\\+ .*${to}`));
            const result = await up(project, "node1");
            expect(result.touched).toEqual([`update ${resource}`]);
            expect((await labExec("node1", ["cat", `/data/docker/otel/${file}`])).stdout).toContain(to);
            expect(await containerIds(node1)).toEqual(before);
            await allHealthy(node1);
        } finally {
            undo();
            await up(project, "node1");
        }
    });
});

it("a changed Prometheus job is live after the reload", async () => {
    const undo = editTemplate("prometheus/prometheus.yml.mustache", "job_name: prometheus", "job_name: itself");
    try {
        await up(project, "node1");
        await eventually(
            "the new job is scraped",
            () => promql(node1, 'up{job="itself"}'),
            (found) => found[0]?.value === 1,
            20_000,
        );
    } finally {
        undo();
        await up(project, "node1");
    }
});

describe("a changed line of Loki's template", () => {
    it("makes that one container anew, since Loki cannot reload", async () => {
        const before = await containerIds(node1);
        const undo = editTemplate(
            "loki/config.yaml.mustache",
            "retention_delete_delay: 2h",
            "retention_delete_delay: 3h",
        );
        try {
            const result = await up(project, "node1");
            expect(result.touched).toEqual([
                "replace mid-1-loki",
                "update mid-1-loki-config.yaml",
                "update mid-1-loki-ready",
            ]);
            const { loki, ...others } = await containerIds(node1);
            expect(others).toEqual(
                Object.fromEntries(Object.entries(before).filter(([service]) => service !== "loki")),
            );
            expect(loki).not.toBe(before.loki);
        } finally {
            undo();
            await up(project, "node1");
        }
        await allHealthy(node1);
    });
});

it("what was reloaded comes back by itself after a reboot of the host, like everything else", async () => {
    await stopNode("node1");
    await startNode("node1");
    await allHealthy(node1, 150_000);
});

describe("another secret generation", () => {
    const sharedSecrets = async (): Promise<Record<string, string>> =>
        JSON.parse(await stackSecret(project, "node1", "sharedCredentials")) as Record<string, string>;

    it("rotates the generated secrets on both hosts, and everything works with the new ones", async () => {
        const old = await sharedSecrets();
        for (const stack of ["node1", "node2"])
            await pulumi(project, ["config", "set", "secretGeneration", "2", "--stack", stack]);
        await up(project, "node1");
        await up(project, "node2");
        const fresh = await sharedSecrets();
        for (const name of CREDENTIAL_NAMES) expect(fresh[name], name).not.toBe(old[name]);
        for (const node of [node1, node2]) {
            await allHealthy(node, 150_000);
            expect((await haproxyStats(node, "admin", old.haproxyStatsPassword)).status).toBe(401);
            expect((await haproxyStats(node, "admin", fresh.haproxyStatsPassword)).status).toBe(200);
            const lists = (secret = ""): Promise<RunResult> => objects(node, "loki-data", { user: "loki", secret });
            expect((await lists(old.lokiObjectStoreSecret)).code).not.toBe(0);
            expect((await lists(fresh.lokiObjectStoreSecret)).code).toBe(0);
        }
        await eventually(
            "the nodes agree on VRRP's password",
            vipOwners,
            (owners) => owners.join() === "node1",
            20_000,
        );
        await send("http/json", { service: "after-rotation", value: 7, kind: "k", line: "still here" });
        await eventually(
            "telemetry after rotation",
            () => promql(node1, '{__name__=~"lab_orders.*",service_name="after-rotation"}'),
            (found) => found[0]?.value === 7,
            40_000,
        );
    });

    it("is complete: nothing is left to do", async () => {
        for (const result of await upBoth(project)) expect(result.touched).toEqual([]);
    });

    it("leaves no secret in a file that others can read, in a container's settings or in a command line", async () => {
        const secrets = Object.values(await sharedSecrets());
        expect(secrets).toHaveLength(5);
        for (const node of ["node1", "node2"]) {
            const readable = await labExec(node, [
                "sh",
                "-c",
                "find /data/docker/otel /usr/local/lib/otel-ha /etc/sysctl.d -type f -perm /044 -exec cat {} +",
            ]);
            const inspected = await labExec(node, ["sh", "-c", "docker inspect $(docker ps -aq); ps axww -o args"]);
            for (const secret of secrets)
                expect(
                    readable.stdout.includes(secret) || inspected.stdout.includes(secret),
                    `a secret shows on ${node}`,
                ).toBe(false);
        }
        expect(readFileSync(join(project.dir, "state/.pulumi/stacks/otel-ha/node1.json"), "utf8")).not.toContain(
            secrets[0],
        );
    });
});
