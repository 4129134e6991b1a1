import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import { Credentials, Node, userOf } from "../../components";
import { NODE_TLS } from "./support/certificates";
import { Registered, run } from "./support/graph";
import { HOST_KEY, settingsOf } from "./support/stacks";

const COMMAND = "command:remote:Command";
const CONTAINER = "docker:index/container:Container";
const IMAGE = "docker:index/remoteImage:RemoteImage";

const GATE = /-(ready|may-stop|retired)$/;
/** What is open, and what a host lacks, is said; these get no secret to say. */
const SPEAKS = /-(ready|may-stop|retired|host-setup|firewall-kept)$/;

const SECRETS = {
    objectStoreRootPassword: "SECRET-of-the-root",
    lokiObjectStoreSecret: "SECRET-of-loki",
    thanosSidecarObjectStoreSecret: "SECRET-of-the-sidecar",
    thanosStoreObjectStoreSecret: "SECRET-of-the-store",
    thanosCompactorObjectStoreSecret: "SECRET-of-the-compactor",
    vrrpPassword: "SECRETvr",
    haproxyStatsPassword: "SECRET-of-stats",
    queryPassword: "SECRET-of-queries",
};

let resources: Registered[];
let inTheClear: Registered[];
const ofType = (type: string): Registered[] => resources.filter((one) => one.type === type);
const named = (type: string, name: string): Registered => {
    const found = resources.find((one) => one.type === type && one.name === name);
    if (!found) throw new Error(`no ${type} ${name}`);
    return found;
};

async function registerNode(tls: "internal" | "off"): Promise<Registered[]> {
    const graph = await run(() => {
        const credentials = new Credentials("credentials", { given: SECRETS }).values;
        const privateKey = pulumi.secret("SECRET-key-of-the-deployer");
        const settings = settingsOf("node1", { tls });
        return new Node("mid-1", { settings, credentials, privateKey, tls: tls === "off" ? undefined : NODE_TLS });
    });
    return graph.resources;
}

beforeAll(async () => {
    resources = await registerNode("internal");
    inTheClear = await registerNode("off");
}, 60_000);

/** Everything that must be there before a resource, however far back. */
function before(resource: Registered): Set<string> {
    const all = new Set<string>();
    const visit = (one: Registered): void => {
        for (const key of one.dependsOn) {
            if (all.has(key)) continue;
            all.add(key);
            const next = resources.find((candidate) => `${candidate.type} ${candidate.name}` === key);
            if (next) visit(next);
        }
    };
    visit(resource);
    return all;
}

