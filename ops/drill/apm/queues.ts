/** What the collectors hold: asked on the hosts, where alone they say it. */
import { sleep } from "../../run";
import type { QueueSample } from "../report/schema";
import { parseQueues } from "../watch/services";
import { SERVICES } from "./target";
import type { ClusterMember } from "./preflight";

const EVERY_MS = 2000;
const TIMEOUT_MS = 8000;

/** Follows the queues of all node collectors. */
export class QueueWatch {
    readonly samples: QueueSample[] = [];
    private stopped = false;

    constructor(private readonly members: Pick<ClusterMember, "name" | "node">[]) {}

    start(): void {
        for (const member of this.members) void this.follow(member);
    }

    stop(): void {
        this.stopped = true;
    }

    /** True when every collector answers and holds nothing. */
    async empty(): Promise<boolean> {
        const all = await Promise.all(this.members.map((member) => this.look(member)));
        return all.every((queues) => queues && Object.values(queues).every((size) => size === 0));
    }

    private async follow(member: Pick<ClusterMember, "name" | "node">): Promise<void> {
        while (!this.stopped) {
            await this.look(member);
            await sleep(EVERY_MS);
        }
    }

    private async look({ name, node }: Pick<ClusterMember, "name" | "node">) {
        const at = Date.now();
        const page = `http://127.0.0.1:${node.values.nodeCollectorMetricsPort}/metrics`;
        const line = `docker exec ${node.container(SERVICES.collector)} wget -q -O - ${page}`;
        const { code, stdout } = await node.exec(line, { timeoutMs: TIMEOUT_MS });
        if (code !== 0) return undefined;
        const queues = parseQueues(stdout);
        this.samples.push({ at, node: name, queues });
        return queues;
    }
}
