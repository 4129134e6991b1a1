import { describe, expect, it } from "vitest";
import {
    acceptedGenerations,
    credentialGenerations,
    issuingGeneration,
    newestGeneration,
    SECRET_NAMES,
} from "../../components/generations";
import { parseValues } from "../../components/settings/parse";
import { warnings } from "../../components/settings/warnings";
import { config, StackName, valuesOf } from "./support/stacks";

const problems = (changes: Record<string, string>, stack: StackName = "node1"): string[] =>
    parseValues(config(stack, changes)).problems.map(({ key, message }) => `${key}: ${message}`);

describe("the generation of a secret", () => {
    it("is 1 when nobody says another", () => {
        for (const name of SECRET_NAMES) expect(newestGeneration(valuesOf("node1"), name)).toBe(1);
        expect(acceptedGenerations(valuesOf("node1"), "otlpTokens")).toEqual([1]);
    });

    it("is secretGeneration's, but for those that have one of their own", () => {
        const values = valuesOf("node1", { secretGeneration: "3", generation: '{"lokiUser":5,"vrrp":"4"}' });
        expect(newestGeneration(values, "lokiUser")).toBe(5);
        expect(newestGeneration(values, "vrrp")).toBe(4);
        expect(newestGeneration(values, "ca")).toBe(3);
        expect(credentialGenerations(values)).toEqual({
            objectStoreRootPassword: 3,
            lokiObjectStoreSecret: 5,
            thanosSidecarObjectStoreSecret: 3,
            thanosStoreObjectStoreSecret: 3,
            thanosCompactorObjectStoreSecret: 3,
            vrrpPassword: 4,
            haproxyStatsPassword: 3,
            queryPassword: 3,
        });
    });

    it("is accepted beside the one before it, until that is said to be over", () => {
        const changes = { generation: '{"otlpTokens":4,"ca":2}' };
        expect(acceptedGenerations(valuesOf("node1", changes), "otlpTokens")).toEqual([3, 4]);
        expect(acceptedGenerations(valuesOf("node1", changes), "ca")).toEqual([1, 2]);
        const over = valuesOf("node1", { ...changes, oldestGeneration: '{"otlpTokens":4,"ca":1}' });
        expect(acceptedGenerations(over, "otlpTokens")).toEqual([4]);
        expect(acceptedGenerations(over, "ca")).toEqual([1, 2]);
    });

    it("signs only when it is said, or when it is the only one", () => {
        const changes = { generation: '{"ca":2}' };
        expect(issuingGeneration(valuesOf("node1", changes), "ca")).toBe(1);
        expect(issuingGeneration(valuesOf("node1", { ...changes, issuingGeneration: '{"ca":2}' }), "ca")).toBe(2);
        expect(issuingGeneration(valuesOf("node1", { ...changes, oldestGeneration: '{"ca":2}' }), "ca")).toBe(2);
    });
});

it("of a secret that is given has no effect, and a preview says so", () => {
    const changes = { generation: '{"lokiUser":2,"vrrp":2}', vrrpPassword: "given-12" };
    const said = warnings(valuesOf("node1", changes)).filter(({ key }) => key === "generation");
    expect(said).toEqual([
        {
            key: "generation",
            message: '"vrrp" has no effect while vrrpPassword is given; give another value there instead',
        },
    ]);
});

describe("a generation that cannot be used is refused", () => {
    it.each(['{"lokiUsr":2}', '{"lokiUser":0}', '{"lokiUser":1.5}', '{"lokiUser":{}}', "2", "[2]", "lokiUser=2"])(
        "%s: with the names that there are",
        (text) => {
            expect(problems({ generation: text })).toEqual([
                `generation: "${text}" is not a generation for each of some secrets; write whole numbers above 0 for any of ${SECRET_NAMES.join(", ")}, as in: pulumi config set --path generation.ca 2`,
            ]);
        },
    );

    it("for a secret that has no overlap", () => {
        expect(problems({ oldestGeneration: '{"vrrp":1}' })).toEqual([
            'oldestGeneration: "{"vrrp":1}" is not the oldest generation of secrets whose old values are still accepted; write whole numbers above 0 for any of otlpTokens, ca, as in: pulumi config set --path oldestGeneration.ca 2',
        ]);
        expect(problems({ issuingGeneration: '{"otlpTokens":1}' })).toEqual([
            'issuingGeneration: "{"otlpTokens":1}" is not the generation that signs; write whole numbers above 0 for ca, as in: pulumi config set --path issuingGeneration.ca 2',
        ]);
    });

    it("in the stack that does not own the credentials, with the one that does", () => {
        expect(problems({ generation: '{"lokiUser":2}', oldestGeneration: '{"ca":1}' }, "node2")).toEqual([
            'generation: "lokiUser" would not be used here, since stack "node1" owns the credentials; write pulumi config set --path generation.lokiUser 2 --stack node1',
            'oldestGeneration: "ca" would not be used here, since stack "node1" owns the credentials; write pulumi config set --path oldestGeneration.ca 1 --stack node1',
        ]);
    });

    it("when the oldest is newer than the newest, or one signs that nobody accepts", () => {
        expect(problems({ generation: '{"otlpTokens":2}', oldestGeneration: '{"otlpTokens":3}' })).toEqual([
            'oldestGeneration: "otlpTokens" 3 is above its newest generation, which is 2; write 2 to accept that one alone, or less',
        ]);
        expect(problems({ generation: '{"ca":3}', issuingGeneration: '{"ca":1}' })).toEqual([
            'issuingGeneration: "ca" 1 is not among those that are accepted; write a number from 2 to 3',
        ]);
        expect(problems({ issuingGeneration: '{"ca":2}' })).toEqual([
            'issuingGeneration: "ca" 2 is not among those that are accepted; write 1',
        ]);
    });
});
