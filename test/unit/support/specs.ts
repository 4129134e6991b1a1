import * as pulumi from "@pulumi/pulumi";
import { ContainerSpec, NodeSettings } from "../../../components";
import { haproxySpec } from "../../../components/haproxy";
import { keepalivedSpec } from "../../../components/keepalived";
import { lokiSpec } from "../../../components/loki";
import { objectStoreSpec } from "../../../components/object-store";
import { otelAggregatorSpec } from "../../../components/otel-aggregator";
import { prometheusSpec } from "../../../components/prometheus";
import { thanosCompactorSpec } from "../../../components/thanos-compactor";
import { thanosQuerySpec } from "../../../components/thanos-query";
import { thanosSidecarSpec } from "../../../components/thanos-sidecar";
import { thanosStoreSpec } from "../../../components/thanos-store";
import { settingsOf, StackName } from "./stacks";

export type Service =
    | "objectStore"
    | "prometheus"
    | "loki"
    | "thanosSidecar"
    | "thanosStore"
    | "thanosCompactor"
    | "thanosQuery"
    | "otelAggregator"
    | "haproxy"
    | "keepalived";

/** The containers of a shipped stack, in the order in which they start. Those that a node does not have are missing. */
export function specsOf(stack: StackName, changes: Record<string, string> = {}): Record<Service, ContainerSpec> {
    return specs(settingsOf(stack, changes));
}

const IDENTITY = { certificate: "not shown", key: "not shown" };

/** What HAProxy is given besides its settings. */
export const HAPROXY_SECRETS = {
    stats: { user: "admin", password: "not shown" },
    query: { user: "query", password: "not shown" },
    // Known when it is made only: none of the plain files below.
    tls: { trusted: pulumi.output("not shown"), clients: IDENTITY, peer: IDENTITY },
};

/** Of a store with TLS. */
const STORE_TLS = { trusted: "the CA\n", identity: { certificate: "the certificate\n", key: "not shown" } };

function specs(settings: NodeSettings): Record<Service, ContainerSpec> {
    const client = { user: "client", secret: "not shown", bucket: "bucket" };
    const root = { user: "root", password: "not shown" };
    const tls = settings.objectStore?.tls ? STORE_TLS : undefined;
    const all: Partial<Record<Service, ContainerSpec>> = {
        objectStore: settings.objectStore && objectStoreSpec(settings.objectStore, root, tls),
        prometheus: prometheusSpec(settings.prometheus),
        loki: lokiSpec(settings.loki, client, tls?.trusted),
        thanosSidecar: thanosSidecarSpec(settings.thanosSidecar, client, tls?.trusted),
        thanosStore: thanosStoreSpec(settings.thanosStore, client, tls?.trusted),
        thanosCompactor:
            settings.thanosCompactor && thanosCompactorSpec(settings.thanosCompactor, client, tls?.trusted),
        thanosQuery: thanosQuerySpec(settings.thanosQuery),
        otelAggregator: otelAggregatorSpec(settings.otelAggregator),
        haproxy: haproxySpec(settings.haproxy, HAPROXY_SECRETS),
        keepalived: keepalivedSpec(settings.keepalived, "not shown"),
    };
    return Object.fromEntries(Object.entries(all).filter(([, spec]) => spec)) as Record<Service, ContainerSpec>;
}

/** Files whose text is no secret: file name below the configuration directory → text. */
export function configsOf(stack: StackName, changes: Record<string, string> = {}): Record<string, string> {
    const files = Object.values(specsOf(stack, changes)).flatMap((spec) => spec.files);
    const plain = files.filter((file) => typeof file.content === "string");
    return Object.fromEntries(
        plain.map((file) => [file.path.replace("/data/docker/otel/", ""), file.content as string]),
    );
}
