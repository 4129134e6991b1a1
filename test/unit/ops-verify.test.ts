// otel-ha verify against a host in a directory, which the program's own commands have set up.
import * as fs from "fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shellQuote, shellWords } from "../../components/shell";
import { unifiedDiff } from "../../ops/verify/diff";
import { policyText } from "../../ops/verify/kinds/object-store";
import { Look, lookAt, lookAtAll, verification, withoutRepeated } from "../../ops/verify/look";
import { EXIT_CODES, Finding, verdictOf } from "../../ops/verify/model";
import { isWiped, repairOf } from "../../ops/verify/repair";
import { readResources } from "../../ops/verify/state";
import { verifyText } from "../../ops/verify/text";
import { PLAIN } from "../../ops/terminal";
import { DeployedHost, IS_ROOT } from "./support/deployed-host";
import { dockerId } from "./support/export";
import { Registered } from "./support/graph";

let host: DeployedHost;
beforeAll(async () => {
    host = await DeployedHost.of("node1");
}, 60_000);
afterAll(() => host.remove());

const look = (): Promise<Look> => lookAt(host.deployment, host.node);

/** @example "file haproxy/haproxy.cfg mode: 0644 → 0666" */
const line = ({ kind, subject, property, expected, found }: Finding): string =>
    `${kind} ${subject.replace(`${host.bench.root}/data/docker/otel/`, "").replace(host.bench.root, "")} ${property}: ${expected} → ${found}`;

/** Puts right what a look has found, as the rolling run does; the texts of what it did. */
async function heal(found: Look): Promise<string[]> {
    const repair = repairOf(found)!;
    const did: string[] = [];
    const steps = async (all: typeof repair.before): Promise<void> => {
        for (const step of all) {
            const { code, stderr } = await step.run(host.node);
            expect(`${code} ${stderr}`, step.text).toBe("0 ");
            did.push(step.text.replaceAll(`${host.bench.root}/data/docker/otel/`, ""));
        }
    };
    await steps(repair.before);
    if (repair.refresh) did.push("pulumi up --refresh");
    if (repair.refresh) await host.deployment.pulumi(["up", "--refresh"]);
    await steps(repair.after);
    return did;
}

