import { describe, expect, it } from "vitest";
import { DeployedNode } from "../../ops/deployment";
import { flushCommand, mirrorCommand, sides } from "../../ops/resync/command";
import { missing, readListing } from "../../ops/resync/listing";
import { StackName, valuesOf } from "./support/stacks";

const node = (stack: StackName, objectStore = "mirrored"): DeployedNode => {
    const values = valuesOf(stack, { objectStore });
    const { nodeName: name, nodeAddress: address } = values;
    return { stack, name, address, values, container: (service: string) => `${service}-${name}` } as DeployedNode;
};
const pair = [node("node1"), node("node2")];

describe("otel-ha resync", () => {
    it("fills the named node from the other one", () => {
        const [from, to] = sides(pair, "mid-2");
        expect([from.name, to.name]).toEqual(["mid-1", "mid-2"]);
        expect(sides(pair, "node1")[1].name).toBe("mid-1");
        expect(mirrorCommand(from, to, ["loki-data", "thanos"])).toBe(
            "/usr/local/lib/otel-ha/mirror-buckets --container minio-mid-2 --port 9000 --from 192.168.110.214:9000 " +
                "loki-data thanos",
        );
        expect(flushCommand(from)).toBe("/usr/local/lib/otel-ha/flush-loki --container minio-mid-1 --port 3100");
    });

    it("is for two stores, and for nodes that there are", () => {
        expect(() => sides([node("node1"), node("node2", "pooled")], "mid-2")).toThrow(
            'objectStore of stack node2 is "pooled"',
        );
        expect(() => sides(pair, "mid-3")).toThrow("write mid-1 or mid-2");
        expect(() => sides([pair[0]!], "mid-1")).toThrow("the other node's stack is needed");
    });

    it("finds what is missing, and forgives what came later", () => {
        const line = (key: string, time: string) => JSON.stringify({ status: "success", key, lastModified: time });
        const there = readListing(
            [
                line("a", "2026-01-01T00:00:00Z"),
                line("b", "2026-01-01T00:00:00Z"),
                line("late", "2026-01-01T02:00:00Z"),
                line("loki_cluster_seed.json", "2026-01-01T00:00:00Z"),
                "",
            ].join("\n"),
        );
        expect(missing(there, { a: 0 }, Date.parse("2026-01-01T01:00:00Z"))).toEqual(["b"]);
        expect(missing(there, { a: 0, b: 0, more: 0 }, Date.parse("2026-01-01T01:00:00Z"))).toEqual([]);
    });

    it("does not take an error for an empty bucket", () => {
        expect(() => readListing('{"status":"error","error":{"message":"no such bucket"}}')).toThrow("no such bucket");
    });
});
