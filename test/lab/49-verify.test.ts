// What somebody changes on the hosts by hand: `otel-ha verify` names it, `--repair` and `otel-ha up` heal it, and a clean pair has nothing of it.
import { beforeAll, describe, expect, it } from "vitest";
import { userOf } from "../../components/object-store-users";
import { labExec } from "../../lab/hosts";
import { Project } from "../../lab/project";
import { vipOwners } from "../../lab/queries";
import { RunOptions, RunResult } from "../../lab/run";
import { NodeVerification, Verdict } from "../../ops/verify/model";
import {
    allHealthy,
    containerIds,
    eventually,
    node1,
    node2,
    otelHa as otelHaIn,
    settings,
    settledProject,
    sharedSecretTexts,
    stackSecret,
    watchGap,
} from "./support";

interface Said {
    verdict: Verdict;
    nodes: NodeVerification[];
}

const CONFIG = "/data/docker/otel";
const DATA = "/data/volume/otel";

let target: Project;
let secrets: string[];
/** Of the object store. */
let users: { loki: string; sidecar: string };

beforeAll(async () => {
    target = await settledProject();
    const { code, stdout, stderr } = await otelHa(["up", "--yes"]);
    expect(code, stdout + stderr).toBe(0);
    await eventually("node 1 holds the virtual IP", vipOwners, (owners) => owners.join() === "node1");
    secrets = await sharedSecretTexts(target);
    const shared = JSON.parse(await stackSecret(target, "node1", "sharedCredentials")) as Record<string, string>;
    users = {
        loki: userOf("loki", shared.lokiObjectStoreSecret!),
        sidecar: userOf("thanos-sidecar", shared.thanosSidecarObjectStoreSecret!),
    };
    expect(secrets.length).toBeGreaterThanOrEqual(5);
});

const otelHa = (args: string[], options: RunOptions = {}): Promise<RunResult> => otelHaIn(target, args, options);

/** A line of shell on a host, which must go well. */
async function on(node: { name: string }, line: string): Promise<string> {
    const { code, stdout, stderr } = await labExec(node.name, ["sh", "-c", line]);
    expect(code, `${line}: ${stderr}`).toBe(0);
    return stdout;
}

/** `mc` as root in the node's object store, whose alias is "store". */
const mc = (node: { name: string }, words: string): Promise<string> =>
    on(
        node,
        `docker exec -i minio-mid-${node.name.slice(-1)} sh -s <<'END'
set -a; . "$MINIO_CONFIG_ENV_FILE"; set +a
export MC_CONFIG_DIR=/tmp/.mc MC_HOST_store="http\${SSL_CERT_FILE:+s}://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@127.0.0.1:9000"
mc --quiet ${words}
END`,
    );

/** What differs, one line each. @example "mid-2 file /a mode" */
const named = ({ nodes }: Said): string[] =>
    nodes.flatMap(({ name, findings }) =>
        findings.map(({ kind, subject, property }) => `${name} ${kind} ${subject} ${property}`),
    );

function withoutSecrets({ stdout, stderr }: RunResult): void {
    for (const secret of secrets) expect(`${stdout}${stderr}`.includes(secret), "a secret is shown").toBe(false);
}

async function verify(): Promise<{ code: number; said: Said }> {
    const result = await otelHa(["verify", "--json"]);
    withoutSecrets(result);
    return { code: result.code, said: JSON.parse(result.stdout) as Said };
}

async function expectClean(): Promise<void> {
    const { code, said } = await verify();
    expect(said.nodes.flatMap(({ unknown }) => unknown)).toEqual([]);
    expect(named(said)).toEqual([]);
    expect(code).toBe(0);
}

async function repair(): Promise<string> {
    const result = await otelHa(["verify", "--repair", "--wait", "2m"]);
    withoutSecrets(result);
    expect(result.code, result.stdout + result.stderr).toBe(0);
    return result.stdout;
}

describe("a clean pair", () => {
    it("has nothing that differs, and is not changed by looking, which takes seconds", async () => {
        const before = { node1: await containerIds(node1), node2: await containerIds(node2) };
        const find = (node: { name: string }): Promise<string> =>
            on(node, `find ${CONFIG} /usr/local/lib/otel-ha /etc/sysctl.d -printf '%p %m %u %T@\\n' | sort`);
        const files = [await find(node1), await find(node2)];
        const started = Date.now();
        await expectClean();
        const seconds = (Date.now() - started) / 1000;
        console.log(`otel-ha verify of both hosts, with the reading of both states: ${seconds.toFixed(1)} s`);
        expect(seconds).toBeLessThan(15);
        expect([await find(node1), await find(node2)]).toEqual(files);
        expect({ node1: await containerIds(node1), node2: await containerIds(node2) }).toEqual(before);
    });

    it("has nothing that differs when a container was restarted by hand", async () => {
        await on(node2, "docker restart prometheus-mid-2");
        await allHealthy(node2);
        await expectClean();
    });
});

