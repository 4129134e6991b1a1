// What must not suffer: clients that mean well, the memory and the lives of the containers.
import * as grpc from "@grpc/grpc-js";
import { access, client } from "../../../lab/access";
import { labExec } from "../../../lab/hosts";
import { LabNode, NETWORK, NODES } from "../../../lab/nodes";
import { logql, promql } from "../../../lab/queries";
import { sleep } from "../../../lab/run";
import { jsonLog, logRecord, logRequest, service } from "./bodies";
import { LOGS_SERVICE } from "./wire";

const EVERY_MS = 100;

/** A call over gRPC, with a body that is what it is. The answer is the status' number: 0 is good. */
export function call(channel: grpc.Client, body: Uint8Array, metadata = new grpc.Metadata()): Promise<number> {
    const options = { deadline: Date.now() + 20_000 };
    return new Promise((resolve) => {
        const bytes = (buffer: Buffer): Buffer => buffer;
        const done = (error: grpc.ServiceError | null): void => resolve(error ? error.code : grpc.status.OK);
        channel.makeUnaryRequest(LOGS_SERVICE, bytes, bytes, Buffer.from(body), metadata, options, done);
    });
}

/** A channel to the virtual IP with the deployment's CA, and the header that lets telemetry in. */
export async function channel(
    options: grpc.ChannelOptions = {},
): Promise<{ channel: grpc.Client; metadata: grpc.Metadata }> {
    const { otlp } = await access();
    const secure = otlp ? grpc.credentials.createSsl(Buffer.from(otlp.ca!)) : grpc.credentials.createInsecure();
    const metadata = new grpc.Metadata();
    if (otlp?.authorization) metadata.set("authorization", otlp.authorization);
    const own = { "grpc.use_local_subchannel_pool": 1, "grpc.enable_retries": 0, ...options };
    return { channel: new grpc.Client(`${NETWORK.vip}:4317`, secure, own), metadata };
}

/** Two clients that send a log line every 100 ms each, one over HTTP and one over gRPC. */
export class GoodClients {
    readonly sent = { http: 0, grpc: 0 };
    /** Answers that were not 200 or 0, with the time. */
    readonly failures: string[] = [];
    /** Longest wait for an answer, milliseconds. */
    slowest = 0;
    private stopped = false;
    private readonly running: Promise<void>[];

    constructor(readonly name: string) {
        this.running = [this.overHttp(), this.overGrpc()];
    }

    /** Ends both when their last answers are here. */
    async stop(): Promise<void> {
        this.stopped = true;
        await Promise.all(this.running);
    }

    /** Lines that each of the nodes has; as many as were sent when nothing is lost and nothing is there twice. */
    async found(): Promise<number[]> {
        const query = `{service_name="${this.name}"}`;
        return Promise.all(NODES.map((node) => countLines(node, query)));
    }

    private async overHttp(): Promise<void> {
        const { url } = await access();
        const headers = { "content-type": "application/json" };
        await this.every("http", async (n) => {
            const body = jsonLog(this.name, `http ${n}`);
            const question = { method: "POST", headers, body, timeoutMs: 10_000 };
            const { status } = await (await client()).ask(url(NETWORK.vip, 4318, "/v1/logs"), question);
            return status === 200 ? undefined : String(status);
        });
    }

    private async overGrpc(): Promise<void> {
        const { channel: wire, metadata } = await channel();
        await this.every("grpc", async (n) => {
            const status = await call(wire, logRequest(logRecord(`grpc ${n}`), service(this.name)), metadata.clone());
            return status === grpc.status.OK ? undefined : grpc.status[status];
        });
        wire.close();
    }

    private async every(kind: "http" | "grpc", send: (n: number) => Promise<string | undefined>): Promise<void> {
        const underway: Promise<void>[] = [];
        while (!this.stopped) {
            underway.push(this.one(kind, () => send(this.sent[kind]++)));
            await sleep(EVERY_MS);
        }
        await Promise.all(underway);
    }

