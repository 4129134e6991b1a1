import { X509Certificate } from "crypto";
import { createSecureContext } from "tls";
import { beforeAll, describe, expect, it } from "vitest";
import { withIssuer } from "../../components/pem";
import { pkcs12OfPem } from "../../components/pkcs12";
import { Made, newCa, newLeaf } from "./support/certificates";

let ca: Made;
let other: Made;
let leaf: Made;

beforeAll(async () => {
    ca = await newCa();
    other = await newCa("Another CA");
    leaf = await newLeaf(ca);
});

describe("a key store", () => {
    const store = (password = "a password", key = leaf.key): Buffer =>
        pkcs12OfPem(withIssuer(leaf.certificate, ca.certificate), key, "data-prepper", password);

    it("is read by OpenSSL, with the password only", () => {
        expect(() => createSecureContext({ pfx: store(), passphrase: "a password" })).not.toThrow();
        expect(() => createSecureContext({ pfx: store(), passphrase: "another" })).toThrow(/mac verify failure/);
    });

    it("has the key of its certificate", async () => {
        const stranger = await newLeaf(ca);
        expect(() => createSecureContext({ pfx: store("p", stranger.key), passphrase: "p" })).toThrow();
    });

    it("is the same each time, or each run would find a change", () => {
        expect(store().equals(store())).toBe(true);
    });
});

describe("a certificate with its issuer", () => {
    const subjects = (chain: X509Certificate[]): string[] => chain.map(({ subject }) => subject);

    it("leaves out the other CA, while one takes the other's place", () => {
        const trusted = other.certificate + ca.certificate;
        expect(subjects(withIssuer(leaf.certificate, trusted))).toEqual(["CN=mid-1", "CN=Test CA"]);
    });

    it("says when nobody who is believed has issued it", () => {
        expect(() => withIssuer(leaf.certificate, other.certificate)).toThrow(
            "no certificate that is believed has issued that of CN=mid-1",
        );
        expect(() => withIssuer("nothing", ca.certificate)).toThrow("no certificate, PEM");
    });
});
