// One secret at a time, with plain `pulumi up` on each stack.
import { afterEach, beforeAll, expect, it } from "vitest";
import { userOf } from "../../components/object-store-users";
import { labExec } from "../../lab/hosts";
import { NODES } from "../../lab/nodes";
import { Project, pulumi } from "../../lab/project";
import { vipOwners } from "../../lab/queries";
import { longest, ownership } from "../../ops/drill/run/ownership";
import type { TimelineEvent } from "../../ops/drill/report/schema";
import {
    allHealthy,
    eventually,
    haproxyStats,
    node1,
    node2,
    objects,
    settledProject,
    stackSecret,
    up,
} from "./support";

const VIP = "192.168.110.140";

let project: Project;
let former: Record<string, string>;

beforeAll(async () => {
    project = await settledProject();
    await eventually("node 1 holds the virtual IP", vipOwners, (owners) => owners.join() === "node1", 20_000);
    former = await secrets();
});

const secrets = async (): Promise<Record<string, string>> =>
    JSON.parse(await stackSecret(project, "node1", "sharedCredentials")) as Record<string, string>;

const config = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await pulumi(project, ["config", ...args]);
    expect(code, stderr).toBe(0);
};

const WATCH = `
rm -f /tmp/owner.stop
( last=""
  while [ ! -e /tmp/owner.stop ]; do
      now=absent
      case $(ip -4 -o addr show) in *" ${VIP}/"*) now=held ;; esac
      [ "$now" = "$last" ] || echo "$(date +%s%3N) $now"
      last=$now
      sleep 0.05
  done ) >/tmp/owner.log 2>&1 </dev/null &
`;

/** Looks every 50 ms who holds the virtual IP, until it is told to end; then the longest times with two owners and with none, milliseconds. */
async function watchOwners(): Promise<() => Promise<{ two: number; none: number }>> {
    await Promise.all(NODES.map(({ name }) => labExec(name, ["sh", "-c", WATCH])));
    const from = Date.now();
    return async () => {
        const span = { from, to: Date.now() };
        const all = await Promise.all(
            NODES.map(async ({ name }): Promise<TimelineEvent[]> => {
                await labExec(name, ["touch", "/tmp/owner.stop"]);
                const { stdout } = await labExec(name, ["cat", "/tmp/owner.log"]);
                return stdout
                    .trim()
                    .split("\n")
                    .map((line) => line.split(" "))
                    .map(([at, what]) => ({ at: Number(at), source: "vip", node: name, what: what! }));
            }),
        );
        const periods = ownership(all.flat(), span);
        expect(periods.length).toBeGreaterThan(0);
        return {
            two: longest(periods, span, (owners) => owners.length > 1),
            none: longest(periods, span, (owners) => owners.length === 0),
        };
    };
}

const users = async (): Promise<string[]> => {
    const { stdout, stderr, code } = await objects(node1, "", undefined, "--json admin user list");
    expect(code, stderr).toBe(0);
    return [...stdout.matchAll(/\b((?:loki|thanos-\w+)-[0-9a-f]{6})\b/g)].map(([, user]) => user!).sort();
};
const lists = async (node: typeof node1, secret: string): Promise<boolean> =>
    (await objects(node, "loki-data", { user: userOf("loki", secret), secret })).code === 0;
const stats = async (node: typeof node1, password: string): Promise<number> =>
    (await haproxyStats(node, "admin", password)).status;

/** FAULT: it waits, since node 1 has another password. */
async function node2IsIn(state: "FAULT" | "BACKUP"): Promise<void> {
    const look = async (): Promise<string> =>
        (await labExec("node2", ["docker", "exec", "keepalived-mid-2", "cat", "/run/keepalived.state"])).stdout.trim();
    await eventually(`node 2 is in the state ${state}`, look, (is) => is === state, 20_000);
}

let stopWatch: (() => Promise<{ two: number; none: number }>) | undefined;
afterEach(async () => void (await stopWatch?.()));

it("makes three secrets anew, the owner of the virtual IP first: never two owners, and no login is lost", async () => {
    await config("set", "--path", "generation.vrrp", "11", "--stack", "node1");
    await config("set", "--path", "generation.lokiUser", "11", "--stack", "node1");
    await config("set", "--path", "generation.haproxyStats", "11", "--stack", "node1");
    stopWatch = await watchOwners();
    await up(project, "node1");
    const fresh = await secrets();
    const changed = Object.keys(former).filter((name) => JSON.stringify(former[name]) !== JSON.stringify(fresh[name]));
    expect(changed.sort()).toEqual(["haproxyStatsPassword", "lokiObjectStoreSecret", "vrrpPassword"]);

    // Half of it: both users of the store work, since node 2 is still the old one.
    for (const secret of [former, fresh].map((all) => all.lokiObjectStoreSecret!)) {
        expect(await lists(node1, secret)).toBe(true);
        expect(await lists(node2, secret)).toBe(true);
    }
    expect(await stats(node1, former.haproxyStatsPassword!)).toBe(401);
    expect(await stats(node2, former.haproxyStatsPassword!)).toBe(200);
    expect(await vipOwners()).toEqual(["node1"]);
    await node2IsIn("FAULT");
    await allHealthy(node2);

    await up(project, "node2");
    expect(await users()).toContain(userOf("loki", fresh.lokiObjectStoreSecret!));
    expect(await users()).not.toContain(userOf("loki", former.lokiObjectStoreSecret!));
    expect(await users()).toHaveLength(4);
    for (const node of [node1, node2]) {
        expect(await lists(node, former.lokiObjectStoreSecret!)).toBe(false);
        expect(await lists(node, fresh.lokiObjectStoreSecret!)).toBe(true);
        expect(await stats(node, former.haproxyStatsPassword!)).toBe(401);
        expect(await stats(node, fresh.haproxyStatsPassword!)).toBe(200);
    }
    const watched = await stopWatch();
    stopWatch = undefined;
    console.log(`owner first: ${JSON.stringify(watched)}`);
    expect(watched).toEqual({ two: 0, none: 0 });
});

it("changes VRRP's password, the other node first, to one that is given: never two owners", async () => {
    stopWatch = await watchOwners();
    await config("set", "--secret", "vrrpPassword", "given-11", "--stack", "node2");
    await up(project, "node2");
    await node2IsIn("FAULT");
    await allHealthy(node2);
    // Longer than the other node waits before it listens again.
    await new Promise((done) => setTimeout(done, 12_000));
    expect(await vipOwners()).toEqual(["node1"]);
    await config("set", "--secret", "vrrpPassword", "given-11", "--stack", "node1");
    await up(project, "node1");
    await Promise.all([allHealthy(node1), allHealthy(node2)]);
    await node2IsIn("BACKUP");
    const watched = await stopWatch();
    stopWatch = undefined;
    console.log(`the other first: ${JSON.stringify(watched)}`);
    expect(watched).toEqual({ two: 0, none: 0 });
    await config("rm", "vrrpPassword", "--stack", "node2");
});
