import { DeployedNode, Deployment } from "../deployment";
import { affected, movesVip } from "../preview/consequences";
import { NodePlan } from "../preview/plan";
import { Status } from "../status/model";
import { Reader } from "../status/reader";
import { notWhole } from "./checks";
import { Condition, Course, Guard } from "./guard";
import { handOver, TakeBack } from "./hand-over";

/** Services that are not ready while a pool of two is in two halves. */
const NOT_WITHOUT_STORE = ["minio", "loki", "thanos-store", "thanos-compactor"];

/** The pair: each host is touched only while the other one can stand in for it. */
export class PairGuard implements Guard {
    constructor(
        private readonly deployment: Pick<Deployment, "nodes">,
        private readonly reader: Reader<Status>,
        private readonly course: Course,
    ) {}

    async next(left: NodePlan[]): Promise<NodePlan> {
        return left[0]!;
    }

    alone(plan: NodePlan): boolean {
        const other = this.other(plan);
        return other === undefined || (this.course.options.all.find(({ name }) => name === other.name)?.first ?? false);
    }

    before(plan: NodePlan): Condition {
        const { name } = this.other(plan)!;
        return this.condition(name, [...this.excused(), ...this.comingTo(name)]);
    }

    after({ name }: NodePlan, together: boolean): Condition {
        return this.condition(name, together ? [] : this.excused());
    }

    async relieve(plan: NodePlan): Promise<TakeBack | undefined> {
        const { vip } = await this.reader.read();
        if (!movesVip(plan, vip.owners) || vip.owners.length !== 1) return undefined;
        const other = this.other(plan)!;
        this.course.say(`${plan.name}  hands the virtual IP over to ${other.name}`);
        return handOver(this.deployment.nodes.find(({ name }) => name === plan.name)!, other);
    }

    async end(): Promise<void> {}

    private condition(who: string, excused: string[]): Condition {
        return { who, missing: async () => notWhole(await this.reader.read(), who, excused) };
    }

    private other(plan: NodePlan): DeployedNode | undefined {
        return this.deployment.nodes.find(({ name }) => name !== plan.name);
    }

    /** Services that need not be ready until both nodes are updated. */
    private excused(): string[] {
        const { plans } = this.course;
        const pooled = this.deployment.nodes.some(({ values }) => values.objectStore === "pooled");
        if (pooled && plans.some(({ storeApart }) => storeApart)) return NOT_WITHOUT_STORE;
        // The new secrets of one node make the pool whole only when the other one has them, too.
        return plans.some(({ newSecrets }) => newSecrets) ? ["minio"] : [];
    }

    /** Services that a node does not have yet. */
    private comingTo(name: string): string[] {
        const { options, results } = this.course;
        const plan = options.all.find((candidate) => candidate.name === name);
        const done = results.some((result) => result.name === name && result.state === "done");
        return plan && !done ? affected(plan, "starts") : [];
    }
}
