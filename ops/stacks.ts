/** Which stacks a command is for: those of one system, and of no other. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { System } from "../components/settings/keys";
import { SYSTEMS } from "../components/settings/systems";
import { UserError } from "./errors";

/** What `pulumi config` shows: a secret has no value. */
export type ShownConfig = Record<string, string | undefined>;

/** A stack's settings, or what pulumi says of one that was never made. */
export type StackConfig = { stack: string } & ({ config: ShownConfig } | { missing: string });

/** What was chosen. */
export interface ChosenStacks {
    system: System;
    stacks: { stack: string; config: ShownConfig }[];
    /** Of the same system: they have settings, and were never made. */
    leftOut: string[];
}

interface Choice {
    directory: string;
    project: string;
    /** By name. */
    stacks?: string[];
    system?: System;
}

/**
 * Those that are named, or else all that describe a node of one system, have a file in the directory, and were made. Errors: stacks of two systems are
 * named, or are there; none is there.
 */
export async function chooseStacks(
    choice: Choice,
    read: (stack: string) => Promise<StackConfig>,
): Promise<ChosenStacks> {
    if (choice.stacks?.length) return named({ ...choice, stacks: choice.stacks }, read);
    const found = describedStacks(choice).filter(({ system }) => system === (choice.system ?? system));
    if (found.length === 0) throw nothingHere(choice);
    const configs = await Promise.all(found.map(async ({ stack, system }) => ({ system, ...(await read(stack)) })));
    const made = configs.filter(isMade);
    const systems = [...new Set(made.map(({ system }) => system))];
    if (systems.length > 1) throw bothAreHere(made);
    const [system] = systems;
    if (system === undefined) throw noneMade(configs);
    const leftOut = configs.filter((one) => one.system === system && !isMade(one)).map(({ stack }) => stack);
    return { system, stacks: made, leftOut };
}

const isMade = <T extends StackConfig>(one: T): one is T & { config: ShownConfig } => "config" in one;

async function named(
    { project, stacks, system }: Choice & { stacks: string[] },
    read: (stack: string) => Promise<StackConfig>,
): Promise<ChosenStacks> {
    const configs = await Promise.all(stacks.map(read));
    for (const one of configs)
        if (!isMade(one))
            throw unreadable(one.stack, `${one.missing}\nMake it once with: pulumi stack init ${one.stack}`);
    const made = configs.filter(isMade).map((one) => ({ ...one, system: systemOf(one.config[`${project}:system`]) }));
    // What it is, whoever reads the settings says with a sentence of its own.
    if (system !== undefined) return { system, stacks: made, leftOut: [] };
    const [first] = made;
    const other = made.find((one) => one.system !== first!.system);
    if (other)
        throw new UserError(
            `stack "${first!.stack}" is of ${titleOf(first!.system)}, and "${other.stack}" of ${titleOf(other.system)}: a command is for one system; name only its stacks`,
        );
    return { system: first!.system, stacks: made, leftOut: [] };
}

/** Stacks that describe a node, by what their files say. */
function describedStacks({ directory, project }: Choice): { stack: string; system: System }[] {
    return readdirSync(directory)
        .flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? [])
        .sort()
        .flatMap((stack) => {
            const file = parse(readFileSync(join(directory, `Pulumi.${stack}.yaml`), "utf8")) as {
                config?: Record<string, unknown>;
            } | null;
            const config = file?.config ?? {};
            return `${project}:nodeName` in config ? [{ stack, system: systemOf(config[`${project}:system`]) }] : [];
        });
}

// Another word is found when the settings are read, and said as what it is.
const systemOf = (word: unknown): System => (word === "apm" ? "apm" : "otel-ha");

const titleOf = (system: System): string => `${SYSTEMS[system].title} (${system})`;

/** Why the settings of a stack cannot be used. */
export const unreadable = (stack: string, said: string): UserError =>
    new UserError(`the settings of stack "${stack}" cannot be read; pulumi says: ${said}`);

function nothingHere({ directory, project, system }: Choice): UserError {
    const what = system === undefined || system === "otel-ha" ? "" : ` and ${project}:system: ${system}`;
    return new UserError(
        `no stack in ${directory}: there is no Pulumi.<stack>.yaml with ${project}:nodeName${what}; see docs/config.md`,
    );
}

function bothAreHere(made: { stack: string; system: System }[]): UserError {
    const of = (system: System): string =>
        `${made
            .filter((one) => one.system === system)
            .map(({ stack }) => stack)
            .join(", ")} of ${titleOf(system)}`;
    return new UserError(
        `there are stacks of two systems: ${of("otel-ha")}, and ${of("apm")}; say which with --system otel-ha or --system apm`,
    );
}

function noneMade(configs: StackConfig[]): UserError {
    const stacks = configs.map(({ stack }) => stack);
    return new UserError(
        `none of the stacks ${stacks.join(", ")} has been made; make those that you need once, as with: pulumi stack init ${stacks[0]}`,
    );
}
