import { Command, Option } from "commander";
import { System } from "../components/settings/keys";
import { SYSTEMS } from "../components/settings/systems";
import { AnyDeployment, Deployment, openSystem } from "./deployment";
import { UserError } from "./errors";

/** Options that every command has. */
export interface CommonOptions {
    cwd?: string;
    stack?: string[];
    system?: System;
    json?: boolean;
}

/** What a process that Ctrl-C ended ends with. */
const INTERRUPTED = 130;

const collect = (value: string, list: string[] = []): string[] => [...list, value];

/** A command with the options that all have. */
export function addCommand(program: Command, usage: string, description: string): Command {
    return program
        .command(usage)
        .description(description)
        .addOption(new Option("-C, --cwd <dir>", "the project's directory (default: the current one)"))
        .addOption(
            new Option(
                "-s, --stack <stack>",
                "a stack of the system; repeat it for the others (default: all of one system that have a nodeName)",
            ).argParser(collect),
        )
        .addOption(
            new Option("--system <system>", "which one, where stacks of both are there").choices(Object.keys(SYSTEMS)),
        )
        .option("-j, --json", "print JSON on standard output, and nothing else there");
}

/** Opens a system, and closes its connections however it ends. Ctrl-C ends the process, unless `onInterrupt` says what else to do. */
export async function withSystem<T>(
    options: CommonOptions,
    use: (deployment: AnyDeployment) => Promise<T>,
    onInterrupt?: () => void,
): Promise<T> {
    const deployment = await openSystem({ directory: options.cwd, stacks: options.stack, system: options.system });
    for (const stack of deployment.leftOut ?? [])
        console.error(`otel-ha: stack ${stack} was never made (pulumi stack init ${stack}), and is left out`);
    const interrupted = (): void => {
        if (onInterrupt) onInterrupt();
        else void deployment.close().finally(() => process.exit(INTERRUPTED));
    };
    process.on("SIGINT", interrupted).on("SIGTERM", interrupted);
    try {
        return await use(deployment);
    } finally {
        process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
        await deployment.close();
    }
}

/** The same for what only the pair has. Errors: another system was asked for. */
export async function withDeployment<T>(
    options: CommonOptions,
    use: (deployment: Deployment) => Promise<T>,
    onInterrupt?: () => void,
): Promise<T> {
    const system = "otel-ha";
    if ((options.system ?? system) !== system)
        throw new UserError(`this is for ${SYSTEMS[system].title} (${system}) only`);
    return withSystem({ ...options, system }, (deployment) => use(deployment as Deployment), onInterrupt);
}
