import { ApmOptions } from "../apm-options";
import { Generations, Issuing, Overlapping } from "../generations";
import { ApmSecretName } from "../apm-credentials";
import { DataPath } from "../otel-aggregator";
import { TlsMode } from "../tls";
import { APM_KEYS } from "./apm-keys";
import { COMMON_KEYS } from "./common-keys";
import { Key, Kind, System } from "./key";
import { PAIR_KEYS } from "./pair-keys";

export { Key, Kind, System, Value } from "./key";

/** Every setting of each system's stacks. */
export const KEYS_OF = {
    "otel-ha": { ...COMMON_KEYS, ...PAIR_KEYS },
    apm: { ...COMMON_KEYS, ...APM_KEYS },
} satisfies Record<System, Record<string, Key>>;

/** Every setting of a stack of the two-host platform. */
export const KEYS = KEYS_OF["otel-ha"];

/** Every setting of all systems, in the order of Pulumi.yaml, which declares them for people; a test compares the two. */
export const ALL_KEYS = { ...COMMON_KEYS, ...PAIR_KEYS, ...APM_KEYS, generation: COMMON_KEYS.generation };

/** Settings of these kinds are secrets. */
export const SECRET_KINDS: Kind[] = ["secret", "storeSecret", "keyPem"];

/** Name of a setting of one system. */
export type KeyNameOf<S extends System> = keyof (typeof KEYS_OF)[S] & string;
export type KeyName = KeyNameOf<"otel-ha">;
export type AnyKeyName = keyof typeof ALL_KEYS;

type Read<Keys extends Record<string, { kind: Kind }>> = { [K in keyof Keys]: ValueOf<Keys[K]["kind"]> };

/** Settings of a system's stack after reading: numbers and booleans are such, objects too, everything else is text. `system` tells which it is. */
export type ValuesOf<S extends System> = Omit<Read<(typeof KEYS_OF)[S]>, "system"> & { system: S };

/** Settings of a stack of the two-host platform. */
export type Values = ValuesOf<"otel-ha">;

/** Settings of a stack of Container APM. */
export type ApmValues = ValuesOf<"apm">;

/** Settings of a stack of either system: ask for `system`. */
export type AnyValues = Values | ApmValues;

/** What both have, for those who need no more. */
export type CommonValues = Omit<Read<typeof COMMON_KEYS>, "generation"> & { generation: Generations<never> };

type ValueOf<K extends Kind> = K extends keyof Special ? Special[K] : string;

/** Kinds that are read as something else than text. */
interface Special {
    system: System;
    port: number;
    count: number;
    number: number;
    priority: number;
    routerId: number;
    vrrpVersion: number;
    boolean: boolean;
    role: "MASTER" | "BACKUP";
    dataPath: DataPath;
    storeMode: "pooled" | "mirrored" | "external";
    tlsMode: TlsMode;
    recovery: "safe" | "fast";
    faultDetection: "default" | "tuned";
    formation: "first" | "never";
    apmOptions: ApmOptions;
    generations: Generations;
    apmGenerations: Generations<ApmSecretName>;
    overlaps: Generations<Overlapping>;
    issuers: Generations<Issuing>;
}
