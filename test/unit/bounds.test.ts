// What one client can make of a collector's memory and of HAProxy's connections is bounded by what there is.
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { HAPROXY_DEFAULTS, haproxyConfig } from "../../components/haproxy";
import {
    GROWTH,
    heavyRequests,
    OTEL_AGGREGATOR_DEFAULTS,
    otelAggregatorConfig,
} from "../../components/otel-aggregator";
import { nodeSettings } from "../../components/settings/node-settings";
import { warnings } from "../../components/settings/warnings";
import { bytes } from "../../components/units";
import { specsOf } from "./support/specs";
import { valuesOf } from "./support/stacks";

const configOf = (changes: Record<string, string> = {}): string =>
    haproxyConfig(nodeSettings(valuesOf("node1", changes)).haproxy);

/** The lines of one section. */
function section(config: string, name: string): string[] {
    const [, text] = config.split(new RegExp(`^${name}$`, "m"));
    return text!
        .split(/^\S/m)[0]!
        .trim()
        .split("\n")
        .map((line) => line.trim());
}

const limits = (config: string): Record<string, number> =>
    Object.fromEntries(
        ["otlp_http_packed", "otlp_http_large", "otlp_grpc_packed", "otlp_grpc_large", "otlp_http", "otlp_grpc"].map(
            (name) => {
                const servers = section(config, `backend ${name}`).filter((line) => line.startsWith("server "));
                const most = new Set(servers.map((line) => Number(/ maxconn (\d+)/.exec(line)?.[1])));
                expect(servers).toHaveLength(2);
                expect(most.size, name).toBe(1);
                return [name, [...most][0]!];
            },
        ),
    );

describe("requests that swell", () => {
    it.each([
        ["4MiB", "4GiB"],
        ["8MiB", "8GiB"],
        ["1MiB", "1GiB"],
        ["2MiB", "16GiB"],
    ])(
        "of %s fit into a collector with %s, all that it gets at a time, and the small ones beside them",
        (maxBody, memoryLimit) => {
            const most = limits(
                configOf({
                    otlpMaxBody: maxBody,
                    aggregatorMemoryLimit: memoryLimit,
                    aggregatorMemorySpikeLimit: "128MiB",
                }),
            );
            const heavy =
                most.otlp_http_packed! + most.otlp_http_large! + most.otlp_grpc_packed! + most.otlp_grpc_large!;
            const small = most.otlp_http! + most.otlp_grpc!;
            const needed = GROWTH * (heavy * bytes(maxBody) + small * (bytes(HAPROXY_DEFAULTS.buffer) / 2));
            // The container may have a quarter more than the limit.
            expect(needed).toBeLessThan(bytes(memoryLimit) * 1.25);
            expect(heavy).toBeGreaterThanOrEqual(4);
        },
    );

    it("are as many as there is memory for, and one of each kind at least", () => {
        expect(heavyRequests({})).toEqual({ packed: 2, large: 3 });
        expect(heavyRequests({ memoryLimit: "16GiB" })).toEqual({ packed: 8, large: 14 });
        expect(heavyRequests({ maxBody: "64MiB" })).toEqual({ packed: 1, large: 1 });
    });

    it("are collected as garbage before anybody else's data is refused", () => {
        for (const changes of [
            {} as Record<string, string>,
            { aggregatorMemoryLimit: "1GiB", aggregatorMemorySpikeLimit: "128MiB" },
        ]) {
            const { otelAggregator } = specsOf("node1", changes);
            const config = otelAggregator.files.find(({ path }) => path.endsWith("config.yaml"))!.content as string;
            const { limit_mib, spike_limit_mib } = parse(config).processors.memory_limiter;
            const collected = Number(/^(\d+)MiB$/.exec(otelAggregator.environment!.GOMEMLIMIT!)![1]);
            expect(collected).toBeLessThan((limit_mib - spike_limit_mib) * 0.9);
        }
    });

    it("are told of when not even those fit", () => {
        const told = (changes: Record<string, string>): string[] =>
            warnings(valuesOf("node1", changes)).flatMap(({ key, message }) =>
                key === "otlpMaxBody" ? [message] : [],
            );
        expect(told({})).toEqual([]);
        expect(told({ otlpMaxBody: "20MiB", aggregatorMemoryLimit: "8GiB" })).toEqual([]);
        expect(told({ otlpMaxBody: "20MiB" })).toEqual([
            expect.stringMatching(
                /^20MiB: requests that are made for it take 7200 MiB of memory, more than aggregatorMemoryLimit \(4GiB\)/,
            ),
        ]);
    });

    it("wait apart from small ones, and know whether a collector is there from their checks", () => {
        const config = configOf();
        expect(section(config, "frontend otlp_http")).toEqual(
            expect.arrayContaining([
                "option http-buffer-request",
                "use_backend otlp_http_packed if { req.hdr(content-encoding) -m found } { req.body_size le 32768 }",
                "use_backend otlp_http_large if { req.body_size gt 32768 }",
            ]),
        );
        expect(section(config, "backend otlp_grpc_large").join("\n")).toMatch(
            /server local 127\.0\.0\.1:14317 proto h2 track otlp_grpc\/local maxconn 3/,
        );
    });

    it("are never packed by what has to be unpacked as a whole", () => {
        const config = otelAggregatorConfig({ ...nodeSettings(valuesOf("node1")).otelAggregator });
        expect(config).toContain('compression_algorithms: ["", gzip, zlib, deflate]');
        expect(config).toContain(`max_request_body_size: ${bytes(OTEL_AGGREGATOR_DEFAULTS.maxBody)}`);
        expect(section(configOf(), "frontend otlp_grpc").join("\n")).toMatch(
            /grpc-status 12 .* if \{ req\.hdr\(grpc-encoding\) -i -m sub zstd snappy \}/,
        );
    });
});

describe("connections", () => {
    it("are for others, too: one address has a quarter of them on both ports together", () => {
        for (const name of ["frontend otlp_http", "frontend otlp_grpc"])
            expect(section(configOf({ haproxyMaxConnections: "1000" }), name)).toEqual(
                expect.arrayContaining([
                    "tcp-request connection track-sc1 src table otlp_clients",
                    "tcp-request connection reject if { sc1_conn_cur gt 250 }",
                ]),
            );
    });

    it("with headers of any size leave room for a body that is passed on when it is complete", () => {
        const config = configOf({ haproxyBuffer: "32KiB" });
        expect(config).toContain(
            'status 431 content-type text/plain string "The headers are larger than 8192 bytes.\\n" if { req.hdrs,length gt 8192 }',
        );
        expect(config).toContain("{ req.body_size gt 16384 }");
    });
});
