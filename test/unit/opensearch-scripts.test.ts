import * as fs from "fs";
import * as path from "path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { desiredText } from "../../components/opensearch-setup";
import { Bench, Finished, listener, stubContainer } from "./support/shell";

// What makes the cluster what it should be, and what asks before a node is stopped. What the server answers was taken down from OpenSearch 2.19.1.

let bench: Bench;
const admin = (): string => path.join(bench.root, "admin");

beforeEach(() => {
    bench = new Bench();
    for (const program of ["mktemp", "wc"]) bench.link(program);
    stubContainer(bench);
    bench.write("logs", "the end of its log\n");
    fs.mkdirSync(admin());
    fs.writeFileSync(path.join(admin(), "admin.pem"), "SECRET-certificate\n");
    fs.writeFileSync(path.join(admin(), "users"), "writer writer-aa11bb $2b$10$hash 00ff\n");
});
afterEach(() => bench.remove());

const COMMON = (): string[] => ["--container", "opensearch-apm-1", "--node", "apm-1", "--admin", admin()];

describe("a session inside the container", () => {
    // A server that is told by files: `answers/METHOD_PATH`, with slashes as underscores; what is put is noted, and answered from then on.
    beforeEach(() => {
        fs.mkdirSync(path.join(bench.state, "answers"));
        bench.stub(
            "curl",
            `method=GET body="" config=""
            while [ $# -gt 1 ]; do case $1 in
                -X) method=$2; shift 2 ;; -o) out=$2; shift 2 ;; -w | -H) shift 2 ;; -K) config=$2; shift 2 ;; --data-binary) body=$(cat); shift 2 ;; *) exit 9 ;;
            esac; done
            cat "$config" >"$STATE/curlrc"; sed -n 's/^cert = "\\(.*\\)"/\\1/p' "$config" | while read -r file; do cat "$file" >"$STATE/shown"; done
            at=\${1#*://*/}; at=\${at%%\\?*}; file="$STATE/answers/$(printf %s "$method $at" | tr '/ *,' '____')"
            [ "$method" = GET ] || printf '%s\\n' "$method $at $body" >>"$STATE/changes"
            if [ -e "$file" ]; then cat "$file" >"$out"; printf "$(cat "$file.status" 2>/dev/null || echo 200)"
            elif [ "$method" = GET ]; then printf '{"error":"missing"}' >"$out"; printf 404
            else printf '{}' >"$out"; printf 200; fi`,
        );
    });

    const answer = (request: string, text: string, status = 200): void => {
        const file = path.join("answers", request.replace(/[/ *,]/g, "_"));
        bench.write(file, text);
        bench.write(`${file}.status`, String(status));
    };
    const changes = (): string[] => bench.read("changes").split("\n").slice(0, -1);

    function session(desired: string[], ...steps: string[]): Finished {
        const config = path.join(bench.root, "config");
        fs.mkdirSync(config, { recursive: true });
        fs.writeFileSync(path.join(config, "desired.txt"), `${desired.join("\n")}\n`);
        const input = "SECRET-certificate\n--- users\nwriter writer-aa11bb $2b$10$hash 00ff\n";
        return bench.run("opensearch-session", ["9200", "https", "apm-1", ...steps], input, { OTEL_HA_CONFIG: config });
    }

    it("shows the administrator's certificate, which nothing of is left, and no argument has a secret", () => {
        answer("GET _cluster/settings", "{}");
        expect(session([], "users")).toMatchObject({ code: 0, err: "" });
        expect(bench.read("shown")).toBe("SECRET-certificate\n");
        const [, certificate] = /cert = "(.*)"/.exec(bench.read("curlrc"))!;
        expect(fs.existsSync(certificate)).toBe(false);
        expect(bench.argv().filter((line) => /SECRET|\$2b/.test(line))).toEqual([]);
    });

    it("makes a user that is missing, with its hash, and notes that this node needs it", () => {
        answer("GET _cluster/settings", "{}");
        expect(session([], "users").out).toBe(
            "changed: user writer-aa11bb\nchanged: setting cluster.metadata.otel-ha.users.apm-1\n",
        );
        expect(changes()).toEqual([
            'PATCH _plugins/_security/api/internalusers [{"op":"add","path":"/writer-aa11bb","value":{"hash":"$2b$10$hash","backend_roles":["writer"],"attributes":{"otel-ha":"00ff"}}}]',
            'PUT _cluster/settings {"persistent":{"cluster.metadata.otel-ha.users.apm-1":"writer-aa11bb"}}',
        ]);
    });

    const USER = (digest: string): string =>
        `{"writer-aa11bb":{"hash":"","reserved":false,"hidden":false,"backend_roles":["writer"],"attributes":{"otel-ha":"${digest}"},"opendistro_security_roles":[],"static":false}}`;
    const NOTED = '{"persistent":{"cluster.metadata.otel-ha.users.apm-1":"writer-aa11bb"}}';

    it("leaves a user alone that is as it should be", () => {
        answer("GET _cluster/settings", NOTED);
        answer("GET _plugins/_security/api/internalusers/writer-aa11bb", USER("00ff"));
        expect(session([], "users")).toMatchObject({ code: 0, out: "", err: "" });
        expect(changes()).toEqual([]);
    });

    it("gives a user its password again when somebody has changed the user", () => {
        answer("GET _cluster/settings", NOTED);
        answer("GET _plugins/_security/api/internalusers/writer-aa11bb", USER("0000"));
        expect(session([], "users").out).toBe("changed: user writer-aa11bb\n");
    });

    it("deletes users of ours that no node needs, and nobody else's", () => {
        answer(
            "GET _cluster/settings",
            '{"persistent":{"cluster.metadata.otel-ha.users.apm-1":"writer-new,monitor-x","cluster.metadata.otel-ha.users.apm-2":"writer-old"}}',
        );
        const ours = (name: string): string =>
            `"${name}":{"hash":"","reserved":false,"hidden":false,"backend_roles":["writer"],"attributes":{"otel-ha":"00"},"opendistro_security_roles":[],"static":false}`;
        const theirs = ours("somebody").replace('{"otel-ha":"00"}', "{}");
        answer(
            "GET _plugins/_security/api/internalusers",
            `{${[ours("writer-new"), theirs, ours("writer-old"), ours("writer-older")].join(",")}}`,
        );
        expect(session([], "retire").out).toBe("changed: user writer-older, whom no node needs any more, is deleted\n");
        expect(changes()).toEqual(["DELETE _plugins/_security/api/internalusers/writer-older "]);
        // Another node was quicker.
        answer("DELETE _plugins/_security/api/internalusers/writer-older", "{}", 404);
        expect(session([], "retire")).toMatchObject({ code: 0, err: "" });
    });

    it("puts what differs, in few calls, roles before what names them", () => {
        answer("GET _cluster/settings", '{"persistent":{"a.b":"1","c.d":"2"}}');
        answer("GET _cat/plugins", "opensearch-security \n");
        const done = session(
            [
                'mapping otel-ha-writer {"backend_roles":["writer"]}',
                'role otel-ha-writer {"cluster_permissions":[]}',
                'setting a.b "1"',
                'setting c.d "3"',
                "setting e.f null",
                'index otel-logs {"aliases":{"otel-logs":{"is_write_index":true}}}',
                "index service-map {}",
            ],
            "desired",
        );
        expect(done.err).toBe("");
        expect(changes()).toEqual([
            'PATCH _plugins/_security/api/roles [{"op":"add","path":"/otel-ha-writer","value":{"cluster_permissions":[]}}]',
            'PATCH _plugins/_security/api/rolesmapping [{"op":"add","path":"/otel-ha-writer","value":{"backend_roles":["writer"]}}]',
            'PUT _cluster/settings {"persistent":{"c.d":"3"}}',
            'PUT otel-logs-000001 {"aliases":{"otel-logs":{"is_write_index":true}}}',
            "PUT service-map {}",
        ]);
    });

    it("takes a template for the same in whatever order the server tells it", () => {
        answer("GET _cat/plugins", "opensearch-index-management \n");
        answer(
            "GET _index_template/t",
            '{"index_templates":[{"index_template":{"priority":1,"template":{"mappings":{"b":{"y":2,"x":1}}},"index_patterns":["t-*"]}}]}',
        );
        const line = 'template t {"index_patterns":["t-*"],"template":{"mappings":{"b":{"x":1,"y":2}}},"priority":1}';
        expect(session([line], "desired")).toMatchObject({ code: 0, out: "" });
        expect(session([line.replace('"x":1', '"x":3')], "desired").out).toBe("changed: index template t\n");
    });

    it("uses the plugin for policies where it is, and leaves its settings out where it is not", () => {
        const all = desiredText({}).split("\n");
        const lines = all.filter((line) => /^(policy|template otel-logs) /.test(line));
        answer("GET _cat/plugins", "opensearch-security \n");
        session(lines, "desired");
        expect(changes().join("\n")).toContain("PUT _index_template/otel-logs ");
        expect(changes().join("\n")).not.toMatch(/_ism|index_state_management/);
        bench.write("changes", "");
        answer("GET _cat/plugins", "opensearch-security \nopensearch-index-management \n");
        session(lines, "desired");
        expect(changes().join("\n")).toMatch(
            /PUT _plugins\/_ism\/policies\/otel-ha .*[^]*"rollover_alias":"otel-logs"/,
        );
    });

    it("replaces a policy that is another one, at the version that it has seen", () => {
        answer("GET _cat/plugins", "opensearch-index-management \n");
        answer(
            "GET _plugins/_ism/policies/p",
            '{"_id":"p","_seq_no":7,"_primary_term":2,"policy":{"description":"otel-ha old","x":1}}',
        );
        expect(session(['policy p {"policy":{"description":"otel-ha old"}}'], "desired").out).toBe("");
        expect(session(['policy p {"policy":{"description":"otel-ha new"}}'], "desired").out).toBe(
            "changed: policy p\n",
        );
        expect(bench.argv().join("\n")).toContain("/_plugins/_ism/policies/p?if_seq_no=7&if_primary_term=2");
    });

    it("fails when snapshots are to go to S3 and the image cannot do it", () => {
        answer("GET _cat/plugins", "opensearch-security \n");
        const done = session(['repository snapshots {"type":"s3","settings":{}}'], "desired");
        expect(done.code).toBe(1);
        expect(done.err).toContain("the image has no plugin repository-s3");
    });

    it("changes indices that are there already, when one of them differs", () => {
        const settings = (replicas: number): string =>
            `{"settings":{"index.number_of_replicas":"${replicas}","index.refresh_interval":"5s"}}`;
        answer("GET l-0*", "");
        answer("GET l-0*/_settings", `{"l-000001":${settings(0)},"l-000002":${settings(1)}}`);
        const line = 'live l-0* {"index.number_of_replicas":"1","index.refresh_interval":"5s"}';
        session([line], "desired");
        expect(changes()).toEqual(['PUT l-0*/_settings {"index.number_of_replicas":"1"}']);
    });

    it("looks without changing", () => {
        answer("GET _cluster/settings", '{"persistent":{"cluster.routing.allocation.enable":"primaries"}}');
        const done = session(['setting a.b "1"'], "check");
        expect(done.out.split("\n")).toEqual([
            "differs: user writer-aa11bb",
            "differs: setting cluster.metadata.otel-ha.users.apm-1",
            "differs: setting a.b",
            "differs: setting cluster.routing.allocation.enable",
            "",
        ]);
        expect(changes()).toEqual([]);
    });

    it("says what the server does not take, and stops", () => {
        answer("GET _cluster/settings", "{}");
        answer("PUT _cluster/settings", '{"error":"unknown setting [a.b]"}', 400);
        const done = session(['setting a.b "1"', "index x {}"], "desired");
        expect(done.code).toBe(1);
        expect(done.err).toBe(
            'OpenSearch does not take PUT /_cluster/settings: 400 {"error":"unknown setting [a.b]"}\n',
        );
        expect(changes()).toHaveLength(1);
    });

    it("takes the lock, or says who has it", () => {
        expect(session([], "lock")).toMatchObject({ code: 0, out: "" });
        answer("PUT .otel-ha/_create/restart", "", 409);
        answer("GET .otel-ha/_source/restart", '{"node":"apm-1","since":1}');
        expect(session([], "lock").code).toBe(0);
        answer("GET .otel-ha/_source/restart", '{"node":"apm-2","since":1}');
        expect(session([], "lock")).toMatchObject({ code: 3, out: "held by apm-2\n" });
    });

    it("lets copies be made again, but not while another node is restarted", () => {
        answer("GET _cluster/settings", '{"persistent":{"cluster.routing.allocation.enable":"primaries"}}');
        answer("GET .otel-ha/_source/restart", '{"node":"apm-2","since":1}');
        expect(session([], "unlock", "allocate").out).toContain("open: apm-2 is being restarted");
        expect(changes()).toEqual([]);
        answer("GET .otel-ha/_source/restart", '{"node":"apm-1","since":1}');
        session([], "unlock", "allocate");
        expect(changes()).toEqual([
            "DELETE .otel-ha/_doc/restart ",
            'PUT _cluster/settings {"persistent":{"cluster.routing.allocation.enable":null}}',
        ]);
    });
});

