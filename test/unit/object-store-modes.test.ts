import * as pulumi from "@pulumi/pulumi";
import { afterEach, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { addresses, Node, readSettings } from "../../components";
import { Credentials } from "../../components/credentials";
import { setupScript } from "../../components/host";
import { nodeRequirements } from "../../components/node";
import { ObjectStoreSettings, setupObjectStoreCommand, storeDrives } from "../../components/object-store";
import { parseValues } from "../../components/settings/parse";
import { warnings } from "../../components/settings/warnings";
import { NODE_TLS } from "./support/certificates";
import { Registered, run } from "./support/graph";
import { configsOf, specsOf } from "./support/specs";
import { config, settingsOf, STACKS, StackName, valuesOf } from "./support/stacks";

const MIRRORED = { objectStore: "mirrored" };
const EXTERNAL = {
    objectStore: "external",
    objectStoreEndpoint: "s3.example:443",
    objectStoreRegion: "eu-central-1",
    lokiObjectStoreUser: "AKIALOKI0000EXAMPLE0",
    thanosSidecarObjectStoreUser: "0123456789abcdef",
    thanosStoreObjectStoreUser: "0123456789abcdef",
    thanosCompactorObjectStoreUser: "0123456789abcdef",
    lokiObjectStoreSecret: "of/loki+with=signs",
    thanosSidecarObjectStoreSecret: "of/thanos+with=signs",
    thanosStoreObjectStoreSecret: "of/thanos+with=signs",
    thanosCompactorObjectStoreSecret: "of/thanos+with=signs",
};
const NO_KEYS = Object.fromEntries(Object.keys(EXTERNAL).flatMap((key) => (key.endsWith("Secret") ? [[key, ""]] : [])));
// eslint-disable-next-line @typescript-eslint/no-explicit-any
const read = (stack: StackName, file: string, changes: Record<string, string>): any =>
    parse(configsOf(stack, changes)[file]);
const lines = (changes: Record<string, string>): string[] =>
    parseValues(config("node1", changes)).problems.map(({ key, message }) => `${key}: ${message}`);

describe("objectStore: mirrored", () => {
    it("is a store by itself on each host, of the drives that are there", () => {
        for (const stack of STACKS) {
            const command = specsOf(stack, MIRRORED).objectStore.command ?? [];
            expect(command.slice(-2)).toEqual(["/data1", "/data2"]);
            expect(specsOf(stack, MIRRORED).objectStore.mounts).toEqual(specsOf(stack).objectStore.mounts);
        }
    });

    it("has each kind of compactor on both nodes, as each has a bucket of its own", () => {
        for (const stack of STACKS) {
            expect(specsOf(stack, MIRRORED)).toHaveProperty("thanosCompactor");
            expect(read(stack, "loki/config.yaml", MIRRORED).compactor).not.toHaveProperty("compaction_interval");
            expect(addresses(valuesOf(stack, MIRRORED))).toHaveProperty("thanosCompactor");
        }
    });

    it("depends on the other host in nothing: what is not healthy is an error, never open", () => {
        for (const [name, spec] of Object.entries(specsOf("node1", MIRRORED)))
            expect(spec.openIf, name).toBeUndefined();
        const settings = settingsOf("node1", MIRRORED).objectStore as ObjectStoreSettings;
        expect(setupObjectStoreCommand(settings)).toBe(
            "/usr/local/lib/otel-ha/setup-object-store --container minio-mid-1 --port 9000 --group mid-1 --timeout 120",
        );
    });

    it("is stopped only while the other host's store is well", () => {
        expect(specsOf("node1", MIRRORED).objectStore.mayStop).toBe(
            "/usr/local/lib/otel-ha/may-stop-object-store --container minio-mid-1 --layout mirrored --port 9000 --data /data/volume/otel/minio --drives 2 --peer 192.168.110.119:9000",
        );
    });

    it("lifts the limit that a preview warns of", () => {
        const keys = (changes: Record<string, string>): string[] =>
            warnings(valuesOf("node1", changes)).map(({ key }) => key);
        expect(keys({})).toEqual(["objectStore"]);
        expect(keys(MIRRORED)).toEqual([]);
        expect(keys(EXTERNAL)).toEqual([]);
    });
});

describe("objectStore: external", () => {
    it("runs no store of ours, and tells where the other one is", () => {
        expect(specsOf("node1", EXTERNAL)).not.toHaveProperty("objectStore");
        const found = addresses(valuesOf("node1", EXTERNAL));
        expect(found.objectStore).toBe("https://s3.example:443");
        expect(found).not.toHaveProperty("objectStoreConsole");
    });

    it("is reached by Loki and all parts of Thanos with TLS, in its region", () => {
        expect(read("node1", "loki/config.yaml", EXTERNAL).storage_config.aws).toMatchObject({
            endpoint: "https://s3.example:443",
            region: "eu-central-1",
            insecure: false,
        });
        for (const part of ["thanos", "thanos-store", "thanos-compactor"])
            expect(read("node1", `${part}/bucket.yml`, EXTERNAL).config).toMatchObject({
                endpoint: "s3.example:443",
                region: "eu-central-1",
                insecure: false,
            });
        const plain = { ...EXTERNAL, objectStoreEndpoint: "10.0.0.9:9000", objectStoreInsecure: "true" };
        expect(read("node1", "loki/config.yaml", plain).storage_config.aws.endpoint).toBe("http://10.0.0.9:9000");
    });

    it("is one bucket of each kind: one compactor, on the master", () => {
        expect(STACKS.map((stack) => "thanosCompactor" in specsOf(stack, EXTERNAL))).toEqual([true, false]);
        expect(read("node2", "loki/config.yaml", EXTERNAL).compactor.compaction_interval).toBe("87600h");
    });

    it("waits for nothing of ours: Loki and Thanos start when the host is ready, with the given keys", async () => {
        const secrets = {
            lokiObjectStoreSecret: "of/loki+with=signs",
            thanosSidecarObjectStoreSecret: "of/thanos+with=signs",
            thanosStoreObjectStoreSecret: "of/thanos+with=signs",
            thanosCompactorObjectStoreSecret: "of/thanos+with=signs",
        };
        const { resources } = await run(
            () =>
                new Node("mid-1", {
                    settings: settingsOf("node1", EXTERNAL),
                    credentials: new Credentials("credentials", { given: secrets }).values,
                    tls: NODE_TLS,
                }),
        );
        const find = (name: string): Registered | undefined => resources.find((one) => one.custom && one.name === name);
        expect(resources.filter((one) => one.name.includes("minio"))).toEqual([]);
        expect(find("mid-1-loki")?.dependsOn.filter((key) => key.endsWith("-ready"))).toEqual([]);
        expect(find("mid-1-loki-credentials")?.inputs.stdin).toBe(
            "[default]\naws_access_key_id = AKIALOKI0000EXAMPLE0\naws_secret_access_key = of/loki+with=signs\n",
        );
        expect(find("mid-1-thanos-compactor-credentials")?.inputs.stdin).toContain(
            "aws_access_key_id = 0123456789abcdef\n",
        );
    });

    it("is looked for from the host before anything is touched", () => {
        const script = setupScript({
            address: "10.0.0.7",
            hostKey: "ssh-ed25519 AAAA",
            requirements: nodeRequirements(settingsOf("node1", EXTERNAL)),
        });
        expect(script).toContain("\nREACHES='s3.example:443 objectStoreEndpoint the object store'\n");
    });

    it.each<[string, Record<string, string>, string[]]>([
        [
            "without its address",
            { ...EXTERNAL, objectStoreEndpoint: "" },
            [
                'objectStoreEndpoint: is missing; with objectStore "external" write host and port of the S3 store, such as "s3.example:443"',
            ],
        ],
        [
            "with an address that is a URL",
            { ...EXTERNAL, objectStoreEndpoint: "https://s3.example" },
            [
                'objectStoreEndpoint: "https://s3.example" is not an S3 endpoint; write host and port, such as "s3.example:443", without "https://"',
            ],
        ],
        [
            "without keys",
            { ...EXTERNAL, ...NO_KEYS },
            ["loki", "thanosSidecar", "thanosStore", "thanosCompactor"].map(
                (user) =>
                    `${user}ObjectStoreSecret: is missing; with objectStore "external" give the key of that store's user: pulumi config set --secret ${user}ObjectStoreSecret`,
            ),
        ],
    ])("%s is an error", (_title, changes, wanted) => {
        expect(lines(changes)).toEqual(wanted);
    });

    it("needs no keys in the stack that reads them from the other", () => {
        const changes = { ...EXTERNAL, ...NO_KEYS };
        expect(parseValues(config("node2", changes)).problems).toEqual([]);
    });

    it("never shows a key, not even one that cannot be used", () => {
        const [line] = lines({ ...EXTERNAL, lokiObjectStoreSecret: "my secret key" });
        expect(line).toBe(
            "lokiObjectStoreSecret: is not usable; write 8 to 128 letters, digits or some of _ + / = . ~ -",
        );
    });

    it("is the only one with an address", () => {
        expect(lines({ objectStoreEndpoint: "s3.example:443" })).toEqual([
            'objectStoreEndpoint: "s3.example:443" would not be used, since objectStore is "pooled"; write objectStore: external, or leave the endpoint out',
        ]);
    });
});

describe("a pool of three hosts", () => {
    const pool: ObjectStoreSettings = {
        node: "c",
        address: "10.0.0.3",
        pool: ["10.0.0.1", "10.0.0.2", "10.0.0.3"],
    };

    it("is one set of six drives, in the same order on every host", () => {
        expect(storeDrives(pool)).toEqual(
            [1, 2, 3].flatMap((host) => [`http://10.0.0.${host}:9000/data1`, `http://10.0.0.${host}:9000/data2`]),
        );
        expect(storeDrives({ ...pool, node: "a", address: "10.0.0.1" })).toEqual(storeDrives(pool));
    });

    it("waits for the two others", () => {
        expect(setupObjectStoreCommand(pool)).toContain("--peer 10.0.0.1:9000 --peer 10.0.0.2:9000 ");
    });
});

describe("a preview", () => {
    afterEach(() => vi.restoreAllMocks());

    it.each([
        [true, 1],
        [false, 0],
    ])(
        "warns in one line of what the default does not survive; an up does not repeat it (preview %s)",
        async (preview, count) => {
            const warn = vi.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
            await run(() => readSettings(), {
                preview,
                config: config("node1", { sshPrivateKeyFile: "" }),
            });
            const said = warn.mock.calls.map(([text]) => text);
            expect(said).toHaveLength(count);
            for (const text of said)
                expect(text).toMatch(/^objectStore: pooled over two hosts: .*; mirrored lifts that$/);
        },
    );
});
