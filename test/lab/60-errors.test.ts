// What goes wrong is said clearly and soon, and the next `up` heals it.
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { heal, isolate, labExec, resetNode, startNode, stopNode } from "../../lab/hosts";
import { Project, StackName } from "../../lab/project";
import { containers } from "../../lab/queries";
import { run } from "../../lab/run";
import {
    allHealthy,
    containerIds,
    eventually,
    node1,
    node2,
    Outcome,
    outcome,
    settledProject,
    settings,
    up,
} from "./support";

let project: Project;

beforeAll(async () => {
    project = await settledProject();
});

/** Runs `pulumi` for a node, with other settings for this once. */
async function withSettings(pairs: string[], args: string[], stack: StackName = "node1"): Promise<Outcome> {
    const undo = settings(project, stack, ...pairs);
    try {
        return await outcome(project, [...args, "--stack", stack]);
    } finally {
        undo();
    }
}

const failingUp = (...pairs: string[]): Promise<string> => failingUpOf("node1", ...pairs);

/** An `up` that must fail within 30 s. */
async function failingUpOf(stack: StackName, ...pairs: string[]): Promise<string> {
    const started = Date.now();
    const result = await withSettings(pairs, ["up", "--yes", "--skip-preview"], stack);
    expect(result.code, "the up should have failed").not.toBe(0);
    expect(Date.now() - started).toBeLessThan(30_000);
    return result.stdout + result.stderr;
}

describe("settings that cannot be used", () => {
    it("are all reported at preview, one line each, and nothing is touched", async () => {
        const bad = [
            "nodeAddress=192.168.110",
            "role=LEADER",
            "prometheusPort=3100",
            "peerPriority=100",
            "peerNodeName=mid-1",
            "prometheusRetention=fortnight",
            "aggregatorMemoryLimit=4GigaBytes",
            "vip=192.168.110.119",
            "promethuesScrapeInterval=5s",
        ];
        const result = await withSettings(bad, ["preview"]);
        const text = result.stdout + result.stderr;
        expect(result.code).not.toBe(0);
        for (const line of [
            /nodeAddress: "192\.168\.110" is not an IPv4 address; write four numbers/,
            /role: "LEADER" is not a role; write MASTER or BACKUP/,
            /Port: 3100 is also (prometheus|loki)Port/,
            /priority: 100 is the peer's priority too/,
            /peerNodeName: "mid-1" is this node's own name/,
            /prometheusRetention: "fortnight" is not a duration/,
            /aggregatorMemoryLimit: "4GigaBytes" is not a size/,
            /vip: "192\.168\.110\.119" is the peer's address/,
            /promethuesScrapeInterval: is not a setting of this program; did you mean "prometheusScrapeInterval"\?/,
        ])
            expect(text).toMatch(line);
        expect(text).not.toMatch(/^\s+at .*\(/m);
    });

    it("include a missing host key", async () => {
        const result = await withSettings(["hostKey="], ["preview"]);
        expect(result.stdout + result.stderr).toMatch(/hostKey: is missing; write the line of/);
    });
});

describe("a preview", () => {
    it("needs no host that can be reached, nor the key to it", async () => {
        await Promise.all([isolate("node1"), isolate("node2")]);
        try {
            const same = await outcome(project, ["preview", "--stack", "node1", "--expect-no-changes"]);
            expect(same.code, same.stdout + same.stderr).toBe(0);
            const changed = await withSettings(["prometheusScrapeInterval=7s"], ["preview", "--diff"]);
            expect(changed.stdout).toMatch(/- .*scrape_interval: 5s[\s\S]*\+ .*scrape_interval: 7s/);
            const pairs = ["prometheusScrapeInterval=7s", "sshPrivateKeyFile=/nowhere"];
            const withoutKey = await withSettings(pairs, ["preview", "--json"]);
            const changedOnes = (
                JSON.parse(withoutKey.stdout) as { steps: { op: string; urn: string }[] }
            ).steps.filter(({ op }) => op !== "same" && op !== "read");
            expect(changedOnes.map(({ op, urn }) => `${op} ${urn.split("::").pop()}`)).toEqual([
                "update mid-1-host-docker",
                "update mid-1-prometheus-prometheus.yml",
            ]);
        } finally {
            await heal();
        }
        await Promise.all([allHealthy(node1, 150_000), allHealthy(node2, 150_000)]);
    });
});

describe("a host that cannot be used", () => {
    it("is named when nothing answers at its address, and the next up heals", async () => {
        await stopNode("node1");
        try {
            expect(await failingUp("prometheusScrapeInterval=6s")).toMatch(
                /dial tcp 192\.168\.110\.214:22: .*(no route to host|i\/o timeout|refused)/,
            );
        } finally {
            await startNode("node1");
        }
        const healed = await withSettings(["prometheusScrapeInterval=6s"], ["up", "--yes", "--skip-preview"]);
        expect(healed.touched, healed.stdout + healed.stderr).toEqual(["update mid-1-prometheus-prometheus.yml"]);
        await up(project, "node1");
        await allHealthy(node1, 150_000);
    });

    it("is refused when it shows another key than hostKey", async () => {
        const stranger = (await newKey()).split(" ").slice(0, 2).join(" ");
        const before = await containerIds(node1);
        expect(await failingUp(`hostKey=${stranger}`)).toMatch(/host key mismatch/);
        expect(await containerIds(node1)).toEqual(before);
        expect((await up(project, "node1")).touched).toEqual([]);
    });

    it("is the wrong one when it has another name", async () => {
        expect(await failingUp("hostName=somebody-else")).toMatch(
            /host 192\.168\.110\.214: the machine calls itself ish-otel-mid-1\S*, not somebody-else; correct nodeAddress or hostName/,
        );
        // The name is in certificates, which are made before the host is reached; nothing else is touched.
        const { touched } = await up(project, "node1");
        const ofCertificates = /-certificate-|-(clients|peer)\.pem$|-(public\.crt|private\.key)$/;
        expect(touched.filter((one) => !ofCertificates.test(one))).toEqual([]);
        expect((await up(project, "node1")).touched).toEqual([]);
    });
});

async function newKey(): Promise<string> {
    const file = join(mkdtempSync(join(tmpdir(), "otel-ha-key-")), "key");
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file]);
    return readFileSync(`${file}.pub`, "utf8");
}

