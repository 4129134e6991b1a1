// The command line: the CLI's verbs and flags, as far as this project uses them.
import * as path from "node:path";
import { Command, CommanderError } from "commander";
import { Backend, saveLogin, selectedStack } from "./backend";
import { ENGINE_VERSION } from "./checkpoint";
import { addConfigCommands } from "./cli-config";
import { addResourceCommands } from "./cli-resources";
import { addStackCommands } from "./cli-stack";
import { messageOf, UserError } from "./errors";
import { removeLocks } from "./lock";
import { loadProject, Project } from "./project";
import { Stack } from "./stack";

export interface StackOptions {
    stack?: string;
    configFile?: string;
}

export const projectHere = (): Project => loadProject(process.cwd());

/** `--stack`, PULUMI_STACK, or what `stack select` chose. */
export function chosenStack({ stack, configFile }: StackOptions): Stack {
    const project = projectHere();
    const name = (stack ?? process.env.PULUMI_STACK ?? selectedStack(project))?.split("/").at(-1);
    if (!name) throw new UserError("no stack selected; please use `pulumi stack select` or `--stack` to choose one");
    const backend = new Backend();
    if (!backend.exists(project.name, name)) throw new UserError(`no stack named '${name}' found`);
    return new Stack(project, name, backend, configFile);
}

/** `--stack` where it can be given: almost everywhere. */
export const withStack = (command: Command) =>
    command.option("-s, --stack <stack>", "the name of the stack to operate on").option("--config-file <file>");

function newProgram(): Command {
    const program = new Command("pulumi")
        .description("The lab engine: runs this project's Pulumi program where the real CLI cannot be had")
        .option("-C, --cwd <dir>", "run as if started in another directory")
        .option("--non-interactive", "never ask")
        .option("--color <when>", "accepted, ignored")
        .option("--logtostderr", "accepted, ignored")
        .option("-v, --verbose <level>", "accepted, ignored")
        .hook("preAction", (_root, command) => {
            const { cwd } = command.optsWithGlobals();
            if (cwd) process.chdir(path.resolve(cwd));
        });
    addResourceCommands(program);
    addStackCommands(program);
    addConfigCommands(program);
    program.command("version").action(() => console.log(`${ENGINE_VERSION}+lab`));
    program.command("whoami").action(() => console.log(process.env.USER ?? "root"));
    program
        .command("login [url]")
        .option("-l, --local")
        .action((url: string | undefined) => {
            const backend = new Backend(url ?? "file://~");
            saveLogin(backend.url);
            console.log(`Logged in (${backend.url})`);
        });
    program.command("logout").action(() => {});
    withStack(program.command("cancel").option("-y, --yes")).action((options: StackOptions) => {
        const stack = chosenStack(options);
        removeLocks(stack.backend, stack.project.name, stack.name);
        console.log(`The currently running update for '${stack.name}' has been canceled!`);
    });
    return program;
}

/** Options of the root may also follow the verb, as in the CLI. */
function acceptGlobalsEverywhere(command: Command): void {
    for (const child of command.commands) {
        if (!child.options.some((option) => option.long === "--cwd")) child.option("-C, --cwd <dir>");
        if (!child.options.some((option) => option.long === "--non-interactive")) child.option("--non-interactive");
        if (!child.options.some((option) => option.long === "--color")) child.option("--color <when>");
        acceptGlobalsEverywhere(child);
    }
}

export async function main(argv: string[]): Promise<void> {
    const program = newProgram();
    acceptGlobalsEverywhere(program);
    const throwing = (command: Command): void => {
        command.exitOverride();
        command.commands.forEach(throwing);
    };
    throwing(program);
    try {
        await program.parseAsync(argv);
    } catch (error) {
        if (error instanceof CommanderError) {
            process.exitCode = error.exitCode;
            return;
        }
        const detail =
            error instanceof UserError || !process.env.LAB_ENGINE_DEBUG ? messageOf(error) : (error as Error).stack;
        console.error(`error: ${detail}`);
        process.exitCode = 1;
    }
    // What is still open (a connection to a host that has gone, say) must not keep a finished run.
    setTimeout(() => process.exit(), 1000).unref();
}
