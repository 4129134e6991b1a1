// command:remote:Command: scripts over SSH for creation, update and deletion.
import { diffMaps, diffResult } from "../diff";
import { isMap, Unknown, ValueMap } from "../values";
import { Connection, Finished, runSession, SessionOptions, SshPool } from "./ssh";
import { OperationContext, ProviderInstance, ProviderPackage, ResourceProvider } from "./types";

const withoutNewline = (text: string) => text.replace(/\n$/, "");

/** Go's error text for an unsuccessful end. */
function failure({ code, signal, output }: Finished, command: string): Error {
    const how =
        code !== undefined
            ? `Process exited with status ${code}${signal ? ` from signal ${signal}` : ""}`
            : signal
              ? `Process exited with signal ${signal}`
              : "wait: remote command exited without exit status or exit signal";
    return new Error(`${how}: running ${JSON.stringify(command)}:\n${output}`);
}

/** Whole lines of the output, as they come. */
function lineLogger(logging: unknown, context: OperationContext): SessionOptions["onOutput"] {
    const wanted = (logging as string | undefined) ?? "stdoutAndStderr";
    if (wanted === "none") return undefined;
    const rest = { stdout: "", stderr: "" };
    return (chunk, stream) => {
        if (wanted !== "stdoutAndStderr" && wanted !== stream) return;
        const lines = (rest[stream] + chunk.toString("utf8")).split("\n");
        rest[stream] = lines.pop()!;
        for (const line of lines) context.log("info", line);
    };
}

/** sshd ignores variables that its AcceptEnv does not name, silently: ask for them back. */
async function refusedVariables(pool: SshPool, connection: Connection, env: Record<string, string>): Promise<string[]> {
    const probe = Object.keys(env).map((name) => `printf '%s\\0' "\${${name}+set}"`);
    const { stdout } = await pool.use(connection, (client) => runSession(client, probe.join("; "), { env }));
    const answers = stdout.split("\0");
    return Object.keys(env).filter((_name, index) => answers[index] !== "set");
}

async function sessionEnvironment(
    pool: SshPool,
    inputs: ValueMap,
    previous: ValueMap | undefined,
    context: OperationContext,
): Promise<Record<string, string>> {
    const connection = inputs.connection as unknown as Connection;
    const env: Record<string, string> = { ...(isMap(inputs.environment) ? (inputs.environment as never) : {}) };
    if (inputs.addPreviousOutputInEnv !== false && previous) {
        if (previous.stdout) env.PULUMI_COMMAND_STDOUT = String(previous.stdout);
        if (previous.stderr) env.PULUMI_COMMAND_STDERR = String(previous.stderr);
    }
    if (Object.keys(env).length === 0) return env;
    for (const name of await refusedVariables(pool, connection, env)) {
        const help = `Unable to set '${name}'. This only works if the SSH server's AcceptEnv allows it`;
        if (!name.startsWith("PULUMI_COMMAND_"))
            throw new Error(`could not set environment variable "${name}": ${help}`);
        context.log("warning", help);
        delete env[name];
    }
    return env;
}

async function run(
    pool: SshPool,
    script: unknown,
    inputs: ValueMap,
    context: OperationContext,
    previous?: ValueMap,
): Promise<ValueMap> {
    const command = String(script);
    const connection = inputs.connection as unknown as Connection;
    const env = await sessionEnvironment(pool, inputs, previous, context);
    const stdin = inputs.stdin === undefined ? undefined : String(inputs.stdin);
    const onOutput = lineLogger(inputs.logging, context);
    const finished = await pool.use(connection, (client) => runSession(client, command, { stdin, env, onOutput }));
    if (finished.code !== 0) throw failure(finished, command);
    return { stdout: withoutNewline(finished.stdout), stderr: withoutNewline(finished.stderr) };
}

const randomHex = () => Array.from({ length: 8 }, () => Math.floor(Math.random() * 16).toString(16)).join("");

function remoteCommand(pool: SshPool): ResourceProvider {
    return {
        diff: (old, inputs) => diffResult(diffMaps(old.inputs, inputs), (key) => key === "triggers"),

        async create(inputs, context) {
            const id = `${context.name}${randomHex()}`;
            const nothing = { stdout: "", stderr: "" };
            if (context.preview) return { id, outputs: { ...inputs, stdout: Unknown.value, stderr: Unknown.value } };
            const results = inputs.create === undefined ? nothing : await run(pool, inputs.create, inputs, context);
            return { id, outputs: { ...inputs, ...results } };
        },

        async update(old, inputs, context) {
            const previous = { stdout: old.outputs.stdout ?? "", stderr: old.outputs.stderr ?? "" };
            const script = inputs.update ?? inputs.create;
            // The former output is taken for the new one in previews: dependents do not show as changing.
            if (context.preview || script === undefined) return { ...inputs, ...previous };
            return { ...inputs, ...(await run(pool, script, inputs, context, previous)) };
        },

        async delete(old, context) {
            if (old.outputs.delete !== undefined)
                await run(pool, old.outputs.delete, old.outputs, context, old.outputs);
        },
    };
}

export const commandPackage: ProviderPackage = {
    extraInputs: { "__pulumi-go-provider-version": "1.2.0" },
    configure(): ProviderInstance {
        const pool = new SshPool();
        const command = remoteCommand(pool);
        return {
            resource: (type) => (type === "command:remote:Command" ? command : undefined),
            close: () => pool.close(),
        };
    },
};
