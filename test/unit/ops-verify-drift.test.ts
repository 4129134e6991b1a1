// otel-ha verify against a host in a directory, which the program's own commands have set up: every kind of drift, found and healed.
import * as fs from "fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { userOf } from "../../components";
import { PLAIN } from "../../ops/terminal";
import { Look, verification } from "../../ops/verify/look";
import { EXIT_CODES, Finding, verdictOf } from "../../ops/verify/model";
import { repairOf } from "../../ops/verify/repair";
import { verifyText } from "../../ops/verify/text";
import { DeployedHost, IS_ROOT } from "./support/deployed-host";
import { dockerId } from "./support/export";

let host: DeployedHost;
beforeAll(async () => {
    host = await DeployedHost.of("node1");
}, 60_000);
afterAll(() => host.remove());

const look = (): Promise<Look> => host.look();
const line = (finding: Finding): string => host.line(finding);
const heal = (found: Look): Promise<string[]> => host.heal(found);

const HAPROXY = "/data/docker/otel/haproxy/haproxy.cfg";
const LOKI = "/data/docker/otel/loki/config.yaml";
const ROOT_ENV = "/data/docker/otel/minio/root.env";
const user = (base: string, of: string): string => userOf(base, `made for credentials-${of}ObjectStoreSecret`);
const LOKI_USER = user("loki", "loki");
const SIDECAR = user("thanos-sidecar", "thanosSidecar");
const USERS = [LOKI_USER, SIDECAR, user("thanos-store", "thanosStore"), user("thanos-compactor", "thanosCompactor")];
const DATA = "/data/volume/otel/prometheus";
const store = (file: string): string => `${host.bench.state}/store/${file}`;
const append = (file: string, text: string): void => fs.appendFileSync(host.at(file), text);

interface Drift {
    what: string;
    inject: () => void;
    finds: string[];
    does: string[];
}

