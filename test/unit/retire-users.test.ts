import * as fs from "fs";
import * as path from "path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bench, Finished, stubContainer } from "./support/shell";

// The last step of a rotation: who is not needed by any node goes.

/** A user of the store: its policies and groups. */
interface User {
    policies: string[];
    groups: string[];
}

/** mc, as far as the script uses it, on users in a file. */
const MC = String.raw`
const fs = require("fs");
const file = process.env.STATE + "/users.json";
const users = JSON.parse(fs.readFileSync(file, "utf8"));
// Whole or not at all: the test reads it meanwhile.
const save = () => { fs.writeFileSync(file + ".new", JSON.stringify(users)); fs.renameSync(file + ".new", file); };
const fail = (why) => { console.error("mc: <ERROR> " + why); process.exit(1); };
const [kind, verb, , ...rest] = process.argv.slice(process.argv.indexOf("admin") + 1);
const must = (name) => users[name] ?? fail("Unable to do this. The specified user does not exist.");
if (kind === "user" && verb === "list")
    for (const [accessKey, { policies, groups }] of Object.entries(users))
        console.log(JSON.stringify({
            status: "success", accessKey,
            policyName: policies.length ? policies.join(",") : undefined,
            userStatus: "enabled",
            memberOf: groups.length ? groups.map((name) => ({ name })) : undefined,
        }));
else if (kind === "group" && verb === "add") {
    const [group, ...members] = rest;
    for (const name of members) must(name);
    for (const name of members) if (!users[name].groups.includes(group)) users[name].groups.push(group);
    save();
} else if (kind === "group" && verb === "rm") {
    const [group, ...members] = rest;
    if (members.length === 0) fail("Group not empty");
    for (const name of members) must(name).groups = users[name].groups.filter((one) => one !== group);
    save();
} else if (kind === "user" && verb === "remove") {
    must(rest[0]);
    if (fs.existsSync(process.env.STATE + "/quicker")) { delete users[rest[0]]; save(); must(rest[0]); }
    delete users[rest[0]];
    save();
} else fail("unknown command " + process.argv.join(" "));
`;

let bench: Bench;

beforeEach(() => {
    bench = new Bench();
    for (const program of ["setsid", "flock"]) bench.link(program);
    stubContainer(bench);
    bench.write("healthy", "");
    const program = path.join(bench.root, "mc.js");
    fs.writeFileSync(program, MC);
    bench.stub("mc", `export STATE\nexec '${process.execPath}' '${program}' "$@"`);
    fs.writeFileSync(path.join(bench.root, "root.env"), "MINIO_ROOT_USER=admin\nMINIO_ROOT_PASSWORD=SECRET-of-root\n");
});
afterEach(() => bench.remove());

const user = (policy: string, ...groups: string[]): User => ({ policies: policy ? [policy] : [], groups });
const store = (users: Record<string, User>): void => bench.write("users.json", JSON.stringify(users));
const groups = (): Record<string, string> =>
    Object.fromEntries(
        Object.entries(JSON.parse(bench.read("users.json")) as Record<string, User>).map(([name, one]) => [
            name,
            one.groups.join(" "),
        ]),
    );

const NEEDED = "loki-aaaaaa loki loki-data\nstore-cccccc store thanos-metrics\n";
const NEW = { "loki-aaaaaa": user("loki-data-all", "mid-1"), "store-cccccc": user("thanos-metrics-read", "mid-1") };

const environment = (): Record<string, string> => ({
    MINIO_CONFIG_ENV_FILE: path.join(bench.root, "root.env"),
    OTEL_HA_RUN: bench.state,
});

function retire(group = "mid-1", hosts = 2, users = NEEDED): Finished {
    const args = ["--container", "web-mid-1", "--port", "9000", "--group", group, "--hosts", String(hosts)];
    return bench.run("retire-object-store-users", args, users, environment());
}

const GONE = (name: string): string =>
    `note: the user ${name} of the object store is not needed any more, and is gone\n`;

