// A stack's state as `pulumi stack export --show-secrets` prints it, made from what the program registers.
import * as fs from "fs";
import * as os from "os";
import * as path from "path";
import { createHash } from "crypto";
import { Registered, run } from "./graph";
import { config, StackName } from "./stacks";

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** An id as Docker makes them, always the same for the same name. */
export const dockerId = (name: string): string => createHash("sha256").update(name).digest("hex");

/** The same for an image. */
export const imageId = (name: string): string => `sha256:${dockerId(name)}`;

/** What the shipped program registers for a stack whose `up` has gone well. */
export async function registered(stack: StackName): Promise<Registered[]> {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "otel-ha-"));
    const keyFile = path.join(directory, "key");
    fs.writeFileSync(keyFile, "not really a key\n");
    try {
        const module = (await import("../../../index")) as unknown as { default: () => Promise<object> };
        const settings = config(stack, { sshPrivateKeyFile: keyFile, credentialsStack: "" });
        return (await run(() => module.default(), { stack, config: settings })).resources;
    } finally {
        fs.rmSync(directory, { recursive: true });
    }
}

/** The text of an export. */
export function exportText(stack: StackName, resources: Registered[]): string {
    const urns = new Map<string, { urn: string; types: string }>();
    const place = (one: Registered): { urn: string; types: string } => {
        const key = `${one.type} ${one.name}`;
        const known = urns.get(key);
        if (known) return known;
        const parent = resources.find((other) => `${other.type} ${other.name}` === one.parent);
        const types = parent ? `${place(parent).types}$${one.type}` : one.type;
        const made = { urn: `urn:pulumi:${stack}::otel-ha::${types}::${one.name}`, types };
        urns.set(key, made);
        return made;
    };
    const all = resources.map((one) => {
        const parent = resources.find((other) => `${other.type} ${other.name}` === one.parent);
        const inputs = Object.fromEntries(
            Object.entries(one.inputs).map(([key, value]) => [key, one.secrets.includes(key) ? sealed(value) : value]),
        );
        return {
            urn: place(one).urn,
            type: one.type,
            custom: one.custom,
            ...(one.custom ? { id: idOf(one) } : {}),
            ...(parent ? { parent: place(parent).urn } : {}),
            inputs,
            outputs: { ...inputs, ...(one.type.includes("RemoteImage") ? { imageId: `sha256:${one.name}` } : {}) },
        };
    });
    const text = JSON.stringify({ version: 3, deployment: { resources: all } });
    return resources
        .filter(({ type }) => type.includes("RemoteImage"))
        .reduce((so, { name, inputs }) => so.replaceAll(`"sha256:${name}"`, `"${imageId(inputs.name)}"`), text);
}

const idOf = ({ type, name }: Registered): string => (type.endsWith(":Container") ? dockerId(name) : name);

const sealed = (value: unknown): object => ({ [SIGNATURE]: SECRET, plaintext: JSON.stringify(value) });
