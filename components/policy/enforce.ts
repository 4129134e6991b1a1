import * as pulumi from "@pulumi/pulumi";
import { applies, Asked, Rule, Violation, violations } from "./model";
import { MANDATORY } from "./rules";
import { LEAST_SECRET } from "./secrets";

/**
 * Options with which a component, and everything in it, keeps the rules of docs/policies.md, whether a policy engine is installed or not. A resource that
 * breaks one is not made; previews stop there just as `up` does, and name what is wrong with every resource.
 */
export function checked(opts?: pulumi.ComponentResourceOptions): pulumi.ComponentResourceOptions {
    return { ...opts, transformations: [...(opts?.transformations ?? []), keepRules] };
}

// Components are in each other: their parts are asked once.
const asked = new WeakSet<pulumi.Resource>();

function keepRules(args: pulumi.ResourceTransformationArgs): pulumi.ResourceTransformationResult | undefined {
    const rules = MANDATORY.filter((rule) => applies(rule, args));
    if (rules.length === 0 || asked.has(args.resource)) return undefined;
    asked.add(args.resource);
    const verdict = judge(rules, args);
    // It waits for its verdict as for another resource.
    const dependsOn = [args.opts.dependsOn ?? [], verdict].flat() as pulumi.Input<pulumi.Resource>[];
    return { props: args.props, opts: { ...args.opts, dependsOn } };
}

/** Nothing that is worth waiting for. Errors: what the resource breaks of some rules, one line each, without a stack trace. */
export async function judge(rules: Rule[], args: Questioned): Promise<pulumi.Resource[]> {
    // What comes from other resources may never come, when one of them breaks a rule itself.
    for (const patience of [atOnce, forAll]) {
        const broken = violations(rules, await read(rules, args, patience));
        if (broken.length > 0) throw new pulumi.RunError(violationReport(args.name, broken));
    }
    return [];
}

type Questioned = Pick<pulumi.ResourceTransformationArgs, "type" | "name" | "props" | "opts">;

/** How long an input is waited for. */
type Patience = (input: Promise<Read>) => Promise<Read>;

const forAll: Patience = (input) => input;

// Whatever needs no answer of the engine is there before the next turn of the event loop.
const atOnce: Patience = (input) =>
    Promise.race([input, new Promise<Read>((resolve) => setImmediate(resolve, NOT_KNOWN))]);

/** The text of an error about one resource. Pure. */
export function violationReport(resource: string, broken: Violation[]): string {
    const lines = broken.map(({ rule, message }) => `  ${rule}: ${message}`);
    const count = broken.length === 1 ? "a rule" : `${broken.length} rules`;
    return [`${resource} breaks ${count} of docs/policies.md and is not touched:`, ...lines].join("\n");
}

async function read(rules: Rule[], args: Questioned, patience: Patience): Promise<Asked> {
    const { deleteBeforeReplace } = args.opts as pulumi.CustomResourceOptions;
    const inputs = [...new Set(rules.flatMap((rule) => rule.reads))].filter((one) => args.props[one] !== undefined);
    const values = await Promise.all(inputs.map((input) => patience(readInput(args.props[input]))));
    const where = (is: (value: Read) => boolean): string[] => inputs.filter((_, index) => is(values[index]));
    return {
        type: args.type,
        name: args.name,
        inputs: Object.fromEntries(inputs.map((input, index) => [input, values[index].value])),
        unknown: where((value) => !value.known),
        marked: where((value) => value.secret),
        secrets: configSecrets(),
        deleteBeforeReplace,
    };
}

interface Read {
    value?: unknown;
    known: boolean;
    secret: boolean;
}

const NOT_KNOWN: Read = { known: false, secret: false };

// What the SDK itself asks of its outputs; `apply` is not called for what is not known.
interface Inner {
    isKnown: Promise<boolean>;
    isSecret: Promise<boolean>;
    promise: () => Promise<unknown>;
}

async function readInput(input: pulumi.Input<unknown>): Promise<Read> {
    const output = pulumi.output(input) as unknown as Inner;
    try {
        const [known, secret, value] = await Promise.all([output.isKnown, output.isSecret, output.promise()]);
        return known ? { value, known, secret } : { known, secret };
    } catch {
        // It comes from a resource that failed, which says so itself.
        return NOT_KNOWN;
    }
}

/** The secrets that the stack's configuration gives, as they must not appear in texts. */
function configSecrets(): string[] {
    const { isConfigSecret } = pulumi.runtime as unknown as { isConfigSecret: (key: string) => boolean };
    const given = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => isConfigSecret(key));
    return given.map(([, value]) => value as string).filter((value) => value.length >= LEAST_SECRET);
}
