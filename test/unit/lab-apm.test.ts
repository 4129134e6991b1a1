import { describe, expect, it } from "vitest";
import { differences, once, type Found, type Hit } from "../../lab/apm/search";
import { apmLabSettings, missingParts } from "../../lab/apm/settings";
import { expectedOf } from "../../lab/sample-service";
import type { SampleOutcome } from "../../lab/sample-service";

describe("Container APM in the lab", () => {
    const everything = { maps: 262_144, has: () => true };
    const nothing = { maps: 65_530, has: () => false };

    it("is the shipped one, but smaller, where images and the machine allow it", () => {
        expect(Object.keys(apmLabSettings(everything))).toEqual([
            "opensearchHeap",
            "opensearchMemoryLimit",
            "opensearchMemoryLock",
        ]);
        expect(missingParts(everything)).toBeUndefined();
    });

    it("goes without Data Prepper, Dashboards and mapped files where it must, and says so", () => {
        expect(apmLabSettings(nothing)).toMatchObject({
            opensearchMmap: "false",
            apm: { ingest: "direct" },
            dashboardsCopies: "0",
        });
        expect(missingParts(nothing)).toBe(
            "Without Data Prepper (apm.ingest: direct) and OpenSearch Dashboards, whose images can only be pulled",
        );
        const dashboards = { maps: 262_144, has: (image: string) => image !== "opensearch-dashboards" };
        expect(missingParts(dashboards)).toBe("Without OpenSearch Dashboards, whose images can only be pulled");
        expect(apmLabSettings(dashboards)).not.toHaveProperty("apm");
    });
});

describe("what is found of the sample", () => {
    const outcome = { expected: expectedOf(3) } as SampleOutcome;
    const all: Found[] = Object.entries(outcome.expected).map(([service, counts]) => ({ service, ...counts }) as Found);

    it("is all that was sent, no less and no more", () => {
        expect(differences(outcome, all)).toEqual([]);
        const [shop, orders, stock] = all as [Found, Found, Found];
        expect(
            differences(outcome, [
                { ...shop, spans: 8 },
                { ...orders, requests: 6 },
                { ...stock, logs: 0 },
            ]),
        ).toEqual(["sample-shop: 8 of 9 spans", "sample-orders: 6 of 3 requests", "sample-stock: 0 of 3 logs"]);
    });

    it("is there once", () => {
        const hit = (body: string): Hit => ({ _id: Math.random().toString(), _source: { body } });
        const name = ({ body }: Hit["_source"]): string => `line "${String(body)}"`;
        expect(() => once([hit("a"), hit("b")], name)).not.toThrow();
        expect(() => once([hit("a"), hit("b"), hit("a")], name)).toThrow('found twice: line "a"');
    });
});
