import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { addresses, ContainerSpec } from "../../components";
import { nodeRequirements } from "../../components/node";
import { objectStoreSpec, ObjectStoreSettings } from "../../components/object-store";
import { putFileCommand } from "../../components/remote-file";
import { parseValues } from "../../components/settings/parse";
import { configsOf, Service, specsOf } from "./support/specs";
import { config, settingsOf, STACKS, valuesOf } from "./support/stacks";

const TLS = { tls: "internal" };
const OFF = { tls: "off" };
const LOCAL = "https://127.0.0.1:9000";
const ASKS = `MC_HOST_store=${LOCAL} timeout 3 mc ready store`;
// eslint-disable-next-line @typescript-eslint/no-explicit-any
const read = (file: string, changes: Record<string, string>): any => parse(configsOf("node1", changes)[file]!);
const fileOf = (spec: ContainerSpec, name: string): ContainerSpec["files"][number] =>
    spec.files.find(({ path }) => path.endsWith(`/${name}`))!;
/** How a file is written on the host. */
const written = (spec: ContainerSpec, name: string): string => {
    const file = fileOf(spec, name);
    const reload = file.reload ? { container: "c", command: file.reload, works: file.reloaded } : undefined;
    return putFileCommand({ ...file, reload });
};

describe("an object store with TLS", () => {
    const store = specsOf("node1", TLS).objectStore;

    it("has its certificates where it looks for them, the key for its user only", () => {
        expect(store.command?.slice(0, 3)).toEqual(["server", "--certs-dir", "/etc/minio/certs"]);
        expect(store.mounts).toContainEqual({
            source: "/data/docker/otel/minio",
            target: "/etc/minio",
            readOnly: true,
        });
        expect(store.files.map(({ path }) => path.replace("/data/docker/otel/", ""))).toEqual([
            "minio/root.env",
            "minio/certs/CAs/trusted.crt",
            "minio/certs/public.crt",
            "minio/certs/private.key",
        ]);
        expect(fileOf(store, "private.key")).toMatchObject({ mode: "0400", owner: "1000:1000" });
    });

    it("takes a renewed certificate by a signal, also without quorum, and another CA by a restart", () => {
        for (const name of ["public.crt", "private.key"]) {
            expect(written(store, name)).toContain("kill -s HUP ");
            expect(written(store, name)).toContain(`--works '${ASKS} | grep -q ready'`);
        }
        expect(fileOf(store, "trusted.crt").reload).toBeUndefined();
    });

    it("reaches the other host, and its own health check it, by TLS", () => {
        expect(store.command?.slice(-4)).toEqual(
            ["192.168.110.214", "192.168.110.119"].flatMap((host) =>
                [1, 2].map((n) => `https://${host}:9000/data${n}`),
            ),
        );
        expect(store.healthCheck.command).toBe(ASKS);
        expect(specsOf("node1", { ...TLS, objectStore: "mirrored" }).objectStore.command?.slice(-2)).toEqual([
            "/data1",
            "/data2",
        ]);
    });

    it("is believed by Loki and the parts of Thanos by the CA of the pair, which they read at their start", () => {
        expect(read("loki/config.yaml", TLS).storage_config.aws).toMatchObject({
            endpoint: LOCAL,
            insecure: false,
            http_config: { ca_file: "/etc/loki/trusted.pem" },
        });
        for (const part of ["thanos", "thanos-store", "thanos-compactor"])
            expect(read(`${part}/bucket.yml`, TLS).config).toMatchObject({
                endpoint: "127.0.0.1:9000",
                insecure: false,
                http_config: { tls_config: { ca_file: "/etc/thanos/trusted.pem" } },
            });
        for (const service of ["loki", "thanosSidecar", "thanosStore", "thanosCompactor"] as Service[]) {
            const { files } = specsOf("node1", TLS)[service];
            const trusted = files.find(({ path }) => path.endsWith("/trusted.pem"));
            expect(trusted, service).toEqual({ path: expect.any(String), content: "the CA\n" });
        }
        for (const service of ["loki", "thanosStore", "thanosCompactor"] as Service[])
            expect(specsOf("node1", TLS)[service].entrypoint?.[2]).toContain(
                `wget -q -O /dev/null --no-check-certificate ${LOCAL}/minio/health/cluster/read `,
            );
    });

    it("that is elsewhere is believed by the images' own CAs", () => {
        const external = { ...TLS, objectStore: "external", objectStoreEndpoint: "s3.example:443" };
        const secrets = ["loki", "thanosSidecar", "thanosStore", "thanosCompactor"].map((name) => [
            `${name}ObjectStoreSecret`,
            "given-key",
        ]);
        const changes = { ...external, ...Object.fromEntries(secrets) };
        expect(read("loki/config.yaml", changes).storage_config.aws).not.toHaveProperty("http_config");
        expect(read("thanos/bucket.yml", changes).config).not.toHaveProperty("http_config");
    });

    it("is not made without a certificate, nor is a certificate left unused", () => {
        const root = { user: "root", password: "secret" };
        const settings: ObjectStoreSettings = { node: "a", address: "10.0.0.1", pool: ["10.0.0.1"] };
        expect(() => objectStoreSpec({ ...settings, tls: true }, root)).toThrow(
            "tls is true, but no certificate is given",
        );
        const tls = { trusted: "ca", identity: { certificate: "c", key: "k" } };
        expect(() => objectStoreSpec(settings, root, tls)).toThrow("tls is false, but a certificate is given");
    });

    it("is without all that when TLS is off", () => {
        for (const spec of STACKS.flatMap((stack) => Object.values(specsOf(stack, OFF)))) {
            const { command, entrypoint, environment, healthCheck } = spec;
            const said = JSON.stringify([
                command,
                entrypoint,
                environment,
                healthCheck,
                spec.files.map(({ path }) => path),
            ]);
            expect(said, spec.container).not.toMatch(/https:|SSL_CERT_FILE|\/certs\/CAs|trusted|private\.key/);
        }
    });
});

