/** Follows what changes on the hosts: one connection each, made again when the host comes back. */
import { templateText } from "../../../components/templates";
import type { DeployedNode } from "../../deployment";
import { sleep } from "../../run";
import type { TimelineEvent } from "../report/schema";
import { parseHostLine } from "./host-lines";

const DAY_MS = 86_400_000;
const MARKER = "/run/otel-ha-drill/watch";
/** What the script is told instead of what is not there. */
const NONE = "-";

/** Difference of a host's clock from ours, milliseconds: from the fastest of a few questions. */
export async function clockOffset(node: Pick<DeployedNode, "exec">): Promise<number | undefined> {
    let best: { tripMs: number; offset: number } | undefined;
    for (let i = 0; i < 4; i++) {
        const asked = Date.now();
        const { code, stdout } = await node.exec("date +%s%3N", { timeoutMs: 10_000 });
        const tripMs = Date.now() - asked;
        if (code === 0 && (!best || tripMs < best.tripMs))
            best = { tripMs, offset: asked + tripMs / 2 - Number(stdout) };
    }
    return best && Math.round(best.offset);
}

/** A host to be watched. */
export interface WatchedHost extends Pick<DeployedNode, "name" | "exec"> {
    /** Its HAProxy, where it has one. */
    haproxy?: string;
}

/** Watches hosts. */
export class HostWatch {
    private stopped = false;
    private readonly running: Promise<void>[] = [];
    private readonly seen = new Set<string>();

    constructor(
        private readonly hosts: WatchedHost[],
        /** The virtual IP, where there is one. */
        private readonly vip: string | undefined,
        private readonly offsets: Record<string, number>,
        private readonly note: (event: TimelineEvent) => void,
    ) {}

    start(): void {
        for (const host of this.hosts) this.running.push(this.follow(host));
    }

    /** Ends the loops on the hosts, and waits for them. */
    async stop(): Promise<void> {
        this.stopped = true;
        await Promise.all(this.hosts.map((host) => host.exec(`rm -f ${MARKER}`, { timeoutMs: 10_000 })));
        await Promise.race([Promise.all(this.running), sleep(5000)]);
    }

    private async follow(host: WatchedHost): Promise<void> {
        while (!this.stopped) {
            await host.exec(`sh -s ${MARKER} ${this.vip ?? NONE} ${host.haproxy ?? NONE}`, {
                input: templateText("scripts/drill-watch.sh"),
                timeoutMs: DAY_MS,
                onLine: (line) => this.read(line, host),
            });
            if (!this.stopped) await sleep(500);
        }
    }

    private read(line: string, { name }: WatchedHost): void {
        const event = parseHostLine(line, name, this.vip ?? NONE, Date.now(), this.offsets[name] ?? 0);
        if (!event) return;
        // Docker's log is read again from its last second when HAProxy's container is another one.
        const key = JSON.stringify(event);
        if (event.source === "haproxy" && this.seen.has(key)) return;
        this.seen.add(key);
        this.note(event);
    }
}
