import { ApmNodeSettings } from "../apm-node";
import { apmNodesOf } from "./apm-nodes";
import { hostSettings } from "./host-settings";
import { ApmValues } from "./keys";

/** The settings of a node's parts out of the flat settings of its stack. Pure. */
export function apmNodeSettings(v: ApmValues): ApmNodeSettings {
    const peers = apmNodesOf(v).filter(({ name }) => name !== v.nodeName);
    return {
        host: hostSettings(v, { peers: peers.map(({ address }) => address) }),
    };
}
