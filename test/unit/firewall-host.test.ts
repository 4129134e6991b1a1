// The firewall as a host has it: the real script and the real rules in network namespaces of their own.
import { ChildProcess } from "child_process";
import * as fs from "fs";
import * as os from "os";
import * as path from "path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { firewallRules, nodeRequirements } from "../../components";
import { connect, Ended, Netns, requirePrograms } from "./support/netns";
import { SCRIPTS } from "./support/shell";
import { settingsOf } from "./support/stacks";

// They wait for packets that never come, some on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

// One network: the host, its peer, somebody of the clients' network, one of the administrators', and a stranger.
const HOST = "192.168.110.214";
const PEER = "192.168.110.119";
const CLIENT = "192.168.110.77";
const ADMIN = "192.168.110.5";
const STRANGER = "192.168.110.9";
const VIP = "192.168.110.140";

const requirements = nodeRequirements(settingsOf("node1"));
const PORTS = requirements.flatMap((needs) => needs.ports);
const SSH = 22;

const rules = (changes: Record<string, string> = {}): string => {
    const all = { clientCidrs: `${CLIENT}/32`, adminCidrs: `${ADMIN}/32`, ...changes };
    return firewallRules({ settings: settingsOf("node1", all).host.firewall!, requirements });
};

/** Rules that nobody could log in with. */
const lockOut = (): string => rules().replace("iif lo accept", "tcp dport 22 drop");

let host: Netns;
let outside: Netns;
let listeners: ChildProcess;
let root: string;
let dir: string;
let script: string;

beforeAll(async () => {
    requirePrograms();
    host = await Netns.make();
    outside = await Netns.make(host);
    const others = [PEER, CLIENT, ADMIN, STRANGER].map((address) => `${address}/24`);
    connect(host, "eth0x", [`${HOST}/24`, `${VIP}/32`], outside, others);
    const ports = JSON.stringify([SSH, ...PORTS.map(({ port }) => port)]);
    const program = `
        let open = 0;
        const echo = (socket) => socket.on("error", () => {}).pipe(socket);
        const listen = (port) => require("net").createServer(echo).listen(port, "::", () => {
            if (++open === ${PORTS.length + 1}) console.log("ready");
        });
        ${ports}.forEach(listen);`;
    listeners = await host.start([process.execPath, "-e", program]);
}, 30_000);

afterAll(() => {
    listeners?.kill();
    outside?.end();
    host?.end();
});

beforeEach(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), "otel-ha-firewall-"));
    dir = path.join(root, "config", "firewall");
    for (const directory of ["run", "bin", "etc/network/if-pre-up.d"])
        fs.mkdirSync(path.join(root, directory), { recursive: true });
    fs.mkdirSync(path.dirname(dir));
    // As installed, but with the machine's own /etc and /run left alone.
    const text = fs
        .readFileSync(path.join(SCRIPTS, "firewall.sh"), "utf8")
        .replaceAll(/(?<=[ =>])\/(etc|run)\//g, `${root}/$1/`);
    script = path.join(root, "firewall");
    fs.writeFileSync(script, text, { mode: 0o755 });
});

afterEach(() => {
    host.must(["nft", "flush", "ruleset"]);
    fs.rmSync(root, { recursive: true, force: true });
});

const firewall = (words: string[], input = ""): Ended =>
    host.run([script, ...words, dir], { input, env: { PATH: `${root}/bin:${process.env.PATH}:/usr/sbin:/sbin` } });

/** Loads rules and confirms them, as an `up` does. */
function up(text = rules(), seconds = "20"): Ended {
    expect(firewall(["apply", "--seconds", seconds], text)).toMatchObject({ code: 0, err: "" });
    expect(firewall(["confirm", "--again"])).toMatchObject({ code: 0, err: "" });
    return firewall(["confirm"]);
}

const table = (): string => host.run(["nft", "--stateless", "list", "table", "inet", "otel_ha"]).out;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What goes out there from now on has this source address, by the route: no program has to bind one. */
function comeFrom(address: string): void {
    outside.must(["ip", "route", "replace", "192.168.110.0/24", "dev", "eth0", "src", address]);
}

function canConnect(from: string, port: number): boolean {
    comeFrom(from);
    return outside.reaches(HOST, port);
}

const byNumber = (ports: number[]): number[] => ports.sort((a, b) => a - b);
const ALL = byNumber([SSH, ...PORTS.map(({ port }) => port)]);

