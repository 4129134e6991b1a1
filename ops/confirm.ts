import { createInterface } from "node:readline/promises";
import { UserError } from "./errors";

/** Asks the person at the keyboard whether to go on; `--yes` is an answer. Errors: no, or nobody there. */
export async function confirm(options: { yes?: boolean; json?: boolean }): Promise<void> {
    if (options.yes) return;
    if (!process.stdin.isTTY || options.json)
        throw new UserError("nobody is there to say yes: add --yes to go on without asking");
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    const answer = await terminal.question("Do this? [y/N] ").finally(() => terminal.close());
    if (!/^y(es)?$/i.test(answer.trim())) throw new UserError("not confirmed; nothing was touched");
}