describe("the console of the object store", () => {
    const portsOf = (changes: Record<string, string>): number[] =>
        nodeRequirements(settingsOf("node1", changes)).flatMap((needs) => needs.ports.map(({ port }) => port));

    it("is off by default: no page, no port, no address", () => {
        const { environment, command } = specsOf("node1").objectStore;
        expect(environment).toMatchObject({ MINIO_BROWSER: "off" });
        expect(command).not.toContain("--console-address");
        expect(portsOf({})).not.toContain(9001);
        expect(addresses(valuesOf("node1"))).not.toHaveProperty("objectStoreConsole");
    });

    it("is at the node's own address when it is on, by TLS when the store has it", () => {
        const on = { objectStoreConsole: "true" };
        const { environment, command } = specsOf("node1", on).objectStore;
        expect(environment).not.toHaveProperty("MINIO_BROWSER");
        expect(command?.join(" ")).toContain("--console-address 192.168.110.214:9001 ");
        expect(portsOf(on)).toContain(9001);
        expect(addresses(valuesOf("node1", on)).objectStoreConsole).toBe("https://192.168.110.214:9001");
        expect(addresses(valuesOf("node1", { ...on, ...OFF })).objectStoreConsole).toBe("http://192.168.110.214:9001");
    });
});

describe("users of the object store", () => {
    it("are different ones in a store of ours, since each has rights of its own", () => {
        const same = { thanosStoreObjectStoreUser: "thanos", thanosCompactorObjectStoreUser: "thanos" };
        expect(parseValues(config("node1", same)).problems).toEqual([
            {
                key: "thanosCompactorObjectStoreUser",
                message:
                    '"thanos" is also thanosStoreObjectStoreUser; each has rights of its own, so write another name',
            },
        ]);
    });
});
