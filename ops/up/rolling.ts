import { DeployedNode, Deployment } from "../deployment";
import { UserError } from "../errors";
import { affected, movesVip } from "../preview/consequences";
import { isEmpty, isGentle, needsPulumi, NodePlan } from "../preview/plan";
import { sleep } from "../run";
import { StatusReader } from "../status/reader";
import type { Step } from "../verify/repair";
import { notWhole } from "./checks";
import { handOver, TakeBack } from "./hand-over";
import { complaint, UpdateProgress } from "./progress";

/** How careful to be. */
export interface RollingOptions {
    /** Longest wait for a node to be whole again. */
    waitMs: number;
    /** Leaves the checks before and after each host out. */
    force: boolean;
    /** All hosts at the same time. */
    parallel: boolean;
    /** What would be done to every node, also to those that are left out. */
    all: NodePlan[];
}

/** What became of one host. */
export interface NodeResult {
    stack: string;
    name: string;
    /** failed: `pulumi up` failed; unwell: it did not, but the node is not whole afterwards; repaired: nothing else was to be done. */
    state: "unchanged" | "untouched" | "done" | "repaired" | "failed" | "unwell";
    seconds?: number;
}

/** What became of all of them. */
export interface RollingResult {
    nodes: NodeResult[];
    /** What stopped it; undefined: nothing did. */
    problem?: string;
    exitCode: number;
}

const POLL_MS = 1_000;

/** Services that are not ready while a pool of two is in two halves. */
const NOT_WITHOUT_STORE = ["minio", "loki", "thanos-store", "thanos-compactor"];

/** Exit codes besides 0. */
export const FAILED = 1;
export const NOT_READY = 2;

/** True for a repair that interrupts no service. */
const harmless = ({ repair }: NodePlan): boolean =>
    repair !== undefined && !repair.changes.some(({ effect }) => effect === "restarts");

// A host that lacks a service cannot stand in for the other one. What is made for both, such as a CA, has to be there before the other stack reads it.
const inNeedFirst = (a: NodePlan, b: NodePlan): number => lacks(b) - lacks(a) || makes(b) - makes(a);
const makes = ({ changes }: NodePlan): number =>
    Number(changes.some(({ op, what }) => op === "create" && what.startsWith("secret ")));
const lacks = ({ repair }: NodePlan): number =>
    Number(repair?.changes.some(({ effect, op }) => effect === "starts" && op === "replace") ?? false);

/** Updates one host after the other, each only while the other can stand in for it. */
export class Rolling {
    /** Set to stop before the next step. */
    interrupted = false;
    private readonly prepared = new Set<string>();
    private readonly results: NodeResult[];

    constructor(
        private readonly deployment: Deployment,
        private readonly reader: StatusReader,
        private readonly plans: NodePlan[],
        private readonly options: RollingOptions,
        private readonly say: (line: string) => void,
    ) {
        this.results = plans.map((plan) => {
            return { stack: plan.stack, name: plan.name, state: isEmpty(plan) ? "unchanged" : "untouched" };
        });
    }

    /** In the order of the plans; stops at the first failure. Does not throw. */
    async run(): Promise<RollingResult> {
        const todo = this.plans.filter((plan) => !isEmpty(plan));
        try {
            // First what takes nothing away: each host has to be as whole as it can be while the other one is touched.
            for (const plan of todo.filter(harmless)) await this.prepare(plan);
            if (this.options.parallel) await this.updateTogether(todo);
            else for (const plan of todo.sort(inNeedFirst)) await this.updateNode(plan);
        } catch (error) {
            const exitCode = error instanceof UserError ? error.exitCode : FAILED;
            return { nodes: this.results, problem: (error as Error).message, exitCode };
        }
        return { nodes: this.results, exitCode: 0 };
    }

    private async updateTogether(plans: NodePlan[]): Promise<void> {
        const ended = await Promise.allSettled(plans.map((plan) => this.apply(plan)));
        for (const end of ended) if (end.status === "rejected") throw end.reason;
        for (const plan of plans) await this.wholeAgain(plan, []);
    }

    private async updateNode(plan: NodePlan): Promise<void> {
        const node = this.node(plan.name);
        const other = this.deployment.nodes.find(({ name }) => name !== plan.name);
        const alone = other === undefined || (this.options.all.find(({ name }) => name === other.name)?.first ?? false);
        const excused = this.excused();

        // A new node takes nothing away.
        const gentle = plan.first || isGentle(plan);
        if (!alone && !gentle)
            await this.whole(other.name, [...excused, ...this.comingTo(other.name)], `before ${plan.name} is touched`);
        this.stopIfAsked();
        const takeBack = alone || isGentle(plan) ? undefined : await this.leaveVip(plan, node, other);
        try {
            await this.apply(plan);
        } finally {
            await takeBack?.();
        }
        // Alone, the object store may have no quorum yet.
        if (!alone && !(isGentle(plan) && plan.changes.length === 0)) await this.wholeAgain(plan, excused);
    }

