// up, preview, refresh, destroy
import * as readline from "node:readline/promises";
import { Command } from "commander";
import { chosenStack, StackOptions, withStack } from "./cli";
import { setConfigValue } from "./cli-config";
import { Display } from "./display";
import { UserError } from "./errors";
import { eventLog, EventSink } from "./events";
import { lockStack } from "./lock";
import { destroy, refresh, RunOptions, RunResult, update } from "./operations";
import { PreviewDigest } from "./preview-json";
import { Stack } from "./stack";

interface Flags extends StackOptions {
    yes?: boolean;
    skipPreview?: boolean;
    previewOnly?: boolean;
    refresh?: boolean | string;
    diff?: boolean;
    json?: boolean;
    expectNoChanges?: boolean;
    parallel?: string;
    eventLog?: string;
    suppressOutputs?: boolean;
    config?: string[];
    configPath?: boolean;
    target?: string[];
}

type Operation = (stack: Stack, options: RunOptions & { refresh?: boolean }) => Promise<RunResult>;

interface Verb {
    run: Operation;
    action: string;
    previewAction: string;
    question: string;
    /** In "the stack was not changed" messages. */
    name: "update" | "refresh" | "destroy";
}

const VERBS: Record<"up" | "refresh" | "destroy", Verb> = {
    up: {
        run: update,
        action: "Updating",
        previewAction: "Previewing update",
        question: "perform this update",
        name: "update",
    },
    refresh: {
        run: (stack, options) => refresh(stack, options),
        action: "Refreshing",
        previewAction: "Previewing refresh",
        question: "perform this refresh",
        name: "refresh",
    },
    destroy: {
        run: destroy,
        action: "Destroying",
        previewAction: "Previewing destroy",
        question: "perform this destroy",
        name: "destroy",
    },
};

const wantsRefresh = ({ refresh: flag }: Flags) => flag !== undefined && flag !== false && flag !== "false";

const changed = ({ changes }: RunResult) =>
    Object.entries(changes).some(([op, count]) => op !== "same" && op !== "read" && count > 0);

/** Several listeners as one. */
const tee =
    (...sinks: EventSink[]): EventSink =>
    (event) => {
        for (const sink of sinks) sink(event);
    };

async function runOnce(stack: Stack, verb: Verb, flags: Flags, preview: boolean): Promise<RunResult> {
    const digest = flags.json ? new PreviewDigest() : undefined;
    const action = preview ? verb.previewAction : verb.action;
    const display = digest ? undefined : new Display({ action, stack: stack.name, preview, diff: !!flags.diff });
    const log = flags.eventLog ? [eventLog(flags.eventLog)] : [];
    const events = tee(...(digest ? [digest.sink] : []), ...(display ? [display.sink] : []), ...log);
    const parallel = flags.parallel ? Math.max(1, Number(flags.parallel)) : undefined;
    const result = await verb.run(stack, {
        preview,
        events,
        parallel,
        targets: flags.target,
        refresh: wantsRefresh(flags),
    });
    display?.finish({ ...result, showOutputs: !flags.suppressOutputs && verb.name === "update" });
    if (digest) console.log(digest.toJson());
    return result;
}

async function confirmed(question: string): Promise<boolean> {
    if (!process.stdin.isTTY) {
        throw new UserError(
            "--yes or --skip-preview must be passed in to proceed when running in non-interactive mode",
        );
    }
    const terminal = readline.createInterface({ input: process.stdin, output: process.stdout });
    const answer = await terminal.question(`Do you want to ${question}? [yes/no] `);
    terminal.close();
    return /^y(es)?$/i.test(answer.trim());
}

function judge(result: RunResult, flags: Flags, preview: boolean): void {
    if (result.failed) process.exitCode = 1;
    else if (flags.expectNoChanges && changed(result)) {
        const what = preview ? "but changes were proposed" : "but changes occurred";
        throw new UserError(`no changes were expected ${what}`);
    }
}

async function execute(verb: Verb, flags: Flags): Promise<void> {
    const stack = chosenStack(flags);
    applyConfigFlags(stack, flags);
    const previewOnly = !!flags.previewOnly;
    const unlock = previewOnly ? () => {} : lockStack(stack.backend, stack.project.name, stack.name);
    try {
        if (previewOnly || !flags.skipPreview) {
            const result = await runOnce(stack, verb, previewOnly ? flags : { ...flags, eventLog: undefined }, true);
            if (previewOnly || result.failed) return judge(result, flags, true);
            if (!flags.yes && !(await confirmed(verb.question))) throw new UserError(`${verb.name} canceled`);
        }
        judge(await runOnce(stack, verb, flags, false), flags, false);
    } finally {
        unlock();
    }
}

/** `--config key=value`, saved in the stack's file, as the CLI does. */
function applyConfigFlags(stack: Stack, flags: Flags): void {
    for (const entry of flags.config ?? []) {
        const at = entry.indexOf("=");
        if (at < 0) throw new UserError(`--config needs KEY=VALUE, not '${entry}'`);
        setConfigValue(stack, entry.slice(0, at), entry.slice(at + 1), { path: flags.configPath });
    }
    if (flags.config?.length) stack.config.save();
}

const collect = (value: string, list: string[] = []) => [...list, value];

function withRunOptions(command: Command): Command {
    return withStack(command)
        .option("-p, --parallel <n>", "how many operations at a time")
        .option("--diff", "show what changes in each resource")
        .option("-j, --json", "machine-readable output")
        .option("-r, --refresh [when]", "compare the state with the hosts first")
        .option("--expect-no-changes", "fail if anything changes")
        .option("--event-log <file>", "write engine events as JSON lines")
        .option("--suppress-outputs")
        .option("--suppress-progress")
        .option("--show-full-output [flag]")
        .option("-m, --message <text>")
        .option("-c, --config <key=value>", "set a config value first", collect)
        .option("-t, --target <urn>", "only these resources (`*` and `**` match)", collect)
        .option("--config-path");
}

const withYes = (command: Command) =>
    command.option("-y, --yes", "do not ask").option("-f, --skip-preview", "do not preview").option("--preview-only");

export function addResourceCommands(program: Command): void {
    const up = withYes(withRunOptions(program.command("up").alias("update").description("create or update the stack")));
    up.action((flags: Flags) => execute(VERBS.up, flags));
    withRunOptions(program.command("preview").alias("pre").description("show what `up` would do")).action(
        (flags: Flags) => execute(VERBS.up, { ...flags, previewOnly: true }),
    );
    withYes(withRunOptions(program.command("refresh").description("compare the state with the hosts"))).action(
        (flags: Flags) => execute(VERBS.refresh, flags),
    );
    const down = withYes(withRunOptions(program.command("destroy").alias("down").description("delete everything")));
    down.option("--remove").action(async (flags: Flags & { remove?: boolean }) => {
        await execute(VERBS.destroy, flags);
        if (!process.exitCode && flags.remove) {
            const stack = chosenStack(flags);
            stack.backend.remove(stack.project.name, stack.name);
        }
    });
}
