/** A worker process, seen from the drill. */
import { fork, type ChildProcess } from "node:child_process";
import type { Access } from "../../access";
import type { SearchPlan, SearchSample } from "../apm/search-probe";
import type { ReadPlan, ReadSample } from "../probe/read";
import { workerProgram } from "./compile";
import type { ClientLedger } from "./ledger";
import type { LoadPlan } from "./plan";
import type { FromWorker, Stall, ToWorker, WorkerStats } from "./worker";

/** What a worker has seen. */
export interface WorkerResult {
    ledgers: ClientLedger[];
    reads: ReadSample[];
    searches?: SearchSample[];
    stalls: Stall[];
}

/** A process with a generator or a probe in it. */
export class Worker {
    stats: WorkerStats = { made: 0, acknowledged: 0, unsettled: 0 };
    private readonly child: ChildProcess;
    private result?: WorkerResult;
    private settled?: (result: WorkerResult) => void;
    private failed?: (error: Error) => void;
    private ended = false;

    private constructor(work: ToWorker) {
        this.child = fork(workerProgram(), { execArgv: [], serialization: "advanced" });
        this.child.on("message", (message: FromWorker) => this.receive(message));
        this.child.on("exit", (code, signal) => {
            this.ended = true;
            this.failed?.(
                new Error(`the load process ended before its result was there (${signal ?? `code ${code}`})`),
            );
        });
        this.child.send(work);
    }

    /** Starts to send. */
    static send(plan: LoadPlan): Worker {
        return new Worker({ type: "send", plan });
    }

    /** Starts to read. */
    static read(plan: ReadPlan): Worker {
        return new Worker({ type: "read", plan });
    }

    /** Starts to search. */
    static search(plan: SearchPlan): Worker {
        return new Worker({ type: "search", plan });
    }

    /** What it shows, and whom it believes, from now on. */
    use({ otlp, doors }: Pick<Access, "otlp" | "doors">): void {
        if (!this.ended) this.child.send({ type: "doors", otlp, doors } satisfies ToWorker);
    }

    /** Stops; waits up to graceMs until what was sent is answered. */
    async settle(graceMs: number): Promise<WorkerResult> {
        if (this.ended) throw new Error("the load process has ended by itself");
        const result = await new Promise<WorkerResult>((resolve, reject) => {
            this.settled = resolve;
            this.failed = reject;
            this.child.send({ type: "settle", graceMs } satisfies ToWorker);
        });
        this.failed = undefined;
        this.kill();
        return result;
    }

    /** Ends the process, whatever it does. */
    kill(): void {
        this.failed = undefined;
        this.child.kill("SIGKILL");
    }

    private receive(message: FromWorker): void {
        if (message.type === "stats") this.stats = message.stats;
        else {
            this.result = message;
            this.settled?.(this.result);
        }
    }
}
