// What the tests of Container APM share: the project on the lab's three hosts.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { ApmAccess } from "../../lab/apm/access";
import { health, type ClusterHealth } from "../../lab/apm/search";
import { fitToMachine } from "../../lab/apm/settings";
import { hostsOf } from "../../lab/nodes";
import { STATE_DIR } from "../../lab/paths";
import { initStacks, makeProject, setSettings, type Project } from "../../lab/project";
import { containers } from "../../lab/queries";
import { eventually, up, type Outcome } from "../lab/support";

export const PROJECT = join(STATE_DIR, "apm-test-project");
export const NODES = hostsOf("apm");

/** The project, made anew for empty hosts, with what fits them to this machine. */
export async function freshProject(): Promise<Project> {
    rmSync(PROJECT, { recursive: true, force: true });
    const project = makeProject(PROJECT, "apm");
    fitToMachine(project);
    // The drills wait for it: a minute, the default, shows nothing more.
    for (const stack of project.stacks) setSettings(project, stack, { opensearchDelayedTimeout: "10s" });
    await initStacks(project);
    return project;
}

/** All three stacks at once. */
export const upAll = (project: Project): Promise<Outcome[]> =>
    Promise.all(project.stacks.map((stack) => up(project, stack)));

/** Every container healthy, one cluster of three, all shards where they belong. */
export async function whole(access: ApmAccess, timeoutMs = 120_000): Promise<ClusterHealth> {
    await eventually(
        "all containers are healthy",
        () => Promise.all(NODES.map((node) => containers(node.name))),
        (all) => all.flatMap(Object.values).every((one) => one.health === "healthy"),
        timeoutMs,
    );
    return eventually(
        "the cluster is green with three nodes",
        () => health(access, NODES[0]!),
        (now) => now.status === "green" && now.number_of_nodes === NODES.length,
        timeoutMs,
    );
}