/** Ports at each of these addresses that can be reached. */
function openAt(from: Netns, ...addresses: string[]): number[][] {
    const open = from.reachable(addresses.flatMap((address) => ALL.map((port) => `${address}/${port}`)));
    return addresses.map((address) => ALL.filter((port) => open.includes(`${address}/${port}`)));
}

const portsFor = (...audiences: string[]): number[] =>
    byNumber([
        SSH,
        ...PORTS.filter(({ audience }) => audience.some((one) => audiences.includes(one))).map(({ port }) => port),
    ]);

describe("who reaches which port", () => {
    it("is everybody before there is a firewall: the listeners are there", () => {
        comeFrom(STRANGER);
        expect(openAt(outside, HOST, VIP)).toEqual([ALL, ALL]);
    });

    it.each([
        ["a stranger in the same network", STRANGER, []],
        ["a client", CLIENT, ["clients"]],
        ["an administrator", ADMIN, ["admins"]],
        ["the other node", PEER, ["peer"]],
    ])("as %s sees it, at the host's address and at the virtual IP", (_who, from, audiences) => {
        up();
        comeFrom(from);
        expect(openAt(outside, HOST, VIP)).toEqual([portsFor(...audiences), portsFor(...audiences)]);
    });

    it("is the host itself for all of them, by any of its addresses", () => {
        up();
        expect(openAt(host, HOST, VIP, "127.0.0.1")).toEqual([ALL, ALL, ALL]);
    });

    it("is nobody over IPv6, but the host itself", () => {
        host.must(["ip", "-6", "address", "add", "fd00::1/64", "dev", "eth0x", "nodad"]);
        outside.must(["ip", "-6", "address", "add", "fd00::2/64", "dev", "eth0", "nodad"]);
        expect(outside.reaches("fd00::1", 9090)).toBe(true);
        up(rules({ clientCidrs: "0.0.0.0/0", adminCidrs: "0.0.0.0/0" }));
        expect(outside.reaches("fd00::1", 9090)).toBe(false);
        expect(outside.reaches("fd00::1", 4318)).toBe(false);
        expect(outside.reaches("fd00::1", SSH)).toBe(true);
        expect(host.reaches("fd00::1", 9090)).toBe(true);
    });

    it("is every client of everywhere, when that is asked for", () => {
        up(rules({ clientCidrs: "0.0.0.0/0" }));
        expect(canConnect(STRANGER, 4318)).toBe(true);
        expect(canConnect(STRANGER, 9090)).toBe(false);
    });

    it("ends for connections that are there when a network is taken away", async () => {
        up(rules({ adminCidrs: `${ADMIN}/32,${STRANGER}/32` }));
        comeFrom(STRANGER);
        const changed = path.join(root, "changed");
        const client = await outside.start([
            ...["bash", "-c"],
            `exec 3<>/dev/tcp/${HOST}/9090; echo one >&3; read -t 5 said <&3; echo "$said"
            while [ ! -e ${changed} ]; do sleep 0.1; done
            echo two >&3; read -t 2 said <&3 && echo "$said" || echo nothing`,
        ]);
        let heard = "";
        client.stdout!.on("data", (data: Buffer) => (heard += data.toString()));
        up();
        fs.writeFileSync(changed, "");
        await new Promise((resolve) => client.once("exit", resolve));
        expect(heard).toBe("nothing\n");
        expect(canConnect(STRANGER, 9090)).toBe(false);
        expect(canConnect(ADMIN, 9090)).toBe(true);
    });
});

