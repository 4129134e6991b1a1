import { Rule } from "./model";
import { secretInputs } from "./secrets";

/** What goes over SSH, as engines name it. */
export const COMMAND = "command:remote:Command";
const OVER_SSH = [COMMAND, "command:remote:CopyToRemote", "command:remote:CopyFile"];
const DOCKER = "pulumi:providers:docker";

interface Connection {
    hostKey?: string | null;
    proxy?: Connection | null;
}

const hostKey: Rule = {
    name: "host-key",
    severity: "mandatory",
    types: OVER_SSH,
    reads: ["connection"],
    description: "A connection names the key of its host (`hostKey`), and so does the proxy that it goes through.",
    why: "Without it the provider talks to whatever answers at that address, and sends it the secrets.",
    check: ({ inputs }) => {
        const connection = inputs.connection as Connection | null | undefined;
        const hops: [string, Connection | null | undefined][] = [["connection", connection]];
        if (connection?.proxy) hops.push(["connection.proxy", connection.proxy]);
        return hops
            .filter(([, hop]) => !hop?.hostKey)
            .map(
                ([input]) =>
                    `${input}.hostKey is missing; write the line of the host's /etc/ssh/ssh_host_ed25519_key.pub, "ssh-ed25519 AAAA…"`,
            );
    },
};

const dockerHostKey: Rule = {
    name: "docker-host-key",
    severity: "mandatory",
    types: [DOCKER],
    reads: ["host", "sshOpts"],
    description: "Docker on a host is reached over SSH that accepts that host's key and no other.",
    why: "What ~/.ssh/config of the deployer says would decide otherwise; and Docker without SSH is open to all.",
    check: ({ inputs }) => {
        const host = String(inputs.host ?? "");
        if (host.startsWith("tcp://") || host.startsWith("http://"))
            return [
                `host is ${JSON.stringify(host)}; write "ssh://user@address", which is encrypted and asks for a key`,
            ];
        if (!host.startsWith("ssh://") || sshOptions(inputs.sshOpts).includes("StrictHostKeyChecking=yes")) return [];
        return ['sshOpts has no "StrictHostKeyChecking=yes"; write ["-o", "StrictHostKeyChecking=yes"]'];
    },
};

// The provider's own inputs are JSON.
function sshOptions(value: unknown): string[] {
    const list: unknown = typeof value === "string" ? JSON.parse(value || "[]") : value;
    return Array.isArray(list) ? list.map(String) : [];
}

const TEXTS = ["create", "update", "delete", "environment"];

const noSecretInCommand: Rule = {
    name: "no-secret-in-command",
    severity: "mandatory",
    types: [COMMAND],
    reads: TEXTS,
    each: true,
    secrets: "values",
    description: "No secret is in the text or the environment of a command on a host.",
    why: "The list of processes shows it there, an error prints it here. Standard input is for secrets (`stdin`).",
    check: (asked) =>
        secretInputs(asked, TEXTS).map(
            (input) => `${input} holds a secret, which errors and the host's list of processes show; pass it in stdin`,
        ),
};

const secretMarked: Rule = {
    name: "secret-marked",
    severity: "mandatory",
    types: [COMMAND],
    reads: ["stdin"],
    secrets: "marks",
    description: "What a command gets on standard input is marked as a secret when it holds one.",
    why: "Previews and the state show it otherwise.",
    check: (asked) =>
        asked.marked && !asked.marked.includes("stdin") && secretInputs(asked, ["stdin"]).length > 0
            ? ["stdin holds a secret of the configuration as plain text; wrap it in pulumi.secret(…)"]
            : [],
};

const triggerNotUndone: Rule = {
    name: "trigger-not-undone",
    severity: "mandatory",
    types: [COMMAND],
    reads: ["triggers", "delete"],
    description: "A command with `delete` has no triggers but what that text names, as the path of a file.",
    why: "A trigger replaces: the new command runs first, then the old one's `delete`, which removes what was just made.",
    check: ({ inputs, deleteBeforeReplace }) => {
        const undo = inputs.delete;
        if (typeof undo !== "string" || undo === "" || deleteBeforeReplace) return [];
        return ((inputs.triggers ?? []) as unknown[])
            .filter((trigger) => typeof trigger !== "string" || trigger === "" || !undo.includes(trigger))
            .map(
                (trigger) =>
                    `triggers has ${shown(trigger)}, and delete does not name it; put what changes into stdin, or set deleteBeforeReplace`,
            );
    },
};

// Enough to find it: a trigger may be a whole text.
const shown = (value: unknown): string => {
    const text = JSON.stringify(value) ?? String(value);
    return text.length > 40 ? `${text.slice(0, 40)}…` : text;
};

const noPreviousOutput: Rule = {
    name: "no-previous-output",
    severity: "mandatory",
    types: [COMMAND],
    reads: ["addPreviousOutputInEnv"],
    description: "A command does not get its former output as environment (`addPreviousOutputInEnv: false`).",
    why: "The provider's default is to try; sshd refuses by default, and each update then warns.",
    check: ({ inputs }) =>
        inputs.addPreviousOutputInEnv === false ? [] : ["addPreviousOutputInEnv is not false; write false"],
};

/** What every command and file on a host must have. */
export const COMMAND_RULES: Rule[] = [
    hostKey,
    dockerHostKey,
    noSecretInCommand,
    secretMarked,
    triggerNotUndone,
    noPreviousOutput,
];
