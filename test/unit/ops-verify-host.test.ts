// otel-ha verify where it cannot see everything, and what a repair does and leaves alone.
import * as fs from "fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { userOf } from "../../components";
import { PLAIN } from "../../ops/terminal";
import { stillWrong } from "../../ops/up/drift";
import { noPlan, withRepair } from "../../ops/preview/plan";
import { Look, lookAt, lookAtAll, withoutImplied, withoutNeeded, withoutRepeated } from "../../ops/verify/look";
import { EXIT_CODES, Finding, verdictOf } from "../../ops/verify/model";
import { isWiped, repairOf } from "../../ops/verify/repair";
import { verifyText } from "../../ops/verify/text";
import { DeployedHost } from "./support/deployed-host";
import { Registered } from "./support/graph";

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
const append = (file: string, text: string): void => fs.appendFileSync(host.at(file), text);

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

    it("has users made before what cannot start without them", async () => {
        const user = userOf("thanos-store", "made for credentials-thanosStoreObjectStoreSecret");
        fs.rmSync(`${host.bench.state}/store/users/${user}`);
        fs.rmSync(`${host.bench.state}/containers/thanos-store-mid-1`);
        expect(await heal(await look())).toEqual([
            "make buckets, users and policies again",
            "take users that the node does not need out of its group",
            "pulumi up --refresh",
        ]);
        expect((await look()).findings).toEqual([]);
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

    it("puts names of images right before a validator runs in one of them, and services last", async () => {
        append(HAPROXY, "# by hand\n");
        host.container("loki-mid-1", { status: "exited" });
        host.bench.write(
            "images",
            host.bench.read("images").replace(/^(\S+) (haproxy:\S+)$/m, "sha256:other $2\n$1 kept"),
        );
        const found = await look();
        expect((await heal(found)).map((text) => text.split(" ")[0])).toEqual(["call", "write", "start"]);
        expect((await look()).findings).toEqual([]);
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

describe("otel-ha up, after a repair", () => {
    it("fails when something still differs", async () => {
        append(HAPROXY, "# by hand\n");
        const found = await look();
        const plan = withRepair(noPlan("node1", "mid-1"), repairOf(found));
        const left = await stillWrong({ nodes: [], exitCode: 0 }, [plan], host.deployment);
        expect(left).toEqual({
            nodes: [],
            exitCode: 1,
            problem: `not everything could be put right:\n  mid-1: file ${host.at(HAPROXY)}: content is another text`,
        });
        await heal(found);
        const done = { nodes: [], exitCode: 0 };
        expect(await stillWrong(done, [plan], host.deployment)).toBe(done);
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
    // The stub stands in the place of a script that was deployed.
    const lookAgain = async (): Promise<Look> => {
        const look = await lookAt(guarded.deployment, guarded.node);
        return { ...look, findings: look.findings.filter(({ subject }) => subject !== script("firewall")) };
    };
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
        const found = await lookAgain();
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
    it("keeps a user of ours until none of its hosts needs it, and while one of them cannot be asked", () => {
        const user = { kind: "user", subject: "thanos", property: "existence", expected: "nothing" } as Finding;
        const bucket = { kind: "bucket", subject: "loki-data", property: "existence", expected: "a bucket" } as Finding;
        const found = (...looks: Finding[][]) =>
            withoutNeeded(
                looks.map((findings) => ({ findings, unknown: [] })),
                2,
            ).map(({ findings }) => findings);
        expect(found([user, bucket], [user])).toEqual([[user, bucket], [user]]);
        expect(found([user, bucket], [])).toEqual([[bucket], []]);
        expect(found([user])).toEqual([[]]);
    });

    it("tells of a missing user once, and of the other node's group, which lacks it, too", () => {
        const user = { kind: "user", subject: "loki", property: "existence", expected: "a user" } as Finding;
        const group = (subject: string): Finding => ({ kind: "group", subject, property: "members" }) as Finding;
        const looks = [
            { findings: [user, group("mid-1")], unknown: [] },
            { findings: [user, group("mid-2")], unknown: [] },
        ];
        const told = withoutRepeated(looks).map(withoutImplied);
        expect(told.map(({ findings }) => findings)).toEqual([[user], [group("mid-2")]]);
    });

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
