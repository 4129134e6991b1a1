/** Reading back: PromQL, LogQL, and who holds the virtual IP. */
import { askJson } from "./access";
import { labExec } from "./hosts";
import { NETWORK, NODES, type LabNode } from "./nodes";

export interface Series {
    metric: Record<string, string>;
    value: number;
}

/** An instant query at the node's Prometheus. */
export async function promql(node: LabNode, query: string): Promise<Series[]> {
    const answer = await askJson(node.address, 9090, `/api/v1/query?${new URLSearchParams({ query })}`);
    const result = (answer as { data: { result: { metric: Record<string, string>; value: [number, string] }[] } }).data
        .result;
    return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
}

export interface LogLine {
    /** Stream labels and structured metadata together. */
    labels: Record<string, string>;
    line: string;
}

/** A range query over the last hour at the node's Loki. */
export async function logql(node: LabNode, query: string): Promise<LogLine[]> {
    const start = String((Date.now() - 3_600_000) * 1_000_000);
    const parameters = new URLSearchParams({ query, start, limit: "1000" });
    const answer = await askJson(node.address, 3100, `/loki/api/v1/query_range?${parameters}`);
    const result = (answer as { data: { result: { stream: Record<string, string>; values: [string, string][] }[] } })
        .data.result;
    return result.flatMap(({ stream, values }) => values.map(([, line]) => ({ labels: stream, line })));
}

/** Nodes that hold the virtual IP at this moment; there should be one. */
export async function vipOwners(): Promise<string[]> {
    const held = await Promise.all(
        NODES.map(async (node) =>
            (await labExec(node.name, ["ip", "-4", "-o", "addr", "show"])).stdout.includes(` ${NETWORK.vip}/`)
                ? [node.name]
                : [],
        ),
    );
    return held.flat();
}

export interface ContainerState {
    id: string;
    name: string;
    /** Docker's own: starting, healthy, unhealthy. */
    health: string;
    startedAt: string;
}

/** All containers on a node, by name. */
export async function containers(node: string): Promise<Record<string, ContainerState>> {
    const format =
        "{{.Id}} {{.Name}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{.State.StartedAt}}";
    const { stdout } = await labExec(node, [
        "sh",
        "-c",
        `docker ps -aq | xargs -r docker inspect --format '${format}'`,
    ]);
    const states = stdout
        .trim()
        .split("\n")
        .filter(Boolean)
        .map((line) => {
            const [id, name, health, startedAt] = line.split(" ") as [string, string, string, string];
            return { id, name: name.slice(1), health, startedAt };
        });
    return Object.fromEntries(states.sort((a, b) => a.name.localeCompare(b.name)).map((state) => [state.name, state]));
}
