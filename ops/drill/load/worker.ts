/** The process that the generator, the gap probe or the read probe runs in, so that nothing else disturbs their clocks. Talks by IPC. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { SearchProbe, type SearchPlan, type SearchSample } from "../apm/search-probe";
import { ReadProbe, type ReadPlan } from "../probe/read";
import type { Door, Doors } from "../../http";
import { PacedClient } from "./client";
import type { ClientLedger } from "./ledger";
import type { LoadPlan } from "./plan";

/** What the parent asks for. "doors": use these from now on. "settle": make no more, and wait up to graceMs for answers; then "result" follows. */
export type ToWorker =
    | { type: "send"; plan: LoadPlan }
    | { type: "read"; plan: ReadPlan }
    | { type: "search"; plan: SearchPlan }
    | { type: "doors"; otlp?: Door; doors: Doors }
    | { type: "settle"; graceMs: number };

/** A time in which this process did not run: what it measured then says nothing about the others. Milliseconds. */
export interface Stall {
    at: number;
    ms: number;
}

export interface WorkerStats {
    /** Requests made and acknowledged so far, and those without an answer. */
    made: number;
    acknowledged: number;
    unsettled: number;
    /** How the last attempt that failed ended. */
    lastError?: string;
}

export type FromWorker =
    | { type: "stats"; stats: WorkerStats }
    | {
          type: "result";
          ledgers: ClientLedger[];
          reads: ReturnType<ReadProbe["result"]>;
          searches: SearchSample[];
          stalls: Stall[];
      };

const STALL_MS = 50;

// The gRPC library names a server by its address in TLS, too, which servers ignore; Node would say so on the drill's terminal.
(process as { noDeprecation?: boolean }).noDeprecation = true;

let clients: PacedClient[] = [];
let reader: ReadProbe | undefined;
let searcher: SearchProbe | undefined;
const stalls: Stall[] = [];

function watchStalls(): void {
    const delay = monitorEventLoopDelay({ resolution: 10 });
    delay.enable();
    setInterval(() => {
        const ms = delay.max / 1e6 - 10;
        if (ms > STALL_MS) stalls.push({ at: Date.now(), ms: Math.round(ms) });
        delay.reset();
    }, 250);
}

function tell(message: FromWorker): void {
    process.send!(message);
}

function stats(): WorkerStats {
    const entries = clients.flatMap(({ ledger }) => ledger.requests);
    return {
        made: entries.length,
        acknowledged: entries.reduce((sum, entry) => sum + (entry.outcome === "acknowledged" ? 1 : 0), 0),
        unsettled: clients.reduce((sum, client) => sum + client.unsettled, 0),
        lastError: clients.map(({ ledger }) => ledger.failures.at(-1)?.error).find(Boolean),
    };
}

async function settle(graceMs: number): Promise<void> {
    clients.forEach((client) => client.stopMaking());
    reader?.stop();
    searcher?.stop();
    const end = Date.now() + graceMs;
    while (Date.now() < end && clients.some((client) => client.unsettled > 0))
        await new Promise((resolve) => setTimeout(resolve, 50));
    clients.forEach((client) => client.end());
    const ledgers = clients.map(({ ledger }) => ledger);
    tell({ type: "result", ledgers, reads: reader?.result() ?? [], searches: searcher?.result() ?? [], stalls });
}

process.on("message", (message: ToWorker) => {
    if (message.type === "send") {
        clients = message.plan.clients.map((client) => new PacedClient(message.plan, client));
        clients.forEach((client) => client.start());
    } else if (message.type === "read") {
        reader = new ReadProbe(message.plan);
        reader.start();
    } else if (message.type === "search") {
        searcher = new SearchProbe(message.plan);
        searcher.start();
    } else if (message.type === "doors") {
        const { otlp, doors } = message;
        if (otlp) clients.forEach((client) => client.useDoor(otlp));
        reader?.useDoors(doors);
        searcher?.useDoors(doors);
    } else if (message.type === "settle") void settle(message.graceMs);
});
// The parent has gone: nobody will ask for the result.
process.on("disconnect", () => process.exit(1));
// Ctrl-C goes to the whole process group; the parent ends this process in order.
process.on("SIGINT", () => undefined);
watchStalls();
setInterval(() => tell({ type: "stats", stats: stats() }), 1000);
