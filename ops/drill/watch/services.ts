/** Asks the services themselves how they are, and the collectors how much they hold. */
import type { Access } from "../../access";
import type { Deployment, DeployedNode } from "../../deployment";
import { HttpClient, isGood } from "../../http";
import { expectedServices } from "../../status/collect";
import { endpoints } from "../../status/probes";
import type { QueueSample, TimelineEvent } from "../report/schema";

const EVERY_MS = 1000;
const TIMEOUT_MS = 900;

/** Where a service says whether it works. */
export interface ServiceCheck {
    service: string;
    url: string;
}

/** What can be asked on a node: the same as `otel-ha status` asks. Pure. */
export function serviceChecks(
    { address, values }: Pick<DeployedNode, "address" | "values">,
    access: Pick<Access, "url">,
): ServiceCheck[] {
    return endpoints(values, expectedServices(values)).map(({ service, port, path }) => {
        return { service, url: access.url(address, port, path) };
    });
}

/** Items, or requests, in the queues of a collector's metrics page, by exporter and data type. Pure. */
export function parseQueues(page: string): Record<string, number> {
    const queues: Record<string, number> = {};
    for (const [, labels, value] of page.matchAll(/^otelcol_exporter_queue_size\{([^}]*)\} (\S+)/gm)) {
        const label = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(labels!)?.[1] ?? "?";
        queues[`${label("exporter")} ${label("data_type")}`] = Number(value);
    }
    return queues;
}

/** Polls all checks and queues, and notes what changes. */
export class ServiceWatch {
    readonly queues: QueueSample[] = [];
    private timer?: NodeJS.Timeout;
    private readonly good = new Map<string, boolean>();
    private readonly http: HttpClient;

    constructor(
        private readonly deployment: Deployment,
        private readonly access: Access,
        private readonly note: (event: TimelineEvent) => void,
    ) {
        this.http = new HttpClient(access.doors);
    }

    start(): void {
        this.timer = setInterval(() => void this.look(), EVERY_MS);
        void this.look();
    }

    stop(): void {
        clearInterval(this.timer);
    }

    /** Checks that failed when last asked, as "node service". */
    failing(): string[] {
        return [...this.good].filter(([, good]) => !good).map(([name]) => name);
    }

    /** One round, now. Gives back the queues of each node that answered. */
    async look(): Promise<Record<string, Record<string, number>>> {
        const all: Record<string, Record<string, number>> = {};
        await Promise.all(
            this.deployment.nodes.map(async (node) => {
                await Promise.all(serviceChecks(node, this.access).map((check) => this.check(node.name, check)));
                const queues = await this.queuesOf(node);
                if (queues) all[node.name] = queues;
            }),
        );
        return all;
    }

    private async check(node: string, { service, url }: ServiceCheck): Promise<void> {
        const at = Date.now();
        const status = await this.http.get(url, TIMEOUT_MS).then(
            (answer) => answer.status,
            () => 0,
        );
        const good = isGood({ status });
        const key = `${node} ${service}`;
        const before = this.good.get(key);
        this.good.set(key, good);
        if (before === good || (before === undefined && good)) return;
        const what = good ? "ready" : "not ready";
        this.note({ at, source: "service", node, what, detail: `${service}${status && !good ? ` (${status})` : ""}` });
    }

    private async queuesOf(node: DeployedNode): Promise<Record<string, number> | undefined> {
        const at = Date.now();
        const url = this.access.url(node.address, node.values.aggregatorMetricsPort, "/metrics");
        try {
            const answer = await this.http.get(url, TIMEOUT_MS);
            if (!isGood(answer)) return undefined;
            const queues = parseQueues(answer.text);
            this.queues.push({ at, node: node.name, queues });
            return queues;
        } catch {
            return undefined;
        }
    }
}
