import { AnyValues, Values } from "../../components/settings/keys";
import { parseDuration } from "../../components/units";
import { Answer, parseSamples } from "./facts";

/** One queue of a collector: data that waits for a back end. */
export interface Queue {
    /** @example "otlphttp/loki-peer" */
    exporter: string;
    /** @example "logs" */
    signal: string;
    /** Node whose back end it is for; undefined when it is for another system. */
    waitsFor?: string;
    bytes: number;
    capacityBytes: number;
    /** Upper bound for the age of what has waited longest; undefined when it is not known, or the queue is nearly empty. */
    oldestSeconds?: number;
    /** True when more waits than does in passing. */
    behind: boolean;
}

// Batches for the node's own back ends fill for up to ten seconds, those for the peer for a fraction of one (aggregatorBatchTimeout,
// aggregatorPeerBatchTimeout). A queue's capacity is what comes in during maxPeerOutage at the stated rate.
const IN_PASSING_SECONDS = { own: 30, peer: 5 };

// The query looks back this far.
const OLDEST_KNOWN_SECONDS = 6 * 3600;

/** The queues of a node's collector; undefined when it does not say. Pure. */
export function readQueues(
    values: Values,
    metrics: Answer | undefined,
    sinceEmpty: Answer | undefined,
): Queue[] | undefined {
    const ages = readAges(sinceEmpty);
    return queueSizes(metrics)?.map((queue) => {
        const { exporter, signal } = queue;
        const passing = exporter.endsWith("-peer") ? IN_PASSING_SECONDS.peer : IN_PASSING_SECONDS.own;
        const behind = isBehind(values, queue, passing);
        const age = ages[`${exporter} ${signal}`];
        return {
            ...queue,
            waitsFor: waitsFor(values, exporter),
            behind,
            oldestSeconds: behind && ages !== NO_AGES ? (age ?? OLDEST_KNOWN_SECONDS) : undefined,
        };
    });
}

/** What a collector says of its queues; undefined when it does not. Pure. */
export function queueSizes(
    metrics: Answer | undefined,
): Pick<Queue, "exporter" | "signal" | "bytes" | "capacityBytes">[] | undefined {
    if (metrics?.status !== 200) return undefined;
    const samples = parseSamples(metrics.lines);
    return samples
        .filter(({ name }) => name === "otelcol_exporter_queue_size")
        .map(({ labels, value }) => {
            const { exporter = "", data_type: signal = "" } = labels;
            const capacity = samples.find(
                (sample) =>
                    sample.name === "otelcol_exporter_queue_capacity" &&
                    sample.labels.exporter === exporter &&
                    sample.labels.data_type === signal,
            );
            return { exporter, signal, bytes: value, capacityBytes: capacity?.value ?? 0 };
        })
        .sort((a, b) => a.exporter.localeCompare(b.exporter));
}

function waitsFor(values: Values, exporter: string): string | undefined {
    if (exporter.endsWith("-local")) return values.nodeName;
    return exporter.endsWith("-peer") ? values.peerNodeName : undefined;
}

/** True when more waits than comes in within `passing` seconds at the stated rate. Pure. */
export function isBehind(
    values: Pick<AnyValues, "maxPeerOutage">,
    queue: Pick<Queue, "bytes" | "capacityBytes">,
    passing = IN_PASSING_SECONDS.own,
): boolean {
    const outage = (parseDuration(values.maxPeerOutage) ?? 0) / 1000;
    return queue.bytes > (queue.capacityBytes * passing) / outage;
}

const NO_AGES: Record<string, number> = {};

function readAges(answer: Answer | undefined): Record<string, number> {
    if (answer?.status !== 200) return NO_AGES;
    try {
        const { data } = JSON.parse(answer.lines[0] ?? "") as {
            data: { result: { metric: Record<string, string>; value: [number, string] }[] };
        };
        return Object.fromEntries(
            data.result.map(({ metric, value }) => [`${metric.exporter} ${metric.data_type}`, Number(value[1])]),
        );
    } catch {
        return NO_AGES;
    }
}
