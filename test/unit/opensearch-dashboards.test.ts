import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ContainerSpec } from "../../components";
import {
    openSearchDashboardsConfig,
    openSearchDashboardsRequirements,
    openSearchDashboardsSpec,
    setupDashboardsCommand,
} from "../../components/opensearch-dashboards";
import { ApmIdentity, apmIdentity, APM_ADDRESSES, DASHBOARDS } from "./support/apm";
import { DASHBOARDS_YML } from "./support/dashboards-schema";
import { reveal } from "./support/graph";
import { problems } from "./support/schema";

const config = (changes = {}): Record<string, unknown> =>
    parse(openSearchDashboardsConfig({ ...DASHBOARDS, ...changes })) as Record<string, unknown>;

let given: ApmIdentity;
let spec: ContainerSpec;

beforeAll(async () => {
    given = await apmIdentity();
    spec = openSearchDashboardsSpec(DASHBOARDS, { ...given, password: "SECRETp", cookieSecret: "SECRETc".repeat(5) });
});

const text = async (name: string): Promise<string> =>
    (await reveal(spec.files.find(({ path }) => path.endsWith(`/${name}`))!.content)).value;

describe("opensearch_dashboards.yml", () => {
    it("is this", async () => {
        await expect(openSearchDashboardsConfig(DASHBOARDS)).toMatchFileSnapshot(
            "__snapshots__/apm1/opensearch-dashboards/opensearch_dashboards.yml",
        );
    });

    it("has only options that Dashboards knows, of the right types", async () => {
        expect(problems({ ...config(), ...parse(await text("secrets.yml")) }, DASHBOARDS_YML)).toEqual([]);
    });

    it("would be found out with a misspelt option, a wrong type, or without one that it needs", () => {
        const rest: Record<string, unknown> = { ...config(), "opensearch.username": "dashboards" };
        delete rest["opensearch.hosts"];
        const wrong = {
            ...rest,
            "opensearch.url": "x",
            "server.port": "15601",
            "server.ssl.supportedProtocols": ["TLSv1.1"],
        };
        expect(problems(wrong, DASHBOARDS_YML)).toEqual([
            "opensearch.hosts: missing",
            'server.port: "15601" is no port',
            'server.ssl.supportedProtocols[0]: "TLSv1.1" is none of TLSv1.2, TLSv1.3',
            "opensearch.url: unknown",
        ]);
    });

    it("asks all nodes, this one first, and believes only the system's CA", () => {
        expect(config()).toMatchObject({
            "opensearch.hosts": APM_ADDRESSES.map((address) => `https://${address}:9200`),
            "opensearch.ssl.verificationMode": "full",
            "opensearch.ssl.certificateAuthorities": ["/etc/opensearch-dashboards/trusted.pem"],
            "opensearch_security.multitenancy.enabled": false,
        });
    });

    it("has no secret: those are in a file of their own, which is read as well", async () => {
        expect(openSearchDashboardsConfig(DASHBOARDS)).not.toMatch(/password:|SECRET/);
        expect(parse(await text("secrets.yml"))).toEqual({
            "opensearch.username": "dashboards",
            "opensearch.password": "SECRETp",
            "opensearch_security.cookie.password": "SECRETc".repeat(5),
        });
        expect(spec.command!.join(" ")).toContain(
            "--config /etc/opensearch-dashboards/opensearch_dashboards.yml --config /etc/opensearch-dashboards/secrets.yml",
        );
    });
});

describe("OpenSearch Dashboards", () => {
    it("shows no secret in a diff", async () => {
        for (const { path, content, mode, owner } of spec.files) {
            const { value, secret } = await reveal(content);
            if (!/SECRET|PRIVATE KEY/.test(value)) continue;
            expect({ path, secret, mode, owner }).toEqual({ path, secret: true, mode: "0400", owner: "1000:1000" });
        }
        expect(JSON.stringify([spec.environment, spec.command, spec.entrypoint])).not.toContain("SECRET");
    });

    it("writes to its data directory only, which is there", () => {
        const { directories } = openSearchDashboardsRequirements(DASHBOARDS);
        const written = spec.mounts.filter(({ readOnly }) => !readOnly);
        expect(written).toEqual([
            { source: "/data/volume/otel/opensearch-dashboards", target: "/usr/share/opensearch-dashboards/data" },
        ]);
        expect(directories).toContainEqual({ path: written[0].source, owner: "1000:1000", mode: "0700" });
    });

    it("takes other dashboards without a new start", () => {
        const reloaded = spec.files.filter(({ reload }) => reload).map(({ path, reload }) => [path, reload]);
        expect(reloaded).toEqual([
            ["/data/docker/otel/opensearch-dashboards/objects.ndjson", setupDashboardsCommand(DASHBOARDS)],
        ]);
    });

    it("has room for its program besides its objects", () => {
        expect(spec.environment!.NODE_OPTIONS).toBe("--max-old-space-size=768");
        const larger = openSearchDashboardsSpec(
            { ...DASHBOARDS, heap: "2GiB", memoryLimit: "3GiB" },
            { ...given, password: "p", cookieSecret: "c" },
        );
        expect(larger.environment!.NODE_OPTIONS).toBe("--max-old-space-size=2048");
    });

    it("is for the fronts of the nodes", () => {
        const { ports } = openSearchDashboardsRequirements(DASHBOARDS);
        expect(ports.map(({ port, key, audience }) => [port, key, audience])).toEqual([
            [15601, "dashboardsBackendPort", ["peer"]],
        ]);
    });

    it("runs like this", async () => {
        const { files, ...rest } = spec;
        const shown = {
            ...rest,
            files: files.map(({ content: _, ...file }) => file),
            gate: setupDashboardsCommand(DASHBOARDS),
        };
        await expect(`${JSON.stringify(shown, undefined, 2)}\n`).toMatchFileSnapshot(
            "__snapshots__/apm1/opensearchDashboards.container.json",
        );
    });
});
