// What no resource shows by itself: rules about a stack as a whole, for the policy pack. The program keeps them when it reads its settings.
import { compacts } from "../settings/node-settings";
import { AnyValues, KEYS_OF, SECRET_KINDS } from "../settings/keys";
import { warnings } from "../settings/warnings";
import { COMMAND } from "./command-rules";
import { CONTAINER } from "./container-rules";
import { Asked, Severity } from "./model";
import { LEAST_SECRET } from "./secrets";

/** All resources of a stack, and what its configuration says. */
export interface StackView {
    resources: Asked[];
    /** @default not known: rules that need them say nothing */
    settings?: AnyValues;
}

/** One thing that must be true of a stack. */
export interface StackRule {
    /** @example "one-compactor" */
    name: string;
    severity: Severity;
    /** What must be, a sentence. */
    description: string;
    /** What happens otherwise, a sentence. */
    why: string;
    check: (stack: StackView) => Finding[];
}

/** Something that is wrong with a stack. */
export interface Finding {
    /** @default the stack itself */
    about?: Asked;
    /** For people: what, and what would be right. */
    message: string;
}

interface Compactor {
    about: Asked;
    /** The bucket's configuration, or the path of the file with it. */
    bucket: string;
}

const BUCKET_FILE = /^--objstore\.config-file=(.*)\/([^/]+)$/;

function compactors(resources: Asked[]): Compactor[] {
    return resources
        .filter(({ type, inputs }) => type === CONTAINER && (inputs.command as string[] | null)?.[0] === "compact")
        .map((about) => {
            const { inputs } = about;
            const flags = (inputs.command as string[]).map((word) => BUCKET_FILE.exec(word));
            const [, target, file] = flags.find((match) => match) ?? ["", "", ""];
            const mounts = (inputs.mounts ?? []) as { source?: string; target: string }[];
            const source = mounts.find((mount) => mount.target === target)?.source ?? target;
            return { about, bucket: written(resources, `${source}/${file}`) };
        });
}

// Two files with the same text are the same bucket.
function written(resources: Asked[], path: string): string {
    const writer = resources.find(
        ({ type, inputs }) => type === COMMAND && typeof inputs.create === "string" && inputs.create.endsWith(path),
    );
    return typeof writer?.inputs.stdin === "string" ? writer.inputs.stdin : path;
}

const oneCompactor: StackRule = {
    name: "one-compactor",
    severity: "mandatory",
    description: "A bucket has one Thanos Compactor: on the master when both nodes share it, and never two in a stack.",
    why: "Two at once cost data.",
    check: ({ resources, settings }) => {
        const all = compactors(resources);
        const found = all.flatMap(({ about, bucket }, index) => {
            const first = all.findIndex((other) => other.bucket === bucket);
            return first < index
                ? [{ about, message: `compacts the bucket that ${all[first].about.name} compacts; leave one out` }]
                : [];
        });
        if (settings?.system !== "otel-ha" || compacts(settings)) return found;
        const message = `compacts "${settings.thanosBucket}", which both nodes share (objectStore "${settings.objectStore}"), and this one is the BACKUP; leave it to the master's stack`;
        return [...found, ...all.map(({ about }) => ({ about, message }))];
    },
};

const knownLimits: StackRule = {
    name: "known-limits",
    severity: "advisory",
    description: "The settings have no known limit: an object store pooled over two hosts has one.",
    why: "They work, but not through every fault.",
    check: ({ settings }) =>
        (settings ? warnings(settings) : [])
            .filter(({ key }) => key !== "tls")
            .map(({ key, message }) => ({ message: `${key}: ${message}` })),
};

const tlsOn: StackRule = {
    name: "tls-on",
    // The lab may do without; a policy configuration makes it mandatory elsewhere.
    severity: "advisory",
    description:
        'Connections are secured: `tls` is not "off". Outside a lab make it mandatory: `{"tls-on": "mandatory"}`, with `--policy-pack-config`.',
    why: "Everything that telemetry says, and who says it, is open to whoever is on the way.",
    check: ({ settings }) =>
        settings?.tls === "off"
            ? [{ message: 'tls is "off"; write internal, or provided with certificates of yours' }]
            : [],
};

/** Everything that is asked of a stack as a whole. */
export const STACK_RULES: StackRule[] = [oneCompactor, knownLimits, tlsOn];

/** Outputs of other providers that are secrets. */
const SECRET_OUTPUTS: Record<string, string[]> = {
    "random:index/randomPassword:RandomPassword": ["result"],
    "random:index/randomBytes:RandomBytes": ["base64", "hex"],
    "tls:index/privateKey:PrivateKey": ["privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh"],
    // Of the CA, which the other stack made.
    "tls:index/locallySignedCert:LocallySignedCert": ["caPrivateKeyPem"],
};

/** Every value that is known to be a secret of a stack: made, given by its configuration, or read from another stack. Pure. */
export function secretValues({ resources, settings }: StackView): string[] {
    const made = resources.flatMap(({ type, inputs }) => (SECRET_OUTPUTS[type] ?? []).map((output) => inputs[output]));
    const keys = Object.entries(settings ? KEYS_OF[settings.system] : {});
    const given = keys
        .filter(([, { kind }]) => SECRET_KINDS.includes(kind))
        .map(([key]) => (settings as unknown as Record<string, unknown>)[key]);
    const logins = resources
        .map(({ inputs }) => inputs.connection as Record<string, unknown> | null | undefined)
        .flatMap((connection) => [connection?.privateKey, connection?.password]);
    return [
        ...new Set([...made, ...given, ...logins, ...resources.flatMap(readFromOtherStacks)].flatMap(texts)),
    ].filter((text) => text.length >= LEAST_SECRET);
}

function readFromOtherStacks({ type, inputs }: Asked): unknown[] {
    if (type !== "pulumi:pulumi:StackReference") return [];
    const outputs = (inputs.outputs ?? {}) as Record<string, unknown>;
    return ((inputs.secretOutputNames ?? []) as string[]).map((name) => outputs[name]);
}

function texts(value: unknown): string[] {
    if (typeof value === "string") return [value.trim()];
    return value instanceof Object ? Object.values(value).flatMap(texts) : [];
}