describe("a node", () => {
    it("is ten containers with the seed's names", () => {
        expect(
            ofType(CONTAINER)
                .map((one) => one.inputs.name)
                .sort(),
        ).toEqual([
            "haproxy-mid-1",
            "keepalived-mid-1",
            "loki-mid-1",
            "minio-mid-1",
            "otel-aggregator-mid-1",
            "prometheus-mid-1",
            "thanos-compactor-mid-1",
            "thanos-query-mid-1",
            "thanos-sidecar-mid-1",
            "thanos-store-mid-1",
        ]);
    });

    // Image, file, container, gate. Those with 5 have their secret in a file of its own, so that the other file can be shown in diffs, or, the object
    // store, are asked before they are stopped. With TLS there are the CA for all that ask the store, certificates, and the tokens of senders.
    it.each([
        ["mid-1-minio", 9, 6],
        ["mid-1-prometheus", 4, 4],
        ["mid-1-otel-aggregator", 4, 4],
        ["mid-1-loki", 6, 5],
        ["mid-1-thanos-sidecar", 6, 5],
        ["mid-1-thanos-store", 6, 5],
        ["mid-1-thanos-compactor", 6, 5],
        ["mid-1-thanos-query", 4, 4],
        ["mid-1-haproxy", 9, 5],
        ["mid-1-keepalived", 6, 6],
        // Checks, Docker, and the firewall, which is tried before it is kept.
        ["mid-1-host", 5, 5],
    ])("costs few resources: %s is %d, and %d without TLS", (service, count, withoutTls) => {
        const own = (all: Registered[]): string[] =>
            all.filter((one) => one.custom && `${one.name}-`.startsWith(`${service}-`)).map(({ name }) => name);
        expect(own(resources)).toHaveLength(count);
        expect(own(inTheClear)).toHaveLength(withoutTls);
    });

    it("starts in the seed's order, each service after the health of the one before", () => {
        const order = [
            ["mid-1-prometheus", "mid-1-minio"],
            ["mid-1-loki", "mid-1-minio"],
            ["mid-1-thanos-sidecar", "mid-1-prometheus"],
            ["mid-1-thanos-sidecar", "mid-1-loki"],
            ["mid-1-otel-aggregator", "mid-1-thanos-sidecar"],
            ["mid-1-haproxy", "mid-1-otel-aggregator"],
            ["mid-1-keepalived", "mid-1-haproxy"],
        ];
        for (const [later, earlier] of order)
            expect(named(CONTAINER, later).dependsOn).toContain(`${COMMAND} ${earlier}-ready`);
        const first = before(named(CONTAINER, "mid-1-minio"));
        expect([...first].filter((key) => key.startsWith(CONTAINER))).toEqual([]);
    });

    it("shows old data beside it: nothing of the path from clients to disk waits for Thanos Query, Store or Compactor", () => {
        for (const one of resources.filter((other) => other.custom)) {
            if (/-thanos-(query|store|compactor)|-retired$/.test(one.name)) continue;
            expect(
                [...before(one)].filter((key) => /-thanos-(query|store|compactor)/.test(key)),
                one.name,
            ).toEqual([]);
        }
        for (const service of ["store", "compactor"])
            expect(named(CONTAINER, `mid-1-thanos-${service}`).dependsOn).toContain(`${COMMAND} mid-1-minio-ready`);
        expect([...before(named(CONTAINER, "mid-1-thanos-query"))].filter((key) => key.endsWith("-ready"))).toEqual([]);
    });

    it("touches nothing before the host's checks have passed", () => {
        for (const one of resources.filter((other) => other.custom && [COMMAND, CONTAINER, IMAGE].includes(other.type)))
            if (one.name !== "mid-1-host-setup") expect(before(one), one.name).toContain(`${COMMAND} mid-1-host-setup`);
    });

    it("pulls images and writes files while the services before are still starting", () => {
        const early = resources.filter(
            (one) => one.type === IMAGE || one.parent.startsWith("otel-ha:index:RemoteFile"),
        );
        for (const one of early) expect([...before(one)].filter((key) => key.endsWith("-ready"))).toEqual([]);
    });

    it("has names that begin with the parent's", () => {
        for (const one of resources.filter((other) => other.parent !== ""))
            expect(one.name.startsWith(one.parent.split(" ")[1]), `${one.name} of ${one.parent}`).toBe(true);
    });
});

describe("a user of the object store", () => {
    it("is another one with another secret, for the store, its services, and the step that takes the former one away", async () => {
        const users = (all: Registered[]): string[] =>
            ["mid-1-minio-ready", "mid-1-loki-credentials", "mid-1-minio-retired"].map((name) => {
                const { stdin } = all.find((one) => one.type === COMMAND && one.name === name)!.inputs as {
                    stdin: string;
                };
                return /\b(loki-[0-9a-f]{6})\b/.exec(stdin)![1]!;
            });
        expect(new Set(users(resources))).toEqual(new Set([userOf("loki", "SECRET-of-loki")]));
        const graph = await run(() => {
            const { values } = new Credentials("credentials", {
                given: { ...SECRETS, lokiObjectStoreSecret: "SECRET-2" },
            });
            return new Node("mid-1", { settings: settingsOf("node1"), credentials: values, tls: NODE_TLS });
        });
        expect(new Set(users(graph.resources))).toEqual(new Set([userOf("loki", "SECRET-2")]));
        const { stdin } = named(COMMAND, "mid-1-minio-retired").inputs as { stdin: string };
        expect(stdin.replace(/-[0-9a-f]{6} /g, "-X ")).toBe(
            [
                "loki-X loki loki-data",
                "thanos-sidecar-X thanos-sidecar thanos-metrics",
                "thanos-store-X thanos-store thanos-metrics",
                "thanos-compactor-X thanos-compactor thanos-metrics",
                "",
            ].join("\n"),
        );
    });

    it("goes only when the services work as another one, and nothing waits for that", () => {
        const retired = named(COMMAND, "mid-1-minio-retired");
        for (const service of ["loki", "thanos-sidecar", "thanos-store", "thanos-compactor"])
            expect(retired.dependsOn).toContain(`${COMMAND} mid-1-${service}-ready`);
        for (const one of resources) expect(one.dependsOn).not.toContain(`${COMMAND} mid-1-minio-retired`);
        expect(retired.inputs.create).toBe(
            "/usr/local/lib/otel-ha/retire-object-store-users --container minio-mid-1 --port 9000 --group mid-1 --hosts 2",
        );
    });

    it("has a group of its node for it", () => {
        expect(named(COMMAND, "mid-1-minio-ready").inputs.create).toContain(" --group mid-1 ");
    });

    it("of another store is as its administrator calls it", async () => {
        const graph = await run(() => {
            const settings = settingsOf("node1", {
                objectStore: "external",
                objectStoreEndpoint: "s3.example:443",
                ...Object.fromEntries(Object.entries(SECRETS).filter(([name]) => name.endsWith("StoreSecret"))),
            });
            return new Node("mid-1", { settings, credentials: SECRETS, tls: NODE_TLS });
        });
        const file = graph.resources.find(({ type, name }) => type === COMMAND && name === "mid-1-loki-credentials")!
            .inputs.stdin as string;
        expect(file).toContain("aws_access_key_id = loki\n");
        expect(graph.resources.map(({ name }) => name)).not.toContain("mid-1-minio-retired");
    });
});

