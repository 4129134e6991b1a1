// No secret is anywhere but in the encrypted state and in files that only its service reads.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CREDENTIAL_NAMES } from "../../components/credentials";
import { access } from "../../lab/access";
import { labExec } from "../../lab/hosts";
import { Project, pulumi, STACKS } from "../../lab/project";
import { readResources } from "../../ops/verify/state";
import { allSecrets, filesWith, leaks, modes, Secrets, watchProcesses } from "./hostile/secrets";
import { node1, node2, otelHa, outcome, settings, settledProject, stackSecret, up, upBoth } from "./support";

const NODES = [node1, node2];
const GIVEN = "given-for-the-search-for-secrets";
const STATS = "/data/docker/otel/haproxy/stats-users.cfg";
const LONG_MS = 400_000;

let target: Project;
let secure = false;
/** What was printed and written, by what it was. */
const said = new Map<string, string>();
let secrets: Secrets;
let processes: string[][] = [];
const stackFiles = new Map<string, string>();

beforeAll(async () => {
    target = await settledProject();
    secure = (await access()).scheme === "https";
    for (const stack of STACKS) stackFiles.set(stack, readFileSync(join(target.dir, `Pulumi.${stack}.yaml`), "utf8"));
});

afterAll(async () => {
    for (const [stack, text] of stackFiles) {
        const file = join(target.dir, `Pulumi.${stack}.yaml`);
        const salt = /^encryptionsalt:.*$/m.exec(readFileSync(file, "utf8"))?.[0];
        writeFileSync(file, salt && !text.includes(salt) ? `${text}${salt}\n` : text);
    }
    await upBoth(target);
});

const keep = (what: string, { stdout, stderr }: { stdout: string; stderr: string }): void =>
    void said.set(what, `${said.get(what) ?? ""}${stdout}\n${stderr}`);

/** Sets a secret that is given, encrypted in the stack's file. */
async function give(key: string, value: string): Promise<void> {
    for (const stack of STACKS) {
        const { code, stderr } = await pulumi(target, ["config", "set", "--secret", key, "--stack", stack], {
            input: value,
        });
        expect(code, stderr).toBe(0);
    }
}

describe("commands are run", () => {
    it(
        "that look: status, verify, and previews of new secrets",
        async () => {
            await give("haproxyStatsPassword", GIVEN);
            if (secure) for (const stack of STACKS) settings(target, stack, "otlpTokens=one,two");
            // A file with a secret that somebody has changed: verify shows what differs.
            await labExec("node1", ["sh", "-c", `echo "# changed by hand" >>${STATS}`]);
            keep("status", await otelHa(target, ["status"]));
            keep("status --json", await otelHa(target, ["status", "--json"]));
            keep("verify", await otelHa(target, ["verify"]));
            keep("verify --json", await otelHa(target, ["verify", "--json"]));
            for (const format of ["text", "markdown", "json"])
                keep(`preview ${format}`, await otelHa(target, ["preview", "--format", format]));
            for (const stack of STACKS) {
                keep("pulumi preview --diff", await pulumi(target, ["preview", "--diff", "--stack", stack]));
                keep("pulumi preview --json", await pulumi(target, ["preview", "--json", "--stack", stack]));
                keep("pulumi stack output", await pulumi(target, ["stack", "output", "--json", "--stack", stack]));
            }
            expect(said.get("verify")).toContain("stats-users.cfg");
            expect(said.get("preview text")).toContain("stats-users.cfg");
        },
        LONG_MS,
    );

    it(
        "that fail in the middle of a secret: a file that cannot be written",
        async () => {
            await labExec("node1", ["chattr", "+i", STATS]);
            try {
                const failed = await outcome(target, ["up", "--yes", "--skip-preview", "--stack", "node1"]);
                keep("failed up", failed);
                expect(failed.code).not.toBe(0);
                expect(failed.stdout + failed.stderr).toContain("stats-users.cfg");
            } finally {
                await labExec("node1", ["chattr", "-i", STATS]);
            }
        },
        LONG_MS,
    );

    it(
        "that change: new secrets on both hosts, while their processes are watched",
        async () => {
            const watched = NODES.map(watchProcesses);
            await labExec("node1", ["sh", "-c", "sh -c 'sleep 5; : planted-in-a-command-line' &"]);
            keep("up", await up(target, "node1"));
            keep("otel-ha up", await otelHa(target, ["up", "--yes", "--force"]));
            processes = await Promise.all(watched.map((stop) => stop()));
            expect(said.get("otel-ha up")).toMatch(/mid-2/);
        },
        LONG_MS,
    );

    it(
        "that drill, with a report",
        async () => {
            const reports = mkdtempSync(join(tmpdir(), "otel-ha-reports-"));
            const short = ["--warm", "3", "--after", "3", "--points", "50", "--records", "50", "--force"];
            keep("drill", await otelHa(target, ["drill", ...short, "--output", reports, "haproxy-kill"]));
            const files = readdirSync(reports, { recursive: true, withFileTypes: true }).filter((entry) =>
                entry.isFile(),
            );
            for (const { parentPath, path, name } of files) {
                const text = readFileSync(join(parentPath ?? path, name), "utf8");
                keep(`drill's ${name}`, { stdout: text, stderr: "" });
            }
            rmSync(reports, { recursive: true });
            expect(files.length).toBeGreaterThan(0);
        },
        LONG_MS,
    );

    it("that show containers and logs, and the state without its secrets", async () => {
        for (const node of NODES) {
            const all =
                "docker ps -aq | xargs docker inspect; for id in $(docker ps -aq); do docker logs $id 2>&1; done";
            keep(`containers and logs of ${node.name}`, await labExec(node.name, ["sh", "-c", all]));
            keep(`log files of ${node.name}`, await labExec(node.name, ["sh", "-c", "cat /var/log/*.log"]));
        }
        for (const stack of STACKS) {
            const exported = await pulumi(target, ["stack", "export", "--stack", stack]);
            keep("state", exported);
            keep("stack file", { stdout: readFileSync(join(target.dir, `Pulumi.${stack}.yaml`), "utf8"), stderr: "" });
        }
        const states = join(target.dir, "state", ".pulumi", "stacks", "otel-ha");
        for (const name of readdirSync(states))
            keep("state's file", { stdout: readFileSync(join(states, name), "utf8"), stderr: "" });
        secrets = await allSecrets(target);
    });
});

