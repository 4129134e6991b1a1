import { beforeAll, describe, expect, it } from "vitest";
import { Host } from "../../components";
import { ApmFront, apmFrontRequirements } from "../../components/apm-front";
import { DataPrepper, dataPrepperRequirements } from "../../components/data-prepper";
import { OpenSearchDashboards, openSearchDashboardsRequirements } from "../../components/opensearch-dashboards";
import { apmIdentity, DASHBOARDS, DATA_PREPPER, FRONT } from "./support/apm";
import { Graph, Registered, run } from "./support/graph";
import { HOST_KEY } from "./support/stacks";

// Data Prepper, OpenSearch Dashboards and its front on one host, as the engine sees them.

let graph: Graph<void>;
const found = (type: string, name: string): Registered =>
    graph.resources.find((one) => one.type === type && one.name === name)!;
const COMMAND = "command:remote:Command";

beforeAll(async () => {
    const given = await apmIdentity();
    graph = await run(() => {
        const host = new Host("apm-1", {
            address: "10.0.0.7",
            hostKey: HOST_KEY,
            requirements: [
                dataPrepperRequirements(DATA_PREPPER),
                openSearchDashboardsRequirements(DASHBOARDS),
                apmFrontRequirements(FRONT),
            ],
        });
        // Something that is waited for.
        const opensearch = host.ready;
        const common = { host, after: [opensearch], ...given };
        new DataPrepper("prepper", {
            ...common,
            settings: DATA_PREPPER,
            writerPassword: "SECRETw",
            password: "SECRETo",
        });
        const dashboards = new OpenSearchDashboards("dashboards", {
            ...common,
            settings: DASHBOARDS,
            password: "SECRETd",
            cookieSecret: "SECRETc",
        });
        new ApmFront("front", { ...common, settings: FRONT, after: [dashboards.ready] });
    });
}, 60_000);

describe("the components of Container APM", () => {
    it.each([
        ["otel-ha:index:DataPrepper", "prepper"],
        ["otel-ha:index:OpenSearchDashboards", "dashboards"],
        ["otel-ha:index:ApmFront", "front"],
    ])("are of a type of their own: %s, with a container and a gate", (type, name) => {
        expect(found(type, name)).toBeDefined();
        expect(found("docker:index/container:Container", name)).toMatchObject({
            parent: `${type} ${name}`,
            deleteBeforeReplace: true,
        });
        const gate = found(COMMAND, `${name}-ready`);
        expect(gate.dependsOn).toEqual([`docker:index/container:Container ${name}`]);
        expect(gate.inputs.stdin).toBe(`container ${name}-id\n`);
    });

    it("start when what they need is there", () => {
        const started = (name: string): string[] => found("docker:index/container:Container", name).dependsOn;
        for (const name of ["prepper", "dashboards"])
            expect(started(name)).toContainEqual(expect.stringMatching(/ apm-1-setup$/));
        expect(started("front")).toContain("command:remote:Command dashboards-ready");
    });

    it("have gates that know them", () => {
        const line = (name: string): string => found(COMMAND, `${name}-ready`).inputs.create as string;
        expect(line("prepper")).toBe(
            "/usr/local/lib/otel-ha/await-data-prepper --timeout 120 --green-timeout 300 --restarts 2 data-prepper-apm-1",
        );
        expect(line("dashboards")).toBe(
            "/usr/local/lib/otel-ha/setup-dashboards --timeout 300 --open-timeout 300 opensearch-dashboards-apm-1",
        );
        expect(line("front")).toContain("/usr/local/lib/otel-ha/await-healthy --timeout 120 --open-if ");
    });

    it("keep secrets secret wherever the engine keeps them", () => {
        for (const { name, inputs, secrets } of graph.resources)
            for (const [key, value] of Object.entries(inputs))
                if (/SECRET[a-z]|BEGIN [A-Z ]*PRIVATE KEY/.test(JSON.stringify(value) ?? ""))
                    expect([name, ...secrets]).toContain(key);
    });
});
