import { Finding, Inquiry, Sections } from "../model";
import { StateResource } from "../state";

const MIB = 1024 * 1024;

/** A container as Docker describes it: see templates/scripts/verify-host.sh. */
export interface FoundContainer {
    name: string;
    id: string;
    /** Id of the image. */
    image: string;
    /** What it was made from: a name, or an id. */
    ref: string;
    /** running, exited, paused, restarting, … */
    status: string;
    created: string;
    startedAt: string;
    labels: Record<string, string> | null;
    command: string[] | null;
    entrypoint: string[] | null;
    user: string;
    restart: string;
    memory: number;
    mounts: { Source: string; Destination: string; RW: boolean }[] | null;
}

/** A container that was deployed. */
export interface DeployedContainer {
    resource: StateResource;
    /** @example "loki-mid-1" */
    name: string;
    /** Time to end by itself. */
    stopSeconds: number;
    /** Directories of the host in it. */
    sources: { path: string; readOnly: boolean }[];
}

/** Every container that was deployed, in the order in which they were started. Pure. */
export function deployedContainers(resources: StateResource[]): DeployedContainer[] {
    return resources
        .filter(({ type, id, outputs }) => type === "docker:index/container:Container" && id && outputs.name)
        .map((resource) => {
            const { inputs, outputs } = resource;
            return {
                resource,
                name: String(outputs.name),
                stopSeconds: Number(inputs.destroyGraceSeconds ?? 10),
                sources: mountsOf(inputs).map(({ source, readOnly = false }) => ({ path: source, readOnly })),
            };
        });
}

const mountsOf = (inputs: StateResource["inputs"]): { source: string; target: string; readOnly?: boolean }[] =>
    (inputs.mounts as { source: string; target: string; readOnly?: boolean }[] | undefined) ?? [];

