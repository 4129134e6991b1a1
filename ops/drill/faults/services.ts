/** Faults of one service: its process dies, stands still, or its container is stopped. */
import { sleep } from "../../run";
import { must, undoNow, withUndo, type Fault, type Machine } from "./fault";

const pidOf = (container: string): string => `$(docker inspect --format '{{.State.Pid}}' ${container})`;

/** Time for Docker's restart policy to bring a killed container back; after that the drill starts it. */
const RESTART_MS = 30_000;

/** The container's main process dies at once; Docker starts it again. Not `docker kill`, after which it would not. */
export function killProcess(node: Machine, service: string): Fault {
    const container = node.container(service);
    return {
        title: `kill -9 ${service} of ${node.name}`,
        inject: async () => void (await must(node, `kill -9 ${pidOf(container)}`)),
        heal: async () => {
            const end = Date.now() + RESTART_MS;
            while (Date.now() < end && !(await running(node, container))) await sleep(300);
            if (!(await running(node, container))) await must(node, `docker start ${container}`);
        },
        refusal: () => absent(node, container),
    };
}

/** The container's main process stands still: it keeps its connections and answers nothing. */
export function stopProcess(node: Machine, service: string): Fault {
    const container = node.container(service);
    const id = `stop-${container}`;
    return {
        title: `SIGSTOP ${service} of ${node.name}`,
        inject: async () => {
            const pid = await must(node, `echo ${pidOf(container)}`);
            await withUndo(node, id, `kill -STOP ${pid}`, `kill -CONT ${pid} 2>/dev/null || true`);
        },
        heal: () => undoNow(node, id),
        refusal: () => absent(node, container),
    };
}

/** The container is stopped in order, and started again. */
export function stopContainer(node: Machine, service: string): Fault {
    const container = node.container(service);
    const id = `stopped-${container}`;
    return {
        title: `stop ${service} of ${node.name} in order`,
        inject: () => withUndo(node, id, `docker stop ${container}`, `docker start ${container}`),
        heal: () => undoNow(node, id),
        refusal: () => absent(node, container),
    };
}

async function running(node: Machine, container: string): Promise<boolean> {
    const { stdout } = await node.exec(`docker inspect --format '{{.State.Running}}' ${container}`);
    return stdout.trim() === "true";
}

async function absent(node: Machine, container: string): Promise<string | undefined> {
    return (await running(node, container)) ? undefined : `${container} does not run on ${node.name}`;
}
