/** What verdicts and reports both measure. Pure. */
import type { ClientLedger } from "../load/ledger";
import { longestGap, type Gap } from "../probe/gaps";
import type { Spans } from "../report/phases";
import type { DrillReport } from "../report/schema";
import { shardSuccesses } from "./courses";
import type { SearchSample } from "./search-probe";

/** When questions were answered. */
export const answeredAt = (samples: SearchSample[]): number[] =>
    samples.filter(({ error }) => error === undefined).map(({ at, ms }) => at + ms);

/** The longest time in which no node answered a search; undefined when none was asked. Pure. */
export function unanswered(
    searches: SearchSample[],
    { sinceFault }: Spans,
    stalls: DrillReport["clientStalls"],
): Gap | undefined {
    const asked = searches.filter(({ kind }) => kind === "search");
    return asked.length > 0 ? longestGap(answeredAt(asked), sinceFault, stalls) : undefined;
}

/** Nodes that were never away. Pure. */
export function stayers({ system, cluster: seen }: DrillReport): string[] {
    const away = new Set(seen!.marks.filter(({ does }) => does === "away").flatMap(({ nodes }) => nodes));
    return system.nodes.map(({ name }) => name).filter((name) => !away.has(name));
}

/** The longest time in which no write to one of the shards was acknowledged, through nodes that stayed. Pure. */
export function worstShard(
    ledgers: ClientLedger[],
    nodes: string[],
    shards: number,
    { fault, sinceFault }: Spans,
    stalls: DrillReport["clientStalls"],
) {
    const own = ledgers.filter(({ client }) => nodes.some((node) => client.id === `write-${node}`));
    if (!fault || own.length === 0) return undefined;
    const gaps = Array.from({ length: shards }, (_, shard) => ({
        shard,
        gap: longestGap(shardSuccesses(own, shard, shards), sinceFault, stalls),
    }));
    return gaps.reduce<(typeof gaps)[number] | undefined>(
        (worst, one) => (worst && worst.gap.ms >= one.gap.ms ? worst : one),
        undefined,
    );
}
