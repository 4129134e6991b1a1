import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { IMAGES, type ServiceImage } from "../../lab/images/catalog";
import { imageKey } from "../../lab/images/build";
import { programsKey } from "../../lab/images/programs";
import { macAddress, NETWORK, NODES, portName } from "../../lab/nodes";
import { REPO } from "../../lab/paths";
import { run, until } from "../../lab/run";

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
            expect(settings(image.layout), image.reference).toEqual(settings(join(image.userDir!, "Dockerfile")));
        }
    });

    /** How the image behaves: the last stage's instructions other than what is copied into it. */
    function settings(dockerfile: string): string[] {
        const lastStage = readFileSync(dockerfile, "utf8")
            .split(/^FROM /m)
            .pop()!;
        return lastStage
            .split("\n")
            .filter((line) => /^(USER|WORKDIR|ENV|EXPOSE|VOLUME|ENTRYPOINT|CMD|STOPSIGNAL)/.test(line));
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
