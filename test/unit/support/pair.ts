import { Values } from "../../../components/settings/keys";
import { certificateFiles } from "../../../ops/status/certificates";
import { expectedServices } from "../../../ops/status/collect";
import { ContainerFacts, ReachableHost } from "../../../ops/status/facts";
import { judge } from "../../../ops/status/judge";
import { NodeFacts, Status } from "../../../ops/status/model";
import { probes } from "../../../ops/status/probes";
import { StackName, STACKS, valuesOf } from "./stacks";

const MIB = 1024 * 1024;

/** What waits in a queue, in MiB. @example { "loki-peer": 12 } */
export type Waiting = Record<string, number>;

function queueLines(waiting: Waiting): string[] {
    return ["prometheus-local", "prometheus-peer", "loki-local", "loki-peer"].flatMap((exporter) => {
        const labels = `{data_type="${exporter.startsWith("loki") ? "logs" : "metrics"}",exporter="otlphttp/${exporter}"}`;
        return [
            `otelcol_exporter_queue_size${labels} ${(waiting[exporter] ?? 0.1) * MIB}`,
            `otelcol_exporter_queue_capacity${labels} ${3400 * MIB}`,
        ];
    });
}

const container = (name: string, at: number): ContainerFacts => {
    return {
        id: `id-${name}`,
        status: "running",
        health: "healthy",
        restarts: 0,
        imageId: `sha256:${at}`,
        image: `image-${at}:1.2.3`,
        startedAt: "2026-01-01T00:00:00Z",
    };
};

/** A host on which all is well. */
export function healthyHost(values: Values, waiting: Waiting = {}): ReachableHost {
    const services = expectedServices(values);
    // Keepalived is asked without HTTP.
    const asked = services
        .filter((service) => service !== "keepalived")
        .map((service) => `${service}-${values.nodeName}`);
    const names = [...probes(values).map(({ name }) => name), ...asked];
    const answers = Object.fromEntries(names.map((name) => [name, { status: 200, lines: [] as string[] }]));
    answers.queues!.lines = queueLines(waiting);
    answers["since-empty"]!.lines = [
        JSON.stringify({
            status: "success",
            data: { result: [{ metric: { exporter: "otlphttp/loki-peer", data_type: "logs" }, value: [0, "190"] }] },
        }),
    ];
    return {
        clockOffsetMs: 3,
        clockErrorMs: 5,
        holdsVip: values.role === "MASTER",
        dockerVersion: "20.10.24",
        containers: Object.fromEntries(
            services.map((service, at) => {
                const name = `${service}-${values.nodeName}`;
                return [name, container(name, at)];
            }),
        ),
        answers,
        certificates: Object.fromEntries(certificateFiles(values).map(({ use }) => [use, "2999-01-01T00:00:00.000Z"])),
    };
}

/** One node of a healthy pair. */
export function healthyNode(stack: StackName, waiting?: Waiting): NodeFacts & { facts: { host: ReachableHost } } {
    const values = valuesOf(stack);
    const host = healthyHost(values, waiting);
    return {
        stack,
        values,
        services: expectedServices(values),
        facts: { host },
        recorded: Object.fromEntries(
            Object.entries(host.containers).map(([name, { id, imageId }]) => [name, { id, imageId }]),
        ),
    };
}

/** A pair after something has happened to it. */
export function pairAfter(
    change: (nodes: Record<StackName, NodeFacts & { facts: { host: ReachableHost } }>) => void = () => {},
): Status {
    const nodes = { node1: healthyNode("node1"), node2: healthyNode("node2") };
    change(nodes);
    return judge(STACKS.map((stack) => nodes[stack]));
}
