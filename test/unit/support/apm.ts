// What the parts of Container APM are given in tests.
import { DataPrepperSettings } from "../../../components/data-prepper";
import { Made, newCa, newLeaf } from "./certificates";

export const APM_ADDRESSES = ["192.168.110.231", "192.168.110.232", "192.168.110.233"];

/** Of the first node. */
export const DATA_PREPPER: DataPrepperSettings = { node: "apm-1", nodes: APM_ADDRESSES };

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
