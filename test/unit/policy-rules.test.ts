import { describe, expect, it } from "vitest";
import { COMMAND } from "../../components/policy/command-rules";
import { CONTAINER, hardeningRules, IMAGE } from "../../components/policy/container-rules";
import { Asked, violations } from "../../components/policy/model";
import { HARDENING, MANDATORY, RULES } from "../../components/policy/rules";
import { HOST_KEY } from "./support/stacks";

const DIGEST = "a".repeat(64);
const SECRET = "hunter22hunter22";

const CONTAINER_INPUTS = {
    image: `sha256:${DIGEST}`,
    healthcheck: { tests: ["CMD-SHELL", "true"], interval: "10s", timeout: "5s", startPeriod: "2m0s" },
    destroyGraceSeconds: 30,
    logDriver: "json-file",
    logOpts: { "max-size": "20m", "max-file": "5" },
    restart: "unless-stopped",
    mounts: [{ source: "/data/docker/otel/loki", target: "/etc/loki" }],
    capabilities: { adds: ["CAP_NET_ADMIN"], drops: ["ALL"] },
    memory: 512,
    memorySwap: 512,
    readOnly: true,
    securityOpts: ["no-new-privileges:true"],
    ulimits: [{ name: "nproc", soft: 512, hard: 512 }],
    envs: ["GOMEMLIMIT=400MiB"],
    command: ["-config.file=/etc/loki/config.yaml"],
};
const COMMAND_INPUTS = {
    connection: { host: "10.0.0.7", hostKey: HOST_KEY, proxy: { host: "10.0.0.1", hostKey: HOST_KEY } },
    create: "put-file /etc/loki/config.yaml",
    delete: "rm -f /etc/loki/config.yaml",
    triggers: ["/etc/loki/config.yaml"],
    stdin: "auth_enabled: false\n",
    addPreviousOutputInEnv: false,
};
const DOCKER_INPUTS = { host: "ssh://root@10.0.0.7:22", sshOpts: '["-o","StrictHostKeyChecking=yes"]' };

const container = (changes: object = {}): Asked => ({
    type: CONTAINER,
    name: "web-loki",
    inputs: { ...CONTAINER_INPUTS, ...changes },
});
const image = (name: string): Asked => ({ type: IMAGE, name: "web-loki-image", inputs: { name } });
const command = (changes: object = {}, more: Partial<Asked> = {}): Asked => ({
    type: COMMAND,
    name: "web-loki-config",
    inputs: { ...COMMAND_INPUTS, ...changes },
    marked: [],
    ...more,
});
const provider = (changes: object = {}): Asked => ({
    type: "pulumi:providers:docker",
    name: "web-docker",
    inputs: { ...DOCKER_INPUTS, ...changes },
});
const check = (changes: object): Asked => container({ healthcheck: { ...CONTAINER_INPUTS.healthcheck, ...changes } });
const mounts = (...sources: string[]): Asked =>
    container({ mounts: sources.map((source) => ({ source, target: "/t" })) });

