import * as fs from "fs";
import * as path from "path";
import { parse } from "yaml";
import { ApmValues, Values } from "../../../components/settings/keys";
import { nodeSettings } from "../../../components/settings/node-settings";
import { parseValues, RawConfig } from "../../../components/settings/parse";
import { ApmNodeSettings, NodeSettings } from "../../../components";
import { apmNodeSettings } from "../../../components/settings/apm-node-settings";

export const ROOT = path.join(__dirname, "..", "..", "..");

/** A public key that is well formed and nobody's. */
export const HOST_KEY = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"A".repeat(43)}`;

export type StackName = "node1" | "node2";
export const STACKS: StackName[] = ["node1", "node2"];

export type ApmStackName = "apm1" | "apm2" | "apm3";
export const APM_STACKS: ApmStackName[] = ["apm1", "apm2", "apm3"];
export type AnyStackName = StackName | ApmStackName;
export const ALL_STACKS: AnyStackName[] = [...STACKS, ...APM_STACKS];

/** The settings in a shipped stack file, without the project's name, as the engine hands them over. */
export function shippedConfig(stack: AnyStackName): RawConfig {
    const file = parse(fs.readFileSync(path.join(ROOT, `Pulumi.${stack}.yaml`), "utf8")) as {
        config: Record<string, unknown>;
    };
    return Object.fromEntries(
        Object.entries(file.config).map(([key, value]) => [key.replace("otel-ha:", ""), String(value)]),
    );
}

/** A shipped stack, with a host key and whatever a test changes. `undefined` takes a setting away. */
export const config = (stack: StackName, changes: Record<string, string | undefined> = {}): RawConfig =>
    changedConfig(stack, changes);

/** The same of Container APM. */
export const apmConfig = (stack: ApmStackName, changes: Record<string, string | undefined> = {}): RawConfig =>
    changedConfig(stack, changes);

/** The same of either system. */
export function changedConfig(stack: AnyStackName, changes: Record<string, string | undefined> = {}): RawConfig {
    const all = { ...shippedConfig(stack), hostKey: HOST_KEY, ...changes };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as RawConfig;
}

export function valuesOf(stack: StackName, changes: Record<string, string> = {}): Values {
    const { values, problems } = parseValues(config(stack, changes));
    if (problems.length > 0) throw new Error(JSON.stringify(problems));
    return values;
}

export function apmValuesOf(stack: ApmStackName, changes: Record<string, string> = {}): ApmValues {
    const { values, problems } = parseValues(apmConfig(stack, changes), [], "apm");
    if (problems.length > 0) throw new Error(JSON.stringify(problems));
    return values;
}

/** What Pulumi.yaml says for what a stack does not, as the engine hands it over. */
export function projectDefaults(): RawConfig {
    const { config: declared } = parse(fs.readFileSync(path.join(ROOT, "Pulumi.yaml"), "utf8")) as {
        config: Record<string, { default?: unknown }>;
    };
    const texts = Object.entries(declared).map(([key, { default: value }]) => [
        key,
        typeof value === "object" ? JSON.stringify(value) : value === undefined ? undefined : String(value),
    ]);
    return Object.fromEntries(texts.filter(([, text]) => text !== undefined)) as RawConfig;
}

export function apmSettingsOf(stack: ApmStackName, changes: Record<string, string> = {}): ApmNodeSettings {
    return apmNodeSettings(apmValuesOf(stack, changes));
}

export function settingsOf(stack: StackName, changes: Record<string, string> = {}): NodeSettings {
    return nodeSettings(valuesOf(stack, changes));
}