describe("users that a node does not need any more", () => {
    it("stay while the other node is one of them, and go with the last node that leaves them", () => {
        store({ ...NEW, "loki-bbbbbb": user("loki-data-all", "mid-1", "mid-2") });
        expect(retire()).toMatchObject({ code: 0, out: "", err: "" });
        expect(groups()).toEqual({ "loki-aaaaaa": "mid-1", "store-cccccc": "mid-1", "loki-bbbbbb": "mid-2" });

        expect(retire("mid-2")).toMatchObject({ code: 0, out: GONE("loki-bbbbbb"), err: "" });
        expect(groups()).toEqual({ "loki-aaaaaa": "mid-1 mid-2", "store-cccccc": "mid-1 mid-2" });
    });

    it("go at once where no other host shares the store", () => {
        store({ ...NEW, "loki-bbbbbb": user("loki-data-all", "mid-1") });
        expect(retire("mid-1", 1)).toMatchObject({ code: 0, out: GONE("loki-bbbbbb") });
        expect(Object.keys(groups())).toEqual(Object.keys(NEW));
    });

    it("from before there were groups stay until both nodes have one", () => {
        store({ ...NEW, loki: user("loki-data-all") });
        expect(retire()).toMatchObject({ code: 0, out: "" });
        expect(Object.keys(groups())).toContain("loki");
        expect(retire("mid-2")).toMatchObject({ code: 0, out: GONE("loki") });
        expect(Object.keys(groups())).not.toContain("loki");
    });

    it("are ours only: people's users stay, whatever they are called", () => {
        const others = {
            "loki-reader": user("loki-data-read"),
            "loki-facade": user("readonly"),
            grafana: user("loki-data-read"),
            // About to be made by the other node: its policy comes last.
            "loki-dddddd": user(""),
        };
        store({ ...NEW, ...others });
        expect(retire("mid-1", 1)).toMatchObject({ code: 0, out: "" });
        expect(Object.keys(groups())).toEqual([...Object.keys(NEW), ...Object.keys(others)]);
    });

    it("may be gone already: the other node was quicker", () => {
        store({ ...NEW, "loki-bbbbbb": user("loki-data-all") });
        bench.write("quicker", "");
        expect(retire("mid-1", 1)).toMatchObject({ code: 0, out: "", err: "" });
    });

    it("are nobody's concern when there are none: the run changes nothing", () => {
        store(NEW);
        expect(retire("mid-1", 1)).toMatchObject({ code: 0, out: "", err: "" });
        expect(groups()).toEqual({ "loki-aaaaaa": "mid-1", "store-cccccc": "mid-1" });
    });

    it("are told without the root's password in any command line", () => {
        store({ ...NEW, "loki-bbbbbb": user("loki-data-all") });
        retire("mid-1", 1);
        expect(bench.argv().join("\n")).not.toContain("SECRET");
    });
});

describe("without a write quorum", () => {
    const OPEN =
        "open: the object store has no write quorum; users that mid-1 does not need any more go by themselves when it has one\n";
    /** Who waits looks again from now on. It does so every five seconds, a test rather at once. */
    const later = (): void => bench.write("later", "");
    beforeEach(() => {
        const sleep = fs.realpathSync(path.join(bench.bin, "sleep"));
        bench.stub(
            "sleep",
            `while ${sleep} 0.1; [ -e "$STATE" ] && [ ! -e "$STATE/later" ]; do :; done; echo woke >>"$STATE/argv"`,
        );
    });
    const patiently = async (enough: () => boolean): Promise<void> => {
        for (let tries = 0; !enough() && tries < 100; tries++) await new Promise((done) => setTimeout(done, 200));
        expect(enough()).toBe(true);
    };

    it("a host of several says so, and does it as soon as there is one", async () => {
        store({ ...NEW, "loki-bbbbbb": user("loki-data-all", "mid-1"), "store-dddddd": user("", "mid-2") });
        fs.rmSync(path.join(bench.state, "healthy"));
        expect(retire()).toMatchObject({ code: 0, out: OPEN, err: "" });
        expect(Object.keys(groups())).toContain("loki-bbbbbb");
        bench.write("healthy", "");
        later();
        await patiently(() => !("loki-bbbbbb" in groups()));
    }, 30_000);

    it("as well when the new users are still to be made by the other host", async () => {
        store({ "loki-bbbbbb": user("loki-data-all", "mid-1", "mid-2") });
        expect(retire()).toMatchObject({ code: 0, out: OPEN, err: "" });
        store({ ...NEW, "loki-bbbbbb": user("loki-data-all", "mid-1", "mid-2") });
        later();
        await patiently(() => groups()["loki-bbbbbb"] === "mid-2");
    }, 30_000);

    it("one that waits gives up for a later run, which knows better whom the node needs", async () => {
        store({ ...NEW, "loki-eeeeee": user("loki-data-all") });
        fs.rmSync(path.join(bench.state, "healthy"));
        retire();
        bench.write("healthy", "");
        retire("mid-1", 2, "loki-eeeeee loki loki-data\n");
        later();
        await patiently(() => bench.argv().includes("woke"));
        await new Promise((done) => setTimeout(done, 1000));
        expect(groups()).toEqual({ "loki-aaaaaa": "", "store-cccccc": "", "loki-eeeeee": "mid-1" });
    }, 30_000);

    it("a host by itself fails", () => {
        store(NEW);
        fs.rmSync(path.join(bench.state, "healthy"));
        expect(retire("mid-1", 1)).toMatchObject({
            code: 1,
            out: "",
            err: "no write quorum\nweb-mid-1: the users that mid-1 does not need any more are still there\n",
        });
    });
});

it("a refusal of the store is an error, with what it says", () => {
    store(NEW);
    bench.stub("mc", 'echo "mc: <ERROR> Access Denied." >&2; exit 1');
    expect(retire("mid-1", 2)).toMatchObject({
        code: 1,
        err: "mc: <ERROR> Access Denied.\nweb-mid-1: the users that mid-1 does not need any more are still there\n",
    });
});