describe("a secret", () => {
    it("goes to the host on standard input of a file or a gate, and nowhere else", () => {
        for (const one of resources) {
            for (const [input, value] of Object.entries(one.inputs)) {
                const allowed = input === "connection" || (one.type === COMMAND && input === "stdin");
                if (!allowed) expect(JSON.stringify(value), `${one.name} ${input}`).not.toContain("SECRET");
            }
        }
    });

    it.each([
        ["mid-1-minio-root.env", "SECRET-of-the-root"],
        ["mid-1-minio-private.key", "SECRET-key"],
        ["mid-1-haproxy-peer.pem", "SECRET-key"],
        ["mid-1-haproxy-clients.pem", "SECRET-key"],
        ["mid-1-loki-credentials", "SECRET-of-loki"],
        ["mid-1-thanos-sidecar-credentials", "SECRET-of-the-sidecar"],
        ["mid-1-thanos-store-credentials", "SECRET-of-the-store"],
        ["mid-1-thanos-compactor-credentials", "SECRET-of-the-compactor"],
        ["mid-1-haproxy-stats-users.cfg", "SECRET-of-stats"],
        ["mid-1-keepalived-authentication.conf", "SECRETvr"],
        ["mid-1-minio-ready", "SECRET-of-loki"],
    ])("in %s is marked as one: previews and the state hide it", (name, secret) => {
        const command = named(COMMAND, name);
        expect(command.inputs.stdin).toContain(secret);
        expect(command.secrets).toContain("stdin");
    });

    it("is hidden even when a program passes it as plain text", async () => {
        const plain = await run(
            () =>
                new Node("mid-1", {
                    settings: settingsOf("node1"),
                    credentials: SECRETS,
                    privateKey: "SECRET-key",
                    tls: NODE_TLS,
                }),
        );
        for (const one of plain.resources)
            for (const [input, value] of Object.entries(one.inputs))
                if (/SECRET[-v]/.test(JSON.stringify(value)))
                    expect(one.secrets, `${one.name} ${input}`).toContain(input);
    });

    it("lies in files that only their reader may read", () => {
        const secretFiles = ofType(COMMAND).filter((one) => one.secrets.includes("stdin") && !GATE.test(one.name));
        expect(secretFiles).toHaveLength(11);
        for (const file of secretFiles) expect(file.inputs.create).toContain("--mode 0400 ");
    });

    it("does not hide the text of the other files: previews show their changes line by line", () => {
        const plain = ofType(COMMAND).filter((one) => !one.secrets.includes("stdin"));
        const files = plain.filter((one) => /\.(cfg|conf|ya?ml)$/.test(one.name)).map((one) => one.name);
        expect(files.sort()).toEqual([
            "mid-1-haproxy-haproxy.cfg",
            "mid-1-keepalived-keepalived.conf",
            "mid-1-loki-config.yaml",
            "mid-1-otel-aggregator-config.yaml",
            "mid-1-prometheus-prometheus.yml",
            "mid-1-thanos-compactor-bucket.yml",
            "mid-1-thanos-query-endpoints.yml",
            "mid-1-thanos-sidecar-bucket.yml",
            "mid-1-thanos-store-bucket.yml",
        ]);
    });

    it("gives a container that reads it at its start another label, so that rotation reaches the process", async () => {
        const labels = (name: string): unknown => named(CONTAINER, name).inputs.labels;
        const old = ["mid-1-minio", "mid-1-loki", "mid-1-thanos-sidecar"].map(labels);
        const kept = labels("mid-1-haproxy");
        const graph = await run(() => {
            const given = Object.fromEntries(Object.entries(SECRETS).map(([key, value]) => [key, `${value}-2`]));
            const credentials = new Credentials("credentials", { given }).values;
            return new Node("mid-1", { settings: settingsOf("node1"), credentials, tls: NODE_TLS });
        });
        const now = (name: string): unknown =>
            graph.resources.find((one) => one.type === CONTAINER && one.name === name)?.inputs.labels;
        for (const [index, name] of ["mid-1-minio", "mid-1-loki", "mid-1-thanos-sidecar"].entries())
            expect(now(name)).not.toEqual(old[index]);
        // HAProxy reloads instead.
        expect(now("mid-1-haproxy")).toEqual(kept);
    });
});

