/** A demo's project, for hosts that are as its state says or empty; and which of its containers are there. */
import { rmSync } from "node:fs";
import * as lab from "./commands";
import { hostsOf, type System } from "./nodes";
import { step } from "./progress";
import { initStacks, makeProject, pulumi, type Project } from "./project";
import { containers } from "./queries";

/** How containers are named after the nodes of each system. */
export const NODE_SUFFIX: Record<System, RegExp> = { "otel-ha": /-mid-\d$/, apm: /-apm-\d$/ };

/** Makes it, with `prepare` done to it. Hosts that something else has used are emptied, and the project begins anew. */
export async function projectForHosts(
    dir: string,
    system: System,
    prepare: (project: Project) => void = () => {},
): Promise<Project> {
    const make = async (): Promise<Project> => {
        const project = makeProject(dir, system);
        prepare(project);
        await initStacks(project);
        return project;
    };
    const project = await make();
    const [recorded, present] = await Promise.all([recordedContainers(project), presentContainers(system)]);
    const foreign = present.filter((id) => !recorded.includes(id));
    const gone = recorded.length > 0 && present.length === 0;
    if (foreign.length === 0 && !gone) return project;
    await step("Emptying the hosts, which something else than the demo has used", async () => {
        await lab.reset(hostsOf(system), { keepImages: true });
        rmSync(project.dir, { recursive: true });
    });
    return make();
}

interface Checkpoint {
    deployment?: { resources?: { type: string; id?: string }[] };
}

export async function recordedContainers(project: Project): Promise<string[]> {
    const exports = await Promise.all(
        project.stacks.map((stack) => pulumi(project, ["stack", "export", "--stack", stack])),
    );
    return exports
        .flatMap(({ stdout }) => (JSON.parse(stdout || "{}") as Checkpoint).deployment?.resources ?? [])
        .filter(({ type, id }) => type === "docker:index/container:Container" && id)
        .map(({ id }) => id!);
}

/** Containers with the stacks' names; what else somebody runs on the hosts is left alone. */
export async function presentContainers(system: System): Promise<string[]> {
    const all = await Promise.all(hostsOf(system).map((node) => containers(node.name)));
    return all.flatMap(Object.values).flatMap(({ id, name }) => (NODE_SUFFIX[system].test(name) ? [id] : []));
}

/** `--refresh` when somebody has taken a part away: only a look at the hosts shows it. */
export async function repairArguments(project: Project, system: System): Promise<string[]> {
    const [recorded, present] = await Promise.all([recordedContainers(project), presentContainers(system)]);
    return recorded.some((id) => !present.includes(id)) ? ["--refresh"] : [];
}
