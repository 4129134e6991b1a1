import { ChildProcess, spawn } from "child_process";
import * as fs from "fs";
import * as path from "path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bench, Finished } from "./support/shell";

// HAProxy's master in little: on USR2 it starts another worker and ends the one before, unless the file "taken" is there.
const MASTER = `
trap 'echo reload >>reloads; [ -e taken ] || { old=$!; sleep 60 & kill $old; }' USR2
sleep 60 &
echo ready >started
while :; do wait; done
`;

let bench: Bench;
let master: ChildProcess;

beforeEach(async () => {
    bench = new Bench();
    bench.stub("docker", 'case $1 in inspect) cat "$STATE/pid" ;; logs) cat "$STATE/logs" ;; esac');
    master = spawn("bash", ["-c", MASTER], { cwd: bench.state, stdio: "ignore" });
    bench.write("pid", `${master.pid}\n`);
    bench.write("logs", "[NOTICE] : haproxy version\n[ALERT] : Starting frontend services: cannot bind socket\n");
    while (!fs.existsSync(path.join(bench.state, "started"))) await new Promise((done) => setTimeout(done, 20));
});

afterEach(() => {
    // Its workers, too.
    for (const pid of children(master.pid!)) process.kill(pid, "SIGKILL");
    master.kill("SIGKILL");
    bench.remove();
});

const children = (pid: number): number[] =>
    fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);

const reload = (): Finished => bench.run("reload-haproxy", ["haproxy-mid-1"]);

describe("a reload of HAProxy", () => {
    it("has happened when another worker is there", () => {
        const [before] = children(master.pid!);
        expect(reload()).toMatchObject({ code: 0, out: "", err: "" });
        expect(bench.read("reloads")).toBe("reload\n");
        expect(children(master.pid!)).not.toEqual([before]);
    });

    it("fails, with what HAProxy said, when the old worker goes on: its health check would see no difference", () => {
        bench.write("taken", "");
        // A second later at each look, for it looks for ten of them.
        bench.write("now", "1700000000");
        bench.stub("date", 'now=$(($(cat "$STATE/now") + 1)); echo $now >"$STATE/now"; echo $now');
        const [before] = children(master.pid!);
        expect(reload()).toMatchObject({
            code: 1,
            out: "",
            err: "[ALERT] : Starting frontend services: cannot bind socket\nhaproxy-mid-1 goes on with what it had read before: no new worker has started\n",
        });
        expect(children(master.pid!)).toEqual([before]);
    }, 30_000);

    it("sends no signal while HAProxy is between two starts", () => {
        bench.write("pid", "0\n");
        expect(reload()).toMatchObject({ code: 1, err: "haproxy-mid-1 does not run\n" });
        expect(fs.existsSync(path.join(bench.state, "reloads"))).toBe(false);
    });
});
