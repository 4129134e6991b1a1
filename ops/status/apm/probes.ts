import { ApmValues } from "../../../components/settings/keys";
import { CertificateFile } from "../certificates";
import { Answer } from "../facts";
import { isBehind, Queue, queueSizes } from "../queues";
import { Probe, queueProbe } from "../probes";
import { expectedServices } from "../services";

/** A node's collectors, and where each tells its queues. Pure. */
function collectors(v: ApmValues): { service: string; port: number }[] {
    const all = [
        { service: "otel-node-collector", port: v.nodeCollectorMetricsPort },
        { service: "otel-cluster-collector", port: v.clusterCollectorMetricsPort },
    ];
    const there = expectedServices(v);
    return all.filter(({ service }) => there.includes(service));
}

const probeOf = (service: string): string => `queues-${service}`;

/** All that is asked on a node's host, besides what each container's own health check asks. OpenSearch is asked from outside. Pure. */
export const apmProbes = (v: ApmValues): Probe[] =>
    collectors(v).map(({ service, port }) => queueProbe(probeOf(service), port));

/** The queues of a node's collectors; undefined when one of them does not say. Pure. */
export function apmQueues(v: ApmValues, answers: Record<string, Answer>): Queue[] | undefined {
    const all = collectors(v).map(({ service }) =>
        queueSizes(answers[probeOf(service)])?.map(
            (queue): Queue => ({
                ...queue,
                exporter: `${service} ${queue.exporter}`,
                behind: isBehind(v, queue),
            }),
        ),
    );
    return all.some((queues) => queues === undefined) ? undefined : all.flatMap((queues) => queues ?? []);
}

/** Where a node has its certificates. Pure. */
export function apmCertificateFiles(v: ApmValues): CertificateFile[] {
    if (v.tls === "off") return [];
    const there = expectedServices(v);
    const of = (service: string, file: CertificateFile): CertificateFile[] => (there.includes(service) ? [file] : []);
    return [
        { use: "opensearch", path: `${v.configDir}/opensearch/tls/node.pem` },
        { use: "opensearchAdmin", path: `${v.configDir}/opensearch-admin/admin.pem` },
        ...of("data-prepper", { use: "dataPrepper", path: `${v.configDir}/data-prepper/server.pem` }),
        ...of("otel-node-collector", { use: "collector", path: `${v.configDir}/otel-node-collector/node.pem` }),
        ...of("haproxy", { use: "dashboards", path: `${v.configDir}/apm-front/front.pem` }),
        { use: "ca", path: `${v.configDir}/opensearch/tls/trusted.pem` },
    ];
}
