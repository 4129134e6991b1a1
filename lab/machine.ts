/** What the lab needs of the machine it runs on: packages, rights, a Docker daemon. */
import { existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { LOG_DIR } from "./paths";
import { step } from "./progress";
import { must, run, until } from "./run";

/** Program to the Debian package that has it. */
const PROGRAMS: Record<string, string> = {
    dockerd: "docker.io",
    docker: "docker.io",
    debootstrap: "debootstrap",
    "docker-registry": "docker-registry",
    skopeo: "skopeo",
    ip: "iproute2",
    nft: "nftables",
    nsenter: "util-linux",
    "ssh-keygen": "openssh-client",
    curl: "curl",
    nmap: "nmap",
    sysctl: "procps",
    shellcheck: "shellcheck",
};
/** Only some images are built with these. */
const FOR_BUILDING: Record<string, string> = { mvn: "maven" };
const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const DAEMON_LOG = join(LOG_DIR, "dockerd.log");

export function requireRoot(): void {
    if (process.getuid?.() === 0) return;
    throw new Error("The lab makes network namespaces and talks to Docker: run it as root (`sudo make …`).");
}

/** The Debian packages whose programs are missing. */
export function missingPackages(programs: Record<string, string> = PROGRAMS): string[] {
    const dirs = `${process.env.PATH ?? ""}:${SYSTEM_PATH}`.split(":");
    const missing = Object.keys(programs).filter((program) => !dirs.some((dir) => existsSync(join(dir, program))));
    return [...new Set(missing.map((program) => programs[program]!))];
}

export const installPackages = (): Promise<void> => install(missingPackages());

/** Installs a program that only building some image needs, unless it is there. */
export function needProgram(program: keyof typeof FOR_BUILDING): Promise<void> {
    return install(missingPackages({ [program]: FOR_BUILDING[program]! }));
}

async function install(packages: string[]): Promise<void> {
    if (packages.length === 0) return;
    if (!existsSync("/usr/bin/apt-get")) {
        throw new Error(`The lab needs these Debian packages, and there is no apt-get here: ${packages.join(" ")}`);
    }
    await step(`Installing ${packages.join(", ")}`, async () => {
        const logFile = join(LOG_DIR, "apt.log");
        const env = { DEBIAN_FRONTEND: "noninteractive" };
        // A third-party source that cannot be reached must not stop what comes from Debian.
        await run(["apt-get", "update"], { logFile, env });
        await must(["apt-get", "install", "-y", "--no-install-recommends", ...packages], { logFile, env });
    });
}

export async function dockerAnswers(): Promise<boolean> {
    return (await run(["docker", "version", "--format", "{{.Server.Version}}"], { timeoutMs: 10_000 })).code === 0;
}

/** Starts a Docker daemon where none runs; it goes on after this process. */
export async function startDocker(): Promise<void> {
    if (await dockerAnswers()) return;
    await step("Starting the Docker daemon", async () => {
        if (existsSync("/run/systemd/system")) await run(["systemctl", "start", "docker"]);
        else startDaemon();
        if (await until(dockerAnswers, 60_000)) return;
        const log = existsSync(DAEMON_LOG) ? readFileSync(DAEMON_LOG, "utf8").split("\n").slice(-10).join("\n") : "";
        throw new Error(`The Docker daemon does not answer after 60 s. Its log, ${DAEMON_LOG}, ends with:\n${log}`);
    });
}

function startDaemon(): void {
    // Where /run survives a reboot, a pid file may name a process that is something else by now; Docker then gives up.
    removeStalePidFile("/run/docker.pid", "dockerd");
    removeStalePidFile("/run/docker/containerd/containerd.pid", "containerd");
    startInBackground(["dockerd"], DAEMON_LOG);
}

function removeStalePidFile(file: string, program: string): void {
    if (!existsSync(file)) return;
    const name = `/proc/${readFileSync(file, "utf8").trim()}/comm`;
    if (!existsSync(name) || readFileSync(name, "utf8").trim() !== program) rmSync(file, { force: true });
}

/** Starts a program that outlives this one; returns its process id. */
export function startInBackground(command: string[], logFile: string): number {
    mkdirSync(LOG_DIR, { recursive: true });
    const log = openSync(logFile, "a");
    const env = { ...process.env, PATH: `${process.env.PATH}:${SYSTEM_PATH}` };
    const child = spawn(command[0]!, command.slice(1), { detached: true, stdio: ["ignore", log, log], env });
    child.on("error", () => {}); // shows as a daemon that does not answer
    child.unref();
    return child.pid ?? 0;
}

/** `docker build` on this machine's daemon, with whichever builder the client has. */
export async function dockerBuild(context: string, tag: string, options: { args?: string[]; logFile: string }) {
    // Clients without the buildx plugin have only the classic builder, and say so with an error.
    const buildx = (await run(["docker", "buildx", "version"])).code === 0;
    const env = buildx ? {} : { DOCKER_BUILDKIT: "0" };
    // The host's network: name servers and proxies are as they are here.
    const command = ["docker", "build", "--network", "host", ...(options.args ?? []), "--tag", tag, context];
    const before = await imageId(tag);
    await must(command, { env, logFile: options.logFile });
    // What had this name before would only take space. (It stays while something uses it.)
    if (before && before !== (await imageId(tag))) await run(["docker", "image", "rm", before]);
}

export const imageExists = async (tag: string): Promise<boolean> => (await imageId(tag)) !== undefined;

async function imageId(tag: string): Promise<string | undefined> {
    const inspected = await run(["docker", "image", "inspect", "--format", "{{.Id}}", tag]);
    return inspected.code === 0 ? inspected.stdout.trim() : undefined;
}

/** Removes the other tags of a repository of the lab's: what older versions of its files made. */
export async function removeOtherTags(keep: string): Promise<void> {
    const repository = keep.slice(0, keep.lastIndexOf(":"));
    const { stdout } = await run(["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", repository]);
    const old = stdout.split("\n").filter((tag) => tag.startsWith(`${repository}:`) && tag !== keep);
    if (old.length) await run(["docker", "image", "rm", ...old]);
}
