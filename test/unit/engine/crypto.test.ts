import { describe, expect, it } from "vitest";
import { newCrypter, openCrypter } from "../../../lab/engine/crypto";

describe("the passphrase secrets manager", () => {
    it("opens a salt line that the real CLI wrote", async () => {
        // From the CLI's own tests.
        const salt = "v1:fozI5u6B030=:v1:F+6ZduKKd8G0/V7L:PGMFeIzwobWRKmEAzUdaQHqC5mMRIQ==";
        const crypter = await openCrypter("password", salt);
        expect(crypter.decrypt("v1:F+6ZduKKd8G0/V7L:PGMFeIzwobWRKmEAzUdaQHqC5mMRIQ==")).toBe("pulumi");
        await expect(openCrypter("wrong", salt)).rejects.toThrow("incorrect passphrase");
    });

    it("gets back what it encrypted, with the salt line alone", async () => {
        const writer = await newCrypter("open sesame");
        const sealed = writer.encrypt("grüße\n");
        expect(sealed).toMatch(/^v1:[\w+/=]+:[\w+/=]+$/);
        expect(sealed).not.toBe(writer.encrypt("grüße\n"));
        expect((await openCrypter("open sesame", writer.salt)).decrypt(sealed)).toBe("grüße\n");
    });
});
