// The lab's network is closed, and says so at once: a host that waits for an answer from outside would be slow for a reason that no real host has.
import { expect, it } from "vitest";
import { labExec } from "../../lab/hosts";

const LOOKS = 5;

it("refuses every lookup of a name at once", async () => {
    const names = Array.from({ length: LOOKS }, (_, at) => `name-${at}.example`);
    const { stdout } = await labExec("node1", [
        "bash",
        "-c",
        `for name in ${names.join(" ")}; do TIMEFORMAT=%R; { time getent hosts $name; } 2>&1; done`,
    ]);
    const seconds = stdout.trim().split("\n").map(Number);
    expect(seconds).toHaveLength(LOOKS);
    expect(Math.max(...seconds)).toBeLessThan(1);
});

it("refuses every connection to somewhere else at once", async () => {
    const { stdout } = await labExec("node1", [
        "bash",
        "-c",
        `for look in 1 2 3; do timeout 2 bash -c ': </dev/tcp/198.51.100.1/443' 2>/dev/null; echo $?; done`,
    ]);
    expect(stdout.trim().split("\n")).toEqual(["1", "1", "1"]);
});
