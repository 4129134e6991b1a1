import { describe, expect, it } from "vitest";
import { formatDuration, parseDuration } from "../../../lab/engine/providers/durations";
import { diffContainer, withDefaults } from "../../../lab/engine/providers/docker-schema";
import { Unknown, ValueMap } from "../../../lab/engine/values";

const wanted: ValueMap = {
    name: "c",
    image: "sha256:1",
    envs: ["A=1", "B=2"],
    labels: [{ label: "x", value: "1" }],
    capabilities: { adds: ["CAP_NET_RAW", "CAP_NET_ADMIN"] },
    mounts: [{ type: "bind", source: "/a", target: "/b" }],
    healthcheck: { tests: ["CMD", "true"], interval: "10s" },
    memory: 64,
    networkMode: "host",
    restart: "always",
};

/** As the daemon would tell it: sorted differently, with everything filled in. */
const there: ValueMap = {
    ...wanted,
    envs: ["B=2", "A=1"],
    capabilities: { adds: ["CAP_NET_ADMIN", "CAP_NET_RAW"], drops: null },
    mounts: [
        {
            type: "bind",
            source: "/a",
            target: "/b",
            readOnly: false,
            bindOptions: null,
            tmpfsOptions: null,
            volumeOptions: null,
        },
    ],
    healthcheck: {
        tests: ["CMD", "true"],
        interval: "10s",
        timeout: "0s",
        startPeriod: "0s",
        startInterval: "0s",
        retries: 0,
    },
    command: ["from", "image"],
    hostname: "h",
    logDriver: "json-file",
    ...{ mustRun: true, waitTimeout: 60, removeVolumes: true, start: true },
    containerReadRefreshTimeoutMilliseconds: 15000,
    shmSize: 64,
    memorySwap: 0,
    user: "",
};

function diff(change: ValueMap, outputs: ValueMap = {}): [string, string][] {
    const old = { id: "1", inputs: withDefaults(wanted), outputs: { ...there, ...outputs } };
    return [...diffContainer(old, withDefaults({ ...wanted, ...change })).detailed!];
}

describe("the difference between a container and its settings", () => {
    it("is none where the daemon only fills in or sorts", () => expect(diff({})).toEqual([]));

    it("replaces or updates as the field demands", () => {
        expect(diff({ envs: ["A=1", "B=3"] })).toEqual([["envs[1]", "update-replace"]]);
        expect(diff({ envs: ["A=1", "B=2", "C=3"] })).toEqual([["envs[2]", "add-replace"]]);
        expect(diff({ memory: 96 })).toEqual([["memory", "update"]]);
        expect(diff({ healthcheck: { tests: ["CMD", "true"], interval: "5s" } })).toEqual([
            ["healthcheck.interval", "update"],
        ]);
        expect(diff({ labels: [{ label: "x", value: "2" }] })).toEqual([["labels[0].value", "update-replace"]]);
        expect(diff({ image: Unknown.value })).toEqual([["image", "update-replace"]]);
    });

    it("shows what has changed on the host", () => {
        expect(diff({}, { restart: "no" })).toEqual([["restart", "update"]]);
        expect(diff({}, { mustRun: false })).toEqual([["mustRun", "update"]]);
        expect(diff({}, { memorySwap: 128 })).toEqual([["memorySwap", "delete"]]);
    });
});

describe("durations", () => {
    it("are written as Go writes them", () => {
        expect(["90s", "1m", "500ms", "1h0m5s", "0s"].map((text) => formatDuration(parseDuration(text)))).toEqual([
            "1m30s",
            "1m0s",
            "500ms",
            "1h0m5s",
            "0s",
        ]);
        expect(() => parseDuration("10")).toThrow("invalid duration '10'");
    });
});
