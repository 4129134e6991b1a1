import {
    Policies,
    PolicyPack,
    PolicyResource,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationPolicy,
} from "@pulumi/policy";
import { Asked, Rule, violations } from "../components/policy/model";
import { RULES } from "../components/policy/rules";
import { secretValues, STACK_RULES, StackRule } from "../components/policy/stack-rules";
import { projectConfig } from "../components/settings";
import { parseStack } from "../components/settings/parse";

/** What is said of a resource by itself, before it is made. */
function resourcePolicy(rule: Rule): ResourceValidationPolicy {
    return {
        ...about(rule),
        validateResource: (args, report) => {
            if (!rule.types.includes(args.type)) return args.notApplicable(`it is about ${rule.types.join(", ")}`);
            for (const { resource, message } of violations([rule], asked(args))) report(`${resource}: ${message}`);
        },
    };
}

/** What is said of a stack, when all of its resources are known. */
function stackPolicy(rule: StackRule): StackValidationPolicy {
    return {
        ...about(rule),
        validateStack: (args, report) => {
            const urns = new Map(args.resources.map((resource) => [asked(resource), resource.urn]));
            const stack = { resources: [...urns.keys()], settings: settings() };
            for (const { about, message } of rule.check(stack))
                if (about) report(`${about.name}: ${message}`, urns.get(about));
                else report(message);
        },
    };
}

// Policies are not told which values are secrets (pulumi-policy#241): they are found by what they are, and that is known at the end.
function secretPolicy(rule: Rule): StackValidationPolicy {
    return stackPolicy({
        ...rule,
        check: (stack) => {
            const secrets = secretValues(stack);
            return stack.resources.flatMap((about) =>
                violations([rule], { ...about, secrets }).map(({ message }) => ({ about, message })),
            );
        },
    });
}

const about = ({ name, severity, description, why }: Rule | StackRule) => ({
    name,
    enforcementLevel: severity,
    description: `${description} ${why}`,
});

function asked({ type, name, props, opts }: ResourceValidationArgs | PolicyResource): Asked {
    const inputs: Asked["inputs"] = {};
    const unknown: string[] = [];
    for (const input of Object.keys(props))
        try {
            inputs[input] = plain(props[input]);
        } catch {
            // Reading what is not known yet throws.
            unknown.push(input);
        }
    return { type, name, inputs, unknown, deleteBeforeReplace: opts.deleteBeforeReplace };
}

function plain(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(plain);
    if (!(value instanceof Object)) return value;
    return Object.fromEntries(Object.keys(value).map((key) => [key, plain((value as Record<string, unknown>)[key])]));
}

// None where the configuration is not this program's, or cannot be used: the program says so itself.
function settings() {
    const { values, problems } = parseStack(projectConfig());
    return problems.length > 0 ? undefined : values;
}

const policies: Policies = [
    ...RULES.filter((rule) => !rule.secrets).map(resourcePolicy),
    ...RULES.filter((rule) => rule.secrets === "values").map(secretPolicy),
    ...STACK_RULES.map(stackPolicy),
];

new PolicyPack("otel-ha", { policies });
