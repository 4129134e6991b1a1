import { shellQuote } from "../../components/shell";
import { DeployedNode } from "../deployment";
import { UserError } from "../errors";
import { sleep } from "../run";

// Longer than any update of a host; after it the node takes part again, even when nobody is left to tell it.
const AWAY_SECONDS = 900;

/** The other node waits for three adverts and a bit before it takes an address from one that has less priority. */
const TAKEN_MS = 10_000;

/** Undoes {@link handOver}. */
export type TakeBack = () => Promise<void>;

/**
 * Makes a node leave the virtual IP to the other one. With the lowest priority it serves on until the other one has the address. Where that
 * does not do, as with vrrpNopreempt, Keepalived stops in order: it says goodbye, so that the other need not wait for missed adverts.
 * Errors: the other one does not take the address; then everything is as before.
 */
export async function handOver(from: DeployedNode, to: DeployedNode): Promise<TakeBack> {
    const container = shellQuote(from.container("keepalived"));
    const back = `docker start ${container}; ${priority(container, 0)}`;
    // Whatever becomes of this process, the host does not stay out for good.
    const guard = await from.exec(
        `setsid sh -c ${shellQuote(`sleep ${AWAY_SECONDS}; ${back}`)} >/dev/null 2>&1 </dev/null & echo $!; ${priority(container, 1 - from.values.priority)}`,
    );
    const guardian = /^\d+/.exec(guard.stdout)?.[0];
    const takeBack = async (): Promise<void> => {
        await from.exec(`{ ${back}; ${guardian ? `kill -- -${guardian}` : ":"}; } >/dev/null 2>&1`);
    };
    if (await moved(from, to)) return takeBack;
    const stopped = await from.exec(`docker stop ${container}`);
    if (await moved(from, to)) return takeBack;
    await takeBack();
    const why = stopped.code === 0 ? `look at: docker logs ${to.container("keepalived")}` : stopped.stderr.trim();
    throw new UserError(`${to.name} does not take the virtual IP from ${from.name}; ${why}`, 2);
}

// See keepalived.conf.
function priority(container: string, change: number): string {
    return `docker exec ${container} sh -c 'echo ${change} >/run/otel-ha.drain'`;
}

async function moved(from: DeployedNode, to: DeployedNode): Promise<boolean> {
    const held = `ip -4 -o addr show | grep -qF ${shellQuote(` ${to.values.vip}/`)}`;
    for (const end = Date.now() + TAKEN_MS; Date.now() < end; await sleep(200)) {
        const [there, here] = await Promise.all([to, from].map((node) => node.exec(held, { timeoutMs: 5_000 })));
        if (there!.code === 0 && here!.code === 1) return true;
    }
    return false;
}
