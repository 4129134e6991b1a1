import * as fs from "fs";
import * as path from "path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bench, Finished, listener, stubContainer } from "./support/shell";

// Scripts that a deployment waits for: they must end early when waiting is of no use.

let bench: Bench;
const healthy = (): void => bench.write("healthy", "");

beforeEach(() => {
    bench = new Bench();
    stubContainer(bench);
    bench.write("logs", "starting\nerror: no such bucket\n");
});
afterEach(() => bench.remove());

const LOGS = "last lines of docker logs web-mid-1:\nstarting\nerror: no such bucket\n";

describe("waiting for a service", () => {
    const wait = (...options: string[]): Finished => bench.run("await-healthy", [...options, "web-mid-1"]);

    it("ends as soon as the container's own health check succeeds", () => {
        healthy();
        const done = wait("--timeout", "20");
        expect(done).toMatchObject({ code: 0, out: "", err: "" });
        expect(done.seconds).toBeLessThan(5);
    });

    it("asks itself rather than at Docker's interval: a service that comes up is seen within a second", () => {
        bench.write("check", `sleep 0.4; echo x >>${bench.state}/tries; [ "$(cat ${bench.state}/tries)" = "x\nx" ]`);
        expect(wait("--timeout", "20").code).toBe(0);
        expect(bench.read("tries")).toBe("x\nx\n");
    });

    it("fails at once on a container that keeps crashing, with the end of its log", () => {
        bench.write("crashing", "");
        const done = wait("--timeout", "60");
        expect(done).toMatchObject({ code: 1, out: "" });
        expect(done.err).toMatch(new RegExp(`^${LOGS}web-mid-1 does not stay up \\(\\d restarts\\)\n$`));
        expect(done.seconds).toBeLessThan(10);
    });

    it("fails at once on a container that has ended", () => {
        bench.write("status", "exited");
        bench.write("pid", "0");
        expect(wait("--timeout", "60")).toMatchObject({ code: 1, err: `${LOGS}web-mid-1 has exited\n` });
    });

    it("is not fooled by a process that answers once and dies: it must be the same one after the check", () => {
        bench.write("check", `echo 8 >${bench.state}/pid; echo exited >${bench.state}/status`);
        expect(wait("--timeout", "60")).toMatchObject({ code: 1, err: `${LOGS}web-mid-1 has exited\n` });
    });

    it("gives up after its time, with the health check's own words and the end of the log", () => {
        bench.write("check", "echo 'VRRP state FAULT'; false");
        const done = wait("--timeout", "1");
        expect(done).toMatchObject({
            code: 1,
            err: `${LOGS}web-mid-1 is not healthy after 1 s: VRRP state FAULT\n`,
        });
        expect(done.seconds).toBeLessThan(6);
    });

    it("does not hang on a health check that does", () => {
        bench.write("check", "sleep 60");
        const limit = fs.readlinkSync(path.join(bench.bin, "timeout"));
        bench.stub("timeout", `shift; exec ${limit} 1 "$@"`);
        const done = wait("--timeout", "0");
        expect(done.err).toContain("is not healthy after 0 s");
        expect(bench.argv().join("\n")).toMatch(/^timeout \d+ docker exec web-mid-1 /m);
    });

    it("says that a silent health check was silent", () => {
        const done = wait("--timeout", "0");
        expect(done.err).toContain("is not healthy after 0 s: no message from its health check\n");
    });

    it("says what is open, and succeeds, while something outside the host is missing", () => {
        const done = wait("--timeout", "60", "--open-if", "true", "--open", "the store has no quorum");
        expect(done).toMatchObject({ code: 0, out: "open: the store has no quorum\n", err: "" });
    });

    it("gives a service that may do without it some seconds first, crashes included", () => {
        bench.write("crashing", "");
        const missing = ["--timeout", "60", "--open-if", "true", "--open", "no users yet", "--open-after", "3"];
        const done = wait(...missing);
        expect(done).toMatchObject({ code: 0, out: "open: no users yet\n", err: "" });
        expect(done.seconds).toBeGreaterThanOrEqual(2);
        bench.write("check", "true");
        expect(wait(...missing)).toMatchObject({ code: 0, out: "" });
    });

    it("does not blame others when nothing outside is missing", () => {
        const done = wait("--timeout", "1", "--open-if", "false", "--open", "the store has no quorum");
        expect(done).toMatchObject({ code: 1, out: "" });
    });

    it("says nothing of open ends when the service is healthy", () => {
        healthy();
        expect(wait("--open-if", "true", "--open", "text")).toMatchObject({ code: 0, out: "" });
    });
});

