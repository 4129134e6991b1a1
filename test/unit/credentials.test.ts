import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { Credentials } from "../../components";
import { CREDENTIAL_NAMES } from "../../components/credentials";
import { Registered, run } from "./support/graph";

describe("credentials", () => {
    const PASSWORD = "random:index/randomPassword:RandomPassword";
    const make = async (args: ConstructorParameters<typeof Credentials>[1]): Promise<Registered[]> =>
        (await run(() => new Credentials("credentials", args))).resources.filter((one) => one.type === PASSWORD);

    it("are made of letters and digits, 8 for VRRP and 32 otherwise", async () => {
        const made = await make({});
        expect(Object.fromEntries(made.map((one) => [one.name, one.inputs.length]))).toEqual({
            "credentials-objectStoreRootPassword": 32,
            "credentials-lokiObjectStoreSecret": 32,
            "credentials-thanosSidecarObjectStoreSecret": 32,
            "credentials-thanosStoreObjectStoreSecret": 32,
            "credentials-thanosCompactorObjectStoreSecret": 32,
            "credentials-vrrpPassword": 8,
            "credentials-haproxyStatsPassword": 32,
            "credentials-queryPassword": 32,
        });
        for (const one of made) expect(one.inputs).toMatchObject({ special: false, keepers: { generation: "1" } });
    });

    it("of another generation are others, each by itself", async () => {
        for (const one of await make({ generations: { vrrpPassword: 2 } })) {
            const generation = one.name === "credentials-vrrpPassword" ? "2" : "1";
            expect(one.inputs.keepers, one.name).toEqual({ generation });
        }
    });

    it("have a token of 43 letters and digits for each sender, which goes with its name", async () => {
        const two = await make({ otlpTokens: ["shop", "billing"] });
        const one = await make({ otlpTokens: ["billing"] });
        const tokens = (made: Registered[]) =>
            made.filter(({ name }) => name.includes("otlpToken")).map(({ name, inputs }) => [name, inputs]);
        const inputs = { length: 43, special: false, keepers: { generation: "1" } };
        expect(tokens(two)).toEqual([
            ["credentials-otlpToken-shop", inputs],
            ["credentials-otlpToken-billing", inputs],
        ]);
        expect(tokens(one)).toEqual([["credentials-otlpToken-billing", inputs]]);
    });

    it("have a token of each generation that is accepted; the one that was there stays as it is", async () => {
        const made = await make({ otlpTokens: ["shop"], tokenGenerations: [1, 2] });
        const later = await make({ otlpTokens: ["shop"], tokenGenerations: [2] });
        const tokens = (all: Registered[]) =>
            all.filter(({ name }) => name.includes("otlpToken")).map(({ name, inputs }) => [name, inputs.keepers]);
        expect(tokens(made).sort()).toEqual([
            ["credentials-otlpToken-shop", { generation: "1" }],
            ["credentials-otlpToken-shop.g2", { generation: "2" }],
        ]);
        expect(tokens(later)).toEqual([["credentials-otlpToken-shop.g2", { generation: "2" }]]);
        const { result } = await run(
            () => new Credentials("credentials", { otlpTokens: ["shop"], tokenGenerations: [1, 2] }),
        );
        const all = await new Promise((done) => result.otlpTokens.apply(done));
        expect(all).toEqual({
            shop: ["made for credentials-otlpToken-shop.g2", "made for credentials-otlpToken-shop"],
        });
        expect(await pulumi.isSecret(result.otlpTokens)).toBe(true);
    });

    it("that are given are not made, and are secrets all the same", async () => {
        const made = await make({ given: { vrrpPassword: "hunter22" } });
        expect(made.map((one) => one.name)).not.toContain("credentials-vrrpPassword");
        expect(made).toHaveLength(7);
        const given = Object.fromEntries(CREDENTIAL_NAMES.map((name) => [name, `given for ${name}`]));
        const { result } = await run(() => new Credentials("credentials", { given }));
        for (const value of Object.values(result.values)) expect(await pulumi.isSecret(value)).toBe(true);
    });
});
