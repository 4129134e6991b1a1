import { describe, expect, it } from "vitest";
import { shellQuote, shellWords } from "../../components/shell";
import { policyText } from "../../ops/verify/kinds/object-store";
import { readResources } from "../../ops/verify/state";

describe("reading", () => {
    it("takes a shell's words apart as they were put together", () => {
        const words = ["plain", "two words", "it's", "", "a'b''c", '$x "y" \\z', "line\nline"];
        expect(shellWords(words.map(shellQuote).join(" "))).toEqual(words.map((word) => word));
        expect(() => shellWords("it's")).toThrow("no words of a shell");
    });

    it("opens secrets inside of secrets, and says which inputs they are in", () => {
        const sealed = (value: unknown) => ({
            "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
            plaintext: JSON.stringify(value),
        });
        const inputs = { plain: 1, labels: [{ label: "a", value: sealed("b") }], all: sealed({ x: sealed("y") }) };
        const resources = [
            { urn: "urn:pulumi:s::p::a:b:C$d:e:F::name", type: "d:e:F", inputs },
            { urn: "urn:pulumi:s::p::d:e:F::old", type: "d:e:F", delete: true },
        ];
        expect(readResources(JSON.stringify({ deployment: { resources } }))).toEqual([
            expect.objectContaining({
                types: ["a:b:C", "d:e:F"],
                name: "name",
                inputs: { plain: 1, labels: [{ label: "a", value: "b" }], all: { x: "y" } },
                secrets: ["labels", "all"],
            }),
        ]);
    });

    it("takes policies that allow the same for the same", () => {
        const policy = (...actions: string[]) => ({
            Statement: [{ Effect: "Allow", Action: actions, Resource: "arn:aws:s3:::x" }],
        });
        expect(policyText(policy("s3:A", "s3:B"))).toBe(policyText(policy("s3:B", "s3:A")));
        expect(policyText(policy("s3:A"))).not.toBe(policyText(policy("s3:A", "s3:B")));
        const conditional = { Statement: [{ ...policy("s3:A").Statement[0], Condition: { x: 1 } }] };
        expect(policyText(conditional)).not.toBe(policyText(policy("s3:A")));
    });
});
