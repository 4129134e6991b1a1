import { apmNodesOf } from "../../components/settings/apm-nodes";
import { ApmDeployment } from "../deployment";
import { affected } from "../preview/consequences";
import { NodePlan } from "../preview/plan";
import { ApmStatus } from "../status/apm/judge";
import { Reader } from "../status/reader";
import { putBackAllocation } from "./allocation";
import { apmOrder, cannotSpare, majority, notWholeYet, Standing, stopsOpenSearch } from "./apm-checks";
import { Condition, Course, Guard } from "./guard";
import { TakeBack } from "./hand-over";
import { urgency } from "./urgency";

const ADVICE =
    "Bring that back first: otel-ha status says what is missing, otel-ha verify --repair starts what was stopped. --force does not look; the host " +
    "itself refuses to stop OpenSearch all the same, unless opensearchForceStop is true.";

/** Container APM: OpenSearch of one node is stopped only while the cluster is whole. Allocation is the hosts' own to switch. */
export class ApmGuard implements Guard {
    constructor(
        private readonly deployment: ApmDeployment,
        private readonly reader: Reader<ApmStatus>,
        private readonly course: Course,
    ) {}

    // Asked each time: with each manager that goes another one is elected.
    async next(left: NodePlan[]): Promise<NodePlan> {
        const first = left.filter((plan) => urgency(plan) === Math.max(...left.map(urgency)));
        if (first.length === 1) return first[0]!;
        const order = apmOrder(await this.reader.read());
        const turn = (plan: NodePlan): number => (plan.first ? -1 : order.indexOf(plan.name));
        return first.sort((a, b) => turn(a) - turn(b))[0]!;
    }

    // Fewer than a majority are no cluster.
    alone({ name }: NodePlan): boolean {
        return this.areTooFew([...new Set([...this.standing().deployed, name])]);
    }

    before(plan: NodePlan): Condition {
        const missing = async (): Promise<string[]> => cannotSpare(await this.reader.read(), plan, this.standing());
        return { who: "the cluster", missing, advice: stopsOpenSearch(plan) ? ADVICE : undefined };
    }

    after(plan: NodePlan): Condition {
        return {
            who: plan.name,
            missing: async () => notWholeYet(await this.reader.read(), plan, this.standing()),
        };
    }

    // Clients know all nodes.
    async relieve(): Promise<TakeBack | undefined> {
        return undefined;
    }

    async end(): Promise<void> {
        if (this.areTooFew(this.standing().deployed) || this.course.options.force) return;
        await putBackAllocation(this.deployment, this.reader, this.course.say);
    }

    private areTooFew(names: string[]): boolean {
        return names.length < majority(this.expected().length);
    }

    private expected(): string[] {
        return apmNodesOf(this.deployment.nodes[0]!.values).map(({ name }) => name);
    }

    private standing(): Standing {
        const { options, results } = this.course;
        const planOf = (name: string): NodePlan | undefined => options.all.find((plan) => plan.name === name);
        const done = (name: string): boolean =>
            results.some((result) => result.name === name && ["done", "repaired", "unwell"].includes(result.state));
        return {
            deployed: this.expected().filter((name) => !planOf(name)?.first || done(name)),
            coming: (name) => (planOf(name) && !done(name) ? affected(planOf(name)!, "starts") : []),
        };
    }
}
