// Certificates over months: the program's part that makes them, on the small engine, with a clock that the test moves.
import { createPrivateKey, X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newCa, newLeaf } from "./support/certificates";
import { CertificateStacks, DAY_MS, handshake, Outputs, peerEnd } from "./support/certificate-stacks";

const stacks = new CertificateStacks();
beforeAll(() => stacks.create(), 120_000);
afterAll(() => stacks.remove());

const TLS_STEPS = /tls:index:(PrivateKey|CertRequest|LocallySignedCert)/;

describe("certificates, one after the other", { timeout: 240_000 }, () => {
    let first: Outputs;

    it("are made by the first up, even when it fails, and by no other", async () => {
        const { code, text } = await stacks.run(["up", "--yes", "--skip-preview", "--stack", "node1"], { fails: true });
        expect(code, text).not.toBe(0);
        const made = (await stacks.recorded("node1"))["mid-1-certificate-peer"]!.certPem;
        await stacks.up("node1");
        first = await stacks.outputs("node1");
        expect(first.node.peer.certificate).toBe(made);
        expect(first.certificates.peer!.generation).toBe(1);
        expect(Object.keys(first.certificates)).toEqual(["clients", "objectStore", "peer"]);
        await stacks.must(["preview", "--expect-no-changes", "--stack", "node1"]);
        await stacks.up("node1", { days: 59 });
        expect(await stacks.outputs("node1")).toEqual(first);
    });

    it("of both nodes are signed by the one CA, and each believes the other", async () => {
        await stacks.up("node2");
        const second = await stacks.outputs("node2");
        expect(second.caCertificate).toBe(first.caCertificate);
        expect(await handshake(peerEnd(second), { ...peerEnd(first), servername: "mid-2" })).toEqual({
            client: "mid-1",
            server: "mid-2",
        });
        await expect(handshake(peerEnd(second), { ...peerEnd(first), servername: "mid-1" })).rejects.toThrow("mid-1");
        const { cert, key, ca } = {
            ...peerEnd(first),
            cert: first.node.clients.certificate,
            key: first.node.clients.key,
        };
        await expect(handshake(peerEnd(second), { cert, key, ca, servername: "mid-2" })).rejects.toThrow();
    });

    it("that end within certificateRenewBefore are shown by a preview, which changes nothing", async () => {
        const text = await stacks.must(["preview", "--stack", "node1"], { days: 61 });
        expect(text.split("\n").filter((line) => TLS_STEPS.test(line) && /replace/.test(line))).toHaveLength(9);
        expect(text).not.toMatch(/SelfSignedCert.*replace/);
        expect(await stacks.outputs("node1")).toEqual(first);
    });

    it("are renewed once, even when the up that does so fails", async () => {
        const { code, text } = await stacks.run(["up", "--yes", "--skip-preview", "--stack", "node1"], {
            days: 61,
            fails: true,
        });
        expect(code, text).not.toBe(0);
        expect((await stacks.outputs("node1")).certificates).toEqual(first.certificates);
        const renewed = (await stacks.recorded("node1"))["mid-1-certificate-clients"]!.certPem;
        expect(renewed).not.toBe(first.node.clients.certificate);

        await stacks.up("node1", { days: 61 });
        const { certificates, node, caCertificate } = await stacks.outputs("node1");
        expect(node.clients.certificate).toBe(renewed);
        expect(caCertificate).toBe(first.caCertificate);
        const ca = new X509Certificate(caCertificate);
        for (const purpose of ["clients", "peer", "objectStore"] as const) {
            expect(certificates[purpose]!.generation).toBe(2);
            const days = (Date.parse(certificates[purpose]!.notAfter) - Date.now()) / DAY_MS;
            expect(days).toBeCloseTo(61 + 90, 0);
            const leaf = new X509Certificate(node[purpose].certificate);
            expect(Date.parse(leaf.validTo)).toBeCloseTo(Date.parse(certificates[purpose]!.notAfter), -4);
            expect(leaf.checkIssued(ca) && leaf.verify(ca.publicKey)).toBe(true);
            expect(node[purpose].key).not.toBe(first.node[purpose].key);
            expect(leaf.checkPrivateKey(createPrivateKey(node[purpose].key))).toBe(true);
        }
        await stacks.must(["preview", "--expect-no-changes", "--stack", "node1"], { days: 61 });
    });

    it("are made anew for another address, and for a shorter time, but the CA stays", async () => {
        const before = await stacks.outputs("node1");
        stacks.configure("node1", {
            vip: "192.168.110.141",
            certificateLifetime: "2h",
            certificateRenewBefore: "1h",
            caLifetime: "20d",
        });
        await stacks.up("node1", { days: 61 });
        const { certificates, node, caCertificate } = await stacks.outputs("node1");
        expect(caCertificate).toBe(before.caCertificate);
        expect(new X509Certificate(node.clients.certificate).checkIP("192.168.110.141")).toBe("192.168.110.141");
        const hours = (Date.parse(certificates.peer!.notAfter) - Date.now() - 61 * DAY_MS) / 3_600_000;
        expect(hours).toBeGreaterThan(1.9);
        expect(hours).toBeLessThanOrEqual(2);
    });

    it("of a CA that ends within a year come with a warning", async () => {
        expect(await stacks.up("node1", { days: 3300 })).toMatch(
            /the CA ends on 20\d\d-\d\d-\d\d, and every certificate with it/,
        );
    });

    it("may be given instead, from files of many lines, the key as a secret", async () => {
        const ca = await newCa();
        const leaf = await newLeaf(ca);
        const given = { tlsCaCertificate: ca.certificate, tlsCertificate: leaf.certificate, tlsKey: leaf.key };
        stacks.configure("node1", {});
        await stacks.must(["config", "set", "tls", "provided", "--stack", "node1"]);
        for (const [key, text] of Object.entries(given))
            await stacks.must(["config", "set", key, ...(key === "tlsKey" ? ["--secret"] : []), "--stack", "node1"], {
                input: text,
            });
        expect(stacks.settingsOf("node1")).not.toContain(leaf.key.split("\n")[1]);
        await stacks.up("node1");
        const { node, caCertificate } = await stacks.outputs("node1");
        expect(caCertificate).toBe(ca.certificate);
        expect(node.clients).toEqual({ certificate: leaf.certificate, key: leaf.key });
    });

    it("go with tls: off, and begin again without it", async () => {
        stacks.configure("node1", { tls: "off" });
        await stacks.up("node1");
        expect(await stacks.outputs("node1")).not.toHaveProperty("certificates");
        expect(
            Object.keys(await stacks.recorded("node1")).filter((name) => name.startsWith("mid-1-certificate")),
        ).toEqual([]);
        stacks.configure("node1", {});
        await stacks.up("node1");
        expect((await stacks.outputs("node1")).certificates.clients!.generation).toBe(1);
    });
});
