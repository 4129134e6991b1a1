import * as fs from "fs";
import * as path from "path";
import { parse } from "yaml";
import { Values } from "../../../components/settings/keys";
import { nodeSettings } from "../../../components/settings/node-settings";
import { parseValues, RawConfig } from "../../../components/settings/parse";
import { NodeSettings } from "../../../components";

export const ROOT = path.join(__dirname, "..", "..", "..");

/** A public key that is well formed and nobody's. */
export const HOST_KEY = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"A".repeat(43)}`;

export type StackName = "node1" | "node2";
export const STACKS: StackName[] = ["node1", "node2"];

/** The settings in a shipped stack file, without the project's name, as the engine hands them over. */
export function shippedConfig(stack: StackName): RawConfig {
    const file = parse(fs.readFileSync(path.join(ROOT, `Pulumi.${stack}.yaml`), "utf8")) as {
        config: Record<string, unknown>;
    };
    return Object.fromEntries(
        Object.entries(file.config).map(([key, value]) => [key.replace("otel-ha:", ""), String(value)]),
    );
}

/** A shipped stack, with a host key and whatever a test changes. `undefined` takes a setting away. */
export function config(stack: StackName, changes: Record<string, string | undefined> = {}): RawConfig {
    const all = { ...shippedConfig(stack), hostKey: HOST_KEY, ...changes };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as RawConfig;
}

export function valuesOf(stack: StackName, changes: Record<string, string> = {}): Values {
    const { values, problems } = parseValues(config(stack, changes));
    if (problems.length > 0) throw new Error(JSON.stringify(problems));
    return values;
}

export function settingsOf(stack: StackName, changes: Record<string, string> = {}): NodeSettings {
    return nodeSettings(valuesOf(stack, changes));
}