interface Drift {
    what: string;
    inject: () => Promise<unknown>;
    /** What verify names; several where one act differs in several ways. */
    names: string[];
}

// On the host without the virtual IP, but for what both have in common.
const drifts = (): Drift[] => [
    {
        what: "a file edited",
        inject: () => on(node2, `echo '# by hand' >>${CONFIG}/haproxy/haproxy.cfg`),
        names: [`mid-2 file ${CONFIG}/haproxy/haproxy.cfg content`],
    },
    {
        what: "a secret file edited",
        inject: () => on(node2, `echo '# by hand' >>${CONFIG}/haproxy/stats-users.cfg`),
        names: [`mid-2 file ${CONFIG}/haproxy/stats-users.cfg content`],
    },
    {
        what: "a file deleted",
        inject: () => on(node2, `rm ${CONFIG}/prometheus/prometheus.yml`),
        names: [`mid-2 file ${CONFIG}/prometheus/prometheus.yml existence`],
    },
    {
        what: "a mode",
        inject: () => on(node2, `chmod 0666 ${CONFIG}/loki/config.yaml`),
        names: [`mid-2 file ${CONFIG}/loki/config.yaml mode`],
    },
    {
        what: "an owner",
        inject: () => on(node2, `chown 1234:1234 ${CONFIG}/keepalived/keepalived.conf`),
        names: [`mid-2 file ${CONFIG}/keepalived/keepalived.conf owner`],
    },
    {
        what: "a helper script edited",
        inject: () => on(node2, "echo '# by hand' >>/usr/local/lib/otel-ha/mirror-buckets"),
        names: ["mid-2 file /usr/local/lib/otel-ha/mirror-buckets content"],
    },
    {
        what: "a directory's mode",
        inject: () => on(node2, `chmod 0755 ${DATA}/prometheus`),
        names: [`mid-2 directory ${DATA}/prometheus mode`],
    },
    {
        what: "a directory's attribute",
        inject: () => on(node2, `chattr -S ${DATA}/prometheus/wal`),
        names: [`mid-2 directory ${DATA}/prometheus/wal attribute`],
    },
    {
        what: "a kernel setting",
        inject: () => on(node2, "echo 1024 >/proc/sys/net/core/somaxconn"),
        names: ["mid-2 sysctl net.core.somaxconn value"],
    },
    {
        what: "a container stopped",
        inject: () => on(node2, "docker stop thanos-query-mid-2"),
        names: ["mid-2 container thanos-query-mid-2 state"],
    },
    {
        what: "a container removed",
        inject: () => on(node2, "docker rm -f thanos-store-mid-2"),
        names: ["mid-2 container thanos-store-mid-2 existence"],
    },
    {
        what: "a restart policy",
        inject: () => on(node2, "docker update --restart no loki-mid-2"),
        names: ["mid-2 container loki-mid-2 restart policy"],
    },
    {
        what: "an image's tag that stands for another one",
        inject: async () => {
            const id = (await on(node2, "docker inspect --format '{{.Image}}' haproxy-mid-2")).trim();
            await on(node2, `docker tag ${id} prom/prometheus:v3.7.3`);
        },
        names: ["mid-2 image prom/prometheus:v3.7.3 image"],
    },
    {
        what: "a user of the object store removed",
        inject: () => mc(node1, `admin user remove store ${users.sidecar}`),
        // It was in the groups of both nodes.
        names: [`mid-1 user ${users.sidecar} existence`, "mid-2 group mid-2 members"],
    },
    {
        what: "a user of the object store that may do more",
        inject: () => mc(node1, `admin policy attach store readonly --user ${users.loki}`),
        names: [`mid-1 user ${users.loki} policies`],
    },
];

