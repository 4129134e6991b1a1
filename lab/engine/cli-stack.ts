// pulumi stack [init|ls|select|output|export|rm]
import * as fs from "node:fs";
import { Command } from "commander";
import { Backend, selectedStack, selectStack } from "./backend";
import { Deployment, SecretSealer } from "./checkpoint";
import { chosenStack, projectHere, StackOptions, withStack } from "./cli";
import { UserError } from "./errors";
import { rootOf, Stack } from "./stack";
import { encode, masked, Secret, SIGNATURE, SECRET_SIGNATURE, Value } from "./values";

interface StackFlags extends StackOptions {
    json?: boolean;
    showSecrets?: boolean;
    file?: string;
    force?: boolean;
    preserveConfig?: boolean;
    create?: boolean;
    select?: boolean;
}

const shortName = (name: string) => name.split("/").at(-1)!;

async function init(given: string | undefined, flags: StackFlags): Promise<void> {
    const project = projectHere();
    const name = shortName(given ?? flags.stack ?? "");
    if (!/^[\w.-]+$/.test(name))
        throw new UserError(`a stack name needs letters, digits, '-', '_' and '.', not '${name}'`);
    const backend = new Backend();
    if (backend.exists(project.name, name)) throw new UserError(`stack '${name}' already exists`);
    // Opens the secrets manager now, so that a wrong passphrase shows before there is anything to lose.
    await new Stack(project, name, backend).crypter();
    backend.write(project.name, name, undefined);
    if (flags.select !== false) selectStack(project, name);
    console.log(`Created stack '${name}'`);
}

function list(flags: StackFlags): void {
    const project = projectHere();
    const backend = new Backend();
    const current = selectedStack(project);
    const rows = backend.list(project.name).map((name) => {
        const latest = backend.read(project.name, name);
        return {
            name,
            current: name === current,
            lastUpdate: latest?.manifest.time,
            resourceCount: latest?.resources?.length,
        };
    });
    if (flags.json) return console.log(JSON.stringify(rows, undefined, 2));
    const width = Math.max(4, ...rows.map(({ name }) => name.length + 1));
    console.log(`${"NAME".padEnd(width)}  LAST UPDATE               RESOURCE COUNT`);
    for (const row of rows) {
        const label = row.current ? `${row.name}*` : row.name;
        console.log(`${label.padEnd(width)}  ${(row.lastUpdate ?? "n/a").padEnd(24)}  ${row.resourceCount ?? "n/a"}`);
    }
}

async function select(given: string | undefined, flags: StackFlags): Promise<void> {
    const project = projectHere();
    const name = shortName(given ?? flags.stack ?? "");
    if (!new Backend().exists(project.name, name)) {
        if (!flags.create) throw new UserError(`no stack named '${name}' found`);
        await init(name, flags);
    }
    selectStack(project, name);
}

async function output(name: string | undefined, flags: StackFlags): Promise<void> {
    const stack = chosenStack(flags);
    const outputs = rootOf(await stack.load())?.outputs ?? {};
    const visible = (value: Value) => (flags.showSecrets ? encode(value, false) : masked(value));
    const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
    if (name !== undefined) {
        if (!(name in outputs)) throw new UserError(`current stack does not have output property '${name}'`);
        const value = visible(outputs[name]);
        return console.log(flags.json ? JSON.stringify(value, undefined, 2) : text(value));
    }
    const rows = Object.entries(outputs)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => [key, visible(value)]);
    if (flags.json) return console.log(JSON.stringify(Object.fromEntries(rows), undefined, 2));
    if (rows.length === 0) return console.log("No output values currently in this stack");
    console.log(`Current stack outputs (${rows.length}):`);
    const width = Math.max(6, ...rows.map(([key]) => String(key).length));
    for (const [key, value] of [["OUTPUT", "VALUE"], ...rows])
        console.log(`    ${String(key).padEnd(width)}  ${text(value)}`);
}

/** Ciphertexts, or with `--show-secrets` what they hide (as JSON text, like the CLI). */
async function exportStack(flags: StackFlags): Promise<void> {
    const stack = chosenStack(flags);
    const deployment: Deployment | Record<string, never> = stack.backend.read(stack.project.name, stack.name) ?? {};
    const sealer = flags.showSecrets ? new SecretSealer(await stack.crypter()) : undefined;
    const reveal = (_key: string, value: unknown) => {
        const object = value as Record<string, unknown> | null;
        if (!sealer || typeof object !== "object" || object?.[SIGNATURE] !== SECRET_SIGNATURE) return value;
        const secret = sealer.open(object) as Secret;
        return { [SIGNATURE]: SECRET_SIGNATURE, plaintext: JSON.stringify(encode(secret.value, true)) };
    };
    const text = JSON.stringify({ version: 3, deployment }, reveal, 4);
    if (flags.file) fs.writeFileSync(flags.file, `${text}\n`);
    else console.log(text);
}

function remove(given: string | undefined, flags: StackFlags): void {
    const stack = chosenStack({ ...flags, stack: given ?? flags.stack });
    const resources = stack.backend.read(stack.project.name, stack.name)?.resources ?? [];
    if (resources.length > 0 && !flags.force) {
        throw new UserError(
            `'${stack.name}' still has resources; removal rejected. Possible actions:\n- Make sure that '${stack.name}' is the stack ` +
                "that you want to destroy\n- Run `pulumi destroy` to delete the resources, then run `pulumi stack rm`\n" +
                "- Run `pulumi stack rm --force` to override this error",
        );
    }
    stack.backend.remove(stack.project.name, stack.name);
    if (!flags.preserveConfig) fs.rmSync(stack.config.file, { force: true });
    if (selectedStack(stack.project) === stack.name) selectStack(stack.project, undefined);
    console.log(`Stack '${stack.name}' has been removed!`);
}

export function addStackCommands(program: Command): void {
    const stack = withStack(program.command("stack").description("the stacks of this project")).option("--show-name");
    stack.action((flags: StackFlags) => console.log(chosenStack(flags).name));
    /** Options given before the sub-command count too. */
    const all = (command: Command) => command.optsWithGlobals() as StackFlags;
    const add = (usage: string, run: (name: string | undefined, flags: StackFlags) => void | Promise<void>) => {
        const command = withStack(stack.command(usage));
        const takesName = usage.includes("[");
        return command.action((...parameters: unknown[]) =>
            run(takesName ? (parameters[0] as string | undefined) : undefined, all(parameters.at(-1) as Command)),
        );
    };
    add("init [name]", init)
        .option("--secrets-provider <type>")
        .option("--no-select")
        .option("--copy-config-from <stack>");
    add("ls", (_name, flags) => list(flags))
        .option("-j, --json")
        .option("-a, --all");
    add("select [name]", select).option("-c, --create").option("--secrets-provider <type>");
    add("output [name]", output).option("-j, --json").option("--show-secrets");
    add("export", (_name, flags) => exportStack(flags))
        .option("--file <file>")
        .option("--show-secrets");
    add("rm [name]", remove).option("-y, --yes").option("-f, --force").option("--preserve-config");
}