/** What Docker said of the containers, by name; undefined: Docker does not answer. Pure. */
export function foundContainers(said: Sections): Record<string, FoundContainer | undefined> | undefined {
    if (!said.docker?.[0]) return undefined;
    const all = (said.containers ?? []).map((line) => JSON.parse(line) as FoundContainer);
    return Object.fromEntries(all.map((found) => [found.name.replace(/^\//, ""), found]));
}

/** Containers: that the deployed one is there and runs, and is made as it was deployed. Pure. */
export function containers(resources: StateResource[]): Inquiry {
    const deployed = deployedContainers(resources);
    const images = imageNames(resources);
    return {
        settings: { CONTAINERS: deployed.map(({ name }) => name).join(" ") },
        judge: (said) => {
            const found = foundContainers(said);
            if (!found)
                return deployed.length > 0
                    ? { findings: [], unknown: ["Docker does not answer: containers and images were not compared"] }
                    : { findings: [], unknown: [] };
            return { findings: deployed.flatMap((one) => compare(one, found[one.name], images)), unknown: [] };
        },
    };
}

function compare(
    { resource, name }: DeployedContainer,
    found: FoundContainer | undefined,
    images: Record<string, string>,
): Finding[] {
    const { urn, id, inputs } = resource;
    const finding = { kind: "container" as const, subject: name, urn };
    if (!found) return [{ ...finding, property: "existence", expected: "a running container", found: "removed" }];
    const differences = [...properties(resource, found, images)].filter(({ expected, is }) => expected !== is);
    return [
        ...(id === found.id
            ? []
            : [
                  {
                      ...finding,
                      property: "identity",
                      expected: `the deployed one, ${short(id!)}`,
                      found: short(found.id),
                  },
              ]),
        ...(found.status === "running" || inputs.mustRun === false
            ? []
            : [{ ...finding, property: "state", expected: "running", found: found.status }]),
        ...differences.map(({ property, expected, is, secret }) => {
            return { ...finding, property, expected: secret ? "[secret]" : expected, found: secret ? "another" : is };
        }),
    ];
}

interface Property {
    property: string;
    expected: string;
    is: string;
    secret?: boolean;
}

/** What is compared; what was not asked for is the image's or Docker's to say. */
function* properties(
    { inputs, secrets }: StateResource,
    found: FoundContainer,
    images: Record<string, string>,
): Generator<Property> {
    const named = (id: string, name?: string): string => `${name ?? images[id] ?? "an image"} (${short(id)})`;
    const { image, restart, command, entrypoints, user, memory } = inputs;
    const other = found.ref.startsWith("sha256:") ? undefined : found.ref;
    yield image === found.image
        ? { property: "image", expected: "", is: "" }
        : { property: "image", expected: named(String(image)), is: named(found.image, other) };
    for (const { label, value } of (inputs.labels as { label: string; value: string }[] | undefined) ?? []) {
        const is = found.labels?.[label] ?? "none";
        yield { property: `label ${label}`, expected: value, is, secret: secrets.includes("labels") };
    }
    const words = (list: unknown): string => (Array.isArray(list) ? list.join(" ") : "");
    if (command !== undefined) yield { property: "command", expected: words(command), is: words(found.command) };
    if (entrypoints !== undefined)
        yield { property: "entry point", expected: words(entrypoints), is: words(found.entrypoint) };
    if (user !== undefined) yield { property: "user", expected: String(user), is: found.user };
    if (restart !== undefined) yield { property: "restart policy", expected: String(restart), is: found.restart };
    yield { property: "memory limit", expected: limit(Number(memory ?? 0) * MIB), is: limit(found.memory) };
    for (const { source, target, readOnly } of mountsOf(inputs)) {
        const mount = found.mounts?.find(({ Destination }) => Destination === target);
        const text = (from: string, ro: boolean): string => `${from}${ro ? ", read-only" : ""}`;
        yield {
            property: `mount ${target}`,
            expected: text(source, readOnly === true),
            is: mount ? text(mount.Source, !mount.RW) : "none",
        };
    }
}

const limit = (bytes: number): string => (bytes > 0 ? `${Math.floor(bytes / MIB)} MiB` : "none");

const short = (id: string): string => id.replace(/^sha256:/, "").slice(0, 12);

/** An image that was deployed. */
export interface DeployedImage {
    urn: string;
    /** With tag. */
    name: string;
    id: string;
}

/** Pure. */
export function deployedImages(resources: StateResource[]): DeployedImage[] {
    return resources.flatMap(({ type, urn, inputs, outputs }) =>
        type === "docker:index/remoteImage:RemoteImage" && inputs.name && outputs.imageId
            ? [{ urn, name: String(inputs.name), id: String(outputs.imageId) }]
            : [],
    );
}

const imageNames = (resources: StateResource[]): Record<string, string> =>
    Object.fromEntries(deployedImages(resources).map(({ id, name }) => [id, name]));

/** What became of an image's name on the host. */
export interface FoundImage {
    /** The image that has the name now; "absent": none. */
    id: string;
    /** The deployed image is still there. */
    there: boolean;
}

/** By name. Pure. */
export function foundImages(said: Sections): Record<string, FoundImage | undefined> {
    return Object.fromEntries(
        (said.images ?? []).map((line) => {
            const [id = "", there, name = ""] = line.split("\t");
            return [name, { id, there: there === "there" }];
        }),
    );
}

/** Names of images: the next container is made from what the name stands for. Pure. */
export function images(resources: StateResource[]): Inquiry {
    const deployed = deployedImages(resources);
    return {
        settings: { IMAGES: [...new Set(deployed.map(({ id, name }) => `${id} ${name}`))].join("\n") },
        judge: (said) => {
            if (!foundContainers(said)) return { findings: [], unknown: [] };
            const found = foundImages(said);
            const seen = new Set<string>();
            const findings = deployed.flatMap(({ name, id, urn }): Finding[] => {
                const is = found[name];
                if (!is || is.id === id || seen.has(name)) return [];
                seen.add(name);
                const now = is.id === "absent" ? "no image" : short(is.id);
                return [{ kind: "image", subject: name, property: "image", expected: short(id), found: now, urn }];
            });
            return { findings, unknown: [] };
        },
    };
}
