// docker:index:Container
import * as crypto from "node:crypto";
import { messageOf, PartialError } from "../errors";
import { Unknown, ValueMap } from "../values";
import { DockerClient } from "./docker-client";
import { createBody, updateBody } from "./docker-create";
import { outputsOf, withoutDefaultsNotes } from "./docker-read";
import { diffContainer, FIELDS, withDefaults } from "./docker-schema";
import { CheckFailure, Existing, OperationContext, ResourceProvider } from "./types";

const POLL_MS = 100;
const COMPUTED_ONLY = ["id", "bridge", "containerLogs", "exitCode", "networkDatas"];
const UNSUPPORTED = ["uploads", "attach", "gpus", "deviceRequests"];
/** The daemon can change these while the container runs. */
const UPDATABLE = ["restart", "maxRetryCount", "cpuShares", "memory", "memoryReservation", "memorySwap", "cpuSet"];

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function check(inputs: ValueMap, { name }: OperationContext, old?: ValueMap) {
    const failures: CheckFailure[] = [];
    if (inputs.image === undefined) failures.push({ property: "image", reason: "Missing required property 'image'" });
    for (const property of Object.keys(inputs)) {
        if (UNSUPPORTED.includes(property) && inputs[property]) {
            failures.push({ property, reason: "the lab engine does not support it; use the real CLI" });
        } else if (!(property in FIELDS) && !property.startsWith("__")) {
            failures.push({ property, reason: "unknown property" });
        }
    }
    const generated = () => `${name}-${crypto.randomBytes(4).toString("hex").slice(0, 7)}`;
    return { inputs: withDefaults({ name: old?.name ?? generated(), ...inputs }), failures };
}

/** Inputs, and unknowns for all that the daemon will decide. */
function plannedOutputs(inputs: ValueMap): ValueMap {
    const decided = Object.entries(FIELDS).filter(([name, field]) => field.computed && inputs[name] === undefined);
    const names = [...decided.map(([name]) => name), ...COMPUTED_ONLY];
    const unknown = Object.fromEntries(names.map((name) => [name, Unknown.value]));
    return { ...unknown, ...(withoutDefaultsNotes(inputs) as ValueMap) };
}

/** Not read back: what only a new container would have is recorded all the same, as the real provider does. */
function updatedOutputs(old: Existing, inputs: ValueMap): ValueMap {
    const { changed } = diffContainer(old, inputs);
    const values = changed.map((name) => [name, withoutDefaultsNotes(inputs[name] ?? null)]);
    return { ...old.outputs, ...Object.fromEntries(values), exitCode: null };
}

class Containers {
    constructor(private readonly client: DockerClient) {}

    inspect(id: string) {
        return this.client.find((docker) => docker.getContainer(id).inspect());
    }

    async create(inputs: ValueMap): Promise<{ id: string; outputs: ValueMap }> {
        await this.requireImage(String(inputs.image));
        const id = await this.prefixed("Unable to create container", () =>
            this.client.call(async (docker) => (await docker.createContainer(createBody(inputs))).id),
        );
        try {
            await this.connectNetworks(id, inputs);
            if (inputs.start !== false) await this.start(id);
            if (inputs.wait === true) await this.waitHealthy(id, inputs);
        } catch (error) {
            // It exists: a state without it would make the next run stumble over its name.
            const info = await this.inspect(id);
            throw info ? new PartialError(messageOf(error), id, outputsOf(info, inputs)) : error;
        }
        return { id, outputs: await this.waitRunning(id, inputs) };
    }

    async update(old: Existing, inputs: ValueMap): Promise<ValueMap> {
        const { outputs } = old;
        if (UPDATABLE.some((name) => (inputs[name] ?? null) !== (outputs[name] ?? null))) {
            await this.prefixed("Unable to update a container", () =>
                this.client.call((docker) => docker.getContainer(old.id).update(updateBody(inputs))),
            );
        }
        const info = await this.inspect(old.id);
        if (info && !info.State.Running && inputs.mustRun === true && inputs.start !== false) await this.start(old.id);
        return updatedOutputs(old, inputs);
    }

