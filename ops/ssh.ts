import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { sshOptions } from "../components/host";
import { CommonValues } from "../components/settings/keys";
import { shellQuote } from "../components/shell";
import { run, RunOptions, RunResult } from "./run";

/** How a host is reached. */
export type SshValues = Pick<
    CommonValues,
    "nodeName" | "nodeAddress" | "hostKey" | "sshUser" | "sshPort" | "sshPrivateKeyFile"
>;

/** What a command on a host may be given. */
export interface ExecOptions extends Pick<RunOptions, "input" | "timeoutMs" | "onLine"> {
    /** Over a connection of its own, which shows that one can still be made. @default false */
    fresh?: boolean;
}

/** What ssh itself ends with when the host cannot be reached, or refuses. */
export const UNREACHABLE = 255;

const EXEC_TIMEOUT_MS = 60_000;

// A host that has died is noticed after nine seconds without an answer: its connection must not be used when it is back.
const KEEP_ALIVE = ["-o", "ServerAliveInterval=3", "-o", "ServerAliveCountMax=3"];

// One that nobody could end goes by itself.
const MASTER = ["-o", "ControlMaster=yes", "-o", "ControlPersist=60", ...KEEP_ALIVE, "-N", "-f"];

/** Everything for ssh but the command line on the host. Pure. */
export function sshCommand(values: SshValues, controlPath: string, more: string[] = []): string[] {
    const login = sshOptions({
        address: values.nodeAddress,
        hostKey: values.hostKey,
        privateKeyFile: values.sshPrivateKeyFile || undefined,
    });
    return [
        // ssh takes the first of what it is told twice.
        ...["ssh", "-T", "-p", String(values.sshPort), "-o", "ConnectTimeout=5", "-o", "LogLevel=ERROR"],
        ...["-o", `ControlPath=${controlPath}`],
        ...more,
        ...login,
        `${values.sshUser}@${values.nodeAddress}`,
    ];
}

/** The line as the host's login shell must be given it, so that root's POSIX shell runs it. Pure. */
export function asRoot(user: string, line: string): string {
    return `${user === "root" ? "" : "sudo -n "}sh -c ${shellQuote(line)}`;
}

/** SSH connections to several hosts: one for all commands of a host, made anew after a break, ended together. */
export class Connections {
    // Short: the path of a Unix socket has at most 108 bytes.
    private readonly directory = mkdtempSync(join(tmpdir(), "otel-ha-ssh-"));
    private readonly connecting = new Map<string, Promise<RunResult>>();
    private readonly used = new Map<string, SshValues>();

    /** Runs a shell command line as root. Does not throw: 255 is a host that cannot be reached, 124 one that took too long. */
    async exec(values: SshValues, line: string, { fresh, ...options }: ExecOptions = {}): Promise<RunResult> {
        const timeoutMs = options.timeoutMs ?? EXEC_TIMEOUT_MS;
        const end = Date.now() + timeoutMs;
        if (!fresh && !existsSync(this.socket(values))) {
            const connected = await this.connect(values, timeoutMs);
            if (connected.code !== 0) return connected;
        }
        const command = sshCommand(values, fresh ? "none" : this.socket(values));
        return run([...command, asRoot(values.sshUser, line)], {
            ...options,
            timeoutMs: Math.max(1, end - Date.now()),
        });
    }

    /** A connection to a port of the host's own address, made there. It ends where that cannot be made. */
    dial(values: SshValues, port: number): Duplex {
        const forward = ["-W", `${values.nodeAddress}:${port}`];
        const [command, ...words] = sshCommand(values, this.socket(values), forward);
        const ssh = spawn(command!, words, { stdio: ["pipe", "pipe", "ignore"] });
        const connection = Duplex.from({ readable: ssh.stdout, writable: ssh.stdin });
        ssh.on("error", (error) => connection.destroy(error));
        connection.on("close", () => ssh.kill());
        return connection;
    }

    /** Ends all connections. */
    async close(): Promise<void> {
        const end = (values: SshValues): Promise<RunResult> =>
            run(sshCommand(values, this.socket(values), ["-O", "exit"]), { timeoutMs: 2_000 });
        await Promise.all([...this.used.values()].map(end));
        rmSync(this.directory, { recursive: true, force: true });
    }

    private socket(values: SshValues): string {
        return join(this.directory, values.nodeName);
    }

    private connect(values: SshValues, timeoutMs: number): Promise<RunResult> {
        const name = values.nodeName;
        this.used.set(name, values);
        const connecting =
            this.connecting.get(name) ?? run(sshCommand(values, this.socket(values), MASTER), { timeoutMs });
        this.connecting.set(name, connecting);
        return connecting.finally(() => this.connecting.delete(name));
    }
}
