/** The lab's keys, and the facts that tests and the program's settings need, in `.lab/` of the checkout. */
import {
    chmodSync,
    copyFileSync,
    existsSync,
    mkdirSync,
    readFileSync,
    renameSync,
    rmSync,
    writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ALL_NODES, NETWORK, containerName, type LabNode } from "./nodes";
import { CACHE_DIR, STATE_DIR } from "./paths";
import { must } from "./run";

/** Shared by all checkouts on this machine, as the hosts are. */
const KEY_DIR = join(CACHE_DIR, "keys");

export interface LabHost extends LabNode {
    container: string;
    /** As in known_hosts, without the name: `ssh-ed25519 AAAA…`. */
    hostKey: string;
}

export interface Lab {
    hosts: LabHost[];
    /** The deployer's private key, for root on each host. */
    keyFile: string;
    deployer: string;
    vip: string;
    registry: string;
}

const HOSTS_FILE = join(STATE_DIR, "hosts.json");
const KNOWN_HOSTS_FILE = join(STATE_DIR, "known_hosts");
export const KEY_FILE = join(STATE_DIR, "id_ed25519");

/** What a host's sshd finds at /etc/ssh/lab. */
export const sshDir = (node: LabNode): string => join(KEY_DIR, node.name);

/** Makes the keys that are missing and copies what this checkout needs into `.lab/`. */
export async function writeState(): Promise<void> {
    mkdirSync(KEY_DIR, { recursive: true, mode: 0o700 });
    const userKey = join(KEY_DIR, "id_ed25519");
    await makeKey(userKey, "otel-ha-lab");
    for (const node of ALL_NODES) {
        mkdirSync(sshDir(node), { recursive: true, mode: 0o755 });
        await makeKey(join(sshDir(node), "ssh_host_ed25519_key"), node.hostname);
        copyFileSync(`${userKey}.pub`, join(sshDir(node), "authorized_keys"));
    }
    mkdirSync(STATE_DIR, { recursive: true });
    rmSync(KEY_FILE, { force: true });
    copyFileSync(userKey, KEY_FILE);
    chmodSync(KEY_FILE, 0o600);
    copyFileSync(`${userKey}.pub`, `${KEY_FILE}.pub`);
    const knownHosts = describeLab().hosts.map((host) => `${host.address} ${host.hostKey}\n`);
    writeFileSync(KNOWN_HOSTS_FILE, knownHosts.join(""));
    const temporary = `${HOSTS_FILE}.${process.pid}`;
    writeFileSync(temporary, `${JSON.stringify(describeLab(), null, 2)}\n`);
    renameSync(temporary, HOSTS_FILE);
}

/** Removes what `writeState` wrote to this checkout; the keys themselves stay for the next lab. */
export function removeState(): void {
    for (const file of [HOSTS_FILE, KNOWN_HOSTS_FILE, KEY_FILE, `${KEY_FILE}.pub`]) rmSync(file, { force: true });
}

/** Reads what `lab up` wrote. */
export function readState(): Lab {
    if (!existsSync(HOSTS_FILE)) throw new Error("The lab is not up: run `lab/lab up` first.");
    return JSON.parse(readFileSync(HOSTS_FILE, "utf8")) as Lab;
}

function describeLab(): Lab {
    return {
        hosts: ALL_NODES.map((node) => ({ ...node, container: containerName(node), hostKey: publicHostKey(node) })),
        keyFile: KEY_FILE,
        deployer: NETWORK.deployer,
        vip: NETWORK.vip,
        registry: `${NETWORK.deployer}:${NETWORK.registryPort}`,
    };
}

function publicHostKey(node: LabNode): string {
    const line = readFileSync(join(sshDir(node), "ssh_host_ed25519_key.pub"), "utf8");
    return line.split(" ").slice(0, 2).join(" ").trim();
}

async function makeKey(file: string, comment: string): Promise<void> {
    if (existsSync(file) && existsSync(`${file}.pub`)) return;
    rmSync(file, { force: true });
    await must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file]);
}
