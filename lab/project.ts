/** A copy of the Pulumi project as a user's clone has it, with the lab's key material in its stack files and a state of its own. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { pulumiCommand } from "./engine-choice";
import { ALL_NODES, hostsOf, type System } from "./nodes";
import { REPO, STATE_DIR } from "./paths";
import { run, type RunOptions, type RunResult } from "./run";
import { readState } from "./state";

const PARTS = [
    "index.ts",
    "start.cjs",
    "bundle.cjs",
    "ops",
    "policies",
    "package.json",
    "Pulumi.yaml",
    "components",
    "templates",
];

/** A stack is named after its host. */
export type StackName = "node1" | "node2" | "apm1" | "apm2" | "apm3";
export const stacksOf = (system: System): StackName[] => hostsOf(system).map(({ name }) => name as StackName);
/** The pair's. */
export const STACKS = stacksOf("otel-ha");

export interface Project {
    dir: string;
    /** Those of its system. */
    stacks: StackName[];
    /** What `pulumi` needs in its environment, for a shell too. */
    env: Record<string, string>;
}

/** Where the demo's project is. */
export const DEMO_PROJECT = join(STATE_DIR, "project");
/** Where that of the APM demo is. */
export const APM_DEMO_PROJECT = join(STATE_DIR, "apm-project");

/** Copies the sources anew; the state that is there stays. Stack files get the lab's host keys and key file, and LAB_TLS as `tls`. */
export function makeProject(dir = DEMO_PROJECT, system: System = "otel-ha"): Project {
    mkdirSync(join(dir, "state"), { recursive: true });
    const project = openProject(dir, system);
    const salts = Object.fromEntries(project.stacks.map((stack) => [stack, stackSalt(dir, stack)]));
    for (const part of [...PARTS, ...stackFiles()]) {
        rmSync(join(dir, part), { recursive: true, force: true });
        cpSync(join(REPO, part), join(dir, part), { recursive: true, preserveTimestamps: true });
    }
    if (!existsSync(join(dir, "node_modules"))) symlinkSync(join(REPO, "node_modules"), join(dir, "node_modules"));
    for (const stack of project.stacks) addKeyMaterial(dir, stack, salts[stack]);
    const { LAB_TLS } = process.env;
    if (LAB_TLS) for (const stack of project.stacks) setSettings(project, stack, { tls: LAB_TLS });
    return project;
}

/** Stack files of all systems, as a clone has them. */
const stackFiles = (): string[] =>
    ALL_NODES.map(({ name }) => `Pulumi.${name}.yaml`).filter((file) => existsSync(join(REPO, file)));

/** The project that is already there. */
export function openProject(dir = DEMO_PROJECT, system: System = "otel-ha"): Project {
    return {
        dir,
        stacks: stacksOf(system),
        env: {
            PULUMI_BACKEND_URL: `file://${join(dir, "state")}`,
            PULUMI_CONFIG_PASSPHRASE: "lab",
            PULUMI_SKIP_UPDATE_CHECK: "true",
            // The real CLI hides --event-log, which the tests read, without this.
            PULUMI_DEBUG_COMMANDS: "true",
        },
    };
}

/** Runs `pulumi` in the project; never throws for its exit code. */
export function pulumi(project: Project, args: string[], options: RunOptions = {}): Promise<RunResult> {
    return run([pulumiCommand(), ...args, "--non-interactive"], {
        ...options,
        cwd: project.dir,
        env: { ...project.env, ...options.env },
    });
}

/** Makes the stacks that do not exist yet. */
export async function initStacks(project: Project): Promise<void> {
    for (const stack of project.stacks) {
        const result = await pulumi(project, ["stack", "init", stack]);
        if (result.code !== 0 && !/already exists/.test(result.stderr + result.stdout))
            throw new Error(result.stderr || result.stdout);
    }
}

/** Writes settings into a stack's file. */
export function setSettings(project: Project, stack: StackName, settings: Record<string, unknown>): void {
    const document = parseDocument(readFileSync(stackFile(project.dir, stack), "utf8"));
    for (const [key, value] of Object.entries(settings)) document.setIn(["config", `otel-ha:${key}`], value);
    writeFileSync(stackFile(project.dir, stack), String(document));
}

const stackFile = (dir: string, stack: StackName): string => join(dir, `Pulumi.${stack}.yaml`);

function stackSalt(dir: string, stack: StackName): string | undefined {
    const file = stackFile(dir, stack);
    return existsSync(file)
        ? (parseDocument(readFileSync(file, "utf8")).get("encryptionsalt") as string | undefined)
        : undefined;
}

function addKeyMaterial(dir: string, stack: StackName, salt: string | undefined): void {
    const lab = readState();
    const document = parseDocument(readFileSync(stackFile(dir, stack), "utf8"));
    document.setIn(["config", "otel-ha:hostKey"], lab.hosts.find((host) => host.name === stack)!.hostKey);
    document.setIn(["config", "otel-ha:sshPrivateKeyFile"], lab.keyFile);
    if (salt) document.set("encryptionsalt", salt);
    writeFileSync(stackFile(dir, stack), String(document));
}
