import { Deployment } from "../deployment";
import { collectHost, expectedServices } from "./collect";
import { judge } from "./judge";
import { Status } from "./model";
import { recordedContainers, RecordedContainers } from "./state";

/** Keeps what changes only when somebody deploys. */
const RECORDED_FOR_MS = 60_000;

/** Looks at a pair, again and again. */
export class StatusReader {
    private recorded: RecordedContainers[] = [];
    private recordedAt = -Infinity;

    constructor(private readonly deployment: Deployment) {}

    /** Asks all hosts at once; a host that says nothing for five seconds is away. */
    async read(): Promise<Status> {
        const { nodes } = this.deployment;
        const [, ...facts] = await Promise.all([this.readRecorded(), ...nodes.map((node) => collectHost(node))]);
        return judge(
            nodes.map(({ stack, values }, at) => ({
                stack,
                values,
                services: expectedServices(values),
                facts: facts[at]!,
                recorded: this.recorded[at],
            })),
        );
    }

    private async readRecorded(): Promise<void> {
        if (Date.now() - this.recordedAt < RECORDED_FOR_MS) return;
        const { nodes } = this.deployment;
        this.recorded = await Promise.all(nodes.map(({ stack }) => recordedContainers(this.deployment, stack)));
        this.recordedAt = Date.now();
    }
}