/** In place of the session: each step is noted, and says what `state/STEP` has; with `state/STEP.fails` it fails. */
function stubSession(): void {
    const text = `shift 3
        cat >>'${bench.state}/input'
        for step in "$@"; do
            echo "$step" >>'${bench.state}/steps'
            [ ! -e '${bench.state}'/"$step" ] || cat '${bench.state}'/"$step"
            [ ! -e '${bench.state}'/"$step.fails" ] || exit 3
        done\n`;
    fs.writeFileSync(path.join(bench.lib, "opensearch-session"), text);
}
const steps = (): string[] => bench.read("steps").split("\n").slice(0, -1);
const NOBODY = "127.0.0.1:1";
const UUID = "E3IVW6AFT769rs8zqcCtHQ";

describe("setting up", () => {
    const data = (): string => path.join(bench.root, "data");
    beforeEach(() => {
        stubSession();
        fs.mkdirSync(data());
        bench.write("healthy", "");
        bench.write("uuid", `${UUID}\n`);
        bench.write("status", "running");
    });

    // The stub container's files have names of their own; a step's output has the same directory.
    function setup(...options: string[]): Finished {
        fs.rmSync(path.join(bench.state, "steps"), { force: true });
        const more = [
            "--data",
            data(),
            "--members",
            "3",
            "--timeout",
            "2",
            "--peer-grace",
            "1",
            "--green-timeout",
            "1",
        ];
        return bench.run("setup-opensearch", [...COMMON(), ...more, ...options], "container abc\n");
    }
    const say = (text: string): void =>
        fs.writeFileSync(
            path.join(bench.lib, "opensearch-session"),
            fs
                .readFileSync(path.join(bench.lib, "opensearch-session"), "utf8")
                .replace("shift 3\n", `shift 3\n[ "$1" != status ] || { echo "${text}"; exit 0; }\n`),
        );

    it("applies all, ends a restart, and remembers which cluster this host belongs to", () => {
        say("green 3 0 0 0");
        expect(setup()).toMatchObject({ code: 0, out: "", err: "" });
        expect(steps()).toEqual(["uuid", "initialised", "desired", "users", "unlock", "allocate"]);
        expect(fs.readFileSync(path.join(data(), "formed"), "utf8")).toBe(`${UUID}\n`);
        expect(bench.read("input")).toContain("SECRET-certificate\n--- users\nwriter writer-aa11bb");
    });

    it("says what is open while too few members are there, and changes nothing", () => {
        bench.write("uuid", "");
        const done = setup("--peer", NOBODY, "--peer", "127.0.0.1:2");
        expect(done).toMatchObject({ code: 0, err: "" });
        expect(done.out).toContain(
            `open: the cluster waits for its second node: nothing listens at ${NOBODY} 127.0.0.1:2.`,
        );
        expect([...new Set(steps())]).toEqual(["uuid"]);
        expect(fs.existsSync(path.join(data(), "formed"))).toBe(false);
    });

    it("gives a host that has not answered yet its time first: the others have started when it has", () => {
        bench.write("uuid.fails", "");
        expect(setup("--peer", NOBODY, "--peer", "127.0.0.1:2").err).toContain("is part of no cluster after 2 s");
    });

    it("fails when most members listen and there is no cluster all the same", async () => {
        const peer = await listener();
        bench.write("uuid", "");
        const done = setup("--peer", `127.0.0.1:${peer.port}`, "--peer", NOBODY);
        peer.close();
        expect(done.code).toBe(1);
        expect(done.err).toContain("opensearch-apm-1 is part of no cluster after 2 s, though its peers listen");
    });

    it("tells what to do on a host whose data is gone while the others are away", async () => {
        const peer = await listener();
        bench.write("uuid", "");
        fs.writeFileSync(path.join(data(), "formed"), `${UUID}\n`);
        const done = setup("--peer", `127.0.0.1:${peer.port}`);
        peer.close();
        expect(done.err).toContain(`this host belongs to cluster ${UUID}, and its data is gone`);
    });

    it("fails on a second cluster, before it changes anything there", () => {
        fs.writeFileSync(path.join(data(), "formed"), "another\n");
        const done = setup();
        expect(done.code).toBe(1);
        expect(done.err).toContain(`belongs to cluster ${UUID}, but this host belonged to another before`);
        expect(steps()).not.toContain("desired");
    });

    it("says that copies are missing while a member is, and fails when they are missing for no such reason", () => {
        say("yellow 2 5 0 0");
        expect(setup("--peer", NOBODY)).toMatchObject({
            code: 0,
            out: "open: the cluster is yellow with 2 of 3 nodes; what is missing comes with the others\n",
        });
        stubSession();
        say("yellow 3 5 1 0");
        const done = setup("--peer", NOBODY);
        expect(done.code).toBe(1);
        expect(done.err).toContain("yellow after 1 s, with 3 of 3 nodes, 5 shards unassigned and 1 initializing");
    });

    it("fails on a container that has ended, with the end of its log", () => {
        bench.write("uuid.fails", "");
        bench.write("status", "exited");
        const done = setup("--peer", NOBODY);
        expect(done).toMatchObject({ code: 1 });
        expect(done.err).toContain("the end of its log");
    });

    it("does one step, at once, for a file that has changed", () => {
        expect(setup("--only", "certificates")).toMatchObject({ code: 0 });
        expect(steps()).toEqual(["certificates"]);
    });

    it("takes users away in a cluster only: the first host of three, which has none yet, says so and goes on", () => {
        expect(setup("--only", "retire")).toMatchObject({ code: 0, out: "" });
        expect(steps()).toEqual(["uuid", "retire"]);
        bench.write("uuid", "");
        const done = setup("--only", "retire");
        expect(done).toMatchObject({ code: 0, out: expect.stringMatching(/^open: the cluster has no manager; /) });
        expect(steps()).toEqual(["uuid"]);
        bench.write("uuid", UUID);
        bench.write("retire.fails", "");
        expect(setup("--only", "retire").code).not.toBe(0);
    });
});

