// The collectors of Container APM as the second of three hosts has them.
import { ContainerSpec } from "../../../components";
import { OtelClusterCollectorSettings, OtelNodeCollectorSettings } from "../../../components";
import { otelClusterCollectorSpec } from "../../../components/otel-cluster-collector";
import { otelNodeCollectorSpec } from "../../../components/otel-node-collector";

export const MEMBERS = [1, 2, 3].map((at) => ({ node: `apm-${at}`, address: `192.168.110.${230 + at}` }));

export type Changes = Partial<OtelNodeCollectorSettings & OtelClusterCollectorSettings>;

export const collectorSettings = (changes: Changes = {}): OtelNodeCollectorSettings & OtelClusterCollectorSettings => ({
    node: "apm-2",
    members: MEMBERS,
    tokens: true,
    ...changes,
});

export const COLLECTOR_SECRETS = {
    backEndPassword: "SECRET-of-the-back-end",
    monitorPassword: "SECRET-of-the-monitor",
    trusted: "CA\n",
    identity: { certificate: "CERTIFICATE\n", key: "SECRET-key\n" },
    otlpTokens: { shop: ["SECRET-new-token", "SECRET-old-token"], desk: "SECRET-desk-token" },
};

/** Ways in which the two are set up. */
export const COLLECTOR_VARIANTS = (["data-prepper", "direct"] as const).flatMap((ingest) =>
    [true, false].map((tls) => ({ ingest, tls, tokens: tls, name: `${ingest}${tls ? "" : "-tls-off"}` })),
);

/** Container and files of both. */
export function collectorSpecs(changes: Changes = {}): Record<"node" | "cluster", ContainerSpec> {
    const settings = collectorSettings(changes);
    return {
        node: otelNodeCollectorSpec(settings, COLLECTOR_SECRETS),
        cluster: otelClusterCollectorSpec(settings, COLLECTOR_SECRETS),
    };
}