describe("drift", () => {
    it("of all kinds at once is named, each thing once", async () => {
        const all = drifts();
        for (const { inject } of all) await inject();
        const { code, said } = await verify();
        expect(named(said).sort()).toEqual(all.flatMap(({ names }) => names).sort());
        expect(code).toBe(1);
        const text = await otelHa(["verify", "--node", "mid-2"]);
        withoutSecrets(text);
        expect(text.stdout).toContain("+# by hand");
        expect(text.stdout).toMatch(/stats-users\.cfg +content +should be \[secret\], is another text/);
        expect(text.stdout).not.toContain("stats-users.cfg as deployed");
    });

    it("is healed by --repair, and clients notice nothing", async () => {
        const before = await containerIds(node2);
        const gap = watchGap();
        const said = await repair();
        const longest = await gap();
        console.log(said);
        expect(longest).toBeLessThan(1000);
        await Promise.all([allHealthy(node1), allHealthy(node2)]);
        const after = await containerIds(node2);
        const anew = Object.keys(after).filter((service) => after[service] !== before[service]);
        expect(anew).toEqual(["thanos-store"]);
        // It verifies first.
        const result = await otelHa(["up"]);
        expect(result.stdout).toContain("Nothing to change");
        expect(result.stdout).not.toContain("Not as it was deployed");
    });

    it("that takes more than to put it back is named and healed: a container made by hand, a file that a service has read, a bucket, the owner's HAProxy", async () => {
        await mc(node1, "rb --force store/thanos-metrics");
        await on(
            node2,
            "docker rm -f thanos-query-mid-2 && docker run -d --name thanos-query-mid-2 --network host --entrypoint sleep prom/prometheus:v3.7.3 3600",
        );
        await on(node2, `echo '# by hand' >>${CONFIG}/loki/config.yaml && docker restart loki-mid-2`);
        await on(node1, "docker stop haproxy-mid-1");
        await eventually("node 2 holds the virtual IP", vipOwners, (owners) => owners.join() === "node2", 30_000);
        const started = (service: string): Promise<string> =>
            on(node2, `docker inspect --format '{{.State.StartedAt}}' ${service}-mid-2`);
        const before = [await started("loki"), await started("prometheus")];

        const all = named((await verify()).said);
        expect(all).toEqual(
            expect.arrayContaining([
                "mid-1 bucket thanos-metrics existence",
                "mid-1 container haproxy-mid-1 state",
                "mid-2 container thanos-query-mid-2 identity",
                "mid-2 container thanos-query-mid-2 image",
                "mid-2 container thanos-query-mid-2 label otel-ha.config",
                `mid-2 file ${CONFIG}/loki/config.yaml content`,
            ]),
        );
        // Everything of the container made by hand differs; of all else, what was done to it.
        expect(all.filter((line) => !line.includes("thanos-query-mid-2"))).toHaveLength(3);

        const said = await repair();
        expect(said).toContain("remove thanos-query-mid-2, which is not the deployed one");
        expect(said).toContain("stop loki-mid-2");
        expect(said).toContain("start haproxy-mid-1");
        // Loki starts anew with what is in its file, and no other service does.
        const after = [await started("loki"), await started("prometheus")];
        expect(after[0]).not.toBe(before[0]);
        expect(after[1]).toBe(before[1]);
        await eventually("node 1 has it back", vipOwners, (owners) => owners.join() === "node1", 30_000);
        await Promise.all([allHealthy(node1), allHealthy(node2)]);
        await expectClean();
    });
});

describe("otel-ha up", () => {
    it("shows drift in its summary and repairs it in the same run; --no-repair leaves it", async () => {
        await on(node2, `echo '# by hand' >>${CONFIG}/haproxy/haproxy.cfg && docker stop thanos-query-mid-2`);
        const left = await otelHa(["up", "--yes", "--no-repair"]);
        expect(left.code, left.stdout + left.stderr).toBe(0);
        expect(left.stdout).toContain("left as it is (--no-repair)");
        expect(named((await verify()).said)).toHaveLength(2);

        const healed = await otelHa(["up", "--yes", "--wait", "2m"]);
        withoutSecrets(healed);
        expect(healed.code, healed.stdout + healed.stderr).toBe(0);
        expect(healed.stdout).toContain("Not as it was deployed, put right in this run");
        expect(healed.stdout).toContain("mid-2  start thanos-query-mid-2");
        await expectClean();
    });

    it("repairs and changes in one run, and writes a file once that the change writes anyway", async () => {
        const undo = [
            settings(target, "node1", "haproxyMaxConnections=7000"),
            settings(target, "node2", "haproxyMaxConnections=7000"),
        ];
        try {
            await on(node2, `echo '# by hand' >>${CONFIG}/haproxy/haproxy.cfg`);
            await on(node1, "docker stop thanos-query-mid-1");
            const result = await otelHa(["up", "--yes", "--wait", "2m"]);
            expect(result.code, result.stdout + result.stderr).toBe(0);
            expect(result.stdout).not.toContain(`write ${CONFIG}/haproxy/haproxy.cfg`);
            expect(result.stdout).toContain("start thanos-query-mid-1");
            expect(await on(node2, `grep -c 'maxconn 7000' ${CONFIG}/haproxy/haproxy.cfg`)).toBe("1\n");
        } finally {
            undo.forEach((one) => one());
        }
        expect((await otelHa(["up", "--yes", "--wait", "2m"])).code).toBe(0);
        await expectClean();
    });

    it("--repair refuses what takes Pulumi while settings are not deployed, and says what does both", async () => {
        await on(node2, "docker rm -f thanos-query-mid-2");
        const undo = settings(target, "node2", "haproxyMaxConnections=7001");
        const refused = await otelHa(["verify", "--repair"]);
        undo();
        expect(refused.code).toBe(3);
        expect(refused.stderr).toContain("otel-ha up does both");
        await repair();
        await allHealthy(node2);
        await expectClean();
    });
});