describe("stopping a node", () => {
    beforeEach(() => {
        stubSession();
        bench.write("uuid", `${UUID}\n`);
    });

    function ask(health: string, ...options: string[]): Finished {
        const file = path.join(bench.lib, "opensearch-session");
        const text = fs.readFileSync(file, "utf8");
        fs.writeFileSync(
            file,
            text.replace("shift 3\n", `shift 3\n[ "$1" != status ] || { echo "${health}"; exit 0; }\n`),
        );
        return bench.run(
            "may-stop-opensearch",
            [...COMMON(), "--members", "3", "--timeout", "1", ...options],
            "container x\n",
        );
    }

    it("is prepared when the cluster can spare it: nobody else is restarted, only primaries are assigned, memory is written", () => {
        expect(ask("green 3 0 0 0")).toMatchObject({ code: 0, err: "" });
        expect(steps()).toEqual(["uuid", "lock", "primaries", "flush"]);
    });

    it.each([
        ["copies are missing", "yellow 3 4 1 0", "yellow with 3 of 3 nodes, 4 shards unassigned"],
        ["a node is missing, even if two have all copies", "green 2 0 0 0", "green with 2 of 3 nodes"],
        ["shards are on their way", "green 3 0 0 2", "2 relocating"],
    ])("is refused while %s, and others may have their turn", (_, health, said) => {
        const done = ask(health);
        expect(done.code).toBe(1);
        expect(done.err).toContain(said);
        expect(done.err).toContain("set opensearchForceStop to true to stop it all the same");
        expect(steps()).not.toContain("primaries");
        expect(steps().at(-1)).toBe("unlock");
    });

    it("is refused while another node is restarted", () => {
        bench.write("lock", "held by apm-2\n");
        bench.write("lock.fails", "");
        const done = ask("green 3 0 0 0");
        expect(done.code).toBe(1);
        expect(done.err).toContain("opensearch-apm-1 is not replaced: apm-2 is being restarted.");
    });

    it("is done without a question when the settings say so", () => {
        const done = ask("red 2 4 0 0", "--force", "true");
        expect(done).toMatchObject({
            code: 0,
            out: "note: opensearch-apm-1 is replaced without asking (opensearchForceStop)\n",
        });
        expect(steps()).toEqual(["uuid", "force-lock", "primaries", "flush"]);
    });

    it("is nobody's loss when it is part of no cluster that works", () => {
        bench.write("uuid", "");
        expect(ask("green 3 0 0 0")).toMatchObject({
            code: 0,
            out: "note: opensearch-apm-1 is part of no cluster that works; it is replaced\n",
        });
        expect(steps()).toEqual(["uuid"]);
    });

    it("is nothing to ask about when it has stopped, or is not there yet", () => {
        bench.write("running", "false");
        expect(ask("green 3 0 0 0")).toMatchObject({ code: 0, out: "" });
        bench.stub("docker", "exit 1");
        expect(ask("green 3 0 0 0")).toMatchObject({ code: 0, out: "" });
        expect(steps()).toEqual([]);
    });
});
