import * as fs from "fs";
import * as path from "path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { desiredText } from "../../components/opensearch-setup";
import { Bench, Finished } from "./support/shell";

// What makes the cluster what it should be, from inside its container. What the server answers was taken down from OpenSearch 2.19.1.

let bench: Bench;

beforeEach(() => {
    bench = new Bench();
    for (const program of ["mktemp", "wc"]) bench.link(program);
});
afterEach(() => bench.remove());

describe("a session inside the container", () => {
    // A server that is told by files: `answers/METHOD_PATH`, with slashes as underscores; what is put is noted, and answered from then on.
    beforeEach(() => {
        fs.mkdirSync(path.join(bench.state, "answers"));
        bench.stub(
            "curl",
            `method=GET body="" config="" ahead="" out="" url=""
            while [ $# -gt 0 ]; do case $1 in
                -X) method=$2; shift 2 ;; -o) out=$2; shift 2 ;; -w | -H) shift 2 ;; --data-binary) body=$(cat); shift 2 ;;
                -K) if [ -z "$config" ]; then config=$2; else ahead=$2; fi; shift 2 ;; http*) url=$1; shift ;; *) exit 9 ;;
            esac; done
            cat "$config" >"$STATE/curlrc"; sed -n 's/^cert = "\\(.*\\)"/\\1/p' "$config" | while read -r file; do cat "$file" >"$STATE/shown"; done
            transfer() {
                at=\${url#*://*/}; at=\${at%%\\?*}; file="$STATE/answers/$(printf %s "$method $at" | tr '/ *,' '____')"
                [ "$method" = GET ] || printf '%s\\n' "$method $at $body" >>"$STATE/changes"
                if [ -e "$file" ]; then cat "$file" >"$out"; printf "$(cat "$file.status" 2>/dev/null || echo 200)"
                elif [ "$method" = GET ]; then printf '{"error":"missing"}' >"$out"; printf 404
                else printf '{}' >"$out"; printf 200; fi
            }
            if [ -z "$ahead" ]; then transfer; exit 0; fi
            tr -d '"' <"$ahead" | while read -r key _ value; do case $key in url) url=$value ;; output) out=$value; transfer; echo ;; esac; done`,
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

    const connections = (): string[] => bench.argv().filter((line) => line.startsWith("curl "));

    it("asks all of a step over one connection when nothing is to be changed", () => {
        answer("GET _cluster/settings", NOTED.replace("}}", ',"a.b":"1"}}'));
        answer("GET _plugins/_security/api/internalusers/writer-aa11bb", USER("00ff"));
        answer("GET _plugins/_security/api/roles/r", '{"r":{"reserved":false,"hidden":false,"static":false,"x":1}}');
        for (const name of ["one", "two", "three"]) answer(`GET ${name}/_alias`, "{}");
        const desired = ['role r {"x":1}', 'setting a.b "1"', "index one {}", "index two {}", "index three {}"];
        expect(session(desired, "users", "desired")).toMatchObject({ code: 0, out: "", err: "" });
        expect(connections()).toHaveLength(2);
    });

    it("asks anew once it has changed something", () => {
        answer("GET _cluster/settings", "{}");
        answer("GET l-0*/_settings", '{"l-000001":{"settings":{"index.number_of_replicas":"0"}}}');
        const live = 'live l-0* {"index.number_of_replicas":"0"}';
        session([live], "desired");
        const settings = (): string[] => connections().filter((line) => line.includes("/l-0*/_settings"));
        expect(settings()).toEqual([]);
        session(["index l {}", live], "desired");
        expect(changes()).toEqual(["PUT l {}"]);
        expect(settings()).toHaveLength(1);
    });

    it("asks once more for what the server could not tell at once", () => {
        answer("GET _cluster/settings", "{}");
        answer("GET _plugins/_security/api/roles/r", "", 503);
        bench.stub("sleep", `rm -f "$STATE"/answers/*_roles_r*`);
        expect(session(['role r {"x":1}'], "desired").out).toBe("changed: role r\n");
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
