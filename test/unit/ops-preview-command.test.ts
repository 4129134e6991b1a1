// `otel-ha preview` as a person or CI runs it, with the recordings in the place of Pulumi.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { recorded } from "./support/previews";
import { config, ROOT, STACKS } from "./support/stacks";

let project: string;

// Ends as the CLI does. Nothing else is on PATH that could reach a host.
const PULUMI = `#!/bin/sh
echo "$@" >>asked
for stack; do [ "$last" = --stack ] && break; last=$stack; done
[ -e "$1-$stack.json" ] || { echo "error: no stack named '$stack' found" >&2; exit 255; }
cat "$1-$stack.json"
! grep -q '"severity": "error"' "$1-$stack.json"
`;

beforeEach(() => {
    project = fs.mkdtempSync(path.join(os.tmpdir(), "otel-ha-preview-"));
    fs.mkdirSync(path.join(project, "bin"));
    write("Pulumi.yaml", "name: otel-ha\n");
    write("bin/pulumi", PULUMI);
    write("bin/ssh", "#!/bin/sh\necho ssh >>asked\nexit 255\n");
    for (const file of ["bin/pulumi", "bin/ssh"]) fs.chmodSync(path.join(project, file), 0o755);
    for (const stack of STACKS) {
        const settings = Object.entries(config(stack)).map(([key, value]) => [`otel-ha:${key}`, { value }]);
        write(`Pulumi.${stack}.yaml`, "config:\n  otel-ha:nodeName: x\n");
        write(`config-${stack}.json`, JSON.stringify(Object.fromEntries(settings)));
    }
    previews("risky");
});
afterEach(() => fs.rmSync(project, { recursive: true }));

const write = (file: string, text: string): void => fs.writeFileSync(path.join(project, file), text);
const previews = (name: string): void =>
    STACKS.forEach((stack) => write(`preview-${stack}.json`, recorded(name, stack)));

function preview(...args: string[]) {
    const PATH = `${path.join(project, "bin")}:${process.env.PATH}`;
    const command = [path.join(ROOT, "ops/otel-ha.cjs"), "preview", ...args];
    return spawnSync(process.execPath, command, { cwd: project, encoding: "utf8", env: { ...process.env, PATH } });
}

describe("otel-ha preview", () => {
    it("prints one summary of both stacks, asks no host, and ends with 0 though things would change", () => {
        const { status, stdout, stderr } = preview();
        expect(stderr).toBe("");
        expect(status).toBe(0);
        const [headline] = stdout.split("\n");
        expect(headline).toMatch(/^services start anew, the virtual IP may move, a quorum breaks/);
        const order = ["Starts anew:", "Breaks a quorum:", "mid-2 (stack node2), first:", "mid-1 (stack node1), then:"];
        expect(order.map((text) => stdout.indexOf(text)).every((at, index, all) => at > (all[index - 1] ?? -1))).toBe(
            true,
        );
        expect(stdout).toContain("    -    advert_int 1\n    +    advert_int 2\n");
        const asked = fs.readFileSync(path.join(project, "asked"), "utf8");
        expect(asked).not.toContain("ssh");
        expect(asked).toContain("preview --json --stack node1 --non-interactive");
        expect(asked).not.toContain("--show-secrets");
    });

    it("ends with 1 with --expect-no-changes when something would change, and with 0 when not", () => {
        expect(preview("--expect-no-changes").status).toBe(1);
        previews("none");
        const { status, stdout } = preview("--expect-no-changes");
        expect({ status, stdout }).toMatchObject({ status: 0, stdout: expect.stringMatching(/^nothing to change\n/) });
    });

    it("is for one stack, with a mark of its own", () => {
        const { status, stdout } = preview("--stack", "node2", "--format", "markdown");
        expect(status).toBe(0);
        expect(stdout).toMatch(/^<!-- otel-ha preview: node2 -->\n/);
        expect(stdout).not.toContain("(stack node1)");
    });

    it("fits a Markdown document into what --limit says", () => {
        const { stdout } = preview("--format", "markdown", "--limit", "3000");
        expect(stdout.length).toBeLessThanOrEqual(3000);
        expect(stdout).toContain("**Cut short:** a comment holds 3,000 characters.");
        expect(preview("--limit", "many").status).toBe(3);
    });

    it("gives JSON to programs", () => {
        for (const how of [["--json"], ["--format", "json"]]) {
            const said = JSON.parse(preview(...how).stdout) as Record<string, unknown>;
            expect(said).toMatchObject({
                result: "changes",
                risks: [{ title: "Starts anew" }, {}, {}, {}],
                hosts: [{ stack: "node2" }, { stack: "node1", plan: { changes: expect.any(Array) } }],
            });
            expect(JSON.stringify(said)).toContain("-    advert_int 1\\n+    advert_int 2");
        }
    });

    it("ends with 3 when a preview fails, and a comment says why", () => {
        previews("refused");
        const { status, stdout } = preview("--format", "markdown");
        expect(status).toBe(3);
        expect(stdout).toContain("### mid-1 (stack node1): its preview fails");
        expect(stdout).toContain("is not an IPv4 address");
        expect(preview("--expect-no-changes").status).toBe(3);
    });

    it("ends with 3 when settings cannot be used, and a comment says why, too", () => {
        const settings = { "otel-ha:vip": { value: "nowhere" } };
        write("config-node1.json", JSON.stringify(settings));
        const { status, stdout, stderr } = preview("--format", "markdown");
        expect(status).toBe(3);
        expect(stderr).toContain("otel-ha: ");
        expect(stdout).toMatch(/^<!-- otel-ha preview: all -->\n\n## otel-ha preview: it fails\n/);
        expect(stdout).toContain('vip: "nowhere" is not an IPv4 address');
        expect(JSON.parse(preview("--json").stdout)).toMatchObject({ result: "failed" });
        const text = preview();
        expect(text).toMatchObject({ status: 3, stdout: "" });
    });

    it("names a stack that is not there", () => {
        const { status, stderr } = preview("--stack", "node3");
        expect(status).toBe(3);
        expect(stderr).toContain("pulumi stack init node3");
    });
});
