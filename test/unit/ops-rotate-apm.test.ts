// Secrets of Container APM made anew: which there are, what is written, and whether the old ones are refused.
import * as http from "node:http";
import { AddressInfo, Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { APM_SECRET_NAMES } from "../../components/apm-credentials";
import { openSearchUser } from "../../components/opensearch-security";
import { ApmDeployment } from "../../ops/deployment";
import { consequences } from "../../ops/preview/consequences";
import { NodePlan, noPlan } from "../../ops/preview/plan";
import { oldest } from "../../ops/rotate/ages";
import { Former } from "../../ops/rotate/former";
import { AnySecretName } from "../../ops/rotate/generations";
import { Look, lookAtFormer } from "../../ops/rotate/looks";
import { ownerSettings } from "../../ops/rotate/owner";
import { rotationPlan } from "../../ops/rotate/rotation";
import { chosenSecrets } from "../../ops/rotate/secrets";
import { rotationOf } from "../../ops/rotate/systems";
import { secretsText } from "../../ops/rotate/text";
import { apmConfig, apmValuesOf, valuesOf } from "./support/stacks";

const OPEN = { tls: "off", apm: '{"ingest":"direct"}', dashboardsCopies: "0" };
const values = apmValuesOf("apm1", { otlpTokens: "web" });

describe("what can be rotated in Container APM", () => {
    it("is everything that there is, and nothing of the pair's", () => {
        expect(chosenSecrets([], values, [])).toEqual([...APM_SECRET_NAMES]);
        expect(chosenSecrets([], apmValuesOf("apm1", OPEN), [])).toEqual([]);
        expect(() => chosenSecrets(["lokiUser"], values, [])).toThrow(
            'there is no secret "lokiUser" to rotate; there are: opensearchAdmin, opensearchWriter,',
        );
        expect(() => chosenSecrets(["opensearchAdmin"], valuesOf("node1"), [])).toThrow("there are: objectStoreRoot,");
        expect(() => chosenSecrets(["dataPrepper"], apmValuesOf("apm1", { apm: '{"ingest":"direct"}' }), [])).toThrow(
            'dataPrepper cannot be rotated here: apm.ingest is "direct"',
        );
        expect(() => chosenSecrets(["opensearchReader"], values, ["opensearchReaderPassword"])).toThrow(
            "it is given: pulumi config set --secret opensearchReaderPassword",
        );
    });

    it("is explained, each of them, and each can be tried", () => {
        const text = secretsText([...APM_SECRET_NAMES], values, {}, Date.now());
        for (const name of APM_SECRET_NAMES) expect(text).toContain(`  ${name}: `);
        expect(text).not.toContain("undefined");
        expect(Object.keys(rotationOf(values).looks).sort()).toEqual([...APM_SECRET_NAMES].sort());
    });

    it("is written by the same numbers into the owner's settings, a CA in three steps", () => {
        const shown = Object.entries(apmConfig("apm1", { otlpTokens: "web" })).map(([key, value]) => [
            `otel-ha:${key}`,
            { value },
        ]);
        const owner = ownerSettings("apm1", Object.fromEntries(shown));
        expect(rotationPlan(owner, ["opensearchWriter"], "begin").steps).toEqual([
            [{ key: "generation", name: "opensearchWriter", number: 2 }],
        ]);
        const open = { ...owner, values: { ...owner.values, generation: { ca: 2 } } } as typeof owner;
        expect(rotationPlan(open, ["ca"], "finish").steps).toEqual([
            [{ key: "issuingGeneration", name: "ca", number: 2 }],
            [{ key: "oldestGeneration", name: "ca", number: 2 }],
        ]);
    });

    it("has an age", () => {
        const made = {
            "credentials-opensearchWriterPassword": "2026-01-01",
            "apm-1-certificate-opensearchAdmin": "2026-02-01",
        };
        expect(oldest("opensearchWriter", values, "apm-1", made)).toBe("2026-01-01");
        expect(oldest("certificates", values, "apm-1", made)).toBe("2026-02-01");
    });

    it("is said in a preview", () => {
        const change = (what: string) => ({ op: "replace" as const, what, effect: "none" as const });
        const plan: NodePlan = {
            ...noPlan("apm1", "apm-1"),
            changes: [
                change("secret opensearchWriterPassword"),
                change("secret opensearchAdminPassword"),
                { ...change("CA 2"), op: "create" },
            ],
        };
        const said = consequences([plan], { owners: [], values: { "apm-1": values } }).map(({ text }) => text);
        expect(said[0]).toContain("administrator is another one, and the old one is refused at once");
        expect(said[1]).toContain('another user "writer" is made beside the old one');
        expect(said[2]).toContain("all nodes believe CA 2, too");
    });
});

describe("an old login of OpenSearch", () => {
    const servers: Server[] = [];
    afterEach(() => servers.splice(0).forEach((server) => server.close()));
    const basic = (user: string, password: string): string =>
        `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

    /** Lets these in, whatever they ask for. */
    async function letting(...logins: string[]): Promise<{ port: number; asked: string[] }> {
        const asked: string[] = [];
        const server = http.createServer((request, response) => {
            asked.push(request.url!);
            response.writeHead(logins.includes(request.headers.authorization ?? "") ? 200 : 401).end();
        });
        servers.push(server);
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        return { port: (server.address() as AddressInfo).port, asked };
    }
    const former = (credentials: Record<string, string>): Former => ({
        ...{ shared: { credentials, otlpTokens: {} }, peers: {}, certificates: {} },
    });
    async function looks(name: AnySecretName, port: number, said = ""): Promise<Look> {
        const key = Object.keys(rotationOf(values).secretOf).find((one) => rotationOf(values).secretOf[one] === name)!;
        const node = {
            ...{ stack: "apm1", name: "apm-1", address: "127.0.0.1" },
            values: { ...apmValuesOf("apm1"), tls: "off", opensearchHttpPort: port, dataPrepperApiPort: port },
            exec: async () => ({ code: 0, stdout: said, stderr: "" }),
            container: (service: string) => `${service}-apm-1`,
        };
        const pulumi = async () => ({
            code: 0,
            stdout: JSON.stringify({ sharedCredentials: { [key]: "new" } }),
            stderr: "",
        });
        const deployment = { system: "apm", nodes: [node], pulumi } as unknown as ApmDeployment;
        return (await lookAtFormer(deployment, [name], former({ [key]: "old" })))[0]!;
    }
    const writer = (password: string): string => basic(openSearchUser("writer", password).user, password);

    it("is refused, and the new one, which is another user, let in", async () => {
        const { port, asked } = await letting(writer("new"));
        expect(await looks("opensearchWriter", port)).toMatchObject({
            state: "refused",
            seen: "old: HTTP 401, new: HTTP 200",
        });
        expect(asked).toEqual(["/_plugins/_security/authinfo", "/_plugins/_security/authinfo"]);
        expect(writer("old").length).toBeGreaterThan(0);
        expect(openSearchUser("writer", "old").user).not.toBe(openSearchUser("writer", "new").user);
    });

    it("that is let in still is found", async () => {
        const { port } = await letting(writer("new"), writer("old"));
        expect((await looks("opensearchWriter", port)).state).toBe("accepted");
    });

    it("is not called refused when the new one is, too", async () => {
        const { port } = await letting();
        expect((await looks("opensearchAdmin", port)).state).toBe("unknown");
        const data = await letting(basic("collector", "new"));
        expect((await looks("dataPrepper", data.port)).state).toBe("refused");
    });

    it("cookies' secret is looked for in what Dashboards reads", async () => {
        expect(await looks("dashboardsCookie", 1, "absent\nthere\n")).toMatchObject({
            state: "refused",
            seen: "in /data/docker/otel/opensearch-dashboards: old absent, new there",
        });
        expect((await looks("dashboardsCookie", 1, "there\nthere\n")).state).toBe("accepted");
        expect((await looks("dashboardsCookie", 1, "absent\nabsent\n")).state).toBe("unknown");
    });
});