/** Rule, what breaks it, and what is said. */
const BROKEN: [string, Asked, RegExp][] = [
    [
        "image-pinned",
        image("grafana/loki:latest"),
        /^name is "grafana\/loki:latest", which has the tag latest; write .*"grafana\/loki:1\.2\.3"/,
    ],
    [
        "image-pinned",
        image("registry.example:5000/otel/loki"),
        /has no tag, which means latest; write .*"registry.example:5000\/otel\/loki:1\.2\.3"/,
    ],
    ["image-pinned", container({ image: "grafana/loki:latest" }), /^image is "grafana\/loki:latest"/],
    ["health-check", container({ healthcheck: undefined }), /^healthcheck\.tests is missing; write a command/],
    ["health-check", container({ healthcheck: null }), /^healthcheck\.tests is missing/],
    ["health-check", check({ tests: ["NONE"] }), /^healthcheck\.tests is \["NONE"\]/],
    ["health-check", check({ tests: ["CMD-SHELL", " "] }), /^healthcheck\.tests is \["CMD-SHELL"," "\]/],
    ["canonical-durations", check({ interval: "60s" }), /^healthcheck\.interval is "60s"; write "1m0s"$/],
    ["canonical-durations", check({ timeout: "soon" }), /^healthcheck\.timeout is "soon"; write "30s"$/],
    ["canonical-durations", check({ startPeriod: "120s" }), /^healthcheck\.startPeriod is "120s"; write "2m0s"$/],
    [
        "grace-period",
        container({ destroyGraceSeconds: undefined }),
        /^destroyGraceSeconds is missing; write 10 or more/,
    ],
    ["grace-period", container({ destroyGraceSeconds: 0 }), /^destroyGraceSeconds is 0;/],
    ["bounded-logs", container({ logOpts: undefined }), /^logOpts\.max-size is missing; write a size such as "20m"/],
    [
        "bounded-logs",
        container({ logDriver: undefined, logOpts: { "max-file": "5" } }),
        /^logOpts\.max-size is missing/,
    ],
    ["bounded-logs", container({ logOpts: { "max-size": "-1" } }), /^logOpts\.max-size is "-1"/],
    ["restart-policy", container({ restart: undefined }), /^restart is missing; write "unless-stopped"$/],
    ["restart-policy", container({ restart: "on-failure" }), /^restart is "on-failure"/],
    ["not-privileged", container({ privileged: true }), /^privileged is true; leave it out/],
    ["no-docker-socket", mounts("/data", "/var/run/docker.sock"), /^"\/var\/run\/docker\.sock" of the host is mounted/],
    ["no-docker-socket", mounts("/run//"), /^"\/run\/\/" of the host is mounted/],
    ["no-docker-socket", mounts("/"), /^"\/" of the host is mounted/],
    ["no-docker-socket", mounts("/var/../var"), /of the host is mounted/],
    ["no-docker-socket", container({ volumes: [{ hostPath: "/run/containerd/containerd.sock" }] }), /containerd\.sock/],
    [
        "capability-names",
        container({ capabilities: { adds: ["NET_ADMIN"], drops: ["ALL"] } }),
        /^capability "NET_ADMIN"; write "CAP_NET_ADMIN"$/,
    ],
    ["memory-swap", container({ memorySwap: undefined }), /^memory is 512, and memorySwap is missing; write 512/],
    [
        "memory-limit",
        container({ memory: undefined, memorySwap: undefined }),
        /^memory is missing; write its limit in MiB/,
    ],
    ["pids-limit", container({ ulimits: undefined }), /^ulimits has no "nproc", and cgroupParent is missing; write/],
    ["read-only-root", container({ readOnly: false }), /^readOnly is false; write true/],
    [
        "no-new-privileges",
        container({ securityOpts: undefined }),
        /^securityOpts is missing; write \["no-new-privileges:true"\]$/,
    ],
    [
        "no-new-privileges",
        container({ securityOpts: ["no-new-privileges:false"] }),
        /^securityOpts is \["no-new-privileges:false"\]/,
    ],
    [
        "capabilities-dropped",
        container({ capabilities: { adds: ["CAP_NET_ADMIN"] } }),
        /^capabilities\.drops is missing; write \["ALL"\]/,
    ],
    [
        "no-secret-in-container",
        { ...container(), marked: ["envs"] },
        /^envs holds a secret, which docker inspect shows/,
    ],
    [
        "no-secret-in-container",
        { ...container({ labels: [{ label: "a", value: SECRET }] }), secrets: [SECRET] },
        /^labels holds a secret/,
    ],
    [
        "no-secret-in-container",
        { ...container({ command: [`--password=${SECRET}`] }), secrets: [SECRET] },
        /^command holds/,
    ],
    [
        "host-key",
        command({ connection: { host: "10.0.0.7" } }),
        /^connection\.hostKey is missing; write the line of .*ssh_host_ed25519_key\.pub/,
    ],
    [
        "host-key",
        command({ connection: { hostKey: HOST_KEY, proxy: { host: "10.0.0.1" } } }),
        /^connection\.proxy\.hostKey is missing/,
    ],
    [
        "host-key",
        { ...command({ connection: { hostKey: "" } }), type: "command:remote:CopyToRemote" },
        /^connection\.hostKey is missing/,
    ],
    [
        "docker-host-key",
        provider({ sshOpts: '["-o","StrictHostKeyChecking=no"]' }),
        /^sshOpts has no "StrictHostKeyChecking=yes"; write/,
    ],
    ["docker-host-key", provider({ sshOpts: undefined }), /^sshOpts has no/],
    [
        "docker-host-key",
        provider({ host: "tcp://10.0.0.7:2375" }),
        /^host is "tcp:\/\/10\.0\.0\.7:2375"; write "ssh:\/\//,
    ],
    [
        "no-secret-in-command",
        command({}, { marked: ["create"] }),
        /^create holds a secret, which errors and .* show; pass it in stdin$/,
    ],
    [
        "no-secret-in-command",
        command({ environment: { PASSWORD: SECRET } }, { secrets: [SECRET] }),
        /^environment holds a secret/,
    ],
    [
        "no-secret-in-command",
        command({ delete: `mc rm --key ${SECRET}`, triggers: [] }, { secrets: [SECRET] }),
        /^delete holds a secret/,
    ],
    [
        "secret-marked",
        command({ stdin: `auth_pass ${SECRET}\n` }, { secrets: [SECRET] }),
        /^stdin holds a secret of the configuration as plain text; wrap it in pulumi\.secret/,
    ],
    [
        "trigger-not-undone",
        command({ triggers: ["another text"] }),
        /^triggers has "another text", and delete does not name it/,
    ],
    ["trigger-not-undone", command({ triggers: [{ some: "object" }] }), /^triggers has \{"some":"object"\}/],
    [
        "no-previous-output",
        command({ addPreviousOutputInEnv: undefined }),
        /^addPreviousOutputInEnv is not false; write false$/,
    ],
];

