// Who reaches what: the real rules, loaded by the real script, in network namespaces of their own.
import * as fs from "fs";
import * as path from "path";
import { describe, expect, it } from "vitest";
import {
    ADMIN,
    ALL,
    CLIENT,
    FirewallHost,
    HOST,
    lockOut,
    PEER,
    portsFor,
    rules,
    sleep,
    SSH,
    STRANGER,
    VIP,
} from "./support/firewall-host";

const here = FirewallHost.forThisFile();

describe("who reaches which port", () => {
    it("is everybody before there is a firewall: the listeners are there", () => {
        here.comeFrom(STRANGER);
        expect(here.openAt(here.outside, HOST, VIP)).toEqual([ALL, ALL]);
    });

    it.each([
        ["a stranger in the same network", STRANGER, []],
        ["a client", CLIENT, ["clients"]],
        ["an administrator", ADMIN, ["admins"]],
        ["the other node", PEER, ["peer"]],
    ])("as %s sees it, at the host's address and at the virtual IP", (_who, from, audiences) => {
        here.up();
        here.comeFrom(from);
        expect(here.openAt(here.outside, HOST, VIP)).toEqual([portsFor(...audiences), portsFor(...audiences)]);
    });

    it("is the host itself for all of them, by any of its addresses", () => {
        here.up();
        expect(here.openAt(here.host, HOST, VIP, "127.0.0.1")).toEqual([ALL, ALL, ALL]);
    });

    it("is nobody over IPv6, but the host itself", () => {
        here.host.must(["ip", "-6", "address", "add", "fd00::1/64", "dev", "eth0x", "nodad"]);
        here.outside.must(["ip", "-6", "address", "add", "fd00::2/64", "dev", "eth0", "nodad"]);
        expect(here.outside.reaches("fd00::1", 9090)).toBe(true);
        here.up(rules({ clientCidrs: "0.0.0.0/0", adminCidrs: "0.0.0.0/0" }));
        expect(here.outside.reaches("fd00::1", 9090)).toBe(false);
        expect(here.outside.reaches("fd00::1", 4318)).toBe(false);
        expect(here.outside.reaches("fd00::1", SSH)).toBe(true);
        expect(here.host.reaches("fd00::1", 9090)).toBe(true);
    });

    it("is every client of everywhere, when that is asked for", () => {
        here.up(rules({ clientCidrs: "0.0.0.0/0" }));
        expect(here.canConnect(STRANGER, 4318)).toBe(true);
        expect(here.canConnect(STRANGER, 9090)).toBe(false);
    });

    it("ends for connections that are there when a network is taken away", async () => {
        here.up(rules({ adminCidrs: `${ADMIN}/32,${STRANGER}/32` }));
        here.comeFrom(STRANGER);
        const changed = path.join(here.root, "changed");
        const client = await here.outside.start([
            ...["bash", "-c"],
            `exec 3<>/dev/tcp/${HOST}/9090; echo one >&3; read -t 5 said <&3; echo "$said"
            while [ ! -e ${changed} ]; do sleep 0.1; done
            echo two >&3; read -t 2 said <&3 && echo "$said" || echo nothing`,
        ]);
        let heard = "";
        client.stdout!.on("data", (data: Buffer) => (heard += data.toString()));
        here.up();
        fs.writeFileSync(changed, "");
        await new Promise((resolve) => client.once("exit", resolve));
        expect(heard).toBe("nothing\n");
        expect(here.canConnect(STRANGER, 9090)).toBe(false);
        expect(here.canConnect(ADMIN, 9090)).toBe(true);
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
        here.up();
        const receiver = await here.host.start(["perl", "-e", RECEIVE]);
        let heard = "";
        receiver.stdout!.on("data", (data: Buffer) => (heard += data.toString()));
        for (const from of [STRANGER, CLIENT, ADMIN, PEER])
            for (const to of ["224.0.0.18", HOST]) here.outside.must(["perl", "-e", SEND, from, to]);
        await new Promise((resolve) => receiver.once("exit", resolve));
        expect(heard.trim().split("\n").sort()).toEqual([`${PEER} hello-${HOST}`, `${PEER} hello-224.0.0.18`].sort());
    });
});

describe("what else is on the host", () => {
    const OTHER =
        "table ip filter {\n chain INPUT { type filter hook input priority 0; policy accept; tcp dport 4318 counter; }\n}\n";

    it("stays: other tables, their rules and their counters", () => {
        here.host.must(["nft", "-f", "-"], OTHER);
        const other = (): string => here.host.must(["nft", "list", "table", "ip", "filter"]);
        here.canConnect(CLIENT, 4318);
        const packets = (): number => Number(/packets (\d+)/.exec(other())?.[1]);
        const before = packets();
        expect(before).toBeGreaterThan(0);
        here.up();
        // What is dropped does not get there, what is let through still does.
        here.canConnect(STRANGER, 4318);
        expect(packets()).toBe(before);
        here.canConnect(CLIENT, 4318);
        expect(packets()).toBeGreaterThan(before);
        expect(here.firewall(["remove"]).code).toBe(0);
        expect(other()).toContain("tcp dport 4318 counter packets");
    });

    it("still decides: what another table drops stays dropped", () => {
        here.host.must(["nft", "-f", "-"], OTHER.replace("counter", "drop"));
        here.up();
        expect(here.canConnect(CLIENT, 4318)).toBe(false);
    });

    it("is other ports, which stay as open as they were", () => {
        here.up(rules({ clientCidrs: "", adminCidrs: "" }));
        expect(here.canConnect(STRANGER, SSH)).toBe(true);
    });
});

describe("destroy", () => {
    it("takes table, entry for the boot and files away, and what runs later does nothing", async () => {
        here.up();
        here.firewall(["apply", "--seconds", "1"], lockOut());
        expect(here.firewall(["remove"])).toMatchObject({ code: 0, out: "", err: "" });
        expect(here.host.must(["nft", "list", "ruleset"])).toBe("");
        expect(fs.existsSync(here.dir)).toBe(false);
        expect(fs.readdirSync(path.join(here.root, "etc/network/if-pre-up.d"))).toEqual([]);
        await sleep(1600);
        expect(here.host.must(["nft", "list", "ruleset"])).toBe("");
        here.comeFrom(STRANGER);
        expect(here.openAt(here.outside, HOST)).toEqual([ALL]);
        // Once more is no error.
        expect(here.firewall(["remove"]).code).toBe(0);
    });
});
