import { Command } from "commander";
import { APM_SECRET_NAMES } from "../../components/apm-credentials";
import { SECRET_NAMES } from "../../components/generations";
import { addCommand, CommonOptions, withSystem } from "../cli";
import { confirm } from "../confirm";
import { AnyDeployment } from "../deployment";
import { UserError } from "../errors";
import { paintFor } from "../terminal";
import { agesOf } from "./ages";
import { noteOf, openOverlaps } from "./generations";
import { unprovenLooks } from "./looks";
import { readOwner } from "./owner";
import { Mode, Rotation, RotationPlan, rotationPlan, RotationResult } from "./rotation";
import { chosenSecrets } from "./secrets";
import { looksText, openText, secretsText, stepsText } from "./text";

interface RotateOptions extends CommonOptions {
    yes?: boolean;
    check?: boolean;
    continue?: boolean;
    finish?: boolean;
}

const HELP = `
WHAT is one of ${SECRET_NAMES.join(", ")}; of Container APM, one of
${APM_SECRET_NAMES.join(", ")}; without it, all of them.

What it does: writes the next generation into the settings of the stack that owns the secrets (pulumi config set --path generation.WHAT N), runs
"otel-ha up" until all hosts have it, and looks on each of them that the old value is refused and the new one is taken. It begins only when
everything else is deployed. What others hold, otlpTokens and ca, is accepted old and new first: it stops there, says what to hand out, and
goes on with --continue or --finish. When it is interrupted, the same command goes on with what is missing.

A secret that the settings give is rotated by giving another one: pulumi config set --secret KEY, then otel-ha up.

Exit codes:
  0  done, or nothing to do; --check: nothing is under way
  1  an update failed, or an old value is still accepted, or could not be tried; --check: a rotation has not ended, or old values are accepted beside new ones
  2  a host was not fit for it
  3  nothing was touched: wrong usage, unreadable settings, something else that was not deployed, not confirmed

Examples:
  otel-ha rotate --check              how old is each secret, and is anything under way?
  otel-ha rotate lokiUser             another user for Loki, and the old one is gone
  otel-ha rotate otlpTokens           a second token for each sender
  otel-ha rotate otlpTokens --finish  the first ones are refused
  otel-ha rotate ca                   a second CA that everybody believes; then --continue: it signs; then --finish: the first one is gone
`;

export function addRotateCommand(program: Command): void {
    addCommand(program, "rotate [what...]", "Make secrets anew, without an interruption")
        .option("-y, --yes", "do not ask")
        .option("--check", "say how old they are, what would be done and what is under way, and do nothing")
        .option("--continue", "the next step of what others hold: old and new were handed out")
        .option("--finish", "all that is left of it: old values are refused from now on")
        .addHelpText("after", HELP)
        .action(async (what: string[], options: RotateOptions) => {
            const mode = modeOf(options);
            let running = false;
            // `otel-ha up` gets Ctrl-C as well and ends in order, and with it this does.
            const onInterrupt = (): void => {
                if (!running) process.exit(130);
            };
            const started = (): void => void (running = true);
            await withSystem(options, (deployment) => rotate(deployment, what, mode, options, started), onInterrupt);
        });
}

function modeOf(options: RotateOptions): Mode {
    const chosen = (["check", "continue", "finish"] as const).filter((one) => options[one]);
    if (chosen.length > 1) throw new UserError(`--${chosen.join(" and --")} exclude each other`);
    return options.continue ? "continue" : options.finish ? "finish" : "begin";
}

async function rotate(
    deployment: AnyDeployment,
    what: string[],
    mode: Mode,
    options: RotateOptions,
    started: () => void,
): Promise<void> {
    const owner = await readOwner(deployment);
    const names = chosenSecrets(what, owner.values, owner.named);
    const plan = rotationPlan(owner, names, mode);
    if (options.check) return check(deployment, plan, options);
    const say = (line: string): void => (options.json ? console.error(line) : console.log(line));
    if (plan.steps.length === 0)
        return end({ done: [], looks: [], open: openOverlaps(owner.values, names) }, plan, options);
    if (plan.interrupted) say("A rotation did not end; it goes on first.");
    say(`${secretsText(names, owner.values, await agesOf(deployment, names), Date.now())}\n`);
    say(`${stepsText(plan.steps, owner.stack)}\n`);
    await confirm(options);
    started();
    end(await new Rotation(deployment, plan, say).run(), plan, options);
}

async function check(
    deployment: AnyDeployment,
    { owner, names, steps }: RotationPlan,
    { json }: RotateOptions,
): Promise<void> {
    const open = openOverlaps(owner.values, names);
    const ages = await agesOf(deployment, names);
    process.exitCode = open.length > 0 || owner.noted.length > 0 ? 1 : 0;
    if (json) return console.log(JSON.stringify({ names, made: ages, steps, open, unfinished: owner.noted }));
    console.log(secretsText(names, owner.values, ages, Date.now()));
    if (steps.length > 0) console.log(`\n${stepsText(steps, owner.stack)}`);
    if (owner.noted.length > 0)
        console.log(`\nA rotation did not end (${noteOf(owner.noted)}): otel-ha rotate again goes on with it.`);
    if (open.length > 0) console.log(`\n${openText(open, owner.stack).join("\n")}`);
}

function end({ done, looks, open }: RotationResult, plan: RotationPlan, { json }: RotateOptions): void {
    const unproven = unprovenLooks(looks, plan.interrupted);
    process.exitCode = unproven.length > 0 ? 1 : 0;
    if (json) return console.log(JSON.stringify({ done, looks, open }));
    if (done.length === 0) console.log(open.length > 0 ? "Nothing to begin." : "Nothing is under way.");
    if (looks.length > 0) console.log(`\n${looksText(looks, paintFor(process.stdout)).join("\n")}`);
    if (open.length > 0) console.log(`\n${openText(open, plan.owner.stack).join("\n")}`);
    if (unproven.length > 0)
        console.log("\nThe rotation is deployed, but not proven: see docs/operations.md, Rotation.");
}
