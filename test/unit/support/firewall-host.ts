import { ChildProcess } from "child_process";
import * as fs from "fs";
import * as os from "os";
import * as path from "path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from "vitest";
import { firewallRules, nodeRequirements } from "../../../components";
import { connect, Ended, Netns, requirePrograms } from "./netns";
import { SCRIPTS } from "./shell";
import { settingsOf } from "./stacks";

// One network: the host, its peer, somebody of the clients' networks, one of the administrators', and a stranger.
export const HOST = "192.168.110.214";
export const VIP = "192.168.110.140";
export const PEER = "192.168.110.119";
export const CLIENT = "192.168.110.77";
export const ADMIN = "192.168.110.5";
export const STRANGER = "192.168.110.9";
export const SSH = 22;

const requirements = nodeRequirements(settingsOf("node1"));
const PORTS = requirements.flatMap((needs) => needs.ports);
const byNumber = (ports: number[]): number[] => ports.sort((a, b) => a - b);

/** Every port of the stack, and SSH. */
export const ALL = byNumber([SSH, ...PORTS.map(({ port }) => port)]);

/** Those that somebody of these audiences should reach. */
export const portsFor = (...audiences: string[]): number[] =>
    byNumber([
        SSH,
        ...PORTS.filter(({ audience }) => audience.some((one) => audiences.includes(one))).map(({ port }) => port),
    ]);

/** The rules of the first node, with one client and one administrator. */
export function rules(changes: Record<string, string> = {}): string {
    const all = { clientCidrs: `${CLIENT}/32`, adminCidrs: `${ADMIN}/32`, ...changes };
    return firewallRules({ settings: settingsOf("node1", all).host.firewall!, requirements });
}

/** Rules that nobody could log in with. */
export const lockOut = (): string => rules().replace("iif lo accept", "tcp dport 22 drop");

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until something is so; a busy machine's timers are late. */
export async function until(what: string, so: () => boolean): Promise<void> {
    for (const end = Date.now() + 20_000; !so(); await sleep(200))
        if (Date.now() > end) throw new Error(`not within 20 s: ${what}`);
}

const LISTEN = `
    let open = 0;
    const ports = ${JSON.stringify(ALL)};
    const echo = (socket) => socket.on("error", () => {}).pipe(socket);
    const listen = (port) => require("net").createServer(echo).listen(port, "::", () => {
        if (++open === ports.length) console.log("ready");
    });
    ports.forEach(listen);`;

/** A host in a network namespace, where something listens on every port, and a neighbour who has everybody else's addresses. */
export class FirewallHost {
    host!: Netns;
    outside!: Netns;
    private listeners?: ChildProcess;
    /** Of the one test: its directories, and the script as it is installed. */
    root = "";
    dir = "";
    script = "";

    /** One for all tests of a file, without a rule at the beginning of each. */
    static forThisFile(): FirewallHost {
        const made = new FirewallHost();
        // They wait for packets that never come, some on a busy machine.
        vi.setConfig({ testTimeout: 60_000 });
        beforeAll(() => made.start(), 60_000);
        beforeEach(() => made.install());
        afterEach(() => {
            made.host.must(["nft", "flush", "ruleset"]);
            fs.rmSync(made.root, { recursive: true, force: true });
        });
        afterAll(() => {
            made.listeners?.kill();
            made.outside?.end();
            made.host?.end();
        });
        return made;
    }

    private async start(): Promise<void> {
        requirePrograms();
        this.host = await Netns.make();
        this.outside = await Netns.make(this.host);
        const others = [PEER, CLIENT, ADMIN, STRANGER].map((address) => `${address}/24`);
        connect(this.host, "eth0x", [`${HOST}/24`, `${VIP}/32`], this.outside, others);
        this.listeners = await this.host.start([process.execPath, "-e", LISTEN]);
    }

    private install(): void {
        this.root = fs.mkdtempSync(path.join(os.tmpdir(), "otel-ha-firewall-"));
        this.dir = path.join(this.root, "config", "firewall");
        this.script = path.join(this.root, "firewall");
        for (const directory of ["run", "bin", "config", "etc/network/if-pre-up.d"])
            fs.mkdirSync(path.join(this.root, directory), { recursive: true });
        // The machine's own /etc and /run are left alone.
        const text = fs
            .readFileSync(path.join(SCRIPTS, "firewall.sh"), "utf8")
            .replaceAll(/(?<=[ =>])\/(etc|run)\//g, `${this.root}/$1/`);
        fs.writeFileSync(this.script, text, { mode: 0o755 });
    }

    /** Runs the script on the host. */
    firewall(words: string[], input = ""): Ended {
        const env = { PATH: `${this.root}/bin:${process.env.PATH}:/usr/sbin:/sbin` };
        return this.host.run([this.script, ...words, this.dir], { input, env });
    }

    /** Loads rules and confirms them, as a run of `up` does; what the last command said. */
    up(text = rules()): Ended {
        expect(this.firewall(["apply", "--seconds", "20"], text)).toMatchObject({ code: 0, err: "" });
        expect(this.firewall(["confirm", "--again"])).toMatchObject({ code: 0, err: "" });
        return this.firewall(["confirm"]);
    }

    /** The table as it is in force. */
    table(): string {
        return this.host.run(["nft", "--stateless", "list", "table", "inet", "otel_ha"]).out;
    }

    /** What goes out there from now on has this source address, by the route: no program has to bind one. */
    comeFrom(address: string): void {
        this.outside.must(["ip", "route", "replace", "192.168.110.0/24", "dev", "eth0", "src", address]);
    }

    canConnect(from: string, port: number): boolean {
        this.comeFrom(from);
        return this.outside.reaches(HOST, port);
    }

    /** Ports at each of these addresses that can be reached. */
    openAt(from: Netns, ...addresses: string[]): number[][] {
        const open = from.reachable(addresses.flatMap((address) => ALL.map((port) => `${address}/${port}`)));
        return addresses.map((address) => ALL.filter((port) => open.includes(`${address}/${port}`)));
    }
}
