import { beforeAll, describe, expect, it } from "vitest";
import { ContainerSpec } from "../../components";
import { ApmFrontSettings, apmFrontConfig, apmFrontRequirements, apmFrontSpec } from "../../components/apm-front";
import { ApmIdentity, apmIdentity, APM_ADDRESSES, FRONT } from "./support/apm";
import { reveal } from "./support/graph";

let given: ApmIdentity;
let spec: ContainerSpec;

beforeAll(async () => {
    given = await apmIdentity();
    spec = apmFrontSpec(FRONT, given);
});

const servers = (settings: ApmFrontSettings): string[][] =>
    apmFrontConfig(settings)
        .split("\n")
        .filter((line) => line.trim().startsWith("server "))
        .map((line) => line.trim().split(" "));

describe("the front of OpenSearch Dashboards", () => {
    it("has this configuration", async () => {
        await expect(apmFrontConfig(FRONT)).toMatchFileSnapshot("__snapshots__/apm1/apm-front/haproxy.cfg");
    });

    it("asks the node's own copy, and another only when that does not work", () => {
        const asked = (node: string): string[][] =>
            servers({ ...FRONT, node }).map((words) => [words[1], words[2], words.at(-1)!]);
        expect(asked("apm-1")).toEqual([
            ["apm-1", `${APM_ADDRESSES[0]}:15601`, "check"],
            ["apm-2", `${APM_ADDRESSES[1]}:15601`, "backup"],
        ]);
        expect(asked("apm-2").map(([node]) => node)).toEqual(["apm-2", "apm-1"]);
        // One that has none itself.
        expect(asked("apm-3").map(([node]) => node)).toEqual(["apm-1", "apm-2"]);
    });

    it("speaks only to a Dashboards that shows its own node's certificate", () => {
        for (const [, node, , ...words] of servers(FRONT))
            expect(words.join(" ")).toMatch(
                new RegExp(`^ssl verify required ca-file trusted.pem verifyhost ${node} check`),
            );
    });

    it("is refused without a copy", () => {
        expect(() => apmFrontConfig({ ...FRONT, copies: [] })).toThrow("copies is empty; name the nodes");
    });

    it("takes changed files without a gap, when HAProxy itself finds them good", () => {
        expect(spec.files.map(({ path, check, reload }) => [path, check !== undefined, reload])).toEqual(
            ["front.pem", "trusted.pem", "haproxy.cfg"].map((name) => [
                `/data/docker/otel/apm-front/${name}`,
                true,
                "/usr/local/lib/otel-ha/reload-haproxy haproxy-apm-1",
            ]),
        );
    });

    it("shows no key in a diff", async () => {
        const [pem, ...others] = spec.files;
        expect(pem).toMatchObject({ mode: "0400", owner: "99:99" });
        const { value, secret } = await reveal(pem.content);
        expect([secret, value.indexOf("CERTIFICATE") < value.indexOf("PRIVATE KEY")]).toEqual([true, true]);
        for (const { content } of others) expect((await reveal(content)).value).not.toContain("PRIVATE KEY");
    });

    it("is for people; whether it works it tells this host only", () => {
        const { ports } = apmFrontRequirements(FRONT);
        expect(ports.map(({ port, key, audience }) => [port, key, audience])).toEqual([
            [5601, "dashboardsPort", ["clients", "admins", "peer"]],
            [15602, "dashboardsFrontHealthPort", []],
        ]);
        expect(apmFrontConfig(FRONT)).toContain("bind 127.0.0.1:15602\n");
    });

    it("runs like this", async () => {
        const { files, ...rest } = spec;
        const shown = { ...rest, files: files.map(({ content: _, ...file }) => file) };
        await expect(`${JSON.stringify(shown, undefined, 2)}\n`).toMatchFileSnapshot(
            "__snapshots__/apm1/apmFront.container.json",
        );
    });
});
