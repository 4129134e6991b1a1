/** A host that was installed anew: nothing of the deployment is left on it, its data neither. */
import { nodeRequirements } from "../../../components/node";
import { nodeSettings } from "../../../components/settings/node-settings";
import type { Values } from "../../../components/settings/keys";
import { helper, HELPERS, shellQuote } from "../../../components/shell";
import type { Deployment, DeployedNode } from "../../deployment";
import { must, type Fault } from "./fault";
import { otelHa } from "../../own-command";

const WIPE_MS = 300_000;

/**
 * Removes what the deployment has put on a host, and nothing beside it. Directories that are file systems of their own stay, empty; so do images. Pure.
 */
export function wipeScript(values: Values): string {
    const needs = nodeRequirements(nodeSettings(values));
    const containers = needs.map(({ container }) => shellQuote(container)).join(" ");
    const directories = [...new Set(needs.flatMap((one) => one.directories.map(({ path }) => path))), HELPERS];
    const parents = [values.configDir, values.dataDir];
    return [
        "set -eu",
        // At once, as with a dead host: nothing gets the time to hand anything over.
        `for name in ${containers}; do docker rm -f "$name" >/dev/null 2>&1 || true; done`,
        `for name in ${containers}; do if docker inspect "$name" >/dev/null 2>&1; then echo "$name is still there" >&2; exit 1; fi; done`,
        "empty() {",
        '    [ -d "$1" ] || return 0',
        '    find "$1" ! -type d -delete',
        '    find "$1" -depth -type d -exec rmdir {} + 2>/dev/null || true',
        "}",
        `if [ -x ${HELPERS}/firewall ]; then ${helper("firewall", "remove", `${values.configDir}/firewall`)}; fi`,
        ...directories.map((path) => `empty ${shellQuote(path)}`),
        `rmdir ${parents.map(shellQuote).join(" ")} 2>/dev/null || true`,
        "rm -f /etc/sysctl.d/90-otel-ha.conf",
        "",
    ].join("\n");
}

/** Why nothing may be deleted here; undefined when it may. Pure. */
export function wipeRefusal({ name, values }: Pick<DeployedNode, "name" | "values">, allowed: boolean) {
    if (values.dataPath === "seed")
        return `with dataPath "seed" there is no second copy of what ${name} has taken: it would be lost`;
    if (!allowed)
        return (
            `it deletes everything that the deployment has on the host of ${name}, its data included, and builds it anew from the other node. ` +
            "No timer on the host can take that back. --wipe allows it"
        );
    return undefined;
}

/** Wipes a host, and builds it anew as docs/operations.md says. Unlike other faults it cannot be undone by the host itself. */
export function wipeHost(deployment: Deployment, node: DeployedNode, allowed: boolean): Fault {
    let wiped = false;
    return {
        title: `wipe the host of ${node.name}: all containers, configuration, data and helper scripts`,
        inject: async () => {
            wiped = true;
            await must(node, "sh -s", { input: wipeScript(node.values), timeoutMs: WIPE_MS });
        },
        heal: async () => {
            if (!wiped) return;
            await otelHa(deployment, "up", "--yes", "--node", node.stack, "--rebuild", "--wait", "10m");
            if (node.values.objectStore === "mirrored") await otelHa(deployment, "resync", "--to", node.name);
            wiped = false;
        },
        refusal: async () => wipeRefusal(node, allowed),
    };
}
