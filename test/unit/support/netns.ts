import { ChildProcess, spawn, spawnSync } from "child_process";
import * as fs from "fs";
import * as path from "path";

/** Where `nft` and `ip` are, which a user's PATH often lacks. */
export const SYSTEM_PATH = `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin`;

const NEEDED: Record<string, string> = {
    nft: "nftables",
    ip: "iproute2",
    unshare: "util-linux",
    nsenter: "util-linux",
    setsid: "util-linux",
    flock: "util-linux",
    bash: "bash",
    perl: "perl-base",
};

/** Ends the tests with a sentence where they cannot be run: a firewall that was never tried is none. */
export function requirePrograms(): void {
    const missing = Object.keys(NEEDED).filter(
        (program) => !SYSTEM_PATH.split(":").some((directory) => fs.existsSync(path.join(directory, program))),
    );
    if (missing.length > 0)
        throw new Error(
            `the tests of the firewall need ${missing.join(", ")}: install ${[...new Set(missing.map((program) => NEEDED[program]))].join(", ")}`,
        );
}

export interface Ended {
    code: number | null;
    out: string;
    err: string;
}

/** A network namespace of its own: the machine's network is never touched. It is gone when nothing runs in it any more. */
export class Netns {
    private constructor(
        private readonly holder: ChildProcess,
        private readonly enter: string[],
    ) {}

    /** Makes one; `beside`: a neighbour, which a cable can be laid to. */
    static async make(beside?: Netns): Promise<Netns> {
        const asUser = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
        const command = beside
            ? [...beside.enter, "unshare", "--net", "cat"]
            : ["unshare", ...asUser, "--net", "--mount", "cat"];
        // cat ends when this process does, whatever becomes of it.
        const holder = spawn(command[0]!, command.slice(1), {
            stdio: ["pipe", "pipe", "pipe"],
            env: { PATH: SYSTEM_PATH },
        });
        await started(holder);
        const users = process.getuid?.() === 0 ? [] : ["--user", "--preserve-credentials"];
        const made = new Netns(holder, ["nsenter", "--target", String(holder.pid), ...users, "--net", "--mount", "--"]);
        // What is run here empties rule sets: never the machine's.
        if (made.must(["readlink", "/proc/self/ns/net"]).trim() === fs.readlinkSync("/proc/self/ns/net"))
            throw new Error("the tests of the firewall are not in a network namespace of their own");
        made.must(["ip", "link", "set", "lo", "up"]);
        return made;
    }

    get pid(): number {
        return this.holder.pid!;
    }

    run(command: string[], options: { input?: string; env?: Record<string, string> } = {}): Ended {
        const [program, ...words] = [...this.enter, ...command];
        const env = { PATH: SYSTEM_PATH, ...options.env };
        const done = spawnSync(program!, words, { input: options.input, env, encoding: "utf8", timeout: 60_000 });
        return { code: done.status, out: done.stdout, err: done.stderr };
    }

    must(command: string[], input?: string): string {
        const { code, out, err } = this.run(command, { input });
        if (code !== 0) throw new Error(`${command.join(" ")}: ${err || out}`);
        return out;
    }

    /** Starts a program that says a line when it is ready. */
    async start(command: string[]): Promise<ChildProcess> {
        const [program, ...words] = [...this.enter, ...command];
        const child = spawn(program!, words, { stdio: ["ignore", "pipe", "inherit"], env: { PATH: SYSTEM_PATH } });
        await new Promise((resolve, reject) => {
            child.once("error", reject);
            child.once("exit", () => reject(new Error(`${command[0]} ended`)));
            child.stdout!.once("data", resolve);
        });
        return child;
    }

    /** Whether a connection can be made, within a second. */
    reaches(address: string, port: number): boolean {
        return this.reachable([`${address}/${port}`]).length === 1;
    }

    /** Those of these places that a connection can be made to, all tried at the same time. @example ["10.0.0.1/4318"] */
    reachable(places: string[]): string[] {
        const tries = places.map(
            (place) => `(timeout 1 bash -c ': </dev/tcp/${place}' 2>/dev/null && echo ${place}) &`,
        );
        const found = this.run(["bash", "-c", `${tries.join("\n")}\nwait`]).out.split("\n");
        return places.filter((place) => found.includes(place));
    }

    end(): void {
        this.holder.kill("SIGKILL");
    }
}

/** What goes in comes out when the namespaces are there. */
async function started(holder: ChildProcess): Promise<void> {
    let said = "";
    holder.stderr!.on("data", (data: Buffer) => (said += data.toString()));
    await new Promise<void>((resolve, reject) => {
        holder.once("error", reject);
        holder.once("exit", () =>
            reject(
                new Error(
                    `the tests of the firewall need a network namespace of their own: run them as root, or allow user namespaces (${said.trim()})`,
                ),
            ),
        );
        holder.stdout!.once("data", () => resolve());
        holder.stdin!.write("ready\n");
    });
}

/** A cable between two neighbours, with these addresses (as CIDR) on its ends. */
export function connect(one: Netns, name: string, addresses: string[], other: Netns, otherAddresses: string[]): void {
    one.must(["ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", String(other.pid)]);
    for (const address of addresses) one.must(["ip", "address", "add", address, "dev", name]);
    for (const address of otherAddresses) other.must(["ip", "address", "add", address, "dev", "eth0"]);
    one.must(["ip", "link", "set", name, "up"]);
    other.must(["ip", "link", "set", "eth0", "up"]);
}
