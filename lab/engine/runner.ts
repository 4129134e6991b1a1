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
 * - The SDK prints errors by `util.inspect` with colours, which never ends on Node 20.20 when a line of the stack has nothing but a file
 *   after `node_modules/@scope/`, as the SDK's own source maps make it: a program that throws would hang.
 * - A program whose engine was killed has nothing left to do.
 */
const GUARD = `
    import util from "node:util";
    const { inspect } = util;
    const plain = (value, options, ...rest) => inspect(value, options?.colors ? { ...options, colors: false } : options, ...rest);
    util.inspect = Object.assign(plain, inspect);
    const engine = process.ppid;
    setInterval(() => process.ppid === engine || process.exit(1), 1000).unref();`;
const GUARD_FLAGS = ["--import", `data:text/javascript,${encodeURIComponent(GUARD)}`];

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

function start(project: Project, config: ResolvedConfig, deployment: Deployment, address: string): ChildProcess {
    const { stack, parallel, preview } = deployment.options;
    const flags = [
        ...["--monitor", address, "--engine", address],
        ...["--organization", "organization", "--project", project.name, "--stack", stack],
        ...["--root-directory", project.root, "--pwd", project.root, "--parallel", String(parallel)],
        ...(preview ? ["--dry-run"] : []),
    ];
    const program = project.program === project.root ? "." : project.program;
    return spawn(process.execPath, [...GUARD_FLAGS, ...project.nodeArgs, findRunner(project), ...flags, program], {
        cwd: project.root,
        env: environment(project, config),
        stdio: ["ignore", "pipe", "pipe"],
    });
}

/** Runs the program to its end. What it registers goes to the deployment. */
export async function runProgram(
    project: Project,
    config: ResolvedConfig,
    deployment: Deployment,
    invoke: Invoke,
): Promise<void> {
    const server = new MonitorServer(deployment, invoke);
    const child = start(project, config, deployment, await server.listen());
    const forward = (stream: NodeJS.ReadableStream, severity: "info" | "info#err") =>
        readline.createInterface({ input: stream }).on("line", (line) => deployment.log("", severity, line));
    forward(child.stdout!, "info");
    forward(child.stderr!, "info#err");
    deployment.whenStopped(() => {
        // Refused registrations end the program by themselves, unless it is busy with something else.
        setTimeout(() => child.kill(), 500).unref();
        setTimeout(() => child.kill("SIGKILL"), 5000).unref();
    });
    try {
        const code = await new Promise<number | null>((resolve, reject) => {
            child.on("error", reject);
            child.on("close", resolve);
        });
        if (code === 0 || deployment.isStopped) return;
        if (code !== EXIT_REPORTED) deployment.log("", "error", `program exited with non-zero exit code: ${code}`);
        deployment.failed = true;
        deployment.stop();
    } finally {
        server.close();
    }
}
