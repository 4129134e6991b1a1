// With TLS, HAProxy is the only way into a node. What it then does in earnest is in test/lab/33-tls.test.ts.
import * as pulumi from "@pulumi/pulumi";
import { createHash } from "crypto";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { haproxyRequirements } from "../../components";
import { haproxyConfig, haproxySpec } from "../../components/haproxy";
import { nodeRequirements } from "../../components/node";
import { HAPROXY_SECRETS, configsOf, specsOf } from "./support/specs";
import { settingsOf, STACKS } from "./support/stacks";

const TLS = { tls: "internal" };

/** Lines of haproxy.cfg by section. */
function sections(changes: Record<string, string> = {}): Record<string, string[]> {
    const all: Record<string, string[]> = {};
    let current: string[] = [];
    for (const line of configsOf("node1", { ...TLS, ...changes })["haproxy/haproxy.cfg"]!.split("\n")) {
        if (/^\w/.test(line)) current = all[line] = [];
        else if (line.trim() !== "" && !line.trim().startsWith("#")) current.push(line.trim());
    }
    return all;
}

/** Where each section listens. */
const bindings = (section: string[]): string[] =>
    section.filter((line) => line.startsWith("bind ")).map((line) => line.slice(5));
const onLoopback = (binding: string): boolean => binding.startsWith("127.0.0.1:");
const portOf = (binding: string): number => Number(/:(\d+)/.exec(binding)![1]);

describe.each(STACKS)("%s with TLS", (stack) => {
    it("has nothing but HAProxy and the object store listen on an address of the host", () => {
        const services = Object.entries(specsOf(stack, TLS)).filter(
            ([name]) => !["haproxy", "objectStore"].includes(name),
        );
        const texts = services.flatMap(([, spec]) => [
            ...(spec.command ?? []),
            ...spec.files.filter(({ content }) => typeof content === "string").map(({ content }) => content as string),
        ]);
        expect(texts.filter((text) => text.includes("0.0.0.0") || /-address=:\d/.test(text))).toEqual([]);
        expect(specsOf(stack, TLS).prometheus.command).toContain("--web.listen-address=127.0.0.1:9090");
        const loki = parse(configsOf(stack, TLS)["loki/config.yaml"]!) as { server: { http_listen_address: string } };
        expect(loki.server.http_listen_address).toBe("127.0.0.1");
    });

    it("asks the other node through HAProxy on loopback", () => {
        const files = configsOf(stack, TLS);
        const other = stack === "node1" ? "192.168.110.119" : "192.168.110.214";
        const names = ["loki/config.yaml", "otel-collector/config.yaml", "prometheus/prometheus.yml"];
        for (const name of [...names, "thanos-query/endpoints.yml"]) expect(files[name], name).not.toContain(other);
    });
});

