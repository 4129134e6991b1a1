import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { nodeRequirements } from "../../components/node";
import { bytes } from "../../components/units";
import { DISKS, DISK_SIZE } from "../../lab/disks";
import { IMAGES, type ServiceImage } from "../../lab/images/catalog";
import { imageKey } from "../../lab/images/build";
import { programsKey } from "../../lab/images/programs";
import { macAddress, NETWORK, NODES, portName } from "../../lab/nodes";
import { REPO } from "../../lab/paths";
import { run, until } from "../../lab/run";
import { MOST_FILLED_BYTES } from "../../ops/drill/faults/disk";
import { SCENARIOS } from "../../ops/drill/scenarios/all";
import { settingsOf } from "./support/stacks";

describe("the lab's node table", () => {
    it("gives every host an address, a name and a cable of its own", () => {
        for (const pick of [portName, macAddress] as const) expect(new Set(NODES.map(pick)).size).toBe(NODES.length);
        const addresses = [...NODES.map((node) => node.address), NETWORK.vip, NETWORK.deployer];
        expect(new Set(addresses).size).toBe(addresses.length);
    });

    it("has the addresses of the shipped stack files", () => {
        for (const node of NODES) {
            const stack = readFileSync(join(REPO, `Pulumi.${node.name}.yaml`), "utf8");
            expect(stack).toContain(node.address);
            expect(JSON.stringify(parse(stack))).toContain(NETWORK.vip);
        }
    });

    it("keeps interface names within the kernel's 15 characters", () => {
        const node = { name: "a-node-with-a-long-name", address: "192.168.110.10", hostname: "x" };
        expect(portName(node).length).toBeLessThanOrEqual(15);
        expect(macAddress(node)).toBe("02:42:c0:a8:6e:0a");
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
