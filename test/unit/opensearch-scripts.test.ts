import * as fs from "fs";
import * as path from "path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
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
