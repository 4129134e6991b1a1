/** Asks for fresh and for old data at a steady pace, as a dashboard does, and notes errors, holes and how old the newest item is. */
import { HttpClient, isGood, type Doors, type HttpAnswer } from "../../http";
import { METRIC, SERVICE } from "../load/plan";
import type { Span } from "./gaps";

/** What to read, and where. */
export interface ReadPlan {
    run: string;
    /** Prometheus API. @example "http://192.168.110.140:19090" */
    metricsUrl?: string;
    /** Loki API. @example "http://192.168.110.140:13100" */
    logsUrl?: string;
    /** What is shown there, by host. @default nothing */
    doors?: Doors;
    /** Time between two rounds, milliseconds. @default 400 */
    intervalMs: number;
    timeoutMs: number;
    /** From when on there is data, milliseconds. */
    startedAt: number;
    /** The client whose items are counted, for each signal; of metrics, its first series. */
    metricsClient: string;
    logsClient: string;
}

/** fresh: the newest item. recent: 20 s of data that is 20 s old. old: five seconds from before the fault. */
export type ReadKind = "fresh" | "recent" | "old";

/** One answer, or none. */
export interface ReadSample {
    signal: "metrics" | "logs";
    kind: ReadKind;
    /** When it was asked, milliseconds. */
    at: number;
    /** Time to the answer. */
    ms: number;
    error?: string;
    /** fresh: age of the newest item, milliseconds. */
    lagMs?: number;
    /** recent, old: the stretch of timestamps that was asked for, start excluded, and how many items were shown. */
    window?: Span;
    shown?: number;
}

/** Questions of a kind that may be open: one that hangs does not keep others from being asked. */
const MOST_OPEN = 6;
const WINDOW_MS = 20_000;
const OLD_MS = 5000;

/** Runs a {@link ReadPlan} until it is stopped. */
export class ReadProbe {
    private readonly samples: ReadSample[] = [];
    private timer?: NodeJS.Timeout;
    private round = 0;
    private readonly open = new Map<string, number>();
    private readonly doors: Doors;
    private readonly http: HttpClient;

    constructor(private readonly plan: ReadPlan) {
        this.doors = { ...plan.doors };
        this.http = new HttpClient(this.doors);
    }

    /** From the next question on. */
    useDoors(doors: Doors): void {
        Object.assign(this.doors, doors);
    }

    start(): void {
        this.timer = setInterval(() => this.ask(), this.plan.intervalMs);
    }

    stop(): void {
        clearInterval(this.timer);
    }

    result(): ReadSample[] {
        return this.samples;
    }

    // Fresh data every time, the others in turn.
    private ask(): void {
        const kinds: ReadKind[] = ["fresh", this.round++ % 2 === 0 ? "recent" : "old"];
        for (const kind of kinds) {
            if (this.plan.metricsUrl) void this.once("metrics", kind, () => this.metrics(kind));
            if (this.plan.logsUrl) void this.once("logs", kind, () => this.logs(kind));
        }
    }

    private async once(
        signal: ReadSample["signal"],
        kind: ReadKind,
        look: () => Promise<Partial<ReadSample> | undefined>,
    ): Promise<void> {
        const key = `${signal} ${kind}`;
        const open = this.open.get(key) ?? 0;
        if (open >= MOST_OPEN || Date.now() < this.plan.startedAt + NOT_BEFORE_MS[kind]) return;
        this.open.set(key, open + 1);
        const at = Date.now();
        const clock = performance.now();
        try {
            const seen = await look();
            const early = at < this.plan.startedAt + ARRIVAL_MS;
            if (!(early && seen?.error === NO_DATA))
                this.samples.push({ signal, kind, at, ms: Math.round(performance.now() - clock), ...seen });
        } catch (error) {
            const text = error instanceof Error ? error.message : "";
            this.samples.push({ signal, kind, at, ms: Math.round(performance.now() - clock), error: text });
        }
        this.open.set(key, this.open.get(key)! - 1);
    }

