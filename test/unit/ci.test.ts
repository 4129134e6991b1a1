// docs/ci: what the workflows call is there, and does what they say.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { newProgram } from "../../ops/main";
import { sleep } from "../../ops/run";
import { ROOT } from "./support/stacks";

const CI = path.join(ROOT, "docs/ci");
const read = (file: string): string => fs.readFileSync(path.join(CI, file), "utf8");
const GITHUB = fs.readdirSync(path.join(CI, "github")).map((file) => `github/${file}`);
const FILES = [...GITHUB, "gitlab-ci.yml"];

/** Built beside this; whoever brings it in takes it off this list, as the last test asks. */
const COMING: string[] = [];

interface Step {
    uses?: string;
    run?: string;
    if?: string;
    env?: Record<string, string>;
}
interface Job {
    "runs-on"?: string | string[];
    environment?: string | { name: string; action?: string };
    permissions?: Record<string, string>;
    env?: Record<string, string>;
    steps?: Step[];
    needs?: string;
    script?: string[];
    before_script?: string[];
    rules?: { if: string; when?: string }[];
    resource_group?: string;
    interruptible?: boolean;
    extends?: string;
    tags?: string[];
    image?: string;
}

function parsed(file: string): Record<string, Job> & { jobs: Record<string, Job> } {
    const documents = parseAllDocuments(read(file));
    for (const document of documents) expect(document.errors, file).toEqual([]);
    expect(documents.length).toBe(1);
    return (documents as unknown as { toJS(): never }[])[0]!.toJS();
}

const KEYWORDS = ["default", "stages", "variables", "workflow"];
const jobsOf = (file: string): Record<string, Job> =>
    file.startsWith("github/")
        ? parsed(file).jobs
        : Object.fromEntries(Object.entries(parsed(file)).filter(([key]) => !KEYWORDS.includes(key)));

/** Every line that a job runs. */
const linesOf = (job: Job): string[] => [
    ...(job.steps ?? []).flatMap(({ run }) => run?.split("\n") ?? []),
    ...(job.before_script ?? []),
    ...(job.script ?? []),
];
const allLines = (file: string): string[] => Object.values(jobsOf(file)).flatMap(linesOf);

function option(command: Command, flag: string): boolean {
    return command.options.some(({ long, short }) => long === flag || short === flag);
}

describe.each(FILES)("%s", (file) => {
    const lines = allLines(file);

    it("calls what is there", () => {
        expect(lines.length).toBeGreaterThan(3);
        const targets = [...fs.readFileSync(path.join(ROOT, "Makefile"), "utf8").matchAll(/^([a-z-]+):/gm)].map(
            ([, name]) => name,
        );
        const { scripts, devDependencies } = JSON.parse(
            fs.readFileSync(path.join(ROOT, "package.json"), "utf8"),
        ) as Record<string, Record<string, string>>;
        for (const line of lines) {
            for (const [, target] of line.matchAll(/\bmake ([a-z-]+)/g)) expect(targets, line).toContain(target);
            for (const [, script] of line.matchAll(/\bnpm run ([\w:-]+)/g))
                expect(scripts, line).toHaveProperty(script!);
            for (const [, tool] of line.matchAll(/\bnpx ([\w-]+)/g))
                if (tool !== "otel-ha") expect(devDependencies, line).toHaveProperty(tool!);
            for (const [script] of line.matchAll(/docs\/ci\/[\w.-]+/g))
                expect(fs.existsSync(path.join(ROOT, script)), line).toBe(true);
            for (const [script] of line.matchAll(/(?<=^|\s)docs\/ci\/[\w-]+\.sh/g))
                expect(fs.statSync(path.join(ROOT, script)).mode & 0o111, script).not.toBe(0);
            for (const [, pack] of line.matchAll(/--policy-pack (\S+)/g))
                if (!COMING.includes(pack!)) expect(fs.existsSync(path.join(ROOT, pack!)), line).toBe(true);
        }
    });

    it("runs commands of otel-ha, with options that they have", () => {
        const { commands } = newProgram();
        const used = lines.flatMap((line) =>
            [...line.matchAll(/npx otel-ha ([^|>&]*)/g)].map(([, words]) => words!.trim().split(/\s+/)),
        );
        for (const [name, ...words] of used) {
            if (COMING.includes(name!)) continue;
            const command = commands.find((one) => one.name() === name);
            expect(command, name).toBeDefined();
            for (const word of words.filter((one) => one.startsWith("-")))
                expect(option(command!, word), `${name} ${word}`).toBe(true);
        }
        if (file !== "github/pull-request.yml") expect(used.length).toBeGreaterThan(1);
    });

    it("names exact versions only", () => {
        const text = read(file);
        for (const [, action] of text.matchAll(/^\s+- uses: (\S+)/gm))
            expect(action).toMatch(/^[\w-]+\/[\w-]+@v\d+\.\d+\.\d+$/);
        for (const [, image] of text.matchAll(/^\s+image: (\S+)/gm)) expect(image).toMatch(/^\w+:\d+\.\d+\.\d+-\w+$/);
        for (const [, node] of text.matchAll(/node-version: ([^,\s}]+)/g)) expect(node).toMatch(/^\d+\.\d+\.\d+$/);
        const { dependencies } = JSON.parse(fs.readFileSync(path.join(ROOT, "package.json"), "utf8")) as {
            dependencies: Record<string, string>;
        };
        for (const [, version] of text.matchAll(/pulumi-([\d.]+)-checksums/g))
            expect(version).toBe(dependencies["@pulumi/pulumi"]);
    });

    it("needs nothing that docs/ci/README.md does not name, and prints no secret", () => {
        const readme = read("README.md");
        for (const [, name] of read(file).matchAll(/(?:secrets|vars)\.(\w+)/g)) expect(readme).toContain(`\`${name}\``);
        for (const line of lines)
            expect(line).not.toMatch(/echo.*(?:PASSPHRASE|SECRET|KEY|TOKEN)|set -x|--show-secrets/);
    });
});

