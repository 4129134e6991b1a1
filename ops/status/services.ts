import { apmNodeRequirements } from "../../components/apm-node";
import { nodeRequirements } from "../../components/node";
import { apmNodeSettings } from "../../components/settings/apm-node-settings";
import { AnyValues } from "../../components/settings/keys";
import { nodeSettings } from "../../components/settings/node-settings";

/** Services that a node should have by its settings. @example ["minio", "prometheus", …] Pure. */
export function expectedServices(values: AnyValues): string[] {
    const suffix = `-${values.nodeName}`;
    const all =
        values.system === "apm" ? apmNodeRequirements(apmNodeSettings(values)) : nodeRequirements(nodeSettings(values));
    return all.map(({ container }) => container.slice(0, -suffix.length));
}
