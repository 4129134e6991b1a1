/** Changes that a person makes: not faults, but they must cost nothing either. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument } from "yaml";
import type { Deployment } from "../../deployment";
import { must, type Fault, type Machine } from "./fault";
import { otelHa } from "../../own-command";

/** A system of any number of hosts. */
export type RollingDeployment = Pick<Deployment, "directory"> & { nodes: Machine[] };

/** Sets a key in the files of all stacks, and brings them up by rolling; then back. */
export function rollingChange(deployment: RollingDeployment, key: string, value: (node: string) => string): Fault {
    const files = deployment.nodes.map(({ stack }) => join(deployment.directory, `Pulumi.${stack}.yaml`));
    let before: string[] | undefined;
    return {
        title: `change ${key} on all nodes with otel-ha up, one after the other, and change it back`,
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

/** Gives all nodes another image of a service, the same but for a label, and brings them up by rolling; then back. */
export function rollingImage(deployment: RollingDeployment, key: string, image: string): Fault {
    const other = `${image}-drill`;
    const change = rollingChange(deployment, key, () => other);
    const onAll = (line: string, input?: string): Promise<unknown> =>
        Promise.all(deployment.nodes.map((node) => must(node, line, { input, timeoutMs: 120_000 })));
    return {
        title: `give all nodes the image ${other} with otel-ha up, one after the other, and ${image} again`,
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

const otelHaUp = (deployment: RollingDeployment): Promise<void> => otelHa(deployment, "up", "--yes");
