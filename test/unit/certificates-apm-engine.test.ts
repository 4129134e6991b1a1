// Certificates and CAs of Container APM, on the small engine: whatever the order of the nodes, each takes the others for nodes at every moment.
import { createPrivateKey, X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ApmPurpose, APM_PURPOSES } from "../../components/certificates";
import { CertificateStacks, DAY_MS, handshake, Outputs } from "./support/certificate-stacks";
import { APM_STACKS, ApmStackName } from "./support/stacks";

type ApmOutputs = Outputs<ApmPurpose>;

const stacks = new CertificateStacks(APM_STACKS);
beforeAll(() => stacks.create(), 120_000);
afterAll(() => stacks.remove());

const nameOf = (stack: ApmStackName): string => stack.replace("apm", "apm-");

/** What each stack has published, as of its last update. */
const known = {} as Record<ApmStackName, ApmOutputs>;

async function up(stack: ApmStackName, days = 0): Promise<void> {
    await stacks.up(stack, { days });
    known[stack] = await stacks.outputs<ApmPurpose>(stack);
}

const endOf = ({ node }: ApmOutputs, purpose: ApmPurpose): { cert: string; key: string; ca: string } => ({
    cert: node[purpose].certificate,
    key: node[purpose].key,
    ca: node.trusted,
});

/** Each node with each other one, both ways, as they are now. */
async function allBelieve(purpose: ApmPurpose = "opensearch", prefix = ""): Promise<void> {
    for (const one of APM_STACKS)
        for (const other of APM_STACKS.filter((stack) => stack !== one)) {
            const client = { ...endOf(known[one], purpose), servername: nameOf(other) };
            expect(await handshake(endOf(known[other], purpose), client)).toEqual({
                client: prefix + nameOf(one),
                server: prefix + nameOf(other),
            });
        }
}

/** Brings all up, the owner neither first nor last, and looks after each. */
async function step(settings: Record<string, unknown>): Promise<void> {
    stacks.configure("apm1", settings);
    for (const stack of ["apm3", "apm1", "apm2", "apm3"] as const) {
        await up(stack);
        await allBelieve();
    }
}

const issuers = (): string[] => [
    ...new Set(
        APM_STACKS.flatMap((stack) =>
            Object.keys(known[stack].certificates).map(
                (purpose) => new X509Certificate(known[stack].node[purpose as ApmPurpose].certificate).issuer,
            ),
        ),
    ),
];

describe("certificates of Container APM", { timeout: 300_000 }, () => {
    it("are of the one CA, and each node takes the others for nodes", async () => {
        for (const stack of APM_STACKS) await up(stack);
        expect(Object.keys(known.apm1.certificates).sort()).toEqual([...APM_PURPOSES].sort());
        expect(issuers()).toEqual(["CN=otel-ha CA 1"]);
        await allBelieve();
        await allBelieve("dataPrepper", "data-prepper-");
        await stacks.must(["preview", "--expect-no-changes", "--stack", "apm2"]);
    });

    it("say who is OpenSearch's administrator, and that nobody else is, nor that one a server", async () => {
        const { node } = known.apm1;
        const admin = endOf(known.apm1, "opensearchAdmin");
        expect(await handshake(endOf(known.apm2, "opensearch"), { ...admin, servername: "apm-2" })).toEqual({
            client: "otel-ha-admin",
            server: "apm-2",
        });
        const asClient = endOf(known.apm2, "opensearch");
        await expect(handshake(admin, { ...asClient, checkServerIdentity: () => undefined })).rejects.toThrow();
        for (const purpose of ["dashboards", "collector"] as const) {
            const { certificate: cert, key } = node[purpose];
            const client = { cert, key, ca: node.trusted, servername: "apm-2" };
            await expect(handshake(endOf(known.apm2, "opensearch"), client), purpose).rejects.toThrow();
        }
    });

    it("go with OpenSearch Dashboards and Data Prepper, and come again; the others stay", async () => {
        const before = known.apm3;
        stacks.configure("apm3", { dashboardsCopies: 0, apm: { ingest: "direct" } });
        await up("apm3");
        const { certificates, node } = known.apm3;
        expect(Object.keys(certificates).sort()).toEqual(["collector", "opensearch", "opensearchAdmin"]);
        expect(node.opensearch).toEqual(before.node.opensearch);
        stacks.configure("apm3", {});
        await up("apm3");
        expect(known.apm3.certificates.dashboards!.generation).toBe(1);
        expect(known.apm3.node.dashboards.certificate).not.toBe(before.node.dashboards.certificate);
    });

    it("are of another CA after three steps, each in any order of the nodes", async () => {
        await step({ generation: { ca: 2 } });
        expect(issuers()).toEqual(["CN=otel-ha CA 1"]);
        stacks.configure("apm1", { generation: { ca: 2 }, oldestGeneration: { ca: 2 }, issuingGeneration: { ca: 2 } });
        const { code, text } = await stacks.run(["preview", "--stack", "apm1"]);
        expect(code).not.toBe(0);
        expect(text).toContain("first run up on all stacks with it among those that are accepted");
        await step({ generation: { ca: 2 }, issuingGeneration: { ca: 2 } });
        expect(issuers()).toEqual(["CN=otel-ha CA 2"]);
        await step({ generation: { ca: 2 }, issuingGeneration: { ca: 2 }, oldestGeneration: { ca: 2 } });
        for (const stack of APM_STACKS)
            expect(new X509Certificate(known[stack].node.trusted).subject).toBe("CN=otel-ha CA 2");
    });

    it("are renewed one node at a time, each with another key, by the same CA", async () => {
        const first = { ...known };
        for (const stack of ["apm2", "apm1", "apm3"] as const) {
            await up(stack, 61);
            const { certificates, node, caCertificate } = known[stack];
            expect(caCertificate).toBe(first[stack].caCertificate);
            expect(Object.keys(certificates)).toEqual(Object.keys(first[stack].certificates));
            for (const [purpose, { generation, notAfter }] of Object.entries(certificates)) {
                expect(generation, purpose).toBe(2);
                expect((Date.parse(notAfter) - Date.now()) / DAY_MS).toBeCloseTo(61 + 90, 0);
                const before = first[stack].node[purpose as ApmPurpose];
                const { certificate, key } = node[purpose as ApmPurpose];
                expect(key).not.toBe(before.key);
                const ca = new X509Certificate(caCertificate);
                const leaf = new X509Certificate(certificate);
                expect(leaf.checkIssued(ca) && leaf.verify(ca.publicKey)).toBe(true);
                expect(leaf.checkPrivateKey(createPrivateKey(key))).toBe(true);
            }
        }
        await stacks.must(["preview", "--expect-no-changes", "--stack", "apm1"], { days: 61 });
    });
});