describe("the search", () => {
    it("knows every secret", () => {
        const names = [...secrets.keys()].join("\n");
        const wanted = [
            "objectStoreRootPassword",
            "vrrpPassword",
            "lokiObjectStoreSecret",
            "thanosSidecarObjectStoreSecret",
            "queryPassword",
            "haproxyStatsPassword",
        ];
        for (const one of wanted) expect(names).toContain(one);
        expect([...secrets.values()]).toContain(GIVEN);
        // The deployer's SSH key, and with TLS those of the CA and of three certificates per node.
        expect([...secrets.keys()].filter((name) => name.includes(" line ")).length).toBeGreaterThan(secure ? 12 : 2);
        console.log(
            `${secrets.size} secrets, of ${said.size} texts with ${[...said.values()].reduce((sum, text) => sum + text.length, 0)} characters`,
        );
    });

    it("finds one that is there, also in base64", () => {
        for (const [name, value] of secrets) {
            expect(leaks(secrets, "a text", `x${value}y`)).toContain(`${name} in a text`);
            expect(leaks(secrets, "a text", Buffer.from(value).toString("base64"))).toContain(`${name} in a text`);
        }
        expect(leaks(secrets, "a text", "nothing")).toEqual([]);
        expect(processes[0]!.join("\n")).toContain("planted-in-a-command-line");
        for (const seen of processes) expect(seen.join("\n")).toContain("put-file");
    });

    it("finds none in what was printed, logged or reported", () => {
        for (const [what, text] of said) expect(text.length, what).toBeGreaterThan(20);
        expect([...said].flatMap(([what, text]) => leaks(secrets, what, text))).toEqual([]);
    });

    it("finds none in the process lists of both hosts", () => {
        expect(
            processes.flatMap((seen, at) => leaks(secrets, `processes of ${NODES[at]!.name}`, seen.join("\n"))),
        ).toEqual([]);
    });
});

describe("the files of a host", () => {
    /** Everything but what the kernel makes up, and the layers of images, which nothing is written to. */
    const PLACES = [
        "/data",
        "/etc",
        "/home",
        "/opt",
        "/root",
        "/run",
        "/srv",
        "/tmp",
        "/usr/local",
        "/var/lib/docker/containers",
        "/var/log",
        "/var/tmp",
    ];

    /** Paths of the files that are meant to hold secrets. */
    async function secretFiles(stack: string): Promise<string[]> {
        const { stdout } = await pulumi(target, ["stack", "export", "--show-secrets", "--stack", stack]);
        const commands = readResources(stdout).filter(({ secrets: marked }) => marked.includes("stdin"));
        return commands
            .flatMap(({ inputs }) => /put-file .* '?(\/[^ ']+)'?$/.exec(String(inputs.create))?.[1] ?? [])
            .sort();
    }

    it.each(["node1", "node2"] as const)(
        "%s: hold secrets only where they are meant to be, for their service only",
        async (stack) => {
            const node = stack === "node1" ? node1 : node2;
            const meant = await secretFiles(stack);
            expect(meant).toContain(STATS);
            const found = await filesWith(node, [...secrets.values()], PLACES);
            expect(found.filter((file) => !meant.includes(file))).toEqual([]);
            expect(found.length).toBeGreaterThan(secure ? 7 : 4);
            for (const [file, mode] of Object.entries(await modes(node, meant))) expect(mode, file).toMatch(/^[46]00 /);
        },
    );

    it.each(["node1", "node2"] as const)("%s: a secret that is somewhere else is found", async (stack) => {
        const node = stack === "node1" ? node1 : node2;
        await labExec(node.name, ["sh", "-c", "umask 077; cat >/var/tmp/planted"], { input: `x=${GIVEN}\n` });
        try {
            expect(await filesWith(node, [...secrets.values()], PLACES)).toContain("/var/tmp/planted");
        } finally {
            await labExec(node.name, ["rm", "/var/tmp/planted"]);
        }
    });

    it("every password is in a file on both hosts; the CA's key and the tokens are on none", async () => {
        const shared = JSON.parse(await stackSecret(target, "node1", "sharedCredentials")) as Record<string, string>;
        const missing: string[] = [];
        const there: string[] = [];
        const outside = [...secrets].filter(([name]) => /otlpTokens|authority|\bca-\S*key/.test(name));
        expect(outside.length).toBeGreaterThan(secure ? 3 : -1);
        for (const node of NODES) {
            for (const key of CREDENTIAL_NAMES)
                if ((await filesWith(node, [shared[key]!], ["/data/docker"])).length === 0)
                    missing.push(`${key} on ${node.name}`);
            for (const [name, value] of outside)
                if ((await filesWith(node, [value], PLACES)).length > 0) there.push(`${name} on ${node.name}`);
        }
        // There is one compactor for the bucket that both share.
        expect(missing).toEqual(["thanosCompactorObjectStoreSecret on node2"]);
        expect(there).toEqual([]);
    });
});
