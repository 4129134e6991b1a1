// How to reach a Docker daemon: a local socket, TCP, or the system's `ssh` with `docker system dial-stdio` at the other
// end, as the real provider does it: what ssh trusts and which keys it uses is ssh's business, and it fails closed on
// unknown host keys.
import { spawn } from "node:child_process";
import * as http from "node:http";
import { Duplex } from "node:stream";
import type Docker from "dockerode";
import { messageOf } from "../errors";

export interface RegistryAuth {
    address: string;
    username?: string;
    password?: string;
}

export interface DockerConfig {
    host?: string;
    sshOpts?: string[];
    registryAuth?: RegistryAuth[];
}

/** Each is an ssh process; a container that is being stopped or pulled holds one. */
const MAX_SSH_CONNECTIONS = 4;

function sshCommand(url: URL, sshOpts: string[]): string[] {
    const user = url.username ? ["-l", decodeURIComponent(url.username)] : [];
    const port = url.port ? ["-p", url.port] : [];
    const target = ["--", url.hostname, "docker", "system", "dial-stdio"];
    return ["-o", "ConnectTimeout=30", "-T", ...sshOpts, ...user, ...port, ...target];
}

/** The two pipes of a process as one stream that http can use in place of a socket. */
function dialSsh(url: URL, sshOpts: string[]): Duplex {
    const args = sshCommand(url, sshOpts);
    // A session of its own: without a terminal, ssh cannot ask whether to trust a host.
    const child = spawn("ssh", args, { detached: true, stdio: ["pipe", "pipe", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (chunk) => (stderr += chunk));
    const stream = new Duplex({
        read: () => child.stdout.resume(),
        write: (chunk, encoding, done) => child.stdin.write(chunk, encoding, () => done()),
        final: (done) => child.stdin.end(() => done()),
        destroy: (error, done) => {
            child.kill();
            done(error);
        },
    });
    child.stdin.on("error", () => {});
    child.stdout.on("data", (chunk) => {
        if (!stream.push(chunk)) child.stdout.pause();
    });
    child.on("error", (error) => stream.destroy(error));
    child.on("close", (code) => {
        if (code === 0) return stream.push(null);
        const failed = `command [ssh ${args.join(" ")}] has exited with exit status ${code}`;
        const advice = "make sure the URL is valid, and Docker 18.09 or later is installed on the remote host";
        return stream.destroy(new Error(`error during connect: ${failed}, ${advice}: stderr=${stderr.trim()}`));
    });
    const ignore = () => stream;
    return Object.assign(stream, {
        setKeepAlive: ignore,
        setNoDelay: ignore,
        setTimeout: ignore,
        ref: ignore,
        unref: ignore,
    });
}

class SshAgent extends http.Agent {
    constructor(
        private readonly url: URL,
        private readonly sshOpts: string[],
    ) {
        super({ keepAlive: true, maxSockets: MAX_SSH_CONNECTIONS });
    }

    override createConnection(): never {
        return dialSsh(this.url, this.sshOpts) as never;
    }
}

/** What the daemon says, in Docker's own words. */
export class DockerError extends Error {
    constructor(
        message: string,
        readonly status: number | undefined,
    ) {
        super(message);
    }
}

function dockerError(error: unknown): Error {
    const { statusCode, json, reason } = error as { statusCode?: number; json?: { message?: string }; reason?: string };
    if (statusCode === undefined) return new Error(messageOf(error));
    return new DockerError(`Error response from daemon: ${json?.message ?? reason ?? messageOf(error)}`, statusCode);
}

export const isNotFound = (error: unknown) => error instanceof DockerError && error.status === 404;

export class DockerClient {
    private docker?: Promise<Docker>;
    private agent?: http.Agent;

    constructor(private readonly config: DockerConfig) {}

    /** Runs a call; its errors read as those of the docker command. */
    async call<T>(work: (docker: Docker) => Promise<T>): Promise<T> {
        const docker = await (this.docker ??= this.connect());
        try {
            return await work(docker);
        } catch (error) {
            throw dockerError(error);
        }
    }

    /** Undefined for what does not exist. */
    async find<T>(work: (docker: Docker) => Promise<T>): Promise<T | undefined> {
        try {
            return await this.call(work);
        } catch (error) {
            if (isNotFound(error)) return undefined;
            throw error;
        }
    }

    /** Pulls an image and waits for the end. */
    async pull(image: string): Promise<void> {
        const authconfig = this.authFor(image);
        await this.call(async (docker) => {
            const stream = await docker.pull(image, authconfig ? { authconfig } : {});
            await new Promise<void>((resolve, reject) =>
                docker.modem.followProgress(stream, (error, progress: { error?: string }[]) => {
                    const failure = error ?? progress.find((line) => line.error)?.error;
                    if (failure) reject(failure instanceof Error ? failure : new Error(failure));
                    else resolve();
                }),
            );
        });
    }

    close(): void {
        this.agent?.destroy();
    }

    private async connect(): Promise<Docker> {
        const { default: Docker } = await import("dockerode");
        const host = this.config.host ?? process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock";
        if (host.startsWith("unix://")) return new Docker({ socketPath: host.slice("unix://".length) });
        const url = new URL(host);
        if (url.protocol !== "ssh:")
            return new Docker({ protocol: "http", host: url.hostname, port: Number(url.port) });
        this.agent = new SshAgent(url, this.config.sshOpts ?? []);
        return new Docker({ protocol: "http", host: "docker", port: 80, agent: this.agent } as Docker.DockerOptions);
    }

    private authFor(image: string) {
        const first = image.split("/")[0];
        const registry = image.includes("/") && /[.:]|^localhost$/.test(first) ? first : "registry-1.docker.io";
        const auth = this.config.registryAuth?.find(
            ({ address }) => address.replace(/^https?:\/\//, "").split("/")[0] === registry,
        );
        if (!auth) return undefined;
        return { username: auth.username ?? "", password: auth.password ?? "", serveraddress: auth.address };
    }
}