describe("VRRP", () => {
    const RECEIVE = `
        use Socket; $| = 1; $SIG{ALRM} = sub { exit 0 };
        socket(my $s, AF_INET, SOCK_RAW, 112) or die "$!";
        setsockopt($s, 0, 35, inet_aton("224.0.0.18") . inet_aton("${HOST}")) or die "$!";
        print "ready\\n"; alarm 2;
        while (my $from = recv($s, my $data, 1500, 0)) { print inet_ntoa((sockaddr_in($from))[1]), " ", substr($data, 20), "\\n" }`;
    const SEND = `
        use Socket; my ($from, $to) = @ARGV;
        socket(my $s, AF_INET, SOCK_RAW, 112) or die "$!";
        bind($s, pack_sockaddr_in(0, inet_aton($from))) or die "$!";
        setsockopt($s, 0, 32, inet_aton($from)) or die "$!";
        send($s, "hello-$to", 0, pack_sockaddr_in(0, inet_aton($to))) or die "$!";`;

    it("is heard from the other node only, multicast and unicast", async () => {
        up();
        const receiver = await host.start(["perl", "-e", RECEIVE]);
        let heard = "";
        receiver.stdout!.on("data", (data: Buffer) => (heard += data.toString()));
        for (const from of [STRANGER, CLIENT, ADMIN, PEER])
            for (const to of ["224.0.0.18", HOST]) outside.must(["perl", "-e", SEND, from, to]);
        await new Promise((resolve) => receiver.once("exit", resolve));
        expect(heard.trim().split("\n").sort()).toEqual([`${PEER} hello-${HOST}`, `${PEER} hello-224.0.0.18`].sort());
    });
});

describe("rules that nobody confirms", () => {
    it("are taken back by themselves, with what was there before: SSH that they shut out works again", async () => {
        up();
        const before = table();
        expect(firewall(["apply", "--seconds", "3"], lockOut()).code).toBe(0);
        expect(canConnect(ADMIN, SSH)).toBe(false);
        await sleep(3000);
        expect(canConnect(ADMIN, SSH)).toBe(true);
        expect(table()).toBe(before);
        expect(firewall(["check"]).out).toContain("is not what was asked for last");
    });

    it("leave nothing when there was nothing", async () => {
        expect(firewall(["apply", "--seconds", "1"], rules()).code).toBe(0);
        expect(table()).toContain("chain input");
        await sleep(1600);
        expect(table()).toBe("");
        expect(fs.existsSync(path.join(dir, "rules.nft"))).toBe(false);
    });

    it("go back to the last confirmed ones, not to others that were never confirmed", async () => {
        up();
        const before = table();
        firewall(["apply", "--seconds", "2"], lockOut());
        firewall(["apply", "--seconds", "1"], rules({ adminCidrs: "10.0.0.0/8" }));
        await sleep(1700);
        expect(table()).toBe(before);
        // The first one's timer comes too late to do anything.
        await sleep(1500);
        expect(table()).toBe(before);
    });

    it("are told to the run that could not confirm them, once; the next one loads them again and has the third command confirm", async () => {
        firewall(["apply", "--seconds", "1"], rules());
        await sleep(1600);
        const told = firewall(["confirm", "--again"]);
        expect(told.code).toBe(1);
        expect(told.err).toMatch(
            /^firewall: the rules were taken back: nobody confirmed them over a new SSH connection in time/,
        );
        expect(table()).toBe("");
        expect(firewall(["confirm", "--again"])).toMatchObject({ code: 0, err: "" });
        expect(table()).toContain("chain input");
        expect(fs.existsSync(path.join(dir, "rules.nft"))).toBe(false);
        expect(firewall(["confirm"])).toMatchObject({ code: 0, err: "" });
        expect(fs.readFileSync(path.join(dir, "rules.nft"), "utf8")).toBe(rules());
    });

    it("are never confirmed by the last command unless they are in force", async () => {
        firewall(["apply", "--seconds", "1"], rules());
        await sleep(1600);
        firewall(["confirm"]);
        const again = firewall(["confirm"]);
        expect(again.code).toBe(1);
        expect(again.err).toContain("the rules are not in force");
        expect(table()).toBe("");
    });

    it("do not keep the session that loaded them waiting", () => {
        const start = Date.now();
        firewall(["apply", "--seconds", "20"], rules());
        expect(firewall(["confirm"]).code).toBe(0);
        expect(Date.now() - start).toBeLessThan(8000);
    });

    it("are not confirmed over the SSH connection that was there before them", () => {
        // A process of that name stands for OpenSSH's, which is one for each connection.
        const sshd = path.join(root, "bin", "sshd");
        fs.copyFileSync(fs.realpathSync("/bin/sh"), sshd);
        fs.chmodSync(sshd, 0o755);
        const line = '"$0" apply --seconds 20 "$1" && "$0" confirm "$1"; exit $?';
        const same = host.run([sshd, "-c", line, script, dir], { input: rules() });
        expect(same.err).toMatch(/^firewall: this SSH connection was there before the rules/);
        expect(same.code).toBe(1);
        expect(host.run([sshd, "-c", '"$0" confirm "$1"; exit $?', script, dir]).code).toBe(0);
        expect(firewall(["check"])).toMatchObject({ code: 0, out: "" });
    });
});

