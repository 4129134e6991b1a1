// What hosts and services say while a drill runs, as events and numbers.
import { describe, expect, it } from "vitest";
import { openAccess } from "../../ops/access";
import { fillIn } from "../../ops/drill/faults/hosts";
import { increase, sumOf } from "../../ops/drill/run/counters";
import { parseHostLine } from "../../ops/drill/watch/host-lines";
import { parseQueues, serviceChecks } from "../../ops/drill/watch/services";
import { expectedServices } from "../../ops/status/collect";
import { valuesOf } from "./support/stacks";

const T0 = 1_700_000_000_000;

describe("what hosts and services say", () => {
    const parse = (line: string) => parseHostLine(line, "mid-1", "192.168.110.140", T0, 250);

    it("is put on our clock", () => {
        const held = "ip [2023-11-14T22:13:20.760661] 2: eth0    inet 192.168.110.140/32 scope global eth0";
        expect(parse(held)).toEqual({ at: T0 + 760 + 250, source: "vip", node: "mid-1", what: "held" });
        const gone = "ip [2023-11-14T22:13:21.002000] Deleted 2: eth0    inet 192.168.110.140/32 scope global eth0";
        expect(parse(gone)).toMatchObject({ at: T0 + 1002 + 250, what: "released" });
        expect(
            parse("ip [2023-11-14T22:13:21.002000] 2: eth0    inet 192.168.110.14/32 scope global eth0"),
        ).toBeUndefined();
        expect(parse("vip held")).toMatchObject({ at: T0, what: "held" });
        expect(parse("docker 1700000000123456789 loki-mid-1 die")).toMatchObject({
            at: T0 + 123 + 250,
            what: "die",
            detail: "loki-mid-1",
        });
        expect(parse("docker 1700000000123456789 loki-mid-1 health_status: healthy")).toMatchObject({
            what: "healthy",
        });
        expect(parse("docker 1700000000123456789 loki-mid-1 exec_die")).toBeUndefined();
        expect(parse("tick 1700000000123")).toBeUndefined();
    });

    it("names HAProxy's servers", () => {
        const line =
            "haproxy 2023-11-14T22:13:20.500123456Z [WARNING]  (8) : Server otlp_http/local is DOWN, reason: Layer4 connection problem, info: refused";
        expect(parse(line)).toEqual({
            ...{ at: T0 + 500 + 250, source: "haproxy", node: "mid-1" },
            ...{ what: "otlp_http/local DOWN", detail: "Layer4 connection problem" },
        });
        const none = "haproxy 2023-11-14T22:13:20.5Z [ALERT] (8) : backend 'otlp_grpc' has no server available!";
        expect(parse(none)).toMatchObject({ what: "otlp_grpc has no server" });
    });

    it("has queues by exporter and data type", () => {
        const page = [
            "# HELP otelcol_exporter_queue_size x",
            'otelcol_exporter_queue_size{data_type="logs",exporter="otlphttp/loki-peer",otel_scope_name="a/b"} 17',
            'otelcol_exporter_queue_size{data_type="metrics",exporter="otlphttp/prometheus-local"} 1.5e+06',
            'otelcol_exporter_queue_capacity{data_type="logs",exporter="otlphttp/loki-peer"} 1000',
        ].join("\n");
        expect(parseQueues(page)).toEqual({
            "otlphttp/loki-peer logs": 17,
            "otlphttp/prometheus-local metrics": 1_500_000,
        });
    });

    it("is asked of every service that says how it is, the object store's quorum included", () => {
        const checks = serviceChecks({ address: "192.168.110.214", values: valuesOf("node1") }, openAccess());
        const silent = ["keepalived"];
        expect(checks.map(({ service }) => service).sort()).toEqual(
            expectedServices(valuesOf("node1"))
                .filter((service) => !silent.includes(service))
                .sort(),
        );
        expect(checks).toContainEqual({ service: "minio", url: "http://192.168.110.214:9000/minio/health/cluster" });
    });

    it("has counters, which a restart sets to zero", () => {
        expect(sumOf('a_total{x="1"} 3\na_total 4\nb_total 5\n', ["a_total"])).toBe(7);
        const before = { "mid-1": { outOfOrder: 10, refused: 100 } };
        const after = { "mid-1": { outOfOrder: 15, refused: 3 }, "mid-2": { outOfOrder: 2, refused: 0 } };
        expect(increase(before, after, "outOfOrder")).toEqual({ "mid-1": 5, "mid-2": 2 });
        expect(increase(before, after, "refused")).toEqual({ "mid-1": 3, "mid-2": 0 });
    });

    it("fills the host into the operator's command", () => {
        const node = { stack: "node1", name: "mid-1", address: "192.168.110.214" };
        expect(fillIn("power off {stack} {name} {address} {other}", node)).toBe(
            "power off node1 mid-1 192.168.110.214 {other}",
        );
    });
});