describe("the workflows", () => {
    it("touch hosts only from a runner of one's own, one job at a time, behind a gate", () => {
        const deploy = jobsOf("github/deploy.yml").deploy!;
        expect(deploy).toMatchObject({
            environment: "production",
            needs: "preview",
            "runs-on": ["self-hosted", "otel-ha"],
        });
        for (const file of ["github/deploy.yml", "github/nightly.yml"])
            expect(parsed(file)).toMatchObject({
                concurrency: { group: "otel-ha-hosts", "cancel-in-progress": false },
            });
        const gitlab = jobsOf("gitlab-ci.yml");
        expect(gitlab.deploy).toMatchObject({
            resource_group: "otel-ha-hosts",
            environment: { name: "production" },
            interruptible: false,
            extends: ".hosts",
        });
        expect(gitlab.deploy!.rules!.every(({ when }) => when === "manual")).toBe(true);
        expect(gitlab.nightly).toMatchObject({ resource_group: "otel-ha-hosts", extends: ".hosts" });
        expect(gitlab[".hosts"]!.tags).toEqual(["otel-ha"]);
        for (const job of [deploy, gitlab.deploy!])
            expect(linesOf(job).join("\n")).toMatch(/otel-ha up --yes\n.*otel-ha status/);
    });

    it("let a pull request see hosts in no way, and a fork's no secret", () => {
        const { jobs, permissions } = parsed("github/pull-request.yml") as unknown as {
            jobs: Record<string, Job>;
            permissions: object;
        };
        expect(read("github/pull-request.yml")).toMatch(/^on: pull_request$/m);
        expect(permissions).toEqual({ contents: "read" });
        expect(Object.values(jobs).every((job) => job["runs-on"] === "ubuntu-24.04")).toBe(true);
        expect(JSON.stringify(jobs.check)).not.toContain("secrets.");
        expect((jobs.preview as { if?: string }).if).toBe(
            "github.event.pull_request.head.repo.full_name == github.repository",
        );
        expect(jobs.preview!.permissions).toEqual({ contents: "read", "pull-requests": "write" });
        expect(linesOf(jobs.preview!).join("\n")).not.toMatch(/otel-ha (?!preview)|SSH_KEY/);
    });

    it("look every night, and take every look though one before found something", () => {
        const looks = ["preview --expect-no-changes", "otel-ha verify", "otel-ha status", "expiry.sh"];
        const { look } = jobsOf("github/nightly.yml");
        const steps = look!.steps!.filter(({ run }) => looks.some((text) => run?.includes(text)));
        expect(steps.length).toBe(looks.length);
        for (const step of steps.slice(1)) expect(step.if).toBe("${{ !cancelled() }}");
        const script = jobsOf("gitlab-ci.yml").nightly!.script!;
        const found = script.filter((line) => looks.some((text) => line.includes(text)));
        expect(found.length).toBe(looks.length);
        for (const line of found) expect(line).toMatch(/ \|\| found=1$/);
        expect(script.at(-1)).toBe('exit "$found"');
        for (const file of FILES) for (const line of allLines(file)) expect(line).not.toMatch(/verify --repair/);
    });

    it("wait for nothing that has come", () => {
        const here = newProgram().commands.map((command) => command.name());
        const come = COMING.filter((name) => here.includes(name) || fs.existsSync(path.join(ROOT, name)));
        expect(come, "is here now: take it off COMING at the top of this file").toEqual([]);
    });
});