describe("the same rules again", () => {
    it("change nothing, and need nobody to confirm them", async () => {
        up();
        const before = table();
        expect(firewall(["apply", "--seconds", "1"], rules()).code).toBe(0);
        await sleep(1600);
        expect(table()).toBe(before);
        expect(firewall(["confirm", "--again"])).toMatchObject({ code: 0, out: "", err: "" });
        expect(firewall(["check"])).toMatchObject({ code: 0, out: "" });
    });

    it("are loaded where somebody has removed the table", () => {
        up();
        host.must(["nft", "delete", "table", "inet", "otel_ha"]);
        up();
        expect(canConnect(STRANGER, 9090)).toBe(false);
    });

    it("tell the confirmation to run again: another text each time", () => {
        const first = firewall(["apply"], rules()).out;
        firewall(["confirm"]);
        expect(first).toMatch(/^[0-9a-f-]{36}\n$/);
        expect(firewall(["apply"], rules()).out).not.toBe(first);
    });
});

describe("rules that nft does not take", () => {
    it("change nothing, and nft's own words say which line", () => {
        up();
        const before = table();
        const refused = firewall(["apply"], rules().replace("policy accept", "policy sometimes"));
        expect(refused.code).toBe(1);
        expect(refused.err).toMatch(
            /wanted\.nft\.part:\d+:.*Error: .*\n[\s\S]*the rules are not valid \(see above\); nothing has changed\n$/,
        );
        expect(table()).toBe(before);
        expect(firewall(["check"]).code).toBe(0);
    });
});

describe("what else is on the host", () => {
    const OTHER =
        "table ip filter {\n chain INPUT { type filter hook input priority 0; policy accept; tcp dport 4318 counter; }\n}\n";

    it("stays: other tables, their rules and their counters", () => {
        host.must(["nft", "-f", "-"], OTHER);
        const other = (): string => host.must(["nft", "list", "table", "ip", "filter"]);
        canConnect(CLIENT, 4318);
        const packets = (): number => Number(/packets (\d+)/.exec(other())?.[1]);
        const before = packets();
        expect(before).toBeGreaterThan(0);
        up();
        // What is dropped does not get there, what is let through still does.
        canConnect(STRANGER, 4318);
        expect(packets()).toBe(before);
        canConnect(CLIENT, 4318);
        expect(packets()).toBeGreaterThan(before);
        expect(firewall(["remove"]).code).toBe(0);
        expect(other()).toContain("tcp dport 4318 counter packets");
    });

    it("still decides: what another table drops stays dropped", () => {
        host.must(["nft", "-f", "-"], OTHER.replace("counter", "drop"));
        up();
        expect(canConnect(CLIENT, 4318)).toBe(false);
    });

    it("is other ports, which stay as open as they were", () => {
        up(rules({ clientCidrs: "", adminCidrs: "" }));
        expect(canConnect(STRANGER, SSH)).toBe(true);
    });
});

