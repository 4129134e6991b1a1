// Starts the program the way the CLI's language host does: the SDK's own runner, in a process of its own.
import { ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import * as path from "node:path";
import * as readline from "node:readline";
import { Deployment } from "./deployment";
import { UserError } from "./errors";
import { ResolvedConfig } from "./config";
import { Invoke, MonitorServer } from "./monitor";
import { Project } from "./project";

/** The SDK's runner has already told the user why it failed. */
const EXIT_REPORTED = 32;

/**
 * Loaded into the program's process before anything else.
 * - The SDK prints errors by `util.inspect` with colours. On Node 20.20 that never ends when a line of the stack has
 *   nothing but a file after `node_modules/@scope/`, as the SDK's own source maps make it: a program that throws would hang.
 * - A program whose engine was killed has nothing left to do.
 */
const GUARD = `
    import util from "node:util";
    const { inspect } = util;
    const uncoloured = (options) => (options?.colors ? { ...options, colors: false } : options);
    const plain = (value, options, ...rest) => inspect(value, uncoloured(options), ...rest);
    util.inspect = Object.assign(plain, inspect);
    const engine = process.ppid;
    setInterval(() => process.ppid === engine || process.exit(1), 1000).unref();`;
// One word: the SDK takes a lone "--import" for a loader of TypeScript modules.
const GUARD_FLAG = `--import=data:text/javascript,${encodeURIComponent(GUARD)}`;

function findRunner(project: Project): string {
    try {
        return createRequire(path.join(project.root, "package.json")).resolve("@pulumi/pulumi/cmd/run");
    } catch {
        throw new UserError(
            `It looks like the Pulumi SDK has not been installed. Run \`npm install\` in ${project.root}`,
        );
    }
}

function environment(project: Project, config: ResolvedConfig): NodeJS.ProcessEnv {
    return {
        ...process.env,
        PULUMI_CONFIG: JSON.stringify(Object.fromEntries(config.values)),
        PULUMI_CONFIG_SECRET_KEYS: JSON.stringify([...config.secretKeys]),
        PULUMI_NODEJS_TYPESCRIPT: String(project.typescript),
    };
}

export interface ProgramOptions {
    stack: string;
    preview: boolean;
    parallel: number;
}

function spawnProgram(
    project: Project,
    config: ResolvedConfig,
    options: ProgramOptions,
    address: string,
): ChildProcess {
    const flags = [
        ...["--monitor", address, "--engine", address],
        ...["--organization", "organization", "--project", project.name, "--stack", options.stack],
        ...["--root-directory", project.root, "--pwd", project.root, "--parallel", String(options.parallel)],
        ...(options.preview ? ["--dry-run"] : []),
    ];
    const program = project.program === project.root ? "." : project.program;
    return spawn(process.execPath, [GUARD_FLAG, ...project.nodeArgs, findRunner(project), ...flags, program], {
        cwd: project.root,
        env: environment(project, config),
        stdio: ["ignore", "pipe", "pipe"],
    });
}

/**
 * The program's process. It takes a second to load: it may begin before the state has been read, and then waits for it.
 */
export class Program {
    private readonly ended: Promise<number | null>;

    private constructor(
        private readonly child: ChildProcess,
        private readonly server: MonitorServer,
        private readonly attach: (deployment: Deployment) => void,
    ) {
        this.ended = new Promise((resolve, reject) => {
            child.on("error", reject);
            child.on("close", resolve);
        });
        // Looked at when somebody waits for it.
        this.ended.catch(() => {});
    }

    static async start(
        project: Project,
        config: ResolvedConfig,
        options: ProgramOptions,
        invoke: Invoke,
    ): Promise<Program> {
        let attach!: (deployment: Deployment) => void;
        const deployment = new Promise<Deployment>((resolve) => (attach = resolve));
        const server = new MonitorServer(deployment, invoke);
        const child = spawnProgram(project, config, options, await server.listen());
        return new Program(child, server, attach);
    }

    /** Lets the program register its resources, until its end. */
    async runTo(deployment: Deployment): Promise<void> {
        const forward = (stream: NodeJS.ReadableStream, severity: "info" | "info#err") =>
            readline.createInterface({ input: stream }).on("line", (line) => deployment.log("", severity, line));
        forward(this.child.stdout!, "info");
        forward(this.child.stderr!, "info#err");
        deployment.whenStopped(() => {
            // Refused registrations end the program by themselves, unless it is busy with something else.
            setTimeout(() => this.child.kill(), 500).unref();
            setTimeout(() => this.child.kill("SIGKILL"), 5000).unref();
        });
        this.attach(deployment);
        const code = await this.ended;
        if (code === 0 || deployment.isStopped) return;
        if (code !== EXIT_REPORTED) deployment.log("", "error", `program exited with non-zero exit code: ${code}`);
        deployment.failed = true;
        deployment.stop();
    }

    close(): void {
        this.child.kill();
        this.server.close();
    }
}