const DRIFT: Drift[] = [
    {
        what: "a file that was edited, which its service reads again",
        inject: () => append(HAPROXY, "# by hand\n"),
        finds: ["file haproxy/haproxy.cfg content: the deployed text → another text"],
        does: ["write haproxy/haproxy.cfg, which haproxy-mid-1 reads again"],
    },
    {
        what: "a file that was deleted",
        inject: () => fs.rmSync(host.at(LOKI)),
        finds: ["file loki/config.yaml existence: a file → nothing"],
        does: ["write loki/config.yaml"],
    },
    {
        what: "a file with another mode",
        inject: () => fs.chmodSync(host.at(ROOT_ENV), 0o644),
        finds: ["file minio/root.env mode: 0400 → 0644"],
        does: ["write minio/root.env"],
    },
    {
        what: "a link in the place of a file",
        inject: () => {
            fs.rmSync(host.at(HAPROXY));
            fs.symlinkSync("/dev/null", host.at(HAPROXY));
        },
        finds: ["file haproxy/haproxy.cfg existence: a file → something else than a regular file"],
        does: ["write haproxy/haproxy.cfg, which haproxy-mid-1 reads again"],
    },
    {
        what: "a secret file that was edited, without showing what is in it",
        inject: () => {
            fs.rmSync(host.at(ROOT_ENV));
            const text = "MINIO_ROOT_USER=me\nMINIO_ROOT_PASSWORD=not-to-be-shown\n";
            fs.writeFileSync(host.at(ROOT_ENV), text, { mode: 0o400 });
        },
        finds: ["file minio/root.env content: [secret] → another text"],
        does: ["write minio/root.env"],
    },
    {
        what: "a helper script that was edited",
        inject: () => fs.appendFileSync(`${host.bench.lib}/await-healthy`, "exit 0\n"),
        finds: ["file /lib/await-healthy content: the deployed text → another text"],
        does: ["prepare the host again: directories, kernel settings, helper scripts"],
    },
    {
        what: "a directory with another mode",
        inject: () => fs.chmodSync(host.at(DATA), 0o755),
        finds: [`directory ${DATA} mode: 0700 → 0755`],
        does: ["prepare the host again: directories, kernel settings, helper scripts"],
    },
    {
        what: "a directory that is no longer synchronous",
        inject: () => fs.rmSync(host.at(`${DATA}/wal/.sync`)),
        finds: [`directory ${DATA}/wal attribute: synchronous → not synchronous`],
        does: ["prepare the host again: directories, kernel settings, helper scripts"],
    },
    {
        what: "a directory that was removed, with those who have it open",
        inject: () => fs.rmSync(host.at(`${DATA}/wal`), { recursive: true }),
        finds: [`directory ${DATA}/wal existence: a directory → nothing`],
        does: [
            "prepare the host again: directories, kernel settings, helper scripts",
            "stop prometheus-mid-1",
            "stop thanos-sidecar-mid-1",
            "start prometheus-mid-1",
            "start thanos-sidecar-mid-1",
        ],
    },
    {
        what: "a kernel setting",
        inject: () => fs.writeFileSync(host.at("/proc/sys/net/core/somaxconn"), "128\n"),
        finds: ["sysctl net.core.somaxconn value: 4096 → 128"],
        does: ["prepare the host again: directories, kernel settings, helper scripts"],
    },
    {
        what: "the file that keeps kernel settings",
        inject: () => fs.rmSync(host.at("/etc/sysctl.d/90-otel-ha.conf")),
        finds: ["file /etc/sysctl.d/90-otel-ha.conf existence: a file → nothing"],
        does: ["prepare the host again: directories, kernel settings, helper scripts"],
    },
    {
        what: "a container that was stopped",
        inject: () => host.container("loki-mid-1", { status: "exited" }),
        finds: ["container loki-mid-1 state: running → exited"],
        does: ["start loki-mid-1"],
    },
    {
        what: "a container that is paused",
        inject: () => host.container("loki-mid-1", { status: "paused" }),
        finds: ["container loki-mid-1 state: running → paused"],
        does: ["start loki-mid-1"],
    },
    {
        what: "a container that was removed",
        inject: () => fs.rmSync(`${host.bench.state}/containers/haproxy-mid-1`),
        finds: ["container haproxy-mid-1 existence: a running container → removed"],
        does: ["pulumi up --refresh"],
    },
    {
        what: "a container that somebody made of another image",
        inject: () =>
            host.container("prometheus-mid-1", {
                id: dockerId("by hand"),
                image: `sha256:${dockerId("newer")}`,
                ref: "prom/prometheus:v3.9.0",
                labels: {},
                restart: "no",
            }),
        finds: [
            expect.stringMatching(/^container prometheus-mid-1 identity: the deployed one, \w{12} → \w{12}$/),
            expect.stringMatching(
                /^container prometheus-mid-1 image: prom\/prometheus:v3\.7\.3 \(\w{12}\) → prom\/prometheus:v3\.9\.0 \(\w{12}\)$/,
            ),
            expect.stringMatching(/^container prometheus-mid-1 label otel-ha.config: \w{16} → none$/),
            expect.stringMatching(/^container prometheus-mid-1 label otel-ha.spec: \w{16} → none$/),
            "container prometheus-mid-1 restart policy: unless-stopped → no",
        ],
        does: ["remove prometheus-mid-1, which is not the deployed one", "pulumi up --refresh"],
    },
    {
        what: "a container whose restart policy was changed",
        inject: () => host.container("prometheus-mid-1", { restart: "no" }),
        finds: ["container prometheus-mid-1 restart policy: unless-stopped → no"],
        does: ["pulumi up --refresh"],
    },
    {
        what: "the name of an image that stands for another one",
        inject: () =>
            host.bench.write(
                "images",
                host.bench
                    .read("images")
                    .replace(
                        /^(\S+) grafana\/loki:\S+$/m,
                        (was, id) => `sha256:other ${was.split(" ")[1]}\n${id} kept`,
                    ),
            ),
        finds: [expect.stringMatching(/^image grafana\/loki:\S+ image: \w{12} → other$/)],
        does: [expect.stringMatching(/^call the deployed image grafana\/loki:\S+ again$/)],
    },
    {
        what: "a bucket that was removed",
        inject: () => fs.rmdirSync(store("buckets/loki-data")),
        finds: ["bucket loki-data existence: a bucket → nothing"],
        does: ["make buckets, users and policies again"],
    },
    {
        what: "a user that was removed",
        inject: () => fs.rmSync(store(`users/${SIDECAR}`)),
        finds: [
            `user ${SIDECAR} existence: a user → nothing`,
            `group mid-1 members: ${[...USERS].sort().join(", ")} → ${[...USERS]
                .sort()
                .filter((user) => user !== SIDECAR)
                .join(", ")}`,
        ],
        does: ["make buckets, users and policies again", "take users that the node does not need out of its group"],
    },
    {
        what: "a user that was disabled",
        inject: () => meddle(`users/${LOKI_USER}`, (text) => text.replace("enabled", "disabled")),
        finds: [`user ${LOKI_USER} state: enabled → disabled`],
        does: ["make buckets, users and policies again"],
    },
    {
        what: "a user that has another secret, without showing it",
        inject: () => meddle(`users/${LOKI_USER}`, (text) => text.replace(/^(.*\n.*\n).*/, "$1not-to-be-shown")),
        finds: [`user ${LOKI_USER} secret: [secret] → another`],
        does: ["make buckets, users and policies again"],
    },
    {
        what: "a user that may do more",
        inject: () =>
            meddle(`users/${LOKI_USER}`, (text) => text.replace("loki-data-all", "loki-data-all,consoleAdmin")),
        finds: [`user ${LOKI_USER} policies: loki-data-all → consoleAdmin, loki-data-all`],
        does: ["make buckets, users and policies again"],
    },
    {
        what: "a user of ours that no service needs any more",
        inject: () => fs.writeFileSync(store("users/thanos"), "thanos-metrics-client\nenabled\nits-secret\n"),
        finds: ["user thanos existence: nothing → a user"],
        does: ["make buckets, users and policies again, remove the user thanos"],
    },
    {
        what: "a user in the node's group who is none of its services",
        inject: () => fs.writeFileSync(store("users/zoe"), "readonly\nenabled\nher-secret\nmid-1\n"),
        finds: [`group mid-1 members: ${[...USERS].sort().join(", ")} → ${[...USERS, "zoe"].sort().join(", ")}`],
        does: ["make buckets, users and policies again", "take users that the node does not need out of its group"],
    },
    {
        what: "a user that is not in the node's group any more",
        inject: () => meddle(`users/${LOKI_USER}`, (text) => text.replace("mid-1\n", "\n")),
        finds: [`group mid-1 members: ${[...USERS].sort().join(", ")} → ${USERS.slice(1).sort().join(", ")}`],
        does: ["make buckets, users and policies again", "take users that the node does not need out of its group"],
    },
    {
        what: "a policy that allows more",
        inject: () => meddle("policies/thanos-metrics-read", (text) => text.replace('"s3:GetObject"', '"s3:*"')),
        finds: [expect.stringMatching(/^policy thanos-metrics-read content: the deployed one → .*s3:\*/)],
        does: ["make buckets, users and policies again"],
    },
];