    private async metrics(kind: ReadKind): Promise<Partial<ReadSample>> {
        const series = `${METRIC}{run="${this.plan.run}",client="${this.plan.metricsClient}",series="s000"}`;
        if (kind === "fresh") {
            const newest = await this.promql(`max(timestamp(${series}))`, Date.now());
            return {
                lagMs: newest === undefined ? undefined : Math.round(Date.now() - newest * 1000),
                ...none(newest),
            };
        }
        const window = this.window(kind);
        const query = `max(count_over_time(${series}[${window.to - window.from}ms]))`;
        return { window, shown: (await this.promql(query, window.to)) ?? 0 };
    }

    private async logs(kind: ReadKind): Promise<Partial<ReadSample>> {
        const lines = `{service_name="${SERVICE}"} |= "run=${this.plan.run} client=${this.plan.logsClient} "`;
        if (kind === "fresh") {
            const start = String(BigInt(Date.now() - 120_000) * 1_000_000n);
            const url = `${this.plan.logsUrl}/loki/api/v1/query_range?${new URLSearchParams({ query: lines, start, limit: "1", direction: "backward" })}`;
            const { data } = (await this.json(url)) as { data: { result: { values: [string, string][] }[] } };
            const newest = data.result[0]?.values[0]?.[0];
            return {
                lagMs: newest ? Date.now() - Number(BigInt(newest) / 1_000_000n) : undefined,
                ...none(newest),
            };
        }
        const window = this.window(kind);
        const query = `sum(count_over_time(${lines}[${window.to - window.from}ms]))`;
        const time = String(BigInt(window.to) * 1_000_000n);
        const url = `${this.plan.logsUrl}/loki/api/v1/query?${new URLSearchParams({ query, time })}`;
        const { data } = (await this.json(url)) as { data: { result: { value: [number, string] }[] } };
        return { window, shown: Number(data.result[0]?.value[1] ?? 0) };
    }

    private window(kind: ReadKind): Span {
        const to = kind === "old" ? this.plan.startedAt + OLD_MS : Date.now() - WINDOW_MS;
        return { from: to - (kind === "old" ? OLD_MS : WINDOW_MS), to };
    }

    private async promql(query: string, time: number): Promise<number | undefined> {
        const parameters = new URLSearchParams({ query, time: (time / 1000).toFixed(3) });
        const answer = await this.json(`${this.plan.metricsUrl}/api/v1/query?${parameters}`);
        const { data, warnings } = answer as { data: { result: { value: [number, string] }[] }; warnings?: string[] };
        const value = data.result[0]?.value[1];
        // Half an answer with a warning is what a dashboard would show as a hole, or hide.
        if (value === undefined && warnings?.length) throw new Error(warnings[0]);
        return value === undefined ? undefined : Number(value);
    }

    // A kept connection may have gone with the address' former owner: HTTP clients then ask once more, since a GET changes nothing.
    private async get(url: string): Promise<HttpAnswer> {
        const end = Date.now() + this.plan.timeoutMs;
        return this.http.get(url, this.plan.timeoutMs).catch((error: NodeJS.ErrnoException) => {
            if (!["ECONNRESET", "EPIPE"].includes(error.code ?? "")) throw error;
            return this.http.get(url, Math.max(1, end - Date.now()));
        });
    }

    private async json(url: string): Promise<unknown> {
        const answer = await this.get(url);
        if (!isGood(answer)) throw new Error(`${answer.status} ${answer.text.slice(0, 120).trim()}`);
        return JSON.parse(answer.text) as unknown;
    }
}

/** Data has to be there before it can be missed; the first items may take a batch's time. */
const ARRIVAL_MS = 12_000;
const NOT_BEFORE_MS: Record<ReadKind, number> = { fresh: 0, old: OLD_MS + ARRIVAL_MS, recent: 2 * WINDOW_MS };

const NO_DATA = "no data";
const none = (newest: unknown): Partial<ReadSample> => (newest === undefined ? { error: NO_DATA } : {});
