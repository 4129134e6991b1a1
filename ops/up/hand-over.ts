import { shellQuote } from "../../components/shell";
import { DeployedNode } from "../deployment";
import { UserError } from "../errors";
import { sleep } from "../run";

// Longer than any update of a host; after it the node takes part again, even when nobody is left to tell it.
const AWAY_SECONDS = 900;

/** Time for the other node to take the address: an advert's interval and a bit. */
const TAKEN_MS = 10_000;

/** Undoes {@link handOver}. */
export type TakeBack = () => Promise<void>;

/**
 * Makes a node leave the virtual IP to the other one in order: Keepalived says goodbye, so that the other need not wait for three missed adverts.
 * Errors: the other one does not take it; then everything is as before.
 */
export async function handOver(from: DeployedNode, to: DeployedNode): Promise<TakeBack> {
    const container = shellQuote(from.container("keepalived"));
    // Whatever becomes of this process, the host does not stay out for good.
    const guard = await from.exec(
        `setsid sh -c 'sleep ${AWAY_SECONDS}; docker start ${container}' >/dev/null 2>&1 </dev/null & echo $!; docker stop ${container} >/dev/null`,
    );
    const takeBack = async (): Promise<void> => {
        const guardian = /^\d+/.exec(guard.stdout)?.[0];
        await from.exec(
            `docker start ${container} >/dev/null; ${guardian ? `kill -- -${guardian} 2>/dev/null || true` : ":"}`,
        );
    };
    const problem = guard.code === 0 ? await notTaken(to) : guard.stderr.trim();
    if (problem === undefined) return takeBack;
    await takeBack();
    throw new UserError(`${to.name} does not take the virtual IP from ${from.name}: ${problem}`, 2);
}

async function notTaken(to: DeployedNode): Promise<string | undefined> {
    const held = `ip -4 -o addr show | grep -qF ${shellQuote(` ${to.values.vip}/`)}`;
    for (const end = Date.now() + TAKEN_MS; Date.now() < end; await sleep(200))
        if ((await to.exec(held, { timeoutMs: 5_000 })).code === 0) return undefined;
    return `after ${TAKEN_MS / 1000} s it still does not have it; look at: docker logs ${to.container("keepalived")}`;
}