    private async one(kind: string, send: () => Promise<string | undefined>): Promise<void> {
        const started = Date.now();
        const failed = await send().catch((error: Error) => error.message);
        this.slowest = Math.max(this.slowest, Date.now() - started);
        if (failed !== undefined) this.failures.push(`${new Date(started).toISOString()} ${kind} ${failed}`);
    }
}

async function countLines(node: LabNode, query: string): Promise<number> {
    const seen = new Set<string>();
    let lines = 0;
    for (const kind of ["http", "grpc"])
        for (let digit = 0; digit <= 9; digit++)
            for (const { line } of await logql(node, `${query} |~ "^${kind} [0-9]*${digit}$"`)) {
                seen.add(line);
                lines++;
            }
    // A line that is there twice counts against it.
    return lines - 2 * (lines - seen.size);
}

/** What a container has used, and how often it was started. */
export interface Life {
    /** "0 2026-01-01T00:00:00Z": restarts, and the last start. */
    starts: string;
    killedForMemory: boolean;
    /** Most that its processes had in memory since they were last asked to forget. */
    peakMib: number;
    limitMib: number;
}

// One line per container: name, restarts, start, killed, limit, and the peaks of its processes in KiB.
const LIVES = `for name in $(docker ps -a --format '{{.Names}}'); do
    peak=0
    for pid in $(docker top "$name" -eo pid 2>/dev/null | tail -n +2); do
        size=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null)
        peak=$((peak + \${size:-0}))
        [ "$1" != forget ] || echo 5 >"/proc/$pid/clear_refs"
    done
    docker inspect --format "{{.Name}} {{.RestartCount}} {{.State.StartedAt}} {{.State.OOMKilled}} {{.HostConfig.Memory}} $peak" "$name"
done`;

/** Of all containers of a node, by service. `forget`: peaks are counted from now on. */
export async function lives(node: LabNode, forget = false): Promise<Record<string, Life>> {
    const { stdout, stderr, code } = await labExec(node.name, ["sh", "-c", LIVES, "-", forget ? "forget" : ""]);
    if (code !== 0) throw new Error(`${node.name}: ${stderr}`);
    const rows = stdout
        .trim()
        .split("\n")
        .map((line) => line.split(" ") as [string, string, string, string, string, string]);
    const found = rows.map(([name, restarts, startedAt, killed, limit, peak]): [string, Life] => [
        name.slice(1).replace(/-mid-\d$/, ""),
        {
            starts: `${restarts} ${startedAt}`,
            killedForMemory: killed === "true",
            peakMib: Math.round(Number(peak) / 1024),
            limitMib: Math.round(Number(limit) / 2 ** 20),
        },
    ]);
    if (found.length === 0) throw new Error(`${node.name}: no container`);
    return Object.fromEntries(found);
}

/** Data points and log records that the collectors have taken from clients. */
export async function accepted(what: "metric_points" | "log_records"): Promise<number> {
    const pages = await Promise.all(NODES.map(collectorPage));
    const pattern = new RegExp(
        `^otelcol_receiver_accepted_${what}(?:_total)?\\{[^}]*receiver="otlp"[^}]*\\} (\\S+)$`,
        "gm",
    );
    return pages.flatMap((page) => [...page.matchAll(pattern)]).reduce((sum, [, value]) => sum + Number(value), 0);
}

async function collectorPage(node: LabNode): Promise<string> {
    const { stdout } = await labExec(node.name, ["curl", "-s", "http://127.0.0.1:9464/metrics"]);
    if (!stdout.includes("otelcol_")) throw new Error(`${node.name}: the collector's page of metrics is missing`);
    return stdout;
}

/** Whether one of the nodes has a series of that name. */
export async function hasSeries(name: string): Promise<boolean> {
    const found = await Promise.all(NODES.map((node) => promql(node, `{__name__="${name}"}`)));
    return found.some((series) => series.length > 0);
}
