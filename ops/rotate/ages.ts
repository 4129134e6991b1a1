/** How old secrets are, by Pulumi's state. */
import { newestGeneration } from "../../components/generations";
import { AnyValues } from "../../components/settings/keys";
import { AnyDeployment, AnyNode } from "../deployment";
import { AnyGenerations, AnySecretName } from "./generations";
import { ownerOf } from "./owner";
import { givenBy } from "./secrets";

/** When secrets were made, ISO 8601; those of which it is not known are missing. */
export type Ages = Partial<Record<AnySecretName, string>>;

interface Exported {
    deployment?: { resources?: { urn: string; created?: string; delete?: boolean }[] };
}

/** Reads them; a state that cannot be read says nothing. */
export async function agesOf(deployment: AnyDeployment, names: AnySecretName[]): Promise<Ages> {
    const owner = ownerOf(deployment.nodes);
    const made = await creations(deployment, owner);
    const entries = names.map((name) => [name, oldest(name, owner.values, owner.name, made)] as const);
    return Object.fromEntries(entries.filter(([, at]) => at !== undefined));
}

/** The oldest of the resources that a secret is made of, each as it is now. Pure. */
export function oldest(
    name: AnySecretName,
    values: AnyValues,
    node: string,
    made: Record<string, string>,
): string | undefined {
    const pattern = resourcesOf(name, values, node);
    return Object.keys(made)
        .filter((resource) => pattern.test(resource))
        .map((resource) => made[resource]!)
        .sort()[0];
}

function resourcesOf(name: AnySecretName, values: AnyValues, node: string): RegExp {
    const generation = newestGeneration<AnySecretName>(values as AnyGenerations, name);
    switch (name) {
        case "ca":
            return new RegExp(`^ca-${generation}$`);
        case "certificates":
            return new RegExp(`^${node}-certificate-[a-zA-Z]+$`);
        case "otlpTokens":
            // The first one of each sender has no number.
            return generation === 1
                ? /^credentials-otlpToken-[^.]+$/
                : new RegExp(`^credentials-otlpToken-[^.]+\\.g${generation}$`);
        default:
            return new RegExp(`^credentials-(${givenBy(values, name).join("|")})$`);
    }
}

async function creations(
    { pulumi }: Pick<AnyDeployment, "pulumi">,
    { stack }: AnyNode,
): Promise<Record<string, string>> {
    const { code, stdout } = await pulumi(["stack", "export", "--stack", stack]);
    return code === 0 ? readCreations(stdout) : {};
}

/** When each resource of a state was made, by its name. Pure. */
export function readCreations(text: string): Record<string, string> {
    const { deployment } = JSON.parse(text) as Exported;
    return Object.fromEntries(
        (deployment?.resources ?? []).flatMap(({ urn, created, delete: going }) =>
            created === undefined || going ? [] : [[urn.split("::").at(-1)!, created]],
        ),
    );
}