describe("every command on the host", () => {
    it("connects only to a host that shows the right key, and gives up within half a minute", () => {
        for (const one of ofType(COMMAND)) {
            const { host, hostKey, dialErrorLimit, perDialTimeout } = one.inputs.connection;
            expect({ host, hostKey }).toEqual({ host: "192.168.110.214", hostKey: HOST_KEY });
            expect((dialErrorLimit + 1) * perDialTimeout).toBeLessThan(30);
            expect(one.secrets).toContain("connection");
        }
    });

    it("needs nothing of the host's SSH settings", () => {
        for (const one of ofType(COMMAND)) {
            expect(one.inputs.addPreviousOutputInEnv).toBe(false);
            expect(one.inputs).not.toHaveProperty("environment");
        }
    });

    it("is replaced only when a file moves, so that it never deletes what it has just written", () => {
        for (const one of ofType(COMMAND)) {
            const triggers = (one.inputs.triggers ?? []) as string[];
            expect(triggers.map((path) => `rm -f ${path}`)).toEqual(
                /put-file/.test(one.inputs.create as string) ? [one.inputs.delete] : [],
            );
        }
    });

    it("writes nothing secret to the log", () => {
        for (const one of ofType(COMMAND))
            expect(one.inputs.logging, one.name).toBe(SPEAKS.test(one.name) ? "stdout" : "none");
    });

    it("deletes configuration and never data", () => {
        const deletes = ofType(COMMAND).flatMap((one) => one.inputs.delete ?? []);
        for (const line of deletes)
            expect(line).toMatch(
                /^rm -f \/data\/docker\/otel\/\S+$|^rm -rf \/usr\/local\/lib\/otel-ha \/etc\/sysctl\.d\/90-otel-ha\.conf$|\/firewall remove \/data\/docker\/otel\/firewall$/,
            );
        expect(deletes.join("\n")).not.toMatch(/\/volume/);
    });
});

describe("Docker", () => {
    it("is reached with the same host key, and whatever known_hosts says does not count", () => {
        const { host, sshOpts } = named("pulumi:providers:docker", "mid-1-host-docker").inputs;
        expect(host).toBe("ssh://root@192.168.110.214:22");
        const options = typeof sshOpts === "string" ? (JSON.parse(sshOpts) as string[]) : sshOpts;
        expect(options).toEqual(
            expect.arrayContaining([
                "StrictHostKeyChecking=yes",
                "UserKnownHostsFile=/dev/null",
                "GlobalKnownHostsFile=/dev/null",
                `KnownHostsCommand=/bin/echo %H ${HOST_KEY}`,
            ]),
        );
    });

    it("keeps pulled images when a stack is destroyed, and runs what was pulled", () => {
        for (const image of ofType(IMAGE)) {
            expect(image.inputs).toMatchObject({ keepLocally: true, name: expect.stringMatching(/:[\w.-]+$/) });
            const container = named(CONTAINER, image.name.replace(/-image$/, ""));
            expect(container.inputs.image).toBe(`sha256:${image.name}`);
        }
    });

    it("gives every container time to end, a health check, bounded logs and a restart", () => {
        for (const { inputs, ...one } of ofType(CONTAINER)) {
            // The other node's tunnels through HAProxy never end by themselves.
            const least = one.name.endsWith("-haproxy") ? 10 : 30;
            expect(inputs.destroyGraceSeconds, one.name).toBeGreaterThanOrEqual(least);
            expect(inputs.healthcheck.tests[0]).toBe("CMD-SHELL");
            expect(inputs).toMatchObject({ restart: "unless-stopped", networkMode: "host", wait: false });
            expect(inputs).toMatchObject({
                logDriver: "json-file",
                logOpts: { "max-size": "20m", "max-file": "5" },
            });
            // Two containers of one name cannot be; and the provider says "updated" for a health check that it leaves alone.
            expect(one.deleteBeforeReplace).toBe(true);
            expect(one.replaceOnChanges).toContain("healthcheck");
        }
    });

    it("reads back just what it was given: canonical durations and capability names", () => {
        for (const { inputs } of ofType(CONTAINER)) {
            const { interval, timeout, startPeriod } = inputs.healthcheck;
            for (const duration of [interval, timeout, startPeriod])
                expect(duration).toMatch(/^(\d+h\d+m|\d+m)?\d+(\.\d+)?s$/);
            for (const capability of inputs.capabilities?.adds ?? []) expect(capability).toMatch(/^CAP_/);
        }
        expect(named(CONTAINER, "mid-1-keepalived").inputs.capabilities.adds).toContain("CAP_NET_ADMIN");
    });
});
