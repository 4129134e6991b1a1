import { Command, Option } from "commander";
import { Deployment, openDeployment } from "./deployment";

/** Options that every command has. */
export interface CommonOptions {
    cwd?: string;
    stack?: string[];
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
                "a stack of the pair; repeat it for the other (default: all that have a nodeName)",
            ).argParser(collect),
        )
        .option("-j, --json", "print JSON on standard output, and nothing else there");
}

/** Opens the pair, and closes its connections however it ends. Ctrl-C ends the process, unless `onInterrupt` says what else to do. */
export async function withDeployment<T>(
    options: CommonOptions,
    use: (deployment: Deployment) => Promise<T>,
    onInterrupt?: () => void,
): Promise<T> {
    const deployment = await openDeployment({ directory: options.cwd, stacks: options.stack });
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