describe("HAProxy with TLS", () => {
    it("speaks TLS wherever something else than this host reaches it", () => {
        const outside = Object.values(sections())
            .flatMap(bindings)
            .filter((binding) => !onLoopback(binding));
        for (const binding of outside) expect(binding).toMatch(/ ssl crt (clients|peer)\.pem /);
        expect(outside.map(portOf).sort((a, b) => a - b)).toEqual([
            3100, 4317, 4318, 8404, 9090, 9464, 9465, 10901, 10902, 10904, 10905, 10906, 10912, 13100, 13133, 14317,
            14318, 19090,
        ]);
    });

    it("is at every port that the firewall opens, but for the object store's, and everywhere asks who is there", () => {
        const settings = settingsOf("node1", TLS);
        const bound = Object.values(sections())
            .flatMap(bindings)
            .map((binding) => [portOf(binding), binding] as const);
        for (const use of nodeRequirements(settings).flatMap(({ ports }) => ports)) {
            if (use.key.startsWith("objectStore")) continue;
            const there = bound.filter(([port, binding]) => port === use.port && !onLoopback(binding));
            expect(there, use.key).toHaveLength(use.audience.length > 0 ? 1 : 0);
            if (use.audience.length > 0) expect(use.access, use.key).toMatch(/^TLS; /);
        }
        for (const [name, section] of Object.entries(sections())) {
            if (bindings(section).every(onLoopback)) continue;
            const asks = section.some((line) => /^http-request (auth|deny)|^tcp-request session reject/.test(line));
            expect(asks, name).toBe(true);
        }
    });

    it("talks to the other node with TLS only, and only when it shows the other node's certificate", () => {
        const servers = Object.values(sections())
            .flat()
            .filter((line) => line.startsWith("server ") && line.includes("192.168.110.119"));
        expect(servers.length).toBeGreaterThan(10);
        for (const server of servers) expect(server).toMatch(/ ssl( |$)/);
        // A check at another port does not take over "ssl".
        for (const server of servers.filter((line) => line.includes("check port")))
            expect(server).toContain("check-ssl");
        expect(sections().defaults).toContain(
            "default-server crt peer.pem ca-file trusted.pem verify required verifyhost mid-2",
        );
    });

    it("needs to know the other node's name", () => {
        const { haproxy } = settingsOf("node1", TLS);
        expect(() => haproxyConfig({ ...haproxy, tls: { ...haproxy.tls!, peerNode: undefined } })).toThrow(
            "tls.peerNode is missing; write the name of the node at 192.168.110.119, which its certificate has",
        );
    });

    it("needs certificates", () => {
        const { haproxy } = settingsOf("node1", TLS);
        expect(() => haproxySpec(haproxy, { ...HAPROXY_SECRETS, tls: undefined })).toThrow(
            "haproxy-mid-1: settings.tls needs certificates",
        );
    });

    it("takes Thanos Query's gRPC from nobody: it has no way to ask for a password there", () => {
        const ports = nodeRequirements(settingsOf("node1", TLS)).flatMap((needs) => needs.ports);
        expect(ports.find(({ key }) => key === "thanosQueryGrpcPort")).toMatchObject({ audience: [] });
    });

    it("takes telemetry with a certificate of the clients' CA when there is one", () => {
        const pem = `-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`;
        const { haproxy } = settingsOf("node1", TLS);
        const text = haproxyConfig({ ...haproxy, tls: { ...haproxy.tls!, otlpClientCa: pem } });
        for (const port of ["4318", "4317 proto h2"])
            expect(text).toMatch(new RegExp(`bind :${port} ssl .* ca-file otlp-clients.pem verify optional`));
        expect(text.match(/acl known ssl_c_used/g)).toHaveLength(2);
        expect(text).not.toContain("everybody");
        const spec = haproxySpec({ ...haproxy, tls: { ...haproxy.tls!, otlpClientCa: pem } }, HAPROXY_SECRETS);
        expect(spec.files.find(({ path }) => path.endsWith("/otlp-clients.pem"))?.content).toBe(pem);
    });

    it("writes nobody's name or password into the log", () => {
        const all = Object.values(sections()).flat();
        expect(all.filter((line) => line.includes("capture"))).toEqual(
            Array(2).fill("http-request capture var(txn.client) len 64"),
        );
    });

    it("keeps its keys to itself, and says whether it can read them", () => {
        const { files } = specsOf("node1", TLS).haproxy;
        const names = files.map(({ path }) => path.replace("/data/docker/otel/haproxy/", ""));
        // The configuration comes last: what it names is there.
        expect(names).toEqual([
            "stats-users.cfg",
            "tls/trusted.pem",
            "tls/peer.pem",
            "tls/clients.pem",
            "tls/otlp-tokens.map",
            "haproxy.cfg",
        ]);
        for (const file of files.slice(2, 5)) expect(file).toMatchObject({ mode: "0400", owner: "99:99" });
        for (const file of files.slice(1, 4)) expect(file.check).toContain("haproxy -c");
        for (const file of files) expect(file.reload).toBe("/usr/local/lib/otel-ha/reload-haproxy haproxy-mid-1");
        expect(haproxyRequirements(settingsOf("node1", TLS).haproxy).directories).toContainEqual(
            expect.objectContaining({ path: "/data/docker/otel/haproxy/tls" }),
        );
    });
});

describe("tokens", () => {
    const mapOf = (otlpTokens: Record<string, string>): Promise<string> => {
        const { files } = haproxySpec(settingsOf("node1", TLS).haproxy, { ...HAPROXY_SECRETS, otlpTokens });
        const file = files.find(({ path }) => path.endsWith("/otlp-tokens.map"))!;
        return new Promise((resolve) => pulumi.output(file.content).apply(resolve));
    };

    it("are known to the host by their hashes", async () => {
        const hash = (token: string): string => createHash("sha256").update(token).digest("hex");
        expect(await mapOf({ shop: "one", billing: "two" })).toBe(`${hash("two")} billing\n${hash("one")} shop\n`);
    });

    it("are asked for when there are any", async () => {
        expect(await mapOf({})).toBe("everybody everybody\n");
    });
});
