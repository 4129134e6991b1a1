// The other ways to keep objects: a store on each host, and one that is not ours. In the end the pool is back as the tests before left it.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask } from "../../lab/access";
import { heal, labExec, partition } from "../../lab/hosts";
import { logql, vipOwners } from "../../lab/queries";
import { Project } from "../../lab/project";
import { DRILL_TIMEOUT_MS, drillPasses } from "./drill";
import {
    allHealthy,
    buckets,
    eventually,
    node1,
    node2,
    objects,
    otelHa,
    outcome,
    servicesOf,
    settings,
    settledProject,
    up,
    upBoth,
} from "./support";

const STACKS = ["node1", "node2"] as const;
const DRIVES = "/data/volume/otel/minio";
const withCompactor = (node: { name: string }): string[] => [...new Set([...servicesOf(node), "thanos-compactor"])];

let project: Project;
const undo: (() => void)[] = [];
const setBoth = (...pairs: string[]): void =>
    void undo.push(...STACKS.map((stack) => settings(project, stack, ...pairs)));

/** What docs/operations.md tells to do before another objectStore: the store stops, its drives are put aside, others take their place. */
async function exchangeDrives(put: string, take: string): Promise<void> {
    for (const { name } of [node1, node2]) {
        const minio = `minio-mid-${name.slice(-1)}`;
        const script = [
            // There is none while the store is external.
            `{ docker stop ${minio} >/dev/null 2>&1 || true; }`,
            `mv ${DRIVES} ${DRIVES}.${put}`,
            `if [ -d ${DRIVES}.${take} ]; then mv ${DRIVES}.${take} ${DRIVES}; else install -d -o 1000 -g 1000 ${DRIVES}/data1 ${DRIVES}/data2; fi`,
        ];
        const moved = await labExec(name, ["sh", "-c", script.join(" && ")]);
        expect(moved.code, moved.stderr).toBe(0);
    }
}

/** Puts an object into a bucket, past the services that usually do. */
async function put(node: { name: string }, bucket: string, key: string): Promise<void> {
    const result = await objects(node, `${bucket}/${key}`, undefined, "cp /etc/hostname");
    expect(result.code, result.stdout + result.stderr).toBe(0);
}

async function keys(node: { name: string }, bucket: string): Promise<string[]> {
    const { stdout } = await objects(node, bucket);
    return [...stdout.matchAll(/(\S+)$/gm)].map(([, key]) => key!);
}

beforeAll(async () => {
    project = await settledProject();
});

afterAll(async () => {
    await heal();
    for (const one of undo.reverse()) one();
    await exchangeDrives("mirrored", "pooled");
    // The secrets that were given for the external store are made anew: node 2 reads node 1's.
    for (const stack of STACKS) await up(project, stack);
    await Promise.all([allHealthy(node1), allHealthy(node2)]);
    for (const { name } of [node1, node2]) await labExec(name, ["rm", "-rf", `${DRIVES}.mirrored`]);
}, 300_000);

describe("a query while the other host is cut off", () => {
    it("is answered within 3 s at any moment, without an error", async () => {
        const path = `/api/v1/query?${new URLSearchParams({ query: 'up{instance="mid-1", job!~"peer-.*"}' })}`;
        const query = async (): Promise<{ status: number; ms: number; series: number }> => {
            const started = Date.now();
            const { status, text } = await ask(node1.address, 10904, path, { timeoutMs: 20_000 });
            const body = JSON.parse(text) as { data: { result: unknown[] } };
            return { status, ms: Date.now() - started, series: body.data.result.length };
        };
        const whole = await query();
        const asked: ReturnType<typeof query>[] = [];
        try {
            await partition("node1", "node2");
            for (let count = 0; count < 16; count++) {
                asked.push(query());
                await new Promise((resolve) => setTimeout(resolve, 250));
            }
            const answers = await Promise.all(asked);
            for (const answer of answers) expect(answer).toMatchObject({ status: 200, series: whole.series });
            const slowest = Math.max(...answers.map((one) => one.ms));
            console.log(`slowest of ${answers.length} queries around the cut: ${slowest} ms`);
            expect(slowest).toBeLessThan(3000);
        } finally {
            await heal();
        }
    });
});

