import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { apmNodeRequirements } from "../../components/apm-node";
import { nodeRequirements } from "../../components/node";
import { bytes } from "../../components/units";
import { DISKS, DISKS_OF, DISK_SIZE } from "../../lab/disks";
import { IMAGES, imagesNamed, imagesOf, type ServiceImage } from "../../lab/images/catalog";
import { imageKey } from "../../lab/images/build";
import { fileName, listFile, parseArtifacts, wrongArtifacts } from "../../lab/images/maven";
import { programsKey } from "../../lab/images/programs";
import { ALL_NODES, chooseNodes, findSystem, hostsOf, macAddress, NETWORK, portName, systemOf } from "../../lab/nodes";
import { REPO } from "../../lab/paths";
import { openProject, STACKS, stacksOf } from "../../lab/project";
import { run, until } from "../../lab/run";
import { MOST_FILLED_BYTES } from "../../ops/drill/faults/disk";
import { SCENARIOS } from "../../ops/drill/scenarios/all";
import { apmSettingsOf, settingsOf } from "./support/stacks";

describe("the lab's node table", () => {
    it("gives every host an address, a name and a cable of its own", () => {
        for (const pick of [portName, macAddress] as const)
            expect(new Set(ALL_NODES.map(pick)).size).toBe(ALL_NODES.length);
        const addresses = [...ALL_NODES.map((node) => node.address), NETWORK.vip, NETWORK.deployer];
        expect(new Set(addresses).size).toBe(addresses.length);
    });

    it("has the addresses of the shipped stack files", () => {
        for (const node of ALL_NODES) {
            const file = join(REPO, `Pulumi.${node.name}.yaml`);
            if (!existsSync(file)) {
                expect(systemOf(node)).not.toBe("otel-ha");
                continue;
            }
            const { config } = parse(readFileSync(file, "utf8")) as { config: Record<string, string> };
            expect(config).toMatchObject({ "otel-ha:nodeAddress": node.address, "otel-ha:hostName": node.hostname });
            expect(config["otel-ha:vip"]).toBe(systemOf(node) === "otel-ha" ? NETWORK.vip : undefined);
        }
    });

    it("keeps interface names within the kernel's 15 characters", () => {
        const node = { name: "a-node-with-a-long-name", address: "192.168.110.10", hostname: "x" };
        expect(portName(node).length).toBeLessThanOrEqual(15);
        expect(macAddress(node)).toBe("02:42:c0:a8:6e:0a");
    });
});

describe("which hosts come up", () => {
    const names = (...choice: Parameters<typeof chooseNodes>) => chooseNodes(...choice).map(({ name }) => name);

    it("are the pair's when nothing is said", () => {
        expect(names()).toEqual(["node1", "node2"]);
        expect(names([], [])).toEqual(["node1", "node2"]);
    });

    it("are those of the systems and those that are named, each once, in the order of the table", () => {
        expect(names([], ["apm"])).toEqual(["apm1", "apm2", "apm3"]);
        expect(names(["apm3", "apm1", "apm3"])).toEqual(["apm1", "apm3"]);
        expect(names(["apm2", "node2"], ["apm"])).toEqual(["node2", "apm1", "apm2", "apm3"]);
        expect(names([], ["apm", "otel-ha"])).toEqual(ALL_NODES.map(({ name }) => name));
    });

    it("cannot be others", () => {
        expect(() => names(["apm4"])).toThrow("No such node: apm4. The lab has node1, node2, apm1, apm2, apm3.");
        expect(() => findSystem("amp")).toThrow("No such system: amp. The lab has hosts of otel-ha and apm.");
    });
});

describe("a project of the lab's", () => {
    it("has the stacks of its system, named after its hosts", () => {
        expect(STACKS).toEqual(["node1", "node2"]);
        expect(openProject("/somewhere").stacks).toEqual(STACKS);
        expect(openProject("/somewhere", "apm").stacks).toEqual(hostsOf("apm").map(({ name }) => name));
        expect(stacksOf("apm")).toEqual(["apm1", "apm2", "apm3"]);
    });
});

describe("the disks of a lab host's own", () => {
    const spaces = nodeRequirements(settingsOf("node1")).flatMap((needs) => needs.dataPaths ?? []);

    it.each(DISKS)("$name is where a service keeps its data, and large enough for it", ({ directory }) => {
        const space = spaces.find(({ path }) => path === directory);
        expect(space).toBeDefined();
        // The least that must be free, what the service needs, and a tenth for the file system itself.
        expect(bytes(DISK_SIZE)).toBeGreaterThan((bytes("10GiB") + (space!.needs ?? 0)) * 1.1);
    });

    it.each(DISKS_OF.apm)(
        "$name is where a service of Container APM does, and large enough for it",
        ({ directory, size }) => {
            const settings = apmSettingsOf("apm1", { apm: '{"ingest":"direct"}', dashboardsCopies: "0" });
            const space = apmNodeRequirements(settings)
                .flatMap((needs) => needs.dataPaths ?? [])
                .find(({ path }) => path === directory);
            expect(space).toBeDefined();
            expect(bytes(size ?? DISK_SIZE)).toBeGreaterThan((bytes("10GiB") + (space!.needs ?? 0)) * 1.1);
        },
    );

    it("are one for each drill that fills a disk, and small enough for it", () => {
        expect(SCENARIOS.filter(({ name }) => name.startsWith("disk-full-"))).toHaveLength(DISKS.length);
        expect(bytes(DISK_SIZE)).toBeLessThan(MOST_FILLED_BYTES);
    });
});

