/** One lab host: a container with its own sshd and dockerd, plugged into the lab's network. */
import { createHash } from "node:crypto";
import { hostImage } from "./base";
import { attach, isAttached, runInside } from "./network";
import { containerName, dataVolume, dockerVolume, NETWORK, type LabNode } from "./nodes";
import { must, run, until, type RunOptions, type RunResult } from "./run";
import { sshDir } from "./state";

/** How long a host may take from power-on to answering on SSH and Docker. */
const BOOT_MS = 60_000;
const LABEL = "otel-ha-lab.settings";

export interface HostStatus {
    /** Docker's word for the container's state, or "absent". */
    container: string;
    pid: number;
    /** Names the settings it was created with. */
    label: string;
    attached: boolean;
    ssh: boolean;
    docker: boolean;
}

/**
 * What a nested dockerd needs where `--privileged` is not to be had: all capabilities but one that even root may lack,
 * no syscall filter, the machine's cgroups, all devices.
 */
const RIGHTS = [
    ...["--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE"],
    ...["--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"],
    ...["--cgroupns", "host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"],
    ...["--device-cgroup-rule", "a *:* rwm"],
];

/** Creates and starts a host that is not there; starts it when stopped; repairs its cable; waits until it answers. */
export async function ensureHost(node: LabNode): Promise<void> {
    const settings = hostSettings(node, await hostImage());
    const label = createHash("sha256").update(JSON.stringify(settings)).digest("hex").slice(0, 16);
    if ((await hostStatus(node)).label !== label) {
        await run(["docker", "rm", "--force", containerName(node)]);
        await must(["docker", "create", "--label", `${LABEL}=${label}`, ...settings]);
    }
    await startHost(node);
}

function hostSettings(node: LabNode, image: string): string[] {
    return [
        ...["--name", containerName(node), "--hostname", node.hostname, "--network", "none"],
        ...RIGHTS,
        // SSH and Docker itself; init.sh does the same for the containers.
        ...["--cpu-shares", "8192"],
        // Nobody serves names there, so that a lookup is refused at once instead of timing out.
        ...["--dns", NETWORK.deployer],
        // As after a reboot: no pid file or socket of the life before.
        ...["--tmpfs", "/run:rw,exec,mode=755", "--tmpfs", "/tmp:rw,exec,mode=1777"],
        ...["--volume", `${dockerVolume(node)}:/var/lib/docker`, "--volume", `${dataVolume(node)}:/data`],
        ...["--env", `LAB_CGROUP=/${containerName(node)}`],
        ...["--volume", `${sshDir(node)}:/etc/ssh/lab:ro`],
        image,
    ];
}

/** Powers a host on; data is as it was. */
export async function startHost(node: LabNode): Promise<void> {
    const status = await hostStatus(node);
    if (status.container === "absent") throw new Error(`${node.name} does not exist: run \`lab/lab up\` first.`);
    if (status.container !== "running") await must(["docker", "start", containerName(node)]);
    const pid = status.pid || (await containerPid(node));
    if (!status.attached) await attach(node, pid);
    if (await until(() => hostAnswers(node), BOOT_MS)) return;
    const { ssh, docker } = await hostStatus(node);
    throw new Error(
        `${node.name} does not answer after ${BOOT_MS / 1000} s (ssh: ${ssh}, docker: ${docker}). ` +
            `Look at \`lab/lab exec ${node.name} tail /var/log/sshd.log /var/log/dockerd.log\`.`,
    );
}

/** Shuts a host down: its containers stop in order. */
export async function stopHost(node: LabNode): Promise<void> {
    await must(["docker", "stop", "--time", "60", containerName(node)]);
}

/** Pulls a host's plug. */
export async function killHost(node: LabNode): Promise<void> {
    await must(["docker", "kill", "--signal", "KILL", containerName(node)]);
    await until(async () => (await hostStatus(node)).container !== "running", 10_000, 50);
}

