import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import {
    ContainerWatch,
    Host,
    OtelClusterCollector,
    otelClusterCollectorRequirements,
    OtelNodeCollector,
    otelNodeCollectorRequirements,
} from "../../components";
import { COLLECTOR_SECRETS, collectorSettings } from "./support/apm-collectors";
import { Registered, run } from "./support/graph";
import { HOST_KEY } from "./support/stacks";

const COMMAND = "command:remote:Command";
const CONTAINER = "docker:index/container:Container";

let resources: Registered[];
const named = (type: string, name: string): Registered =>
    resources.find((one) => one.type === type && one.name === name)!;

beforeAll(async () => {
    const graph = await run(() => {
        const settings = collectorSettings();
        const requirements = [otelNodeCollectorRequirements(settings), otelClusterCollectorRequirements(settings)];
        const host = new Host("web", { address: "192.168.110.232", hostKey: HOST_KEY, requirements });
        const watch = new ContainerWatch("web-watch", { host, settings: { skip: ["otel-node-collector-apm-2"] } });
        const secrets = { ...COLLECTOR_SECRETS, backEndPassword: pulumi.secret("SECRET-of-the-back-end") };
        const after = [watch.ready];
        new OtelNodeCollector("web-node", { host, settings, after, ...secrets });
        new OtelClusterCollector("web-cluster", { host, settings, after, ...secrets });
    });
    resources = graph.resources;
}, 60_000);

describe("the watch of a host's containers", () => {
    it("is one command that begins it and ends it", () => {
        const { inputs, deleteBeforeReplace } = named(COMMAND, "web-watch");
        expect(inputs.create).toBe(
            "/usr/local/lib/otel-ha/watch-containers install --interval 10 --max-kib 16384 --skip otel-node-collector-apm-2 /data/volume/otel/otel-watch",
        );
        expect(inputs.delete).toBe(
            "test ! -e /usr/local/lib/otel-ha/watch-containers || /usr/local/lib/otel-ha/watch-containers remove /data/volume/otel/otel-watch",
        );
        expect(deleteBeforeReplace).toBe(true);
    });

    it("begins anew with another script", () => {
        expect(named(COMMAND, "web-watch").inputs.stdin).toMatch(/^script [0-9a-f]{64}\n$/);
    });
});

describe("a collector of Container APM", () => {
    it.each(["web-node", "web-cluster"])("%s starts after what it reads is there", (name) => {
        expect(named(CONTAINER, name).dependsOn).toContain(`${COMMAND} web-watch`);
    });

    it("has its secrets in no command, and marked as such", () => {
        for (const { type, inputs, secrets, name } of resources) {
            const { stdin, ...rest } = inputs;
            expect(JSON.stringify(rest), `${type} ${name}`).not.toContain("SECRET-of-the-back-end");
            if (String(stdin).includes("SECRET-of-the-back-end")) expect(secrets).toContain("stdin");
        }
        expect(named(COMMAND, "web-node-otlp-tokens").secrets).toContain("stdin");
    });
});
