import * as fs from "node:fs";
import * as http from "node:http";
import * as net from "node:net";
import { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { run } from "../../ops/run";
import { endsOf } from "../../ops/status/certificates";
import { statusScript } from "../../ops/status/collect";
import { parseFacts, parseSamples } from "../../ops/status/facts";
import { newCa, newLeaf } from "./support/certificates";
import { Bench } from "./support/shell";
import { valuesOf } from "./support/stacks";

describe("the script that asks a host", () => {
    const servers: net.Server[] = [];
    afterEach(() => servers.splice(0).forEach((server) => server.close()));

    async function listen(server: net.Server): Promise<number> {
        servers.push(server);
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        return (server.address() as AddressInfo).port;
    }
    const ask = (ports: Record<string, string>, env?: Record<string, string>) => {
        const values = valuesOf("node1", { vip: "127.0.0.9", ...ports });
        const input = statusScript({ values, container: (service) => `${service}-mid-1` });
        return run(["bash", "-s"], { input, env });
    };

    it("tells the status and the wanted lines of each endpoint", async () => {
        const port = await listen(
            http.createServer((request, response) =>
                response.end(
                    request.url === "/metrics" ? 'a 1\notelcol_exporter_queue_size{exporter="x"} 7\nb 2\n' : "fine\n",
                ),
            ),
        );
        const text = (await ask({ aggregatorMetricsPort: String(port) })).stdout;
        const facts = parseFacts(text, { askedMs: Date.now() - 100, heardMs: Date.now() });
        expect(facts.answers.queues).toEqual({ status: 200, lines: ['otelcol_exporter_queue_size{exporter="x"} 7'] });
        expect(facts.answers.uploads).toEqual({ status: undefined, lines: [] });
        expect(Math.abs(facts.clockOffsetMs)).toBeLessThan(5000);
        expect(facts.holdsVip).toBe(false);
    });

    it("gets certificates and no key, and knows what is not there", async () => {
        const configDir = fs.mkdtempSync(path.join(os.tmpdir(), "otel-ha-"));
        const ca = await newCa();
        const leaf = await newLeaf(ca, { hours: 48 });
        fs.mkdirSync(path.join(configDir, "haproxy/tls"), { recursive: true });
        for (const [name, text] of Object.entries({
            "clients.pem": leaf.certificate + leaf.key,
            "peer.pem": leaf.key + leaf.certificate,
            "trusted.pem": (await newCa("Former CA", 24)).certificate + ca.certificate,
        }))
            fs.writeFileSync(path.join(configDir, "haproxy/tls", name), text);
        const { stdout } = await ask({ tls: "internal", configDir });
        fs.rmSync(configDir, { recursive: true });
        expect(stdout).not.toContain("PRIVATE");
        for (const line of leaf.key.split("\n").slice(1, 3)) expect(stdout).not.toContain(line);
        const { certificates } = parseFacts(stdout, { askedMs: 0, heardMs: 0 });
        const day = (iso: string | undefined): number => Math.round((Date.parse(iso!) - Date.now()) / 86_400_000);
        expect([day(certificates.clients), day(certificates.peer), day(certificates.ca)]).toEqual([2, 2, 3650]);
        expect(certificates.objectStore).toBeUndefined();
        // While a CA is replaced: the one that signs counts, however long the other one lasts.
        const former = await newCa("Former CA", 24);
        const shown = { peer: (await newLeaf(former)).certificate, ca: former.certificate + ca.certificate };
        expect(day(endsOf(shown).ca)).toBe(1);
    });

    it("only connects to the virtual IP with TLS, at the port that clients use", async () => {
        const received: Buffer[] = [];
        const server = net.createServer((socket) => {
            socket.on("data", (chunk) => received.push(chunk));
            socket.on("error", () => undefined);
        });
        servers.push(server);
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.9", resolve));
        const otlpHttpPort = String((server.address() as AddressInfo).port);
        const vip = async (port: string) =>
            parseFacts((await ask({ tls: "internal", otlpHttpPort: port })).stdout, { askedMs: 0, heardMs: 0 }).answers
                .vip;
        expect(await vip(otlpHttpPort)).toEqual({ connected: true, lines: [] });
        expect(Buffer.concat(received).toString()).toBe("");
        server.close();
        expect(await vip(otlpHttpPort)).toEqual({ status: undefined, lines: [] });
    });

    it.each([
        ["echo \"The cluster 'store' is ready\"", 200],
        ["echo \"The cluster 'store' is not ready\"; exit 1", 503],
        ["echo \"The cluster 'store' is unreachable: refused\"; exit 1", undefined],
    ])("has a container that speaks TLS asked by its own client: %s", async (client, status) => {
        const bench = new Bench();
        const check = "MC_HOST_store=https://127.0.0.1:9000 timeout 3 mc ready store";
        bench.stub(
            "docker",
            `case "$1" in
    inspect) echo "/minio-mid-1 id running healthy 0 sha256:1 - 2026-01-01T00:00:00Z CMD-SHELL ${check} " ;;
    exec) [ "$*" = "exec minio-mid-1 /bin/sh -c ${check}" ] && ${client} ;;
esac`,
        );
        const { stdout } = await ask({}, { PATH: `${bench.bin}:${process.env.PATH}` });
        bench.remove();
        expect(parseFacts(stdout, { askedMs: 0, heardMs: 0 }).answers["minio-mid-1"]!.status).toBe(status);
    });

    it("does not wait for a service that takes connections and says nothing", async () => {
        const port = await listen(net.createServer(() => {}));
        const started = Date.now();
        const { code, stdout } = await ask({ thanosHttpPort: String(port) });
        expect(code).toBe(0);
        expect(parseFacts(stdout, { askedMs: 0, heardMs: 0 }).answers.uploads!.status).toBeUndefined();
        expect(Date.now() - started).toBeLessThan(4500);
    });

    it("is not believed when its answer ends early", () => {
        expect(() => parseFacts("== time 1800000000.5\n== address\n", { askedMs: 0, heardMs: 0 })).toThrow(
            "not complete",
        );
    });
});

describe("lines of metrics", () => {
    it("are read with their labels", () => {
        expect(parseSamples(['x{a="1",b="say \\"hi\\""} 2.5e+3', "y 4", "# HELP y", ""])).toEqual([
            { name: "x", labels: { a: "1", b: 'say \\"hi\\"' }, value: 2500 },
            { name: "y", labels: {}, value: 4 },
        ]);
    });
});