describe("a reboot", () => {
    const hook = (): string => path.join(root, "etc/network/if-pre-up.d/otel-ha-firewall");
    const reboot = (): void => {
        host.must(["nft", "flush", "ruleset"]);
        fs.rmSync(path.join(root, "run"), { recursive: true });
        fs.mkdirSync(path.join(root, "run"));
    };

    it("without systemd has the rules back before an interface is up, by ifupdown", () => {
        up();
        const before = table();
        reboot();
        expect(host.run([hook()])).toMatchObject({ code: 0, err: "" });
        expect(table()).toBe(before);
        expect(firewall(["check"])).toMatchObject({ code: 0, out: "" });
    });

    it("has back what was confirmed, when others were being tried", () => {
        up();
        const before = table();
        firewall(["apply", "--seconds", "20"], lockOut());
        reboot();
        expect(host.run([hook()]).code).toBe(0);
        expect(table()).toBe(before);
    });

    it("brings the network up, whatever is wrong with the firewall", () => {
        up();
        reboot();
        fs.writeFileSync(path.join(dir, "rules.nft"), "no rules at all\n");
        const done = host.run([hook()]);
        expect(done.code).toBe(0);
        expect(done.err).toContain("otel-ha: the firewall could not be loaded\n");
    });

    it("on a host with neither systemd nor ifupdown is warned of, with what to do", () => {
        fs.rmSync(path.join(root, "etc/network"), { recursive: true });
        expect(up().out).toMatch(
            /^warning: the firewall does not outlive a reboot of this host, which has neither systemd nor ifupdown: run \S+ load \S+ there before the network is up\n$/,
        );
    });

    it("with systemd is a unit that is enabled, and loads what was confirmed", () => {
        fs.mkdirSync(path.join(root, "run/systemd/system"), { recursive: true });
        fs.mkdirSync(path.join(root, "etc/systemd/system"), { recursive: true });
        const noted = path.join(root, "noted");
        const stub = (name: string, body: string): void =>
            fs.writeFileSync(path.join(root, "bin", name), `#!/bin/sh\necho "${name} $*" >>${noted}\n${body}\n`, {
                mode: 0o755,
            });
        stub("systemctl", "");
        stub("systemd-run", 'while [ $# -gt 0 ]; do case $1 in --*) shift ;; *) break ;; esac; done\nsetsid "$@" &');
        up();
        const unit = fs.readFileSync(path.join(root, "etc/systemd/system/otel-ha-firewall.service"), "utf8");
        expect(unit).toContain(`\nExecStart=${script} load ${dir}\n`);
        expect(unit).toContain("\nBefore=network-pre.target docker.service shutdown.target\n");
        expect(unit).toContain("\nWantedBy=sysinit.target nftables.service\n");
        const lines = fs.readFileSync(noted, "utf8").split("\n");
        expect(lines[0]).toMatch(
            new RegExp(
                `^systemd-run --quiet --collect --unit=otel-ha-firewall-\\S+ ${script} expire --token \\S+ --seconds 20 ${dir}$`,
            ),
        );
        expect(lines.slice(1, 4)).toEqual([
            "systemctl daemon-reload",
            "systemctl --quiet enable otel-ha-firewall.service",
            "systemctl --no-block start otel-ha-firewall.service",
        ]);
        expect(firewall(["check"]).code).toBe(0);
        expect(firewall(["remove"]).code).toBe(0);
        expect(fs.readFileSync(noted, "utf8")).toContain("systemctl --quiet disable otel-ha-firewall.service\n");
        expect(fs.readdirSync(path.join(root, "etc/systemd/system"))).toEqual([]);
    });
});

describe("check", () => {
    it("shows what somebody changed by hand", () => {
        up();
        host.must(["nft", "insert", "rule", "inet", "otel_ha", "input", "tcp", "dport", "9090", "accept"]);
        fs.appendFileSync(path.join(dir, "rules.nft"), "# mine\n");
        fs.rmSync(path.join(root, "etc/network/if-pre-up.d/otel-ha-firewall"));
        const { code, out } = firewall(["check"]);
        expect(code).toBe(1);
        expect(out).toMatch(/rules\.nft is not what was asked for last/);
        expect(out).toMatch(/the table inet otel_ha is not what was loaded:\n[\s\S]*^\+\t\ttcp dport 9090 accept$/m);
        expect(out).toMatch(/if-pre-up\.d\/otel-ha-firewall is not as it was written/);
    });

    it("misses the whole table", () => {
        up();
        host.must(["nft", "flush", "ruleset"]);
        expect(firewall(["check"]).out).toContain("the table inet otel_ha is not what was loaded:\n");
        expect(firewall(["load"]).code).toBe(0);
        expect(firewall(["check"])).toMatchObject({ code: 0, out: "" });
    });
});

describe("destroy", () => {
    it("takes table, entry for the boot and files away, and what runs later does nothing", async () => {
        up();
        firewall(["apply", "--seconds", "1"], lockOut());
        expect(firewall(["remove"])).toMatchObject({ code: 0, out: "", err: "" });
        expect(host.must(["nft", "list", "ruleset"])).toBe("");
        expect(fs.existsSync(dir)).toBe(false);
        expect(fs.readdirSync(path.join(root, "etc/network/if-pre-up.d"))).toEqual([]);
        await sleep(1600);
        expect(host.must(["nft", "list", "ruleset"])).toBe("");
        comeFrom(STRANGER);
        expect(openAt(outside, HOST)).toEqual([ALL]);
        // Once more is no error.
        expect(firewall(["remove"]).code).toBe(0);
    });
});