function meddle(file: string, change: (text: string) => string): void {
    const text = fs.readFileSync(store(file), "utf8");
    expect(change(text)).not.toBe(text);
    fs.writeFileSync(store(file), change(text));
}

describe("otel-ha verify", () => {
    it("reports nothing of a host that is as it was deployed, and changes nothing there", async () => {
        const before = fs.readdirSync(host.bench.root, { recursive: true }).length;
        const found = await look();
        expect({ findings: found.findings, unknown: found.unknown }).toEqual({ findings: [], unknown: [] });
        expect(found.said.files!.length).toBeGreaterThan(20);
        expect(found.said.containers).toHaveLength(10);
        expect(EXIT_CODES[verdictOf([found])]).toBe(0);
        expect(fs.readdirSync(host.bench.root, { recursive: true }).length - before).toBeLessThanOrEqual(1);
        expect(host.asked).toEqual(["stack export --show-secrets --stack node1"]);
        const did = host.bench.argv().filter((words) => /^(docker|mc|chattr|chown) /.test(words));
        expect(did.length).toBeGreaterThan(8);
        expect(did.filter((words) => !/^(docker (version|inspect|image inspect|exec)|mc --json) /.test(words))).toEqual(
            [],
        );
    });

    it.each(DRIFT.map((drift) => [drift.what, drift] as const))("finds %s, and heals it", async (_, drift) => {
        const { inject, finds, does } = drift;
        inject();
        const found = await look();
        expect(found.findings.map(line)).toEqual(finds);
        expect(found.unknown).toEqual([]);
        expect(EXIT_CODES[verdictOf([found])]).toBe(1);
        const shown = JSON.stringify([verification(found), repairOf(found), verifyText([found], PLAIN)]);
        expect(shown).not.toMatch(/not-to-be-shown|made-for-/);
        expect(await heal(found)).toEqual(does);
        expect((await look()).findings).toEqual([]);
    });

    it.runIf(IS_ROOT)("finds another owner, and heals it", async () => {
        fs.chownSync(host.at(HAPROXY), 12345, 12345);
        fs.chownSync(host.at(DATA), 12345, 12345);
        const found = await look();
        expect(found.findings.map(line)).toEqual([
            `directory ${DATA} owner: 0:0 → 12345:12345`,
            "file haproxy/haproxy.cfg owner: 0:0 → 12345:12345",
        ]);
        await heal(found);
        expect((await look()).findings).toEqual([]);
    });

    it("finds ten kinds at once, and heals them in one go", async () => {
        const ten = [0, 1, 2, 5, 6, 9, 11, 13, 17, 18].map((at) => DRIFT[at]!);
        ten.forEach(({ inject }) => inject());
        const found = await look();
        expect(found.findings.map(line).sort()).toEqual(ten.flatMap(({ finds }) => finds).sort());
        await heal(found);
        expect((await look()).findings).toEqual([]);
    });

    it("shows a line for each, and the difference of a file that is no secret", async () => {
        fs.writeFileSync(
            host.at(HAPROXY),
            fs.readFileSync(host.at(HAPROXY), "utf8").replace("maxconn", "\u001b[2Jmaxcon"),
        );
        const found = await look();
        const text = verifyText([verification(found)], PLAIN).replaceAll(host.bench.root, "");
        expect(text).toMatch(
            /^drift: .*\n {2}mid-1 {2}file {2}\/data\S+haproxy.cfg {2}content {2}should be the deployed text, is another text\n/,
        );
        expect(text).toMatch(/\n--- \/data\S+ as deployed\n\+\+\+ \/data\S+ on mid-1\n@@ -\d+ \+\d+ @@\n/);
        expect(text).toMatch(/\n-( +)maxconn (.*)\n\+\1\?\[2Jmaxcon \2\n/);
        await heal(found);
    });

    it("reloads by the signal that a deployment sends, and only where it is needed", async () => {
        const signals = (): number => host.bench.read("signals").split("\n").length;
        // Those of before are still on their way.
        await new Promise((resolve) => setTimeout(resolve, 500));
        const before = signals();
        fs.chmodSync(host.at(HAPROXY), 0o666);
        await heal(await look());
        expect(signals()).toBe(before);
        append(HAPROXY, "# by hand\n");
        await heal(await look());
        await expect.poll(signals).toBe(before + 1);
    });
});