const HAPROXY = "/data/docker/otel/haproxy/haproxy.cfg";
const LOKI = "/data/docker/otel/loki/config.yaml";
const ROOT_ENV = "/data/docker/otel/minio/root.env";
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
        inject: () => fs.writeFileSync(host.at(ROOT_ENV), "MINIO_ROOT_USER=me\nMINIO_ROOT_PASSWORD=not-to-be-shown\n"),
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
        inject: () => fs.chmodSync(host.at(DATA), 0o700),
        finds: [`directory ${DATA} mode: 0755 → 0700`],
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
        inject: () => fs.rmSync(store("users/thanos")),
        finds: ["user thanos existence: a user → nothing"],
        does: ["make buckets, users and policies again"],
    },
    {
        what: "a user that was disabled",
        inject: () => meddle("users/loki", (text) => text.replace("enabled", "disabled")),
        finds: ["user loki state: enabled → disabled"],
        does: ["make buckets, users and policies again"],
    },
    {
        what: "a user that has another secret, without showing it",
        inject: () => meddle("users/loki", (text) => text.replace(/\n.*\n$/, "\nnot-to-be-shown\n")),
        finds: ["user loki secret: [secret] → another"],
        does: ["make buckets, users and policies again"],
    },
    {
        what: "a user that may do more",
        inject: () => meddle("users/loki", (text) => text.replace("loki-data-client", "loki-data-client,consoleAdmin")),
        finds: ["user loki policies: loki-data-client → consoleAdmin, loki-data-client"],
        does: ["make buckets, users and policies again"],
    },
    {
        what: "a policy that allows more",
        inject: () => meddle("policies/thanos-metrics-client", (text) => text.replace('"s3:GetObject"', '"s3:*"')),
        finds: [expect.stringMatching(/^policy thanos-metrics-client content: the deployed one → .*s3:\*/)],
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

describe("what cannot be looked at", () => {
    it("is unknown while Docker does not answer, and no drift", async () => {
        host.bench.write("no-docker", "");
        const found = await look();
        fs.rmSync(`${host.bench.state}/no-docker`);
        expect(found.findings).toEqual([]);
        expect(found.unknown[0]).toContain("Docker does not answer");
        expect(EXIT_CODES[verdictOf([found])]).toBe(3);
        expect(verifyText([found], PLAIN)).toMatch(/^cannot be told\n {2}mid-1 {2}\? Docker does not answer/);
    });

    it("is unknown of a store that is stopped; its users are looked after when it is started", async () => {
        host.container("minio-mid-1", { status: "exited" });
        const found = await look();
        expect(found.findings.map(line)).toEqual(["container minio-mid-1 state: running → exited"]);
        expect(found.unknown).toEqual([
            "the object store does not tell its buckets and users: Error: container minio-mid-1 is not running",
        ]);
        expect(await heal(found)).toEqual(["start minio-mid-1", "make buckets, users and policies again"]);
    });

    it("is unknown of a host that is away, of one with nothing deployed, and of a state that cannot be read", async () => {
        const away = { ...host.node, exec: async () => ({ code: 255, stdout: "", stderr: "no route to host\n" }) };
        expect((await lookAt(host.deployment, away)).unknown).toEqual(["cannot be reached: no route to host"]);
        const saying = (code: number, stdout: string, stderr = "") =>
            lookAt({ ...host.deployment, pulumi: async () => ({ code, stdout, stderr }) }, host.node);
        expect((await saying(0, '{"version":3,"deployment":{}}')).unknown[0]).toContain("otel-ha up does that");
        expect((await saying(255, "", "error: incorrect passphrase\n")).unknown).toEqual([
            "the state of stack node1 cannot be read: error: incorrect passphrase",
        ]);
    });

    it("does not hide what differs", () => {
        const differs = { findings: [{} as Finding], unknown: [] };
        expect(verdictOf([differs, { findings: [], unknown: ["x"] }])).toBe("drift");
    });
});

describe("a host that was wiped", () => {
    it("is one finding, and no case for a repair", async () => {
        const wiped = await DeployedHost.of("node1");
        for (const directory of ["data", "lib", "etc"]) fs.rmSync(wiped.at(directory), { recursive: true });
        fs.rmSync(`${wiped.bench.state}/containers`, { recursive: true });
        fs.mkdirSync(`${wiped.bench.state}/containers`);
        const found = await lookAt(wiped.deployment, wiped.node);
        wiped.remove();
        expect(found.findings.map(({ found: is }) => is)).toEqual(["nothing of it: the host was wiped or replaced"]);
        expect(isWiped(found)).toBe(true);
    });
});

describe("a repair", () => {
    it("starts a service anew that has read another text when it was restarted, and no other", async () => {
        append(LOKI, "# by hand\n");
        const early = repairOf(await look())!;
        expect(early.changes).toEqual([]);
        host.container("loki-mid-1", { startedAt: new Date().toISOString() });
        const late = repairOf(await look())!;
        expect(late.changes).toEqual([
            { op: "update", what: "container (repair)", effect: "restarts", service: "loki" },
        ]);
        expect(late.before.map(({ text }) => text.replace(host.bench.root, ""))).toEqual([
            "stop loki-mid-1",
            `write ${LOKI}`,
            "start loki-mid-1",
        ]);
        host.container("loki-mid-1", { startedAt: host.container("loki-mid-1").created });
        await heal(await look());
    });

    it("leaves to Pulumi what that is about to make anew", async () => {
        append(HAPROXY, "# by hand\n");
        host.container("loki-mid-1", { status: "exited" });
        const found = await look();
        const file = found.findings.find(({ kind }) => kind === "file")!.urn;
        expect(repairOf(found, [file])!.before.map(({ text }) => text)).toEqual(["start loki-mid-1"]);
        expect(
            repairOf(
                found,
                found.findings.map(({ urn }) => urn),
            ),
        ).toBeUndefined();
        await heal(found);
    });
});

describe("a firewall", () => {
    // What the host's own script says of the rules in force.
    const SCRIPT = `#!/bin/sh
printf '%s\\n' "$*" >>"\${0%/*}/asked"
state=\${0%/*}/in-force
for dir; do :; done
case $1 in
    apply) mkdir -p "$dir"; cat >"$dir/wanted.nft"; cp "$dir/wanted.nft" "$state" ;;
    check)
        [ -e "\${0%/*}/busy" ] && { echo "firewall: something else has held the lock" >&2; exit 1; }
        cmp -s "$dir/wanted.nft" "$state" && exit 0
        printf 'the table inet otel_ha is not what was loaded:\\n@@ -1 +1 @@\\n-a\\n+b\\n'; exit 1 ;;
esac
`;
    let guarded: DeployedHost;
    const script = (file: string): string => `${guarded.bench.lib}/${file}`;
    beforeAll(async () => {
        const rules = {
            type: "command:remote:Command",
            name: "mid-1-host-firewall-rules",
            custom: true,
            inputs: {
                create: "/usr/local/lib/otel-ha/firewall apply --seconds 20 /data/docker/otel/firewall",
                stdin: "table inet otel_ha {}\n",
            },
        } as unknown as Registered;
        guarded = await DeployedHost.of("node1", [{ ...rules, secrets: [], parent: "" }]);
        fs.writeFileSync(script("firewall"), SCRIPT, { mode: 0o755 });
        guarded.exec(`${script("firewall")} apply ${guarded.at("/data/docker/otel/firewall")}`, {
            input: "table inet otel_ha {}\n",
        });
    }, 60_000);
    afterAll(() => guarded.remove());

    it("is asked for its rules in force; they are loaded again, and confirmed over a new connection", async () => {
        const lookAgain = (): Promise<Look> => lookAt(guarded.deployment, guarded.node);
        expect(await lookAgain()).toMatchObject({ findings: [], unknown: [] });
        fs.writeFileSync(script("in-force"), "b\n");
        const found = await lookAgain();
        expect(found.findings).toMatchObject([
            { kind: "firewall", found: "the table inet otel_ha is not what was loaded", diff: "@@ -1 +1 @@\n-a\n+b" },
        ]);
        fs.rmSync(script("asked"));
        const fresh: unknown[] = [];
        const exec: typeof guarded.node.exec = async (words, options) => {
            fresh.push(options?.fresh);
            return guarded.exec(words, options);
        };
        for (const step of repairOf(found)!.before) await step.run({ exec });
        const directory = guarded.at("/data/docker/otel/firewall");
        expect(fs.readFileSync(script("asked"), "utf8")).toBe(
            `apply --seconds 20 ${directory}\nconfirm ${directory}\n`,
        );
        expect(fresh).toEqual([undefined, true]);
        expect((await lookAgain()).findings).toEqual([]);
    });

    it("whose script does not answer is unknown, and a changed file of rules is a file that differs", async () => {
        fs.writeFileSync(script("busy"), "");
        fs.appendFileSync(guarded.at("/data/docker/otel/firewall/wanted.nft"), "# by hand\n");
        const found = await lookAt(guarded.deployment, guarded.node);
        expect(found.unknown).toEqual([
            "the firewall could not be compared: firewall: something else has held the lock",
        ]);
        expect(found.findings).toMatchObject([
            { kind: "file", property: "content", diff: expect.stringContaining("+# by hand") },
        ]);
        expect(repairOf(found)!.before.map(({ text }) => text)).toEqual([
            "load the firewall's rules, for a trial",
            "confirm them over a new connection",
        ]);
    });
});

describe("a pool", () => {
    it("tells of its buckets once, for both nodes", async () => {
        const bucket = { kind: "bucket", subject: "loki-data", property: "existence" } as Finding;
        const file = { kind: "file", subject: "/a", property: "mode" } as Finding;
        const both = [
            { findings: [bucket, file], unknown: [] },
            { findings: [bucket, file], unknown: [] },
        ];
        expect(withoutRepeated(both).map(({ findings }) => findings)).toEqual([[bucket, file], [file]]);
        expect((await lookAtAll(host.deployment)).map(({ findings }) => findings)).toEqual([[]]);
    });
});

describe("reading", () => {
    it("takes a shell's words apart as they were put together", () => {
        const words = ["plain", "two words", "it's", "", "a'b''c", '$x "y" \\z', "line\nline"];
        expect(shellWords(words.map(shellQuote).join(" "))).toEqual(words.map((word) => word));
        expect(() => shellWords("it's")).toThrow("no words of a shell");
    });

    it("opens secrets inside of secrets, and says which inputs they are in", () => {
        const sealed = (value: unknown) => ({
            "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
            plaintext: JSON.stringify(value),
        });
        const inputs = { plain: 1, labels: [{ label: "a", value: sealed("b") }], all: sealed({ x: sealed("y") }) };
        const resources = [
            { urn: "urn:pulumi:s::p::a:b:C$d:e:F::name", type: "d:e:F", inputs },
            { urn: "urn:pulumi:s::p::d:e:F::old", type: "d:e:F", delete: true },
        ];
        expect(readResources(JSON.stringify({ deployment: { resources } }))).toEqual([
            expect.objectContaining({
                types: ["a:b:C", "d:e:F"],
                name: "name",
                inputs: { plain: 1, labels: [{ label: "a", value: "b" }], all: { x: "y" } },
                secrets: ["labels", "all"],
            }),
        ]);
    });

    it("takes policies that allow the same for the same", () => {
        const policy = (...actions: string[]) => ({
            Statement: [{ Effect: "Allow", Action: actions, Resource: "arn:aws:s3:::x" }],
        });
        expect(policyText(policy("s3:A", "s3:B"))).toBe(policyText(policy("s3:B", "s3:A")));
        expect(policyText(policy("s3:A"))).not.toBe(policyText(policy("s3:A", "s3:B")));
        const conditional = { Statement: [{ ...policy("s3:A").Statement[0], Condition: { x: 1 } }] };
        expect(policyText(conditional)).not.toBe(policyText(policy("s3:A")));
    });

    it("shows differences as diff does", () => {
        const text = Array.from({ length: 12 }, (_, at) => `line ${at + 1}`);
        const edited = text.with(5, "edited");
        expect(unifiedDiff(`${text.join("\n")}\n`, `${edited.join("\n")}\n`)!.split("\n")).toEqual([
            "@@ -3 +3 @@",
            ...[" line 3", " line 4", " line 5", "-line 6", "+edited", " line 7", " line 8", " line 9"],
        ]);
        expect(unifiedDiff("", "new\n")).toBe("@@ -1 +1 @@\n+new");
        expect(unifiedDiff("a\nb\n", "a\nb")).toBe("@@ -1 +1 @@\n a\n-b\n+b (no newline at the end)");
        const long = "x\n".repeat(3000);
        expect(unifiedDiff(long, `${long}y\n`)).toBeUndefined();
    });
});
