// What a rule is, and how one is applied. Nothing here knows Pulumi's engine: the policy pack and the components use it alike.

/** What breaks a mandatory rule stops a preview. What breaks an advisory one is only said, by the policy pack. */
export type Severity = "mandatory" | "advisory";

/** A resource as a program asks for it, as far as its inputs are known. */
export interface Asked {
    /** @example "docker:index/container:Container" */
    type: string;
    /** @example "mid-1-loki" */
    name: string;
    /** Inputs by name, plain values. */
    inputs: Record<string, unknown>;
    /** Inputs that `up` will know and a preview does not, whole or in part. @default none */
    unknown?: string[];
    /** Inputs that are marked as secrets, whole or in part. @default it cannot be told: policy engines are given no marks */
    marked?: string[];
    /** Values that are secrets wherever they appear. @default none */
    secrets?: string[];
    /** Whether the old one is deleted before the new one is made. @default false */
    deleteBeforeReplace?: boolean;
}

/** One thing that every resource of some types must have, or must not have. */
export interface Rule {
    /** @example "image-pinned" */
    name: string;
    severity: Severity;
    /** Types of resources that it is about. */
    types: string[];
    /** Inputs that it looks at; while one of them is not known, it says nothing. */
    reads: string[];
    /** Whether it looks at each of them by itself: one that is not known then hides no other. @default false */
    each?: boolean;
    /** `values`: it looks for secrets, by marks or by their values. `marks`: it needs the marks, so that a policy engine cannot apply it. @default neither */
    secrets?: "values" | "marks";
    /** What must be, a sentence. */
    description: string;
    /** What happens otherwise, a sentence. */
    why: string;
    /** What is wrong: which input, its value, and what would be right. Never a secret's value. */
    check: (asked: Asked) => string[];
}

/** A rule that a resource breaks. */
export interface Violation {
    rule: string;
    severity: Severity;
    /** Name of the resource. */
    resource: string;
    /** For people: input, value, and what would be right. */
    message: string;
}

/** Whether a rule is about a resource at all. Pure. */
export function applies(rule: Rule, asked: Pick<Asked, "type">): boolean {
    return rule.types.includes(asked.type);
}

/** What a resource breaks of some rules. Pure. */
export function violations(rules: Rule[], asked: Asked): Violation[] {
    return rules
        .filter((rule) => applies(rule, asked) && known(rule, asked))
        .flatMap((rule) =>
            rule.check(asked).map((message) => ({
                rule: rule.name,
                severity: rule.severity,
                resource: asked.name,
                message,
            })),
        );
}

function known(rule: Rule, { unknown = [] }: Asked): boolean {
    return rule.each || !rule.reads.some((input) => unknown.includes(input));
}