describe("the service images", () => {
    const minio = IMAGES.find((image) => image.reference.startsWith("cmp-minio"))!;

    it("are rebuilt when what they are made of changes, and only then", () => {
        expect(imageKey(minio)).toBe(imageKey({ ...minio }));
        const dir = mkdtempSync(join(tmpdir(), "lab-"));
        writeFileSync(join(dir, "go.mod"), "module other\n");
        const changed: ServiceImage = { ...minio, go: { ...minio.go!, dir } };
        expect(programsKey(changed)).not.toBe(programsKey(minio));
        expect(imageKey(changed)).not.toBe(imageKey(minio));
        const tags: ServiceImage = { ...minio, go: { ...minio.go!, tags: ["other"] } };
        expect(programsKey(tags)).not.toBe(programsKey(minio));
    });

    it("are rebuilt when a collector's component of ours changes", () => {
        const collector = imagesNamed(["cmp-otel-aggregator"])[0]!;
        const dir = mkdtempSync(join(tmpdir(), "lab-"));
        writeFileSync(join(dir, "builder.yaml"), "dist: {}\n");
        writeFileSync(join(dir, "Dockerfile"), "FROM scratch\n");
        const image: ServiceImage = { ...collector, collector: { ...collector.collector!, dir } };
        const without = programsKey(image);
        mkdirSync(join(dir, "ours", "receiver"), { recursive: true });
        writeFileSync(join(dir, "ours", "receiver", "a.go"), "package a\n");
        const before = programsKey(image);
        expect(before).not.toBe(without);
        writeFileSync(join(dir, "ours", "receiver", "a.go"), "package b\n");
        expect(programsKey(image)).not.toBe(before);
    });

    it("are those of the systems whose hosts come up", () => {
        const references = (...systems: Parameters<typeof imagesOf>[0]) =>
            imagesOf(systems).map((image) => image.reference);
        expect(references("otel-ha").filter((one) => one.startsWith("opensearchproject/"))).toEqual([]);
        expect(references("apm")).toEqual([
            "haproxy:2.6.12",
            "opensearchproject/opensearch:2.19.1",
            "opensearchproject/data-prepper:2.15.1",
            "opensearchproject/opensearch-dashboards:2.19.1",
            "cmp-otel-aggregator:0.139.0",
        ]);
        expect(imagesOf(["otel-ha", "apm"])).toEqual(IMAGES);
        expect(() => imagesNamed(["loki", "grafana"])).toThrow("No such image: grafana (");
    });

    it("can be made here, but for those that no package registry has", () => {
        const pulled = IMAGES.filter((image) => !image.layout).map((image) => image.repository);
        expect(pulled).toEqual(["opensearchproject/data-prepper", "opensearchproject/opensearch-dashboards"]);
    });

    it("are the same whether the user's Dockerfile builds them or the lab does", () => {
        for (const image of IMAGES.filter((each) => each.userDir)) {
            expect(settings(image.layout!), image.reference).toEqual(settings(join(image.userDir!, "Dockerfile")));
        }
    });

    /** How the image behaves: the last stage's instructions other than what is copied into it, and what makes up for Debian's old busybox. */
    function settings(dockerfile: string): string[] {
        const lastStage = readFileSync(dockerfile, "utf8")
            .split(/^FROM /m)
            .pop()!;
        return lastStage
            .split("\n")
            .filter((line) => /^(USER|WORKDIR|ENV|EXPOSE|VOLUME|ENTRYPOINT|CMD|STOPSIGNAL)/.test(line))
            .filter((line) => line !== "ENV GODEBUG=tlssha1=1");
    }
});

