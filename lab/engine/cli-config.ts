// pulumi config [get|set|rm]
import { Command } from "commander";
import { chosenStack, StackOptions, withStack } from "./cli";
import { asText, decryptAll, qualify } from "./config";
import { UserError } from "./errors";
import { Stack } from "./stack";
import { ConfigValue, hasSecure, parsePath } from "./stack-config";

interface ConfigFlags extends StackOptions {
    secret?: boolean;
    plaintext?: boolean;
    path?: boolean;
    json?: boolean;
    showSecrets?: boolean;
}

/** Where a key is in the file. Without `--path`, dots and brackets are part of the name. */
function keysOf(stack: Stack, key: string, path: boolean | undefined): (string | number)[] {
    if (!path) return [qualify(stack.project, key)];
    const [first, ...rest] = parsePath(key);
    return [qualify(stack.project, String(first)), ...rest];
}

/** With `--path` true, false and numbers are what they look like; else every value is a string. */
function typed(value: string, path: boolean | undefined): ConfigValue {
    if (!path) return value;
    if (value === "true" || value === "false") return value === "true";
    return /^(0|-?[1-9]\d{0,14})$/.test(value) ? Number(value) : value;
}

export function setConfigValue(
    stack: Stack,
    key: string,
    value: string,
    flags: { path?: boolean },
    secure?: string,
): void {
    stack.config.set(keysOf(stack, key, flags.path), secure === undefined ? typed(value, flags.path) : { secure });
}

async function readStdin(): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks)
        .toString("utf8")
        .replace(/\r?\n$/, "");
}

async function set(key: string, given: string | undefined, flags: ConfigFlags): Promise<void> {
    const stack = chosenStack(flags);
    const value = given ?? (await readStdin());
    const isSecret = flags.secret || (!flags.plaintext && hasSecure(stack.config.get(keysOf(stack, key, flags.path))));
    setConfigValue(stack, key, value, flags, isSecret ? (await stack.crypter()).encrypt(value) : undefined);
    stack.config.save();
}

async function get(key: string, flags: ConfigFlags): Promise<void> {
    const stack = chosenStack(flags);
    const keys = keysOf(stack, key, flags.path);
    const own = stack.config.get(keys);
    const schema = keys.length === 1 ? stack.project.config.get(String(keys[0])) : undefined;
    const value = own ?? ((schema?.value ?? schema?.default) as ConfigValue | undefined);
    if (value === undefined) throw new UserError(`configuration key '${key}' not found for stack '${stack.name}'`);
    const text = asText(hasSecure(value) ? await decrypted(stack, value) : value);
    if (flags.json) console.log(JSON.stringify({ value: text, secret: hasSecure(value) }, undefined, 2));
    else console.log(text);
}

async function decrypted(stack: Stack, value: ConfigValue): Promise<ConfigValue> {
    const crypter = await stack.crypter();
    return decryptAll(value, (ciphertext) => crypter.decrypt(ciphertext));
}

const maskSecure = (value: ConfigValue): ConfigValue => decryptAll(value, () => "[secret]");

async function list(flags: ConfigFlags): Promise<void> {
    const stack = chosenStack(flags);
    const defaults = [...stack.project.config].flatMap(([key, schema]): [string, ConfigValue][] => {
        const value = schema.value ?? schema.default;
        return value === undefined ? [] : [[key, value as ConfigValue]];
    });
    const merged = new Map([...defaults, ...stack.config.entries()]);
    const rows: { key: string; value: string; secret: boolean }[] = [];
    for (const [key, value] of [...merged].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const visible = flags.showSecrets && hasSecure(value) ? await decrypted(stack, value) : maskSecure(value);
        rows.push({ key, value: asText(visible), secret: hasSecure(value) });
    }
    if (flags.json) {
        const entries = rows.map(({ key, value, secret }) => [
            key,
            secret && !flags.showSecrets ? { secret } : { value, secret },
        ]);
        console.log(JSON.stringify(Object.fromEntries(entries), undefined, 2));
        return;
    }
    const own = `${stack.project.name}:`;
    const short = rows.map(({ key, value }) => [key.startsWith(own) ? key.slice(own.length) : key, value]);
    const width = Math.max(3, ...short.map(([key]) => key.length));
    for (const [key, value] of [["KEY", "VALUE"], ...short]) console.log(`${key.padEnd(width)}  ${value}`);
}

export function addConfigCommands(program: Command): void {
    const config = withStack(program.command("config").description("the stack's settings"));
    const show = (flags: ConfigFlags) => list(flags);
    config.option("-j, --json").option("--show-secrets").action(show);
    /** Options given before the sub-command count too. */
    const all = (command: Command) => command.optsWithGlobals() as ConfigFlags;
    withStack(config.command("get <key>").option("--path").option("-j, --json")).action(
        (key: string, _flags: unknown, command: Command) => get(key, all(command)),
    );
    withStack(config.command("set <key> [value]").option("--path").option("--secret").option("--plaintext")).action(
        (key: string, value: string | undefined, _flags: unknown, command: Command) => set(key, value, all(command)),
    );
    withStack(config.command("rm <key>").option("--path")).action((key: string, _flags: unknown, command: Command) => {
        const flags = all(command);
        const stack = chosenStack(flags);
        if (stack.config.delete(keysOf(stack, key, flags.path))) stack.config.save();
    });
}