describe("a file that cannot be written", () => {
    it("stays what it was when the disk is full", async () => {
        const file = "/data/docker/otel/prometheus/prometheus.yml";
        const before = (await labExec("node1", ["cat", file])).stdout;
        await labExec("node1", [
            "sh",
            "-c",
            `mount -t tmpfs -o size=16k tmpfs /mnt && cp -a /data/docker/otel/prometheus/. /mnt/ && mount --move /mnt /data/docker/otel/prometheus && head -c 64k /dev/zero >/data/docker/otel/prometheus/filler`,
        ]);
        try {
            expect(await failingUp("prometheusScrapeInterval=8s")).toMatch(/No space left on device/);
            expect((await labExec("node1", ["cat", file])).stdout).toBe(before);
        } finally {
            await labExec("node1", ["umount", "/data/docker/otel/prometheus"]);
        }
        const healed = await withSettings(["prometheusScrapeInterval=8s"], ["up", "--yes", "--skip-preview"]);
        expect(healed.touched, healed.stdout + healed.stderr).toEqual(["update mid-1-prometheus-prometheus.yml"]);
        await up(project, "node1");
    });

    it("stays what it was when its service's validator refuses it", async () => {
        const template = join(project.dir, "templates/haproxy/haproxy.cfg.mustache");
        const good = readFileSync(template, "utf8");
        const before = (await labExec("node1", ["cat", "/data/docker/otel/haproxy/haproxy.cfg"])).stdout;
        writeFileSync(template, good.replace("retries 3", "retrys 3"));
        try {
            expect(await failingUp()).toMatch(
                /unknown keyword 'retrys'[\s\S]*haproxy\.cfg: the new content is not valid \(see above\); the file is unchanged/,
            );
        } finally {
            writeFileSync(template, good);
        }
        expect((await labExec("node1", ["cat", "/data/docker/otel/haproxy/haproxy.cfg"])).stdout).toBe(before);
        expect((await up(project, "node1")).touched).toEqual([]);
    });

    it("is put back when its service does not get well with it", async () => {
        const before = (await labExec("node1", ["cat", "/data/docker/otel/haproxy/haproxy.cfg"])).stdout;
        const template = join(project.dir, "templates/haproxy/haproxy.cfg.mustache");
        const good = readFileSync(template, "utf8");
        // Valid, but /healthz now always fails.
        writeFileSync(template, good.replace("nbsrv(otlp_http) lt 1", "nbsrv(otlp_http) lt 9"));
        try {
            const result = await outcome(project, ["up", "--yes", "--skip-preview", "--stack", "node1"]);
            expect(result.code).not.toBe(0);
            expect(result.stdout + result.stderr).toMatch(
                /haproxy-mid-1 did not take the new content \(see above\); the previous content is back in place/,
            );
        } finally {
            writeFileSync(template, good);
        }
        expect((await labExec("node1", ["cat", "/data/docker/otel/haproxy/haproxy.cfg"])).stdout).toBe(before);
        expect((await up(project, "node1")).touched).toEqual([]);
        await allHealthy(node1);
    });
});

