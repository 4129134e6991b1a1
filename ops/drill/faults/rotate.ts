/** Rotations: a person makes a secret anew, and nobody but its holders may notice. */
import type { SecretName } from "../../../components/generations";
import type { Deployment } from "../../deployment";
import { otelHa } from "../../own-command";
import { former, type Former } from "../../rotate/former";
import { openOverlaps, overlaps } from "../../rotate/generations";
import { lookAtFormer } from "../../rotate/looks";
import { readOwner } from "../../rotate/owner";
import { notHere } from "../../rotate/secrets";
import type { Fault } from "./fault";

/** What is done one after the other; what others hold is handed out before each step but the first. Pure. */
export function rotationCommands(name: SecretName): string[][] {
    const step = (...options: string[]): string[] => ["rotate", name, ...options, "--yes"];
    if (!overlaps(name)) return [step()];
    return name === "ca" ? [step(), step("--continue"), step("--finish")] : [step(), step("--finish")];
}

/** Rotates a secret with `otel-ha rotate`, for good: the next generation stays. */
export function rotate(deployment: Deployment, name: SecretName): Fault {
    const commands = rotationCommands(name);
    let before: Former | undefined;
    let left: string[][] = [];
    return {
        title: commands.map((words) => `otel-ha ${words.join(" ")}`).join(", then "),
        inject: async (handOut) => {
            before = await former(deployment, [name]);
            left = [...commands];
            while (left.length > 0) {
                await otelHa(deployment, ...left[0]!);
                left.shift();
                if (overlaps(name)) await handOut?.();
            }
        },
        // One that has stopped half-way goes on when it is asked again.
        heal: async () => {
            while (left.length > 0) await otelHa(deployment, ...left.shift()!);
        },
        looks: async () => (before ? lookAtFormer(deployment, [name], before) : []),
        refusal: async () => {
            const { values, named, noted } = await readOwner(deployment);
            if (noted.length > 0) return "a rotation has not ended; otel-ha rotate --check tells which";
            if (openOverlaps(values, [name]).length > 0)
                return `generations of ${name} overlap; otel-ha rotate ${name} --finish ends that`;
            return notHere(name, values, named);
        },
    };
}