    /** Services that need not be ready until both nodes are updated. */
    private excused(): string[] {
        const pooled = this.deployment.nodes.some(({ values }) => values.objectStore === "pooled");
        if (pooled && this.plans.some(({ storeApart }) => storeApart)) return NOT_WITHOUT_STORE;
        // The new secrets of one node make the pool whole only when the other one has them, too.
        return this.plans.some(({ newSecrets }) => newSecrets) ? ["minio"] : [];
    }

    private async leaveVip(plan: NodePlan, node: DeployedNode, other: DeployedNode): Promise<TakeBack | undefined> {
        const { vip } = await this.reader.read();
        if (!movesVip(plan, vip.owners) || vip.owners.length !== 1) return undefined;
        this.say(`${plan.name}  hands the virtual IP over to ${other.name}`);
        return handOver(node, other);
    }

    private async wholeAgain(plan: NodePlan, excused: string[]): Promise<void> {
        try {
            await this.whole(plan.name, excused, "after its update");
        } catch (error) {
            this.mark(plan, { state: "unwell" });
            throw error;
        }
    }

    private async apply(plan: NodePlan): Promise<void> {
        const started = Date.now();
        await this.prepare(plan);
        if (needsPulumi(plan)) await this.pulumiUp(plan);
        await this.steps(plan, plan.repair?.after ?? []);
        const seconds = Math.round((Date.now() - started) / 1000);
        const repaired = isEmpty({ ...plan, repair: undefined });
        this.mark(plan, { state: repaired ? "repaired" : "done", seconds });
        this.say(`${plan.name}  ${repaired ? "put right" : "updated"} in ${seconds} s`);
        this.stopIfAsked();
    }

    /** What a repair does before Pulumi is asked; once. */
    private async prepare(plan: NodePlan): Promise<void> {
        if (this.prepared.has(plan.name)) return;
        this.prepared.add(plan.name);
        this.stopIfAsked();
        await this.steps(plan, plan.repair?.before ?? []);
    }

    private async steps(plan: NodePlan, steps: Step[]): Promise<void> {
        let failed: string | undefined;
        for (const step of steps) {
            // What was stopped is started in any case.
            if (failed !== undefined && !step.mayFail) continue;
            const why = await this.step(plan, step);
            if (why === undefined) continue;
            if (step.mayFail) this.say(`${plan.name}  ${why}`);
            else failed = `${plan.name}: ${step.text}: ${why}`;
        }
        if (failed === undefined) return;
        this.mark(plan, { state: "failed" });
        throw new UserError(failed, FAILED);
    }

    /** Why it failed; undefined: it did not. */
    private async step(plan: NodePlan, step: Step): Promise<string | undefined> {
        this.say(`${plan.name}  ${step.text}`);
        const { code, stdout, stderr } = await step.run(this.node(plan.name));
        for (const line of stdout.split("\n"))
            if (/^(open|warning|note): /.test(line)) this.say(`${plan.name}  ${line}`);
        return code === 0 ? undefined : stderr.trim() || `it ended with code ${code}`;
    }

    private async pulumiUp(plan: NodePlan): Promise<void> {
        const progress = new UpdateProgress(plan.name);
        const refresh = plan.repair?.refresh ? ["--refresh"] : [];
        this.say(`${plan.name}  pulumi ${["up", ...refresh].join(" ")} --stack ${plan.stack}`);
        const { code, stdout, stderr } = await this.deployment.pulumi(
            ["up", "--yes", "--skip-preview", ...refresh, "--stack", plan.stack],
            {
                onLine: (line) => {
                    const text = progress.read(line);
                    if (text !== undefined) this.say(`${plan.name}  ${text}`);
                },
            },
        );
        if (code === 0) return;
        this.mark(plan, { state: "failed" });
        throw new UserError(`pulumi up --stack ${plan.stack} failed:\n${complaint(stdout, stderr)}`, FAILED);
    }

    /** Waits until a node works and has everything. Errors: it takes too long. */
    private async whole(name: string, excused: string[], when: string): Promise<void> {
        if (this.options.force) return;
        let said = "";
        for (const end = Date.now() + this.options.waitMs; ; await sleep(POLL_MS)) {
            this.stopIfAsked();
            const missing = notWhole(await this.reader.read(), name, excused);
            if (missing.length === 0) return;
            if (Date.now() > end)
                throw new UserError(
                    `${name} is not whole ${when}, and was not within ${this.options.waitMs / 1000} s:\n${missing.map((line) => `  ${line}`).join("\n")}`,
                    NOT_READY,
                );
            const text = missing.join("; ");
            if (text !== said) this.say(`${name}  waiting: ${text}`);
            said = text;
        }
    }

    private stopIfAsked(): void {
        if (this.interrupted) throw new UserError("interrupted", FAILED);
    }

    private mark(plan: NodePlan, change: Partial<NodeResult>): void {
        Object.assign(this.results.find(({ name }) => name === plan.name)!, change);
    }

    /** Services that a node does not have yet. */
    private comingTo(name: string): string[] {
        const plan = this.options.all.find((candidate) => candidate.name === name);
        const done = this.results.some((result) => result.name === name && result.state === "done");
        return plan && !done ? affected(plan, "starts") : [];
    }

    private node(name: string): DeployedNode {
        return this.deployment.nodes.find((node) => node.name === name)!;
    }
}
