/** Processor time and memory of the containers on a host, all processes of each. */
import { labExec } from "./hosts";

export interface Usage {
    /** Since its processes started, seconds. */
    cpuSeconds: number;
    /** Resident, now, bytes. */
    memory: number;
}

const SCRIPT = `
for id in $(docker ps -q); do
    name=$(docker inspect --format '{{.Name}}' "$id")
    for pid in $(docker top "$id" -eo pid | tail -n +2); do
        [ -r "/proc/$pid/stat" ] || continue
        ticks=$(sed 's/.*) //' "/proc/$pid/stat" | cut -d ' ' -f 12,13)
        pages=$(cut -d ' ' -f 2 "/proc/$pid/statm")
        echo "$name $ticks $pages"
    done
done`;
const TICKS_PER_SECOND = 100;
const PAGE = 4096;

/** By container, with the node's name taken off. @example (await usage("node1")).haproxy */
export async function usage(node: string): Promise<Record<string, Usage>> {
    const { stdout } = await labExec(node, ["sh", "-c", SCRIPT]);
    const all: Record<string, Usage> = {};
    for (const line of stdout.trim().split("\n")) {
        const [name = "", user = "0", system = "0", pages = "0"] = line.split(" ");
        const service = name.slice(1).replace(/-mid-\d$/, "");
        const one = (all[service] ??= { cpuSeconds: 0, memory: 0 });
        one.cpuSeconds += (Number(user) + Number(system)) / TICKS_PER_SECOND;
        one.memory += Number(pages) * PAGE;
    }
    return all;
}
