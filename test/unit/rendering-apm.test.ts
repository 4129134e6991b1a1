// What the shipped stacks of Container APM put on their hosts.
import { beforeAll, describe, expect, it } from "vitest";
import { ApmTls } from "../../components";
import { apmTls, registerApmNode } from "./support/apm";
import { Registered } from "./support/graph";
import { ApmStackName } from "./support/stacks";

const PUT_FILE = /\/put-file .* (\/data\/docker\/otel\/\S+)$/;

/** Files whose text is no secret, nor another one each time, nor the same on every host: path below the configuration → text. */
function filesOf(resources: Registered[]): Record<string, string> {
    const files = resources.flatMap(({ inputs, secrets }) => {
        const path = PUT_FILE.exec(String(inputs.create))?.[1];
        if (!path || secrets.includes("stdin") || /\.(pem|sh|properties|ndjson)$|\/back-end-user$/.test(path))
            return [];
        return [[path.replace("/data/docker/otel/", ""), inputs.stdin as string]];
    });
    return Object.fromEntries(files);
}

const containersOf = (resources: Registered[]): Record<string, object> =>
    Object.fromEntries(
        resources
            .filter(({ type }) => type === "docker:index/container:Container")
            // A label is another one for each certificate.
            .map(({ inputs: { labels: _, image: __, ...inputs } }) => [inputs.name as string, inputs]),
    );

const FILES = [
    "apm-front/haproxy.cfg",
    "data-prepper/data-prepper-config.yaml",
    "data-prepper/pipelines.yaml",
    "opensearch-dashboards/opensearch_dashboards.yml",
    "opensearch/desired.txt",
    "opensearch/opensearch.yml",
    "otel-cluster-collector/config.yaml",
    "otel-node-collector/config.yaml",
];

let tls: ApmTls;
const nodes = {} as Record<ApmStackName, Registered[]>;

beforeAll(async () => {
    tls = await apmTls();
    for (const stack of ["apm1", "apm2"] as const) nodes[stack] = await registerApmNode(tls, stack);
}, 240_000);

describe("the first node of Container APM", () => {
    it("has these files that are no secrets", () => {
        expect(Object.keys(filesOf(nodes.apm1)).sort()).toEqual(FILES);
    });

    it.each(FILES)("has this %s", async (file) => {
        await expect(filesOf(nodes.apm1)[file]).toMatchFileSnapshot(`__snapshots__/apm1/shipped/${file}`);
    });

    it("runs these containers", async () => {
        const text = `${JSON.stringify(containersOf(nodes.apm1), undefined, 2)}\n`;
        await expect(text).toMatchFileSnapshot("__snapshots__/apm1/shipped/containers.json");
    });

    it("writes straight to OpenSearch with this, where there is no Data Prepper", async () => {
        const files = filesOf(await registerApmNode(tls, "apm1", { apm: '{"ingest":"direct"}' }));
        expect(Object.keys(files).filter((file) => file.startsWith("data-prepper"))).toEqual([]);
        await expect(files["otel-node-collector/config.yaml"]).toMatchFileSnapshot(
            "__snapshots__/apm1/shipped/otel-node-collector/direct.yaml",
        );
    });
});

describe("the second node of Container APM", () => {
    // Whoever asks a service of all nodes asks its own host's first, so that the order differs, too.
    const neutral = (text: string): string[] =>
        text
            .replace(/apm-[123]|192\.168\.110\.23[123]/g, "NODE")
            .split("\n")
            .sort();

    it.each(FILES)("has the same %s, but for names and addresses", (file) => {
        expect(neutral(filesOf(nodes.apm2)[file]!)).toEqual(neutral(filesOf(nodes.apm1)[file]!));
    });

    it("has the same list of members as the first: of two lists there could be two clusters", () => {
        const members = (resources: Registered[]): string[] =>
            (containersOf(resources) as Record<string, { command: string[] }>)[
                resources === nodes.apm1 ? "opensearch-apm-1" : "opensearch-apm-2"
            ]!.command.filter((_word, at, all) => all[at - 1] === "--member");
        expect(members(nodes.apm1)).toEqual([
            "apm-1=192.168.110.231",
            "apm-2=192.168.110.232",
            "apm-3=192.168.110.233",
        ]);
        expect(members(nodes.apm2)).toEqual(members(nodes.apm1));
    });

    it("says nowhere in a file who forms the cluster", () => {
        for (const text of Object.values(filesOf(nodes.apm1)))
            expect(text).not.toContain("initial_cluster_manager_nodes");
    });
});
