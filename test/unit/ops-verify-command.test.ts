// `otel-ha verify` as a person runs it, with a `pulumi` and an `ssh` that lead to a host in a directory.
import { spawnSync } from "child_process";
import * as fs from "fs";
import * as path from "path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DeployedHost } from "./support/deployed-host";
import { config, ROOT } from "./support/stacks";

let host: DeployedHost;
let project: string;

// Notes what it is asked, and answers from files beside it.
const PULUMI = `#!/bin/sh
echo "$*" >>asked
case $1 in
    config) cat config.json ;;
    stack) cat export.json ;;
    *) exit 1 ;;
esac
`;

// The last word is the line for the host, whose kernel settings are in the directory.
const ssh = (root: string, bin: string): string => `#!/bin/sh
[ ! -e "${root}/away" ] || { echo "ssh: connect to host: No route to host" >&2; exit 255; }
case "$*" in *" -N "* | *"-O exit"*) exit 0 ;; esac
for last; do :; done
sed 's#"/proc/sys/#"${root}/proc/sys/#' |
    env -i PATH="${bin}" MINIO_CONFIG_ENV_FILE="${root}/data/docker/otel/minio/root.env" "${bin}/sh" -c "$last"
`;

beforeAll(async () => {
    host = await DeployedHost.of("node1");
    project = path.join(host.bench.root, "project");
    const write = (file: string, text: string, mode = 0o644): void =>
        fs.writeFileSync(path.join(project, file), text, { mode });
    fs.mkdirSync(path.join(project, "bin"), { recursive: true });
    write("Pulumi.yaml", "name: otel-ha\n");
    write("Pulumi.node1.yaml", "config:\n  otel-ha:nodeName: mid-1\n");
    write(
        "config.json",
        JSON.stringify(
            Object.fromEntries(
                Object.entries(config("node1")).map(([key, value]) => [`otel-ha:${key}`, { value, secret: false }]),
            ),
        ),
    );
    write("export.json", host.state);
    write("bin/pulumi", PULUMI, 0o755);
    write("bin/ssh", ssh(host.bench.root, host.bench.bin), 0o755);
}, 60_000);
afterAll(() => host.remove());

function otelHa(...words: string[]) {
    const PATH = `${path.join(project, "bin")}:${process.env.PATH}`;
    const env = { ...process.env, PATH };
    const done = spawnSync(path.join(ROOT, "ops/otel-ha.cjs"), words, { cwd: project, env, encoding: "utf8" });
    expect(done.stdout + done.stderr).not.toMatch(/made-for-/);
    return done;
}

const HAPROXY = "/data/docker/otel/haproxy/haproxy.cfg";

describe("otel-ha verify", () => {
    it("ends with 0 on a host that is as it was deployed", () => {
        const done = otelHa("verify");
        expect(done).toMatchObject({ status: 0, stderr: "", stdout: "clean: mid-1 is as it was deployed\n" });
    });

    it("ends with 1 and a line for each difference; --json has the same", () => {
        fs.chmodSync(host.at(HAPROXY), 0o666);
        host.container("loki-mid-1", { status: "exited" });
        const done = otelHa("verify");
        expect(done.status).toBe(1);
        expect(done.stdout.replaceAll(host.bench.root, "").split("\n")).toEqual([
            "drift: not everything is as it was deployed",
            `  mid-1  file       ${HAPROXY}  mode   should be 0644, is 0666`,
            expect.stringMatching(/^ {2}mid-1 {2}container {2}loki-mid-1 +state {2}should be running, is exited$/),
            "",
            "otel-ha verify --repair puts it right, as otel-ha up does.",
            "",
        ]);
        const json = otelHa("verify", "--json", "--node", "node1");
        expect(json.status).toBe(1);
        expect(JSON.parse(json.stdout)).toMatchObject({
            verdict: "drift",
            nodes: [
                {
                    name: "mid-1",
                    unknown: [],
                    findings: [
                        { kind: "file", property: "mode", expected: "0644", found: "0666" },
                        { kind: "container", subject: "loki-mid-1", found: "exited" },
                    ],
                },
            ],
        });
    });

    it("with --repair says what it does, and ends with 0 when nothing differs any more", () => {
        host.container("loki-mid-1", { status: "running" });
        const done = otelHa("verify", "--repair");
        expect(`${done.status} ${done.stderr}`).toBe("0 ");
        expect(done.stdout.replaceAll(host.bench.root, "")).toContain(
            [
                "mid-1 (stack node1):",
                `  repair: write ${HAPROXY}`,
                "",
                "No service starts anew.",
                "",
                `mid-1  write ${HAPROXY}`,
            ].join("\n"),
        );
        expect(done.stdout).toMatch(/\nclean: mid-1 is as it was deployed\n$/);
        expect(fs.readFileSync(path.join(project, "asked"), "utf8")).not.toMatch(/^(up|preview|refresh)/m);
        expect(otelHa("verify").status).toBe(0);
    });

    it("ends with 3 when the host cannot be asked, or there is no such node", () => {
        fs.writeFileSync(host.at("away"), "");
        const away = otelHa("verify");
        fs.rmSync(host.at("away"));
        expect(away.status).toBe(3);
        expect(away.stdout).toContain("mid-1  ? cannot be reached: ssh: connect to host: No route to host");
        expect(otelHa("verify", "--node", "mid-9")).toMatchObject({
            status: 3,
            stderr: "otel-ha: --node mid-9: there is no such stack; write node1\n",
        });
    });
});
