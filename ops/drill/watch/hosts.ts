/** Follows what changes on the hosts: one connection each, made again when the host comes back. */
import { templateText } from "../../../components/templates";
import type { Deployment, DeployedNode } from "../../deployment";
import { sleep } from "../../run";
import type { TimelineEvent } from "../report/schema";
import { parseHostLine } from "./host-lines";

const DAY_MS = 86_400_000;
const MARKER = "/run/otel-ha-drill/watch";

/** Difference of a host's clock from ours, milliseconds: from the fastest of a few questions. */
export async function clockOffset(node: DeployedNode): Promise<number | undefined> {
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

/** Watches both hosts. */
export class HostWatch {
    private stopped = false;
    private readonly running: Promise<void>[] = [];
    private readonly seen = new Set<string>();

    constructor(
        private readonly deployment: Deployment,
        private readonly offsets: Record<string, number>,
        private readonly note: (event: TimelineEvent) => void,
    ) {}

    start(): void {
        for (const node of this.deployment.nodes) this.running.push(this.follow(node));
    }

    /** Ends the loops on the hosts, and waits for them. */
    async stop(): Promise<void> {
        this.stopped = true;
        await Promise.all(this.deployment.nodes.map((node) => node.exec(`rm -f ${MARKER}`, { timeoutMs: 10_000 })));
        await Promise.race([Promise.all(this.running), sleep(5000)]);
    }

    private async follow(node: DeployedNode): Promise<void> {
        while (!this.stopped) {
            await node.exec(`sh -s ${MARKER} ${this.deployment.vip} ${node.container("haproxy")}`, {
                input: templateText("scripts/drill-watch.sh"),
                timeoutMs: DAY_MS,
                onLine: (line) => this.read(line, node),
            });
            if (!this.stopped) await sleep(500);
        }
    }

    private read(line: string, node: DeployedNode): void {
        const offset = this.offsets[node.name] ?? 0;
        const event = parseHostLine(line, node.name, this.deployment.vip, Date.now(), offset);
        if (!event) return;
        // Docker's log is read again from its last second when HAProxy's container is another one.
        const key = JSON.stringify(event);
        if (event.source === "haproxy" && this.seen.has(key)) return;
        this.seen.add(key);
        this.note(event);
    }
}
