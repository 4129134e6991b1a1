// Another CA, step by step, on the small engine: whatever the order of the nodes, each believes the other one at every moment.
import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CertificateStacks, handshake, Outputs, peerEnd } from "./support/certificate-stacks";
import { StackName, STACKS } from "./support/stacks";

const stacks = new CertificateStacks();
beforeAll(() => stacks.create(), 120_000);
afterAll(() => stacks.remove());

const OTHER = { node1: "node2", node2: "node1" } as const;
const NAMES = { node1: "mid-1", node2: "mid-2" } as const;

/** What each stack has published, as of its last update. */
const known = {} as Record<StackName, Outputs>;

async function up(stack: StackName): Promise<void> {
    await stacks.up(stack);
    known[stack] = await stacks.outputs(stack);
}

/** Both ways, as the nodes are now. */
async function bothBelieve(): Promise<void> {
    for (const stack of STACKS) {
        const other = OTHER[stack];
        const seen = await handshake(peerEnd(known[other]), { ...peerEnd(known[stack]), servername: NAMES[other] });
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
        await up(stack);
        await bothBelieve();
    }
    await Promise.all(STACKS.map((stack) => stacks.must(["preview", "--expect-no-changes", "--stack", stack])));
}

const issuers = (): string[] => [
    ...new Set(
        STACKS.flatMap((stack) =>
            (["clients", "peer", "objectStore"] as const).map(
                (purpose) => new X509Certificate(known[stack].node[purpose].certificate).issuer,
            ),
        ),
    ),
];

/** Whether a client that believes these CAs gets through to both nodes. */
async function served(ca: string): Promise<boolean> {
    const tries = STACKS.map((stack) => {
        const { certificate: cert, key } = known[stack].node.clients;
        return handshake({ cert, key, requestCert: false }, { ca, servername: NAMES[stack] });
    });
    return (await Promise.allSettled(tries)).every(({ status }) => status === "fulfilled");
}

describe("another CA", { timeout: 300_000 }, () => {
    let old: string;
    let both: string;
    let oldLeaf: { cert: string; key: string };

    it("is first believed beside the old one, which still signs", async () => {
        for (const stack of STACKS) await up(stack);
        old = known.node1.caCertificate;
        oldLeaf = peerEnd(known.node1);
        await step({ generation: { ca: 2 } });
        const { caCertificate, certificateGenerations } = known.node2;
        both = caCertificate;
        expect(certificateGenerations).toEqual({ accepted: [1, 2], issuing: 1, leaves: 1 });
        expect(cas(both)).toEqual(["CN=otel-ha CA 1", "CN=otel-ha CA 2"]);
        expect(both.startsWith(old)).toBe(true);
        expect(peerEnd(known.node1).cert).toBe(oldLeaf.cert);
        expect([await served(old), await served(both)]).toEqual([true, true]);
    });

    it("does not end the old one while that signs", async () => {
        const settings = { generation: { ca: 2 }, issuingGeneration: { ca: 2 }, oldestGeneration: { ca: 2 } };
        stacks.configure("node1", settings);
        const { code, text } = await stacks.run(["preview", "--stack", "node1"]);
        expect(code).not.toBe(0);
        expect(text).toContain(
            "oldestGeneration: CA 1 signed the certificates that the nodes have, and would not be believed any more; " +
                "first run up on both stacks with it among those that are accepted, and with issuingGeneration.ca 2",
        );
    });

    it("then signs, with the old one still believed", async () => {
        await step({ generation: { ca: 2 }, issuingGeneration: { ca: 2 } });
        expect(issuers()).toEqual(["CN=otel-ha CA 2"]);
        expect(known.node2.caCertificate).toBe(both);
        expect([await served(old), await served(both)]).toEqual([false, true]);
    });

    it("is alone in the end, and nobody believes what the old one has signed", async () => {
        await step({ generation: { ca: 2 }, issuingGeneration: { ca: 2 }, oldestGeneration: { ca: 2 } });
        const [first, second] = [known.node1, known.node2];
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
        const before = STACKS.map((stack) => known[stack]);
        await step({ ...settings, generation: { ca: 2, certificates: 2 } });
        const after = STACKS.map((stack) => known[stack]);
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
        await up("node1");
        stacks.configure("node1", { ...settings, issuingGeneration: { ca: 3 } });
        await up("node1");
        await up("node2");
        await bothBelieve();
    });
});