/** Some other program on a node that listens on a port. */
async function occupy(node: StackName, port: number, address = "0.0.0.0"): Promise<void> {
    const place = `LocalAddr => "${address}", LocalPort => ${port}`;
    const listen = `IO::Socket::INET->new(${place}, Listen => 1, ReuseAddr => 1) or die; sleep 600`;
    await labExec(node, ["sh", "-c", `nohup perl -MIO::Socket::INET -e '$s = ${listen}' >/dev/null 2>&1 &`]);
    const listeners = async (): Promise<string> => (await labExec(node, ["ss", "-Hlntp"])).stdout;
    await eventually(
        `perl listens at ${address}:${port}`,
        listeners,
        (all) => all.split("\n").some((line) => line.includes(`${address}:${port} `) && line.includes("perl")),
        5000,
    );
}

describe("a host that is not ready", () => {
    it("without Docker and with used ports is told all of it at once, untouched, and healed by the next up", async () => {
        await outcome(project, ["destroy", "--yes", "--skip-preview", "--stack", "node2"]);
        await resetNode("node2", { keepImages: true });
        await occupy("node2", 9090);
        await labExec("node2", ["sh", "-c", "mv /usr/bin/docker /usr/bin/docker.away"]);
        const text = await failingUpOf("node2");
        await labExec("node2", ["sh", "-c", "mv /usr/bin/docker.away /usr/bin/docker"]);
        expect(text).toMatch(/host 192\.168\.110\.119: docker is not installed; install Docker 20\.10 or newer/);
        expect(text).toMatch(
            /host 192\.168\.110\.119: port 9090 \(Prometheus\) is in use by perl \(pid \d+\); stop it, or set prometheusPort to a free port/,
        );
        expect((await labExec("node2", ["test", "-e", "/data/docker/otel"])).code).not.toBe(0);
        expect(Object.keys(await containers("node2"))).toEqual([]);
        await labExec("node2", ["pkill", "perl"]);
        await up(project, "node2");
        await Promise.all([allHealthy(node1, 150_000), allHealthy(node2, 150_000)]);
    });

    it("is told when there is too little room", async () => {
        expect(await failingUp("minimumFreeDisk=900TiB")).toMatch(
            /host 192\.168\.110\.214: only \d+ MiB free for \/data\S+; \d+ MiB are needed: make room, or lower minimumFreeDisk/,
        );
        expect((await up(project, "node1")).touched).toEqual([]);
    });

    it("is told soon when a port is taken under a service that is there already", async () => {
        await labExec("node1", ["docker", "stop", "loki-mid-1"]);
        // Where Loki listens with TLS.
        await occupy("node1", 3100, "127.0.0.1");
        try {
            expect(await failingUp("lokiRetention=91d")).toMatch(
                /address already in use[\s\S]*loki-mid-1 (does not stay up|has exited)/,
            );
        } finally {
            await labExec("node1", ["pkill", "perl"]);
        }
        await up(project, "node1");
        await allHealthy(node1, 150_000);
    });
});