describe("a pool whose other half is away", () => {
    it("is not stopped by up; the error says why and what to do, and everything runs on", async () => {
        await labExec("node2", ["docker", "stop", "minio-mid-2"]);
        const before = (await labExec("node1", ["docker", "inspect", "--format", "{{.Id}}", "minio-mid-1"])).stdout;
        const back = settings(project, "node1", "healthCheckInterval=11s");
        try {
            const result = await outcome(project, [
                "up",
                "--yes",
                "--skip-preview",
                "--stack",
                "node1",
                "--target",
                "**mid-1-minio-may-stop",
            ]);
            expect(result.code).not.toBe(0);
            expect(result.stdout + result.stderr).toContain(
                "minio-mid-1 is not replaced: nothing listens at 192.168.110.119:9000",
            );
        } finally {
            back();
            await labExec("node2", ["docker", "start", "minio-mid-2"]);
        }
        const after = (await labExec("node1", ["docker", "inspect", "--format", "{{.Id}}", "minio-mid-1"])).stdout;
        expect(after).toBe(before);
        await eventually(
            "write quorum",
            () =>
                labExec("node1", [
                    ...["docker", "exec", "minio-mid-1", "sh", "-c"],
                    'wget -q -O - "http${SSL_CERT_FILE:+s}://127.0.0.1:9000/minio/health/cluster"',
                ]),
            (seen) => seen.code === 0,
        );
    });
});

describe("mirrored", () => {
    it("does not start on a pool's drives: up says what to do, before it stops anything", async () => {
        setBoth("objectStore=mirrored");
        const result = await outcome(project, [
            "up",
            "--yes",
            "--skip-preview",
            "--stack",
            "node1",
            "--target",
            "**mid-1-minio-may-stop",
        ]);
        expect(result.code).not.toBe(0);
        expect(result.stdout + result.stderr).toContain(
            "minio-mid-1 is not replaced: the drives in /data/volume/otel/minio belong to a store of 4 drives",
        );
    });

    it("is a store with both buckets on each host, and nothing is open", async () => {
        await exchangeDrives("pooled", "mirrored");
        for (const result of await upBoth(project)) expect(result.stdout).not.toMatch(/open:/);
        for (const node of [node1, node2]) expect(await buckets(node)).toEqual(["loki-data", "thanos-metrics"]);
        await Promise.all([node1, node2].map((node) => allHealthy(node, 90_000, withCompactor(node))));
    });

    it("takes writes on one host while the other one's store is away, which the pool does not", async () => {
        await labExec("node2", ["docker", "stop", "minio-mid-2"]);
        try {
            await put(node1, "loki-data", "while-alone");
            await put(node1, "thanos-metrics", "01BLOCK/chunks/000001");
            await put(node1, "thanos-metrics", "01BLOCK/meta.json");
        } finally {
            await labExec("node2", ["docker", "start", "minio-mid-2"]);
        }
        expect(await keys(node1, "loki-data")).toContain("while-alone");
    });

    it("is filled from the other side with one command, logs in Loki's memory included", async () => {
        const line = `rebuilt-${Date.now()}`;
        const stream = { stream: { service_name: "rebuilt" }, values: [[`${Date.now()}000000`, line]] };
        const pushed = await ask(node1.address, 3100, "/loki/api/v1/push", {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ streams: [stream] }),
        });
        expect(pushed.status).toBe(204);
        await eventually(
            "the line at node 1",
            () => logql(node1, '{service_name="rebuilt"}'),
            (found) => found.length > 0,
        );
        const chunks = async (node: { name: string }): Promise<number> =>
            (await keys(node, "loki-data")).filter((key) => key.startsWith("fake/")).length;
        const command = `/usr/local/lib/otel-ha/mirror-buckets --container minio-mid-2 --port 9000 --from ${node1.address}:9000`;
        const filled = await otelHa(project, ["resync", "--to", "mid-2", "--json"]);
        expect(filled.code, filled.stderr).toBe(0);
        const some = expect.any(Number) as number;
        expect(JSON.parse(filled.stdout)).toEqual({
            ...{ from: "mid-1", to: "mid-2" },
            buckets: ["loki-data", "thanos-metrics"].map((bucket) => ({ bucket, copied: some, missing: [] })),
        });
        expect(filled.stdout).not.toContain('"copied":0');
        expect(await chunks(node1)).toBeGreaterThan(0);
        expect(await chunks(node2)).toBeGreaterThanOrEqual(await chunks(node1));
        for (const bucket of ["loki-data", "thanos-metrics"])
            expect(await keys(node2, bucket)).toEqual(expect.arrayContaining(await keys(node1, bucket)));
        // The script behind it; without Loki's memory there is nothing new.
        const again = await labExec("node2", ["sh", "-c", `${command} loki-data thanos-metrics`]);
        expect(again.stdout).toBe("loki-data 0\nthanos-metrics 0\n");
    });
});