describe("setting up the object store", () => {
    const CLIENTS =
        "# container abc\nloki SECRET-of-loki loki-data all\nsidecar SECRET-of-sidecar thanos-metrics upload\nstore SECRET-of-store thanos-metrics read\n";
    const PEER = "127.0.0.1:1";

    // mc notes what it reads, and says "already in effect" when state/existing is there, as a second run hears it.
    beforeEach(() => {
        bench.stub(
            "mc",
            `
case "$*" in
    *"user add"*) cat >>"$STATE/users" ;;
    *"policy create"*) for last in "$@"; do :; done; cat "$last" >>"$STATE/policies" ;;
    *"policy attach"*) [ ! -e "$STATE/existing" ] || { echo "mc: <ERROR> The specified policy change is already in effect."; exit 1; }
esac
printf '%s\\n' "$MC_HOST_store" >"$STATE/host"`,
        );
        const environment = path.join(bench.root, "root.env");
        fs.writeFileSync(environment, "MINIO_ROOT_USER=admin\nMINIO_ROOT_PASSWORD=SECRET-of-root\n");
    });

    function setup(peer: string | undefined = PEER, ...options: string[]): Finished {
        return start([...(peer ? ["--peer", peer] : []), ...options]);
    }

    function start(options: string[], more: Record<string, string> = {}): Finished {
        const args = ["--container", "web-mid-1", "--port", "9000", ...options];
        const environment = { MINIO_CONFIG_ENV_FILE: path.join(bench.root, "root.env"), ...more };
        return bench.run("setup-object-store", args, CLIENTS, environment);
    }

    it("makes a bucket and a user per client, each with a policy for its own bucket", () => {
        healthy();
        expect(setup()).toMatchObject({ code: 0, out: "", err: "" });
        const mc = bench.argv().filter((line) => line.startsWith("mc "));
        expect(mc.map((line) => line.replace(/\/tmp\/\S+/, "FILE").replace("mc --quiet ", ""))).toEqual([
            "mb --ignore-existing store/loki-data",
            "admin user add store",
            "admin policy create store loki-data-all FILE",
            "admin policy attach store loki-data-all --user loki",
            "mc --json admin user info store loki",
            "mb --ignore-existing store/thanos-metrics",
            "admin user add store",
            "admin policy create store thanos-metrics-upload FILE",
            "admin policy attach store thanos-metrics-upload --user sidecar",
            "mc --json admin user info store sidecar",
            "mb --ignore-existing store/thanos-metrics",
            "admin user add store",
            "admin policy create store thanos-metrics-read FILE",
            "admin policy attach store thanos-metrics-read --user store",
            "mc --json admin user info store store",
        ]);
        expect(bench.read("users")).toBe("loki\nSECRET-of-loki\nsidecar\nSECRET-of-sidecar\nstore\nSECRET-of-store\n");
        expect(bench.read("host")).toBe("http://admin:SECRET-of-root@127.0.0.1:9000\n");
    });

    it("lets each client list its own bucket, and do there what its role is, and nothing else", () => {
        healthy();
        setup();
        const policies = bench
            .read("policies")
            .trim()
            .split("\n")
            .map((text) => (JSON.parse(text) as { Statement: { Action: string[]; Resource: string[] }[] }).Statement);
        const may = (verb: string): string[][] =>
            policies.map((statements) =>
                statements.flatMap(({ Action, Resource }) => (Action.includes(`s3:${verb}`) ? Resource : [])),
            );
        const [logs, blocks] = ["arn:aws:s3:::loki-data", "arn:aws:s3:::thanos-metrics"];
        expect(may("ListBucket")).toEqual([[logs], [blocks], [blocks]]);
        expect(may("GetObject")).toEqual([[`${logs}/*`], [`${blocks}/*/meta.json`], [`${blocks}/*`]]);
        expect(may("PutObject")).toEqual([[`${logs}/*`], [`${blocks}/*`], []]);
        expect(may("DeleteObject")).toEqual([[`${logs}/*`], [], []]);
        for (const { Action } of policies.flat()) for (const action of Action) expect(action).toMatch(/^s3:[A-Z]\w+$/);
    });

    it("refuses a role that it does not know, rather than to give none or all", () => {
        healthy();
        const done = bench.run(
            "setup-object-store",
            ["--container", "web-mid-1", "--port", "9000"],
            "loki SECRET-of-loki loki-data everything\n",
            { MINIO_CONFIG_ENV_FILE: path.join(bench.root, "root.env") },
        );
        expect(done.code).not.toBe(0);
        expect(done.err).toContain('unknown role "everything"; write all, upload or read');
        expect(bench.read("users")).toBe("");
    });

    it("speaks TLS to a store whose container has the CA", () => {
        healthy();
        start([], { SSL_CERT_FILE: "/etc/minio/certs/CAs/trusted.crt" });
        expect(bench.read("host")).toBe("https://admin:SECRET-of-root@127.0.0.1:9000\n");
    });

    it("puts each user into the node's group before it gets its rights: who has rights and no group may be taken away", () => {
        healthy();
        setup(undefined, "--group", "mid-1");
        const mc = bench.argv().filter((line) => /^mc .*(user add|group|attach)/.test(line));
        expect(mc.slice(0, 3)).toEqual([
            "mc --quiet admin user add store",
            "mc --quiet admin group add store mid-1 loki",
            "mc --quiet admin policy attach store loki-data-all --user loki",
        ]);
        expect(mc).toHaveLength(9);
    });

    it("removes users that are named as not needed any more", () => {
        healthy();
        expect(setup(undefined, "--retire", "thanos", "--retire", "older")).toMatchObject({ code: 0, err: "" });
        expect(bench.argv().filter((line) => /^mc .*user remove/.test(line))).toEqual([
            "mc --quiet admin user remove store thanos",
            "mc --quiet admin user remove store older",
        ]);
    });

    it("shows no secret in any command line", () => {
        healthy();
        setup();
        expect(bench.argv().length).toBeGreaterThan(8);
        expect(bench.argv().join("\n")).not.toContain("SECRET");
    });

    it("takes policies away that are not the client's, and leaves its own", () => {
        healthy();
        bench.stub(
            "mc",
            `case "$*" in *"user info store loki"*) echo '{"accessKey":"loki","policyName":"loki-data-all,readonly,consoleAdmin"}' ;; esac; cat >/dev/null`,
        );
        expect(setup()).toMatchObject({ code: 0, err: "" });
        expect(bench.argv().filter((line) => /^mc .*detach/.test(line))).toEqual([
            "mc --quiet admin policy detach store readonly --user loki",
            "mc --quiet admin policy detach store consoleAdmin --user loki",
        ]);
    });

    it("may run again: what is there already is no error", () => {
        healthy();
        bench.write("existing", "");
        expect(setup()).toMatchObject({ code: 0, err: "" });
    });

    it("passes on any other refusal", () => {
        healthy();
        bench.stub("mc", 'case "$*" in *attach*) echo "mc: <ERROR> Access Denied."; exit 1 ;; esac; cat >/dev/null');
        expect(setup()).toMatchObject({ code: 1, err: "mc: <ERROR> Access Denied.\n" });
    });

    it("without its peer says what is open after a moment, and succeeds", () => {
        const done = setup(PEER, "--timeout", "60", "--peer-grace", "1");
        expect(done).toMatchObject({
            code: 0,
            out: "open: the object store has no write quorum: nothing listens at 127.0.0.1:1. Buckets and users follow with the other host's pulumi up\n",
            err: "",
        });
        expect(done.seconds).toBeLessThan(10);
        expect(bench.argv().join("\n")).not.toMatch(/^mc /m);
    });

    it("with a peer that listens waits longer for the quorum, then says what may be wrong", async () => {
        const peer = await listener();
        const address = `127.0.0.1:${peer.port}`;
        const done = setup(address, "--timeout", "3", "--peer-grace", "1");
        peer.close();
        expect(done.code).toBe(0);
        expect(done.out).toBe(
            `open: the object store has no write quorum, though ${address} listens (does it have the same root credentials, TLS and console settings yet?): run pulumi up for that host\n`,
        );
        expect(done.seconds).toBeGreaterThan(2);
    });

    it.each([
        ["other root credentials", '{"status":"error","error":{"cause":{"error":{"Code":"SignatureDoesNotMatch"}}}}'],
        [
            "no TLS yet",
            '{"status":"error","error":{"cause":{"message":"http: server gave HTTP response to HTTPS client"}}}',
        ],
    ])("does not wait for a peer that listens with %s: only its own run can change that", async (_, said) => {
        const peer = await listener();
        const address = `127.0.0.1:${peer.port}`;
        bench.stub(
            "mc",
            `case "$MC_HOST_peer $*" in "http://admin:SECRET-of-root@${address} --json ls peer") echo '${said}'; exit 1 ;; esac`,
        );
        const done = setup(address, "--timeout", "60", "--peer-grace", "2");
        peer.close();
        expect(done).toMatchObject({ code: 0, err: "" });
        expect(done.out).toMatch(`open: the object store has no write quorum, though ${address} listens (does it have`);
        expect(done.seconds).toBeLessThan(20);
        expect(bench.argv().join("\n")).not.toContain("SECRET");
    });

    it("of three hosts names all that are away", () => {
        const done = start(["--peer", PEER, "--peer", "127.0.0.1:2", "--peer-grace", "1"]);
        expect(done).toMatchObject({ code: 0, err: "" });
        expect(done.out).toContain("no write quorum: nothing listens at 127.0.0.1:1 127.0.0.1:2. Buckets");
    });

    it("that needs no other host fails when its own drives are not enough", () => {
        const done = start(["--timeout", "1"]);
        expect(done).toMatchObject({
            code: 1,
            out: "",
            err: `${LOGS}web-mid-1 has no write quorum after 1 s: are all of its drives there?\n`,
        });
        expect(done.seconds).toBeLessThan(6);
    });

    it("goes on as soon as the quorum is there", () => {
        bench.write("check", `echo x >>${bench.state}/tries; [ "$(cat ${bench.state}/tries)" = "x\nx" ]`);
        expect(setup(PEER, "--peer-grace", "30").code).toBe(0);
        expect(bench.read("users")).toContain("loki\n");
    });

    it("fails at once when the container has ended, with the end of its log", () => {
        bench.write("status", "exited");
        const done = setup(PEER, "--peer-grace", "30");
        expect(done).toMatchObject({ code: 1, err: `${LOGS}web-mid-1 has exited\n` });
        expect(done.seconds).toBeLessThan(5);
    });

    it("fails at once when the container keeps crashing", () => {
        bench.write("crashing", "");
        const done = setup(PEER, "--peer-grace", "30");
        expect(done).toMatchObject({ code: 1, err: `${LOGS}web-mid-1 does not stay up\n` });
    });
});
