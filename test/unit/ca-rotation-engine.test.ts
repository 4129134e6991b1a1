// Another CA, step by step, on the small engine: whatever the order of the nodes, each believes the other one at every moment.
import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CertificateStacks, handshake, peerEnd } from "./support/certificate-stacks";
import { STACKS } from "./support/stacks";

const stacks = new CertificateStacks();
beforeAll(() => stacks.create(), 120_000);
afterAll(() => stacks.remove());

const OTHER = { node1: "node2", node2: "node1" } as const;
const NAMES = { node1: "mid-1", node2: "mid-2" } as const;

/** Both ways, as the nodes are now. */
async function bothBelieve(): Promise<void> {
    const ends = { node1: peerEnd(await stacks.outputs("node1")), node2: peerEnd(await stacks.outputs("node2")) };
    for (const stack of STACKS) {
        const other = OTHER[stack];
        const seen = await handshake(ends[other], { ...ends[stack], servername: NAMES[other] });
        expect(seen).toEqual({ client: NAMES[stack], server: NAMES[other] });
    }
}

const cas = (pem: string): string[] =>
    pem
        .split(/(?=-----BEGIN)/)
        .filter(Boolean)
        .map((one) => new X509Certificate(one).subject);

/** Brings both up, first the one that has nothing new to read, and looks after each. */
async function step(settings: Record<string, unknown>): Promise<void> {
    stacks.configure("node1", settings);
    for (const stack of ["node2", "node1", "node2"] as const) {
        await stacks.up(stack);
        await bothBelieve();
    }
    for (const stack of STACKS) await stacks.must(["preview", "--expect-no-changes", "--stack", stack]);
}

const issuers = async (): Promise<string[]> =>
    Promise.all(
        STACKS.flatMap((stack) =>
            (["clients", "peer", "objectStore"] as const).map(
                async (purpose) => new X509Certificate((await stacks.outputs(stack)).node[purpose].certificate).issuer,
            ),
        ),
    ).then((all) => [...new Set(all)]);

/** Whether a client that believes these CAs gets through to both nodes. */
async function served(ca: string): Promise<boolean> {
    const ends = await Promise.all(STACKS.map((stack) => stacks.outputs(stack)));
    const tries = ends.map(({ node }, at) =>
        handshake(
            { cert: node.clients.certificate, key: node.clients.key, requestCert: false },
            { ca, servername: NAMES[STACKS[at]!] },
        ),
    );
    return (await Promise.allSettled(tries)).every(({ status }) => status === "fulfilled");
}

describe("another CA", { timeout: 300_000 }, () => {
    let old: string;
    let both: string;
    let oldLeaf: { cert: string; key: string };

    it("is first believed beside the old one, which still signs", async () => {
        for (const stack of STACKS) await stacks.up(stack);
        old = (await stacks.outputs("node1")).caCertificate;
        oldLeaf = peerEnd(await stacks.outputs("node1"));
        await step({ generation: { ca: 2 } });
        const { caCertificate, certificateGenerations } = await stacks.outputs("node2");
        both = caCertificate;
        expect(certificateGenerations).toEqual({ accepted: [1, 2], issuing: 1, leaves: 1 });
        expect(cas(both)).toEqual(["CN=otel-ha CA 1", "CN=otel-ha CA 2"]);
        expect(both.startsWith(old)).toBe(true);
        expect(peerEnd(await stacks.outputs("node1")).cert).toBe(oldLeaf.cert);
        expect([await served(old), await served(both)]).toEqual([true, true]);
    });

    it("does not end the old one while that signs", async () => {
        const settings = { generation: { ca: 2 }, issuingGeneration: { ca: 2 }, oldestGeneration: { ca: 2 } };
        stacks.configure("node1", settings);
        for (const words of [["preview"], ["up", "--yes", "--skip-preview"]]) {
            const { code, text } = await stacks.run([...words, "--stack", "node1"]);
            expect(code).not.toBe(0);
            expect(text).toContain(
                "oldestGeneration: CA 1 signed the certificates that the nodes have, and would not be believed any more; " +
                    "first run up on both stacks with it among those that are accepted, and with issuingGeneration.ca 2",
            );
        }
        expect(await stacks.outputs("node1")).toMatchObject({ caCertificate: both });
    });

    it("then signs, with the old one still believed", async () => {
        await step({ generation: { ca: 2 }, issuingGeneration: { ca: 2 } });
        expect(await issuers()).toEqual(["CN=otel-ha CA 2"]);
        expect((await stacks.outputs("node2")).caCertificate).toBe(both);
        expect([await served(old), await served(both)]).toEqual([false, true]);
    });

    it("is alone in the end, and nobody believes what the old one has signed", async () => {
        await step({ generation: { ca: 2 }, issuingGeneration: { ca: 2 }, oldestGeneration: { ca: 2 } });
        const [first, second] = [await stacks.outputs("node1"), await stacks.outputs("node2")];
        for (const { caCertificate } of [first, second]) expect(cas(caCertificate)).toEqual(["CN=otel-ha CA 2"]);
        expect(await served(both)).toBe(true);
        await expect(
            handshake(peerEnd(second), { ...oldLeaf, ca: second.node.trusted, servername: "mid-2" }),
        ).rejects.toThrow();
        const names = Object.keys(await stacks.recorded("node1"));
        expect(names).toContain("ca-2-key");
        expect(names.filter((name) => /^ca-1/.test(name))).toEqual([]);
    });

    it("does not sign before anybody believes it", async () => {
        stacks.configure("node1", {
            generation: { ca: 3 },
            issuingGeneration: { ca: 3 },
            oldestGeneration: { ca: 2 },
        });
        const { code, text } = await stacks.run(["preview", "--stack", "node1"]);
        expect(code).not.toBe(0);
        expect(text).toContain(
            "issuingGeneration: ca 3 would sign certificates that a node does not believe yet, since the last run knew CA 2 only; " +
                "first run up on both stacks with issuingGeneration.ca 2",
        );
    });

    it("is not needed for other certificates: generation.certificates makes those of both nodes anew, by the same CA", async () => {
        const settings = { generation: { ca: 2 }, issuingGeneration: { ca: 2 }, oldestGeneration: { ca: 2 } };
        const before = await Promise.all(STACKS.map((stack) => stacks.outputs(stack)));
        await step({ ...settings, generation: { ca: 2, certificates: 2 } });
        const after = await Promise.all(STACKS.map((stack) => stacks.outputs(stack)));
        after.forEach(({ node, caCertificate, certificates }, at) => {
            expect(caCertificate).toBe(before[at]!.caCertificate);
            for (const purpose of ["clients", "peer", "objectStore"] as const) {
                expect(node[purpose].key).not.toBe(before[at]!.node[purpose].key);
                expect(certificates[purpose]!.generation).toBe(1);
            }
        });
    });

    it("replaces what a node has that missed two steps", async () => {
        const settings = { generation: { ca: 3 }, oldestGeneration: { ca: 2 } };
        stacks.configure("node1", { ...settings, issuingGeneration: { ca: 2 } });
        await stacks.up("node1");
        stacks.configure("node1", { ...settings, issuingGeneration: { ca: 3 } });
        await stacks.up("node1");
        await stacks.up("node2");
        await bothBelieve();
    });
});