describe("resilient: mirrored, VRRP 3 every 200 ms, unicast", () => {
    it(
        "loses nothing with the host that has the virtual IP, and takes data again within a second",
        async () => {
            setBoth("vrrpVersion=3", "vrrpAdvertInterval=200ms", "vrrpUnicast=true");
            await upBoth(project);
            await eventually("node 1 holds the virtual IP", vipOwners, (owners) => owners.join() === "node1");
            const { system } = await drillPasses(project, "host-owner");
            expect(system.configuration).toBe("resilient");
        },
        DRILL_TIMEOUT_MS,
    );
});

describe("external", () => {
    const OTHER = { container: "other-store", port: 9100, user: "other-user", secret: "other-secret" };

    /** A store that is not ours, on node 2, with one user for all; gone with its container. */
    async function otherStore(): Promise<void> {
        const { container, port, user, secret } = OTHER;
        const environment = ["-e", `MINIO_ROOT_USER=${user}`, "-e", `MINIO_ROOT_PASSWORD=${secret}`];
        const server = ["cmp-minio:2026.02.12", "server", "--address", `:${port}`, "/data"];
        const run = ["docker", "run", "-d", "--name", container, "--network", "host"];
        const started = await labExec("node2", [...run, ...environment, ...server]);
        expect(started.code, started.stderr).toBe(0);
        const script = `export MC_HOST_here=http://${user}:${secret}@127.0.0.1:${port}\nmc mb here/loki-data here/thanos-metrics\n`;
        const make = (): Promise<{ code: number }> =>
            labExec("node2", ["docker", "exec", "-i", container, "sh", "-s"], { input: script });
        await eventually("buckets in the other store", make, ({ code }) => code === 0);
    }

    it("is another store that Loki and Thanos use, with nothing of it on the host", async () => {
        const users = ["loki", "thanosSidecar", "thanosStore", "thanosCompactor"];
        const back = settings(
            project,
            "node1",
            "objectStore=external",
            `objectStoreEndpoint=${node2.address}:${OTHER.port}`,
            "objectStoreInsecure=true",
            ...users.flatMap((name) => [
                `${name}ObjectStoreUser=${OTHER.user}`,
                `${name}ObjectStoreSecret=${OTHER.secret}`,
            ]),
        );
        try {
            await otherStore();
            const result = await up(project, "node1");
            expect(result.touched).toContain("delete mid-1-minio");
            await allHealthy(
                node1,
                90_000,
                servicesOf(node1).filter((service) => service !== "minio"),
            );
            expect((await ask(node1.address, 3100, "/flush", { method: "POST" })).status).toBe(204);
        } finally {
            back();
            await labExec("node2", ["docker", "rm", "-f", OTHER.container]);
        }
    });
});
