// docker:index:RemoteImage: an image on the host, pulled where it is not there.
import { diffMaps, diffResult } from "../diff";
import { messageOf } from "../errors";
import { equal, Unknown, ValueMap } from "../values";
import { DockerClient } from "./docker-client";
import { ResourceProvider } from "./types";

const META =
    '{"e2bfb730-ecaa-11e6-8f88-34363bc7c4c0":{"create":1200000000000,"delete":1200000000000,"update":1200000000000}}';
const REPLACING = new Set(["name", "platform", "pullTriggers", "triggers", "build"]);
const EMPTY: ValueMap = { build: null, forceRemove: null, platform: null, pullTriggers: null, triggers: null };

/** What `name@sha256:…` would pin, where the image came from a registry. */
function repoDigest(name: string, digests: string[] | undefined): string {
    const repository = name.replace(/@.*$/, "").replace(/:[^/]*$/, "");
    return digests?.find((digest) => digest.split("@")[0] === repository) ?? "";
}

/** Undefined when there is no such image on the host. */
async function outputsOf(client: DockerClient, inputs: ValueMap): Promise<ValueMap | undefined> {
    const name = String(inputs.name);
    const image = await client.find((docker) => docker.getImage(name).inspect());
    if (!image) return undefined;
    const settings = Object.fromEntries(Object.entries(inputs).filter(([key]) => key !== "__defaults"));
    return {
        __meta: META,
        ...EMPTY,
        ...settings,
        id: image.Id + name,
        imageId: image.Id,
        repoDigest: repoDigest(name, image.RepoDigests),
    };
}

async function pull(client: DockerClient, name: string): Promise<void> {
    try {
        await client.pull(name);
    } catch (error) {
        const reason = `unable to pull image ${name}: ${messageOf(error)}`;
        throw new Error(`Unable to read Docker image into resource: ${reason}`);
    }
}

export function remoteImage(client: DockerClient): ResourceProvider {
    return {
        check: (inputs) => ({
            inputs: { __defaults: [], ...inputs },
            failures:
                inputs.name === undefined ? [{ property: "name", reason: "Missing required property 'name'" }] : [],
        }),

        diff: (old, inputs) => diffResult(diffMaps(old.inputs, inputs), (key) => REPLACING.has(key)),

        async create(inputs, { preview }) {
            const computed = { id: Unknown.value, imageId: Unknown.value, repoDigest: Unknown.value };
            if (preview) return { id: "", outputs: { ...inputs, ...computed } };
            const name = String(inputs.name);
            let outputs = await outputsOf(client, inputs);
            if (!outputs) {
                await pull(client, name);
                outputs = await outputsOf(client, inputs);
            }
            if (!outputs) throw new Error(`Unable to find or pull image ${name}`);
            return { id: String(outputs.id), outputs };
        },

        update: async (old, inputs, { preview }) =>
            preview ? { ...old.outputs, ...inputs } : ((await outputsOf(client, inputs)) ?? old.outputs),

        async read(old) {
            const outputs = await outputsOf(client, old.inputs);
            return outputs && { inputs: old.inputs, outputs: equal(outputs, old.outputs) ? old.outputs : outputs };
        },

        async delete(old) {
            if (old.outputs.keepLocally === true) return;
            const force = old.outputs.forceRemove === true;
            await client.find((docker) => docker.getImage(String(old.outputs.imageId)).remove({ force }));
        },
    };
}