describe("their scripts", () => {
    const directory = (): string => fs.mkdtempSync(path.join(os.tmpdir(), "otel-ha-ci-"));
    const script = (name: string, args: string[], env: Record<string, string>) =>
        spawnSync(path.join(CI, name), args, { cwd: ROOT, encoding: "utf8", env: { PATH: process.env.PATH, ...env } });

    it("run a command with the key in an agent of its own, and end as it ends", async () => {
        const home = directory();
        const key = path.join(home, "key");
        spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "of-the-test", "-f", key]);
        // As text, without the last newline, and as a file.
        for (const SSH_KEY of [fs.readFileSync(key, "utf8").trimEnd(), key]) {
            const command = 'ssh-add -l; echo "agent $SSH_AUTH_SOCK ${SSH_KEY:-no key}"; exit 7';
            const { status, stdout } = script("with-key.sh", ["sh", "-c", command], { SSH_KEY });
            expect(status).toBe(7);
            expect(stdout).toMatch(/^256 SHA256:.* of-the-test \(ED25519\)\nagent \S+ no key\n$/);
            const [, socket] = /agent (\S+)/.exec(stdout)!;
            for (const end = Date.now() + 5_000; fs.existsSync(socket!) && Date.now() < end; ) await sleep(200);
            expect(fs.existsSync(socket!)).toBe(false);
        }
        expect(script("with-key.sh", ["echo", "as it is"], {}).stdout).toBe("as it is\n");
        expect(script("with-key.sh", ["true"], { SSH_KEY: "no key" }).status).not.toBe(0);
        fs.rmSync(home, { recursive: true });
    });

    it("install the CLI of the SDK's version, and refuse another archive", () => {
        const home = directory();
        const { dependencies } = JSON.parse(fs.readFileSync(path.join(ROOT, "package.json"), "utf8")) as {
            dependencies: Record<string, string>;
        };
        const version = dependencies["@pulumi/pulumi"]!;
        fs.mkdirSync(path.join(home, "pulumi"));
        fs.writeFileSync(path.join(home, "pulumi/pulumi"), `#!/bin/sh\necho v${version}\n`, { mode: 0o755 });
        const arch = os.arch() === "arm64" ? "arm64" : "x64";
        spawnSync("tar", ["-czf", `pulumi-v${version}-linux-${arch}.tar.gz`, "pulumi"], { cwd: home });
        const env = {
            HOME: path.join(home, "home"),
            PULUMI_DOWNLOAD: `file://${home}`,
            GITHUB_PATH: path.join(home, "path"),
        };
        const wrong = script("install-pulumi.sh", [], { ...env, PULUMI_SHA256: "0".repeat(64) });
        expect(wrong.status).not.toBe(0);
        expect(fs.existsSync(path.join(env.HOME, ".pulumi"))).toBe(false);
        const right = script("install-pulumi.sh", [], env);
        expect({ status: right.status, stdout: right.stdout }).toEqual({ status: 0, stdout: `v${version}\n` });
        expect(fs.readFileSync(env.GITHUB_PATH, "utf8")).toBe(`${env.HOME}/.pulumi/bin\n`);
        // It is there: nothing is fetched.
        expect(script("install-pulumi.sh", [], { ...env, PULUMI_DOWNLOAD: "file:///nowhere" }).status).toBe(0);
        fs.rmSync(home, { recursive: true });
    });
});