/** Removes a host and what was on its disks; `keepData` leaves the disks for the next `ensureHost`. */
export async function removeHost(node: LabNode, options: { keepData?: boolean } = {}): Promise<void> {
    await run(["docker", "rm", "--force", "--volumes", containerName(node)]);
    await removeCgroups(containerName(node));
    if (options.keepData) return;
    await removeVolumes([dockerVolume(node), dataVolume(node)]);
}

/** Makes a host as empty as a new one; with `keepImages` only the images it has pulled stay. */
export async function resetHost(node: LabNode, options: { keepImages?: boolean } = {}): Promise<void> {
    const { container } = await hostStatus(node);
    const keep = (options.keepImages ?? false) && container === "running";
    if (keep) {
        const wipe =
            "docker ps -aq | xargs -r docker rm -f -v; docker volume ls -q | xargs -r docker volume rm -f; docker network prune -f";
        await hostExec(node, ["sh", "-c", wipe]);
    }
    await run(["docker", "rm", "--force", containerName(node)]);
    await removeVolumes(keep ? [dataVolume(node)] : [dockerVolume(node), dataVolume(node)]);
    await ensureHost(node);
}

/** Runs a command in a host, as root, without SSH. */
export function hostExec(node: LabNode, command: string[], options: RunOptions = {}): Promise<RunResult> {
    const stdin = options.input === undefined ? [] : ["--interactive"];
    return run(["docker", "exec", ...stdin, containerName(node), ...command], options);
}

export async function hostStatus(node: LabNode): Promise<HostStatus> {
    const format = `{{.State.Status}} {{.State.Pid}} {{index .Config.Labels "${LABEL}"}}`;
    const inspected = await run(["docker", "inspect", "--type", "container", "--format", format, containerName(node)]);
    const absent = { container: "absent", pid: 0, label: "", attached: false, ssh: false, docker: false };
    if (inspected.code !== 0) return absent;
    const [container, pid, label] = inspected.stdout.trim().split(" ");
    const status = { ...absent, container: container!, pid: Number(pid), label: label! };
    if (container !== "running") return status;
    const [attached, ssh, docker] = await Promise.all([isAttached(node, status.pid), sshUp(node), dockerUp(node)]);
    return { ...status, attached, ssh, docker };
}

async function hostAnswers(node: LabNode): Promise<boolean> {
    const [ssh, docker] = await Promise.all([sshUp(node), dockerUp(node)]);
    return ssh && docker;
}

/** From the deployer's side, as the program will see it. */
async function sshUp(node: LabNode): Promise<boolean> {
    const probe = await runInside(["ssh-keyscan", "-T", "2", "-t", "ed25519", node.address], { timeoutMs: 5_000 });
    return probe.stdout.includes("ssh-ed25519");
}

async function dockerUp(node: LabNode): Promise<boolean> {
    const asked = await hostExec(node, [
        "curl",
        "-sf",
        "-m",
        "2",
        "--unix-socket",
        "/run/docker.sock",
        "http://d/_ping",
    ]);
    return asked.code === 0;
}

async function containerPid(node: LabNode): Promise<number> {
    return Number(await must(["docker", "inspect", "--format", "{{.State.Pid}}", containerName(node)]));
}

/** The host's own Docker made them in the machine's hierarchy, and did not live to remove them. */
async function removeCgroups(name: string): Promise<void> {
    const mine = ["(", "-path", `*/${name}`, "-o", "-path", `*/${name}/*`, ")"];
    await run(["find", "/sys/fs/cgroup", "-depth", "-type", "d", ...mine, "-exec", "rmdir", "{}", ";"]);
}

async function removeVolumes(volumes: string[]): Promise<void> {
    const removed = await run(["docker", "volume", "rm", "--force", ...volumes]);
    if (removed.code !== 0) throw new Error(`A host's disk could not be removed: ${removed.stderr.trim()}`);
}
