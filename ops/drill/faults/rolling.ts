/** Changes that a person makes: not faults, but they must cost nothing either. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument } from "yaml";
import type { Deployment } from "../../deployment";
import { must, type Fault } from "./fault";
import { otelHa } from "../../own-command";

/** Sets a key in the files of all stacks, and brings both up by rolling; then back. */
export function rollingChange(deployment: Deployment, key: string, value: (node: string) => string): Fault {
    const files = deployment.nodes.map(({ stack }) => join(deployment.directory, `Pulumi.${stack}.yaml`));
    let before: string[] | undefined;
    return {
        title: `change ${key} on both nodes with otel-ha up, one after the other, and change it back`,
        inject: async () => {
            before = files.map((file) => readFileSync(file, "utf8"));
            deployment.nodes.forEach(({ name }, at) => {
                const document = parseDocument(before![at]!);
                document.setIn(["config", `otel-ha:${key}`], value(name));
                writeFileSync(files[at]!, String(document));
            });
            await otelHaUp(deployment);
        },
        heal: async () => {
            if (!before) return;
            files.forEach((file, at) => writeFileSync(file, before![at]!));
            await otelHaUp(deployment);
            before = undefined;
        },
    };
}

/** Gives both nodes another image of the collector, the same but for a label, and brings both up by rolling; then back. */
export function rollingImage(deployment: Deployment): Fault {
    const image = deployment.nodes[0]!.values.imageOtelAggregator;
    const other = `${image}-drill`;
    const change = rollingChange(deployment, "imageOtelAggregator", () => other);
    const onAll = (line: string, input?: string): Promise<unknown> =>
        Promise.all(deployment.nodes.map((node) => must(node, line, { input, timeoutMs: 120_000 })));
    return {
        title: `give both collectors the image ${other} with otel-ha up, one after the other, and ${image} again`,
        inject: async () => {
            await onAll(`docker build --quiet --tag ${other} -`, `FROM ${image}\nLABEL otel-ha.drill=1\n`);
            await change.inject();
        },
        heal: async () => {
            await change.heal();
            await onAll(`docker image rm ${other} >/dev/null 2>&1 || true`);
        },
    };
}

const otelHaUp = (deployment: Deployment): Promise<void> => otelHa(deployment, "up", "--yes");
