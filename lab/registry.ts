/** The image registry inside the lab's network, from which the hosts pull as from the public one. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startInBackground } from "./machine";
import { inside, runInside } from "./network";
import { NETWORK, PREFIX } from "./nodes";
import { CACHE_DIR, LOG_DIR } from "./paths";
import { must, until } from "./run";

const DIR = join(CACHE_DIR, "registry");
const ADDRESS = `${NETWORK.deployer}:${NETWORK.registryPort}`;
/** Labs share the images; each has a registry process of its own. */
const PID_FILE = join(DIR, `${PREFIX}.pid`);
const CONFIG_FILE = join(DIR, `${PREFIX}.yml`);
const LOG_FILE = join(LOG_DIR, "registry.log");

export async function registryAnswers(): Promise<boolean> {
    return (await runInside(["curl", "-sf", "-m", "2", "-o", "/dev/null", `http://${ADDRESS}/v2/`])).code === 0;
}

export async function startRegistry(): Promise<void> {
    if (await registryAnswers()) return;
    await stopRegistry();
    mkdirSync(join(DIR, "data"), { recursive: true });
    // JSON is YAML: no need for a library to write it.
    const config = {
        version: 0.1,
        log: { level: "warn" },
        storage: { filesystem: { rootdirectory: join(DIR, "data") }, delete: { enabled: true } },
        http: { addr: ADDRESS },
    };
    writeFileSync(CONFIG_FILE, JSON.stringify(config));
    const pid = startInBackground(inside(["docker-registry", "serve", CONFIG_FILE]), LOG_FILE);
    writeFileSync(PID_FILE, String(pid));
    if (await until(registryAnswers, 20_000)) return;
    throw new Error(`The lab's image registry does not answer; its log: ${LOG_FILE}`);
}

export async function stopRegistry(): Promise<void> {
    if (!existsSync(PID_FILE)) return;
    const pid = Number(readFileSync(PID_FILE, "utf8"));
    // The number may belong to something else by now.
    const command = existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, "utf8") : "";
    if (command.includes("docker-registry") && command.includes(CONFIG_FILE)) process.kill(pid, "SIGTERM");
    rmSync(PID_FILE, { force: true });
    await until(async () => !(await registryAnswers()), 5_000);
}

/** The key under which an image was last pushed, if the registry still has it. */
export function pushedKey(repository: string, tag: string): string | undefined {
    const there = existsSync(join(DIR, "data/docker/registry/v2/repositories", repository, "_manifests/tags", tag));
    const file = keyFile(repository, tag);
    return there && existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

/** Copies an image of this machine's daemon into the registry. */
export async function push(image: string, repository: string, tag: string, key: string): Promise<void> {
    const archive = join(CACHE_DIR, `push-${process.pid}-${repository.replaceAll("/", "-")}.tar`);
    const logFile = join(LOG_DIR, "push.log");
    try {
        await must(["docker", "save", "--output", archive, image]);
        const target = `docker://${ADDRESS}/${repository}:${tag}`;
        const copy = ["skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false"];
        await must(inside([...copy, `docker-archive:${archive}`, target]), { logFile });
    } finally {
        rmSync(archive, { force: true });
    }
    mkdirSync(join(DIR, "keys"), { recursive: true });
    writeFileSync(keyFile(repository, tag), key);
}

const keyFile = (repository: string, tag: string): string =>
    join(DIR, "keys", `${repository.replaceAll("/", "_")}_${tag}`);
