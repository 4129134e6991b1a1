// What the parts of Container APM are given in tests.
import { ApmFrontSettings } from "../../../components/apm-front";
import { DataPrepperSettings } from "../../../components/data-prepper";
import * as pulumi from "@pulumi/pulumi";
import { ApmCredentials, ApmNode, ApmTls } from "../../../components";
import { OpenSearchDashboardsSettings } from "../../../components/opensearch-dashboards";
import { Made, newCa, newLeaf } from "./certificates";
import { Registered, run } from "./graph";
import { apmSettingsOf, ApmStackName } from "./stacks";

export const APM_ADDRESSES = ["192.168.110.231", "192.168.110.232", "192.168.110.233"];

/** Of the first node. */
export const DATA_PREPPER: DataPrepperSettings = { node: "apm-1", nodes: APM_ADDRESSES };

/** Of the same node. */
export const DASHBOARDS: OpenSearchDashboardsSettings = { node: "apm-1", nodes: APM_ADDRESSES };

/** Of the same node: the second one has Dashboards, too. */
export const FRONT: ApmFrontSettings = {
    node: "apm-1",
    copies: [
        { node: "apm-1", address: APM_ADDRESSES[0] },
        { node: "apm-2", address: APM_ADDRESSES[1] },
    ],
};

export interface ApmIdentity {
    trusted: string;
    identity: Made;
}

/** A certificate of the first node, and the CA that issued it: real ones, for they are looked into. */
export async function apmIdentity(): Promise<ApmIdentity> {
    const ca = await newCa("otel-ha CA 1");
    const identity = await newLeaf(ca, {
        commonName: "data-prepper-apm-1",
        dnsNames: ["apm-1", "localhost"],
        ipAddresses: [APM_ADDRESSES[0], "127.0.0.1"],
    });
    return { trusted: ca.certificate, identity };
}

/** Everything that a node of Container APM shows of itself. */
export async function apmTls(): Promise<ApmTls> {
    const ca = await newCa("otel-ha CA 1");
    const of = async (commonName: string): Promise<Made> => {
        const { certificate, key } = await newLeaf(ca, { commonName, dnsNames: ["apm-1", "localhost"] });
        return { certificate, key };
    };
    return {
        trusted: ca.certificate,
        opensearch: await of("apm-1"),
        opensearchAdmin: await of("otel-ha-admin"),
        dataPrepper: await of("data-prepper-apm-1"),
        dashboards: await of("opensearch-dashboards-apm-1"),
        collector: await of("otel-node-collector-apm-1"),
    };
}

export const APM_SECRETS: ApmCredentials = {
    opensearchAdminPassword: "SECRET-of-admin",
    opensearchWriterPassword: "SECRET-of-writer",
    opensearchReaderPassword: "SECRET-of-reader",
    opensearchDashboardsPassword: "SECRET-of-dashboards",
    opensearchMonitorPassword: "SECRET-of-monitor",
    dataPrepperPassword: "SECRET-of-prepper",
    dashboardsCookieSecret: "SECRET-of-cookies-32-characters--",
};

/** What a node registers, with the settings of a shipped stack but for some changes. */
export async function registerApmNode(
    tls: ApmTls,
    stack: ApmStackName,
    changes: Record<string, string> = {},
    secrets = APM_SECRETS,
): Promise<Registered[]> {
    const graph = await run(() => {
        const settings = apmSettingsOf(stack, changes);
        const credentials = Object.fromEntries(
            Object.entries(secrets).map(([name, value]) => [name, pulumi.secret(value as string)]),
        ) as unknown as ApmCredentials;
        return new ApmNode(settings.opensearch.node, {
            settings,
            credentials,
            tls: changes.tls === "off" ? undefined : tls,
            privateKey: pulumi.secret("SECRET-key-of-the-deployer"),
            otlpTokens: { shop: ["SECRET-token"] },
        });
    });
    return graph.resources;
}