    async remove(old: Existing): Promise<void> {
        const grace = Number(old.outputs.destroyGraceSeconds ?? 0);
        const named = (docker: Parameters<Parameters<DockerClient["find"]>[0]>[0]) => docker.getContainer(old.id);
        if (grace > 0) {
            await this.prefixed(`Error stopping container ${old.id}`, () =>
                this.client.find((docker) => named(docker).stop({ t: grace }).catch(ignoreStopped)),
            );
        }
        await this.prefixed(`Error deleting container ${old.id}`, () =>
            this.client.find((docker) => named(docker).remove({ v: old.outputs.removeVolumes !== false, force: true })),
        );
    }

    private async requireImage(image: string): Promise<void> {
        if (await this.client.find((docker) => docker.getImage(image).inspect())) return;
        await this.prefixed(`Unable to create container with image ${image}: unable to pull image ${image}`, () =>
            this.client.pull(image),
        );
    }

    private start(id: string): Promise<unknown> {
        return this.prefixed("Unable to start container", () =>
            this.client.call((docker) => docker.getContainer(id).start()),
        );
    }

    private async connectNetworks(id: string, inputs: ValueMap): Promise<void> {
        const networks = (inputs.networksAdvanced ?? []) as unknown as Record<string, string & string[]>[];
        if (networks.length === 0) return;
        await this.client.find((docker) => docker.getNetwork("bridge").disconnect({ Container: id })).catch(() => {});
        for (const { name, aliases, ipv4Address, ipv6Address } of networks) {
            const IPAMConfig = { IPv4Address: ipv4Address, IPv6Address: ipv6Address };
            await this.client.call((docker) =>
                docker.getNetwork(name).connect({ Container: id, EndpointConfig: { Aliases: aliases, IPAMConfig } }),
            );
        }
    }

    /** No way out before the time is up: an unhealthy container may still become healthy. */
    private async waitHealthy(id: string, inputs: ValueMap): Promise<void> {
        const seconds = Number(inputs.waitTimeout ?? 60);
        const deadline = Date.now() + seconds * 1000;
        for (let status = "starting"; ; await sleep(POLL_MS)) {
            const info = await this.inspect(id);
            if (!info) throw new Error("container has disappeared");
            if (!info.State.Health) throw new Error("you have supplied a wait, but the container has no healthcheck");
            status = info.State.Health.Status;
            if (status === "healthy") return;
            if (Date.now() >= deadline) {
                throw new Error(
                    `container ${inputs.name} is not healthy after ${seconds} seconds (health status: ${status})`,
                );
            }
        }
    }

    /** A container that has to run and ends at once is taken away again. */
    private async waitRunning(id: string, inputs: ValueMap): Promise<ValueMap> {
        const deadline = Date.now() + Number(inputs.containerReadRefreshTimeoutMilliseconds ?? 15000);
        for (; ; await sleep(POLL_MS)) {
            const info = await this.inspect(id);
            if (!info) throw new Error("container exited immediately");
            if (info.State.Running || inputs.mustRun !== true || inputs.start === false) return outputsOf(info, inputs);
            const ended = Date.parse(info.State.FinishedAt) > Date.parse(info.Created);
            if (!ended && Date.now() < deadline) continue;
            await this.client.find((docker) => docker.getContainer(id).remove({ force: true, v: true }));
            throw new Error(
                ended
                    ? `container exited immediately (exit code ${info.State.ExitCode})`
                    : "container failed to be in running state",
            );
        }
    }

    private async prefixed<T>(what: string, work: () => Promise<T>): Promise<T> {
        try {
            return await work();
        } catch (error) {
            throw new Error(`${what}: ${messageOf(error)}`);
        }
    }
}

/** Stopping what is stopped is fine (HTTP 304). */
function ignoreStopped(error: { statusCode?: number }): void {
    if (error.statusCode !== 304) throw error;
}

export function container(client: DockerClient): ResourceProvider {
    const containers = new Containers(client);
    return {
        check,
        diff: diffContainer,
        create: async (inputs, { preview }) =>
            preview ? { id: "", outputs: plannedOutputs(inputs) } : containers.create(inputs),
        update: async (old, inputs, { preview }) =>
            preview
                ? { ...old.outputs, ...(withoutDefaultsNotes(inputs) as ValueMap) }
                : containers.update(old, inputs),
        async read(old) {
            const info = await containers.inspect(old.id);
            return (
                info && {
                    inputs: old.inputs,
                    outputs: outputsOf(info, { ...old.outputs, mustRun: old.inputs.mustRun ?? true }),
                }
            );
        },
        delete: (old) => containers.remove(old),
    };
}
