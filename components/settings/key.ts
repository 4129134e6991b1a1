import { ApmOptions } from "../apm-options";
import { Generations } from "../generations";

/** Which system a stack is a host of: the pair of the two-host platform, or Container APM. */
export type System = "otel-ha" | "apm";

/** How the text of a setting is read and what is said when it cannot be. */
export type Kind =
    | "system"
    | "ipv4"
    | "name"
    | "hostname"
    | "optionalText"
    | "role"
    | "priority"
    | "routerId"
    | "port"
    | "count"
    | "number"
    | "duration"
    | "size"
    | "heap"
    | "percentage"
    | "path"
    | "optionalPath"
    | "filePath"
    | "registry"
    | "image"
    | "bucket"
    | "optionalBucket"
    | "user"
    | "hostKey"
    | "interface"
    | "version"
    | "secret"
    | "vrrpVersion"
    | "delay"
    | "dataPath"
    | "urls"
    | "networks"
    | "names"
    | "nodes"
    | "tlsMode"
    | "pem"
    | "keyPem"
    | "storeSecret"
    | "accessKey"
    | "optionalAccessKey"
    | "endpoint"
    | "region"
    | "storeMode"
    | "retention"
    | "recovery"
    | "faultDetection"
    | "formation"
    | "apmOptions"
    | "generations"
    | "apmGenerations"
    | "overlaps"
    | "issuers"
    | "boolean";

/** What a setting can be. */
export type Value = string | number | boolean | Generations<string> | ApmOptions;

export interface Key {
    kind: Kind;
    /** Undefined: the stack must say. */
    default?: Value;
}

export const required = <K extends Kind>(kind: K): { kind: K } => ({ kind });
export const optional = <K extends Kind>(kind: K, value: Value): { kind: K; default: Value } => ({
    kind,
    default: value,
});
