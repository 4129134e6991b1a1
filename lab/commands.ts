/** What the lab's commands do. */
import { debianImage, hostImage } from "./base";
import { ensureHost, hostStatus, removeHost, resetHost, startHost, type HostStatus } from "./host";
import { buildImages, type BuildOptions, imageStatus, type ImageStatus } from "./images/build";
import { IMAGES, imagesNamed, imagesOf, type ServiceImage } from "./images/catalog";
import { withLock } from "./lock";
import { dockerAnswers, installPackages, requireRoot, startDocker } from "./machine";
import { createNetwork, cutsInForce, deleteNetwork, healNetwork, networkIsUp } from "./network";
import { ALL_NODES, containerName, findNode, hostsOf, NODES, PREFIX, SYSTEMS, systemOf, type LabNode } from "./nodes";
import { step } from "./progress";
import { push, pushedKey, registryAnswers, startRegistry, stopRegistry } from "./registry";
import { must, run } from "./run";
import { removeState, writeState } from "./state";

/** A plain Debian for tests that need some container, under a name that is nobody's. */
const TEST_IMAGE = { repository: "local/debian", tag: "bookworm" };

export interface LabStatus {
    docker: boolean;
    network: boolean;
    registry: boolean;
    nodes: Record<string, HostStatus>;
    images: Record<string, ImageStatus>;
    cuts: string[];
}

/** Machine: packages, Docker, the lab's namespace and registry. */
async function prepareMachine(): Promise<void> {
    requireRoot();
    await installPackages();
    await startDocker();
    await writeState();
    await createNetwork();
    await startRegistry();
}

/** Everything that takes long: packages, the hosts' image, the service images. */
export async function setup(images: string[] = [], options: BuildOptions = {}): Promise<void> {
    await prepareMachine();
    await prepareImages(images.length ? imagesNamed(images) : IMAGES, options);
}

async function prepareImages(images: ServiceImage[], options: BuildOptions = {}): Promise<void> {
    await withLock("base", async () => {
        await hostImage();
        await serveTestImage();
    });
    if (images.length) await withLock("images", () => buildImages(images, options));
}

/** The lab with these hosts up and the images that their systems need; quick when it is already. With `hostsOnly` it does not wait for images. */
export async function up(nodes: LabNode[] = NODES, options: { hostsOnly?: boolean } = {}): Promise<void> {
    await prepareMachine();
    await prepareImages(options.hostsOnly ? [] : imagesOf(nodes.map(systemOf)));
    await step("Hosts up", async (progress) => {
        await Promise.all(nodes.map(ensureHost));
        progress.note(nodes.map((node) => `${node.name} ${node.address}`).join(", "));
    });
}

/** Removes the lab's hosts, network and registry process; images and binaries stay cached. */
export async function down(options: { keepData?: boolean } = {}): Promise<void> {
    requireRoot();
    if (await dockerAnswers()) {
        await Promise.all(ALL_NODES.map((node) => removeHost(node, options)));
        const filter = ["--filter", `name=^${PREFIX}-[^-]*$`];
        const left = (await must(["docker", "ps", "--all", "--quiet", ...filter])).split("\n").filter(Boolean);
        if (left.length) await must(["docker", "rm", "--force", ...left]);
    }
    await stopRegistry();
    await deleteNetwork();
    if (!options.keepData) removeState();
}

export async function status(): Promise<LabStatus> {
    const docker = await dockerAnswers();
    const network = await networkIsUp();
    const present = docker ? await presentNodes() : [];
    // Of a system that is not here nothing is shown, but for the pair.
    const systems = SYSTEMS.filter((system) => hostsOf(system).some((node) => present.includes(node)));
    const shown = systems.length ? systems.flatMap(hostsOf) : NODES;
    const statuses = docker ? shown.map(async (node) => [node.name, await hostStatus(node)] as const) : [];
    const nodes = Object.fromEntries(await Promise.all(statuses));
    const [registry, cuts] = network ? [await registryAnswers(), await cutsInForce()] : [false, []];
    return { docker, network, registry, nodes, images: imageStatus(), cuts };
}

/** The hosts that there are, running or not. */
export async function presentNodes(): Promise<LabNode[]> {
    const { stdout } = await run(["docker", "ps", "--all", "--format", "{{.Names}}", "--filter", `name=^${PREFIX}-`]);
    const names = stdout.split("\n");
    return ALL_NODES.filter((node) => names.includes(containerName(node)));
}

/** Those named, or all that there are when none is. Errors: none is there. */
export async function namedOrPresent(names: string[]): Promise<LabNode[]> {
    if (names.length) return names.map(findNode);
    const present = await presentNodes();
    if (present.length === 0) throw new Error("The lab has no hosts: run `lab/lab up` first.");
    return present;
}

/** Makes hosts as empty as new ones; all of them means that the network is whole again, too. */
export async function reset(nodes: LabNode[], options: { keepImages?: boolean } = {}): Promise<void> {
    if ((await presentNodes()).every((node) => nodes.includes(node))) await healNetwork();
    await Promise.all(nodes.map((node) => resetHost(node, options)));
}

export async function start(nodes: LabNode[]): Promise<void> {
    await Promise.all(nodes.map(startHost));
}

/** Runs in the lab's namespace need the namespace. */
export async function requireNetwork(): Promise<void> {
    if (!(await networkIsUp())) throw new Error("The lab is not up: run `lab/lab up` first.");
}

async function serveTestImage(): Promise<void> {
    const { repository, tag } = TEST_IMAGE;
    if (pushedKey(repository, tag) === "1") return;
    await push(await debianImage(), repository, tag, "1");
}
