import { Command, CommanderError } from "commander";
import { UserError } from "./errors";
import { addDrillCommand } from "./drill/command";
import { addPreviewCommand } from "./preview/command";
import { addResyncCommand } from "./resync/command";
import { addRotateCommand } from "./rotate/command";
import { addStatusCommand } from "./status/command";
import { addUpCommand } from "./up/command";
import { addVerifyCommand } from "./verify/command";

/** Wrong usage, settings that cannot be read, and whatever else keeps a command from starting. */
const CANNOT_START = 3;

const HELP = `
Examples:
  otel-ha status                  does everything work, and is it there more than once?
  otel-ha up                      deploy a change, one host after the other
  otel-ha preview                 what would change on each host?
  otel-ha verify                  are files, containers and the rest as they were deployed?
  otel-ha rotate --check          how old are the secrets?
  otel-ha COMMAND --help          options, exit codes and examples of one command

Run it in the project's directory, with pulumi on PATH, logged in as for "pulumi up". The hosts are reached over SSH with the settings of
the stacks. docs/ops.md is the handbook.
`;

export function newProgram(): Command {
    const program = new Command("otel-ha")
        .description("Day-2 operations for the two-host OpenTelemetry platform, and for Container APM on three hosts")
        .showHelpAfterError("Add --help for the options, with examples.")
        .configureHelp({ showGlobalOptions: true })
        .addHelpText("after", HELP);
    addStatusCommand(program);
    addPreviewCommand(program);
    addUpCommand(program);
    addVerifyCommand(program);
    addRotateCommand(program);
    addDrillCommand(program);
    addResyncCommand(program);
    return program;
}

/** Every command throws instead of ending the process, so that what is open gets closed. */
function throwing(command: Command): void {
    command.exitOverride();
    command.commands.forEach(throwing);
}

/** Runs the command line; sets the process' exit code. */
export async function main(argv: string[]): Promise<void> {
    const program = newProgram();
    throwing(program);
    // `otel-ha up | head`: what has begun goes on, and a fault that is in is taken out.
    for (const stream of [process.stdout, process.stderr]) stream.on("error", ignoreClosed);
    try {
        await program.parseAsync(argv);
    } catch (error) {
        if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : CANNOT_START;
        else if (error instanceof UserError) fail(error.message, error.exitCode);
        else fail((process.env.OTEL_HA_TRACE && (error as Error).stack) || String(error), CANNOT_START);
    }
}

function ignoreClosed(error: NodeJS.ErrnoException): void {
    if (error.code !== "EPIPE") throw error;
}

function fail(message: string, exitCode: number): void {
    console.error(`otel-ha: ${message}`);
    process.exitCode = exitCode;
}