const FINE: [string, Asked][] = [
    ["a container", container()],
    ["an image with a tag", image("registry.example:5000/grafana/loki:3.4.2")],
    ["an image with a digest", image(`grafana/loki:latest@sha256:${DIGEST}`)],
    ["a command", command()],
    ["Docker over SSH", provider()],
    ["Docker of this machine", provider({ host: "unix:///var/run/docker.sock", sshOpts: undefined })],
    ["a log that goes elsewhere", container({ logDriver: "local", logOpts: undefined })],
    ["a parent cgroup with the limit", container({ ulimits: undefined, cgroupParent: "otel.slice" })],
    ["a directory beside Docker's", mounts("/var/lib/otel", "/data/run", "/srv/docker.sock.d", "named-volume")],
    ["a label made of a secret", { ...container({ labels: [{ label: "a", value: "hash" }] }), marked: ["labels"] }],
    ["a secret on standard input", command({ stdin: SECRET }, { secrets: [SECRET], marked: ["stdin", "connection"] })],
    ["a command that deletes nothing", command({ delete: undefined, triggers: ["any"] })],
    ["a command that deletes first", command({ triggers: ["any"] }, { deleteBeforeReplace: true })],
    ["another kind of resource", { type: "random:index/randomPassword:RandomPassword", name: "p", inputs: {} }],
];

describe("a rule", () => {
    it.each(FINE)("lets %s pass", (_what, asked) => {
        expect(violations(RULES, asked)).toEqual([]);
    });

    it.each(BROKEN.map(([rule, asked, message]) => ({ rule, asked, message, of: String(message) })))(
        "$rule finds $of and nothing else",
        ({ rule, asked, message }) => {
            const found = violations(RULES, asked);
            expect(found).toEqual([
                { rule, severity: expect.any(String), resource: asked.name, message: expect.stringMatching(message) },
            ]);
        },
    );

    it("is tested, each", () => {
        expect([...new Set(BROKEN.map(([rule]) => rule))].sort()).toEqual(RULES.map(({ name }) => name).sort());
    });

    it("never prints a secret", () => {
        const all = BROKEN.flatMap(([, asked]) => violations(RULES, asked)).map(({ message }) => message);
        expect(all.join("\n")).not.toContain(SECRET);
    });

    it("says nothing about what is not known yet", () => {
        const unknown = Object.keys({ ...CONTAINER_INPUTS, labels: 0, privileged: 0, volumes: 0 });
        expect(violations(RULES, { type: CONTAINER, name: "later", inputs: {}, unknown })).toEqual([]);
        const { connection, ...others } = { ...COMMAND_INPUTS, update: 0, environment: 0 };
        const later: Asked = { type: COMMAND, name: "later", inputs: {}, unknown: Object.keys(others) };
        expect(violations(RULES, { ...later, inputs: { connection } })).toEqual([]);
    });

    it("that looks at several inputs says what it sees in the others", () => {
        const asked = command({ create: undefined }, { unknown: ["create"], marked: ["delete"] });
        expect(violations(RULES, asked).map(({ message }) => message)).toEqual([
            expect.stringMatching(/^delete holds/),
        ]);
        const secret = command({ create: undefined }, { unknown: ["create"], marked: ["create"] });
        expect(violations(RULES, secret)).toHaveLength(1);
    });

    it("has a name of its own, and says what must be and what happens otherwise", () => {
        expect(new Set(RULES.map(({ name }) => name)).size).toBe(RULES.length);
        for (const { name, description, why } of RULES) {
            expect(name).toMatch(/^[a-z]+(-[a-z]+)+$/);
            expect(description).toMatch(/^[A-Z].*\.$/);
            expect(why).toMatch(/^[A-Z`~].*\.$/);
        }
    });
});

describe("hardening", () => {
    it("is advice or law by one word", () => {
        const names = hardeningRules("mandatory").map(({ name }) => name);
        expect(names).toEqual([
            "memory-limit",
            "pids-limit",
            "read-only-root",
            "no-new-privileges",
            "capabilities-dropped",
        ]);
        expect(RULES.filter(({ name }) => names.includes(name)).map(({ severity }) => severity)).toEqual(
            names.map(() => HARDENING),
        );
        expect(MANDATORY.some(({ name }) => names.includes(name))).toBe(HARDENING === "mandatory");
        expect(hardeningRules("mandatory").every(({ severity }) => severity === "mandatory")).toBe(true);
    });
});
