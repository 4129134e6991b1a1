import { Deployment } from "../deployment";
import { ContainerFacts } from "./facts";

/** A container as Pulumi's state has it. */
export interface RecordedContainer {
    id: string;
    imageId?: string;
    /** The label otel-ha.config; undefined when it is kept secret. */
    config?: string;
}

/** Containers of a stack by name; undefined when the state cannot be read. */
export type RecordedContainers = Record<string, RecordedContainer> | undefined;

interface Exported {
    deployment: {
        resources?: {
            type: string;
            id?: string;
            outputs?: { name?: string; image?: string; labels?: { label: string; value: string }[] };
        }[];
    };
}

/** Reads `pulumi stack export`. Pure. */
export function readState(text: string): Record<string, RecordedContainer> {
    const { deployment } = JSON.parse(text) as Exported;
    return Object.fromEntries(
        (deployment.resources ?? []).flatMap(({ type, id, outputs }) => {
            if (type !== "docker:index/container:Container" || !id || typeof outputs?.name !== "string") return [];
            // A secret is an object with a ciphertext.
            const labels = Array.isArray(outputs.labels) ? outputs.labels : [];
            const config = labels.find(({ label }) => label === "otel-ha.config")?.value;
            const recorded: RecordedContainer = {
                id,
                imageId: outputs.image,
                config: typeof config === "string" ? config : undefined,
            };
            return [[outputs.name, recorded]];
        }),
    );
}

/** What the state of a stack says of its containers. */
export async function recordedContainers(
    deployment: Pick<Deployment, "pulumi">,
    stack: string,
): Promise<RecordedContainers> {
    const { code, stdout } = await deployment.pulumi(["stack", "export", "--stack", stack], { timeoutMs: 20_000 });
    try {
        return code === 0 ? readState(stdout) : undefined;
    } catch {
        return undefined;
    }
}

/** How a container differs from its record: "" when it does not, undefined when that is not known. Pure. */
export function drift(
    found: ContainerFacts | undefined,
    recorded: RecordedContainers,
    name: string,
): string | undefined {
    if (!recorded) return undefined;
    const record = recorded[name];
    if (!record) return found ? "not in the state" : "not deployed";
    if (!found) return "removed";
    if (record.id !== found.id) return "another container than the deployed one";
    if (record.imageId && record.imageId !== found.imageId) return "another image than the deployed one";
    if (record.config && record.config !== found.config) return "another configuration than the deployed one";
    return "";
}
