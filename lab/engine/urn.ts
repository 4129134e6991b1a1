// urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME

const STACK_TYPE = "pulumi:pulumi:Stack";
const PROVIDER_PREFIX = "pulumi:providers:";

export interface UrnParts {
    stack: string;
    project: string;
    /** Types from the outermost component to the resource itself, joined by `$`. */
    qualifiedType: string;
    name: string;
}

export function parseUrn(urn: string): UrnParts {
    const [prefix, project, qualifiedType, ...name] = urn.split("::");
    return { stack: prefix.replace(/^urn:pulumi:/, ""), project, qualifiedType, name: name.join("::") };
}

export function formatUrn(parts: UrnParts): string {
    return `urn:pulumi:${parts.stack}::${parts.project}::${parts.qualifiedType}::${parts.name}`;
}

export function newUrn(stack: string, project: string, parent: string | undefined, type: string, name: string): string {
    const parentType = parent ? parseUrn(parent).qualifiedType : "";
    const qualifiedType = parentType && parentType !== STACK_TYPE ? `${parentType}$${type}` : type;
    return formatUrn({ stack, project, qualifiedType, name });
}

export const urnName = (urn: string) => parseUrn(urn).name;
export const urnType = (urn: string) => parseUrn(urn).qualifiedType.split("$").at(-1)!;
export const isStackType = (type: string) => type === STACK_TYPE;
export const stackUrn = (stack: string, project: string) =>
    newUrn(stack, project, undefined, STACK_TYPE, `${project}-${stack}`);

/** `docker` of `pulumi:providers:docker`. */
export function providerPackage(type: string): string | undefined {
    return type.startsWith(PROVIDER_PREFIX) ? type.slice(PROVIDER_PREFIX.length) : undefined;
}

/** `docker` of `docker:index/container:Container`. */
export const packageOf = (type: string) => type.split(":")[0];

/** `docker:index:Container` of `docker:index/container:Container`: how types are shown, and how providers know them. */
export function shortType(type: string): string {
    const [pkg, module, name] = type.split(":");
    return name === undefined ? type : `${pkg}:${module.split("/")[0]}:${name}`;
}

/** Providers that the engine makes by itself for resources that name none: never shown or counted. */
export function isDefaultProvider(urn: string): boolean {
    return providerPackage(urnType(urn)) !== undefined && /^default(_|$)/.test(urnName(urn));
}

export function splitProviderRef(ref: string): { urn: string; id: string } {
    const at = ref.lastIndexOf("::");
    return { urn: ref.slice(0, at), id: ref.slice(at + 2) };
}

/** `--target`: URNs, in which `*` stands for a part of a name and `**` for anything. None given: everything is meant. */
export function urnMatcher(patterns: string[] | undefined): (urn: string) => boolean {
    if (!patterns?.length) return () => true;
    const expressions = patterns.map((pattern) => {
        const parts = pattern.split(/(\*\*|\*)/).map((part) => {
            if (part === "**") return ".*";
            return part === "*" ? "[^:$]*" : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
        });
        return new RegExp(`^${parts.join("")}$`);
    });
    return (urn) => expressions.some((expression) => expression.test(urn));
}