describe("the OpenSearch image", () => {
    const [opensearch] = imagesNamed(["opensearch"]) as [ServiceImage];
    const dir = opensearch.maven!.dir;
    const list = readFileSync(listFile(opensearch.maven!), "utf8");
    const artifacts = parseArtifacts(list);

    it("is made anew when its list changes", () => {
        const other = mkdtempSync(join(tmpdir(), "lab-"));
        const changed: ServiceImage = { ...opensearch, maven: { dir: other } };
        writeFileSync(join(other, "artifacts.txt"), list);
        expect(imageKey(changed)).toBe(imageKey(opensearch));
        writeFileSync(join(other, "artifacts.txt"), list.replace("2.19.1.0", "2.19.2.0"));
        expect(programsKey(changed)).not.toBe(programsKey(opensearch));
        expect(imageKey(changed)).not.toBe(imageKey(opensearch));
    });

    it("takes each artefact of the list, and nothing else", () => {
        const script = readFileSync(join(dir, "assemble.sh"), "utf8").replaceAll("$version", "2.19.1");
        const stems = artifacts.map((one) => fileName(one).replace(/\.(jar|zip)$/, ""));
        for (const { artifact, version, type } of artifacts)
            expect(script).toContain(type === "zip" ? artifact : ` ${artifact}-${version}`);
        const modules = script.split("\n").filter((line) => /^(module \w| {4}[\w.-]+-\d)/.test(line));
        const named = modules.flatMap((line) => line.match(/[\w.-]+-\d[\w.]*/g) ?? []);
        expect(named.filter((one) => !stems.includes(one))).toEqual([]);
        expect(named).toHaveLength(artifacts.filter(({ type }) => type === "jar").length);
    });

    it("is not made of anything that is not as listed", () => {
        const good = Buffer.from("good");
        const sha256 = "770e607624d689265ca6c44884d0807d9b054d23c473c106c72be9de08b7376c";
        const one = { sha256, group: "g", artifact: "a", version: "1", type: "jar" };
        expect(wrongArtifacts([one], () => good)).toEqual([]);
        expect(wrongArtifacts([one], () => Buffer.from("bad"))).toEqual([
            expect.stringMatching(/^a-1\.jar has SHA-256 [0-9a-f]{64}, not 770e6076/),
        ]);
    });

    it("has a list in which nothing is without a checksum", () => {
        expect(artifacts.every(({ sha256 }) => /^[0-9a-f]{64}$/.test(sha256))).toBe(true);
        expect(parseArtifacts("# words\n\n?  g:a:1:jar\n")).toEqual([
            { sha256: "?", group: "g", artifact: "a", version: "1", type: "jar" },
        ]);
        for (const line of ["g:a:1:jar", "abc  g:a:1:jar", "?  g:a:jar", "?  g:a:1:exe", "?  ../g:a:1:jar x"])
            expect(() => parseArtifacts(line), line).toThrow("artifacts.txt");
    });

    describe("starts", () => {
        const bin = mkdtempSync(join(tmpdir(), "lab-"));
        chmodSync(bin, 0o755);
        writeFileSync(join(bin, "opensearch"), '#!/bin/sh\nprintf "%s\\n" "$@" "java: $OPENSEARCH_JAVA_OPTS"\n', {
            mode: 0o755,
        });
        const user = process.getuid?.() === 0 ? ["setpriv", "--reuid", "1000", "--clear-groups"] : [];
        const start = (environment: Record<string, string>, ...args: string[]) =>
            run([
                ...[
                    "env",
                    "-i",
                    `PATH=${bin}:${process.env.PATH}`,
                    ...Object.entries(environment).map((pair) => pair.join("=")),
                ],
                ...[...user, "bash", join(dir, "opensearch-docker-entrypoint.sh"), ...args],
            ]);

        it("with settings from its environment as options", async () => {
            const environment = {
                "cluster.name": "a b",
                "plugins.security.ssl.http.enabled": "true",
                "node.name": "",
                Path: "no",
                OPENSEARCH_JAVA_OPTS: "-Xmx512m",
                DISABLE_INSTALL_DEMO_CONFIG: "true",
                DISABLE_SECURITY_PLUGIN: "true",
            };
            const { code, stdout } = await start(environment, "-Ea=b");
            expect(code).toBe(0);
            const [first, ...said] = stdout.trim().split("\n");
            expect(first).toBe("-Ea=b");
            expect(said.pop()).toBe("java: -Dopensearch.cgroups.hierarchy.override=/ -Xmx512m");
            expect(said.sort()).toEqual([
                "-Ecluster.name=a b",
                "-Eplugins.security.disabled=true",
                "-Eplugins.security.ssl.http.enabled=true",
            ]);
        });

        it("only when it is told not to make certificates for demonstrations", async () => {
            const { code, stderr } = await start({});
            expect(code).toBe(1);
            expect(stderr).toContain("DISABLE_INSTALL_DEMO_CONFIG=true");
        });

        it("another command as it is", async () => {
            expect(await start({ "cluster.name": "x" }, "echo", "hello")).toMatchObject({ code: 0, stdout: "hello\n" });
        });
    });
});

describe("running programs", () => {
    it("tells code, output and errors apart, and passes input on", async () => {
        const result = await run(["sh", "-c", "cat; echo wrong >&2; exit 3"], { input: "hello" });
        expect(result).toEqual({ code: 3, stdout: "hello", stderr: "wrong\n" });
    });

    it("ends a program that takes too long, and one that is not there", async () => {
        expect((await run(["sleep", "5"], { timeoutMs: 50 })).code).toBe(124);
        expect((await run(["no-such-program"])).code).toBe(127);
    });

    it("waits for something to become true, but not for ever", async () => {
        let tries = 0;
        expect(await until(async () => ++tries === 3, 1_000, 1)).toBe(true);
        expect(await until(async () => false, 20, 5)).toBe(false);
    });
});
