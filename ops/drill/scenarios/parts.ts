/** What scenarios are put together from. */
import type { Fault } from "../faults/fault";
import type { ClientPlan } from "../load/plan";

/** Several faults at the same time. */
export function together(...faults: Fault[]): Fault {
    return {
        title: faults.map(({ title }) => title).join(", "),
        hostsAway: faults.flatMap(({ hostsAway }) => hostsAway ?? []),
        inject: async (handOut) => void (await Promise.all(faults.map((fault) => fault.inject(handOut)))),
        heal: async () => void (await Promise.all(faults.map((fault) => fault.heal()))),
        refusal: async () =>
            (await Promise.all(faults.map((fault) => fault.refusal?.()))).find((reason) => reason !== undefined),
    };
}

/** The usual clients at half their pace, and the other half with timestamps `ageMs` older. */
export function backdated(usual: ClientPlan[], ageMs: number): ClientPlan[] {
    const half = usual.map((client) => ({ ...client, intervalMs: client.intervalMs * 2 }));
    return [...half, ...half.map((client) => ({ ...client, id: `${client.id}-shifted`, backdateMs: ageMs }))];
}
