/** Whether what was valid before a rotation is refused now, and what is valid is taken: the one without the other would prove nothing. */
import { AnyDeployment, AnyNode } from "../deployment";
import { Former, sharedNow } from "./former";
import { AnySecretName } from "./generations";
import { Seen } from "./lookers";
import { rotationOf } from "./systems";

/** What became of an old value. */
export interface Look {
    name: AnySecretName;
    /** @example "mid-1" */
    where: string;
    /** gone: it is no longer shown, but cannot be refused; unknown: it could not be looked at. */
    state: "refused" | "gone" | "accepted" | "unknown";
    /** What was seen. */
    seen: string;
}

/** Looks at every node. Does not throw: what cannot be looked at is unknown. */
export async function lookAtFormer(deployment: AnyDeployment, names: AnySecretName[], before: Former): Promise<Look[]> {
    const now = await sharedNow(deployment);
    const looks = names.flatMap((name) =>
        (deployment.nodes as AnyNode[]).map((node) => ({
            ...{ name, where: node.name },
            look: rotationOf(node.values).looks[name]!(node, before, now, name),
        })),
    );
    return Promise.all(
        looks.map(async ({ name, where, look }): Promise<Look> => {
            const { state, seen } = await look.catch(
                (error: Error): Seen => ({ state: "unknown", seen: error.message }),
            );
            return { name, where, state, seen };
        }),
    );
}

/** Looks that leave a rotation unproven. What another run began nobody can look at, and that run was told so. Pure. */
export const unprovenLooks = (looks: Look[], interrupted: boolean): Look[] =>
    looks.filter(({ state }) => state === "accepted" || (state === "unknown" && !interrupted));
