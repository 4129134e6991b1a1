import { AnyDeployment, AnyNode } from "../deployment";
import { UserError } from "../errors";
import { isEmpty, isGentle, needsPulumi, NodePlan } from "../preview/plan";
import { sleep } from "../run";
import type { Reader } from "../status/reader";
import type { Step } from "../verify/repair";
import { Condition, Guard } from "./guard";
import { guardFor } from "./guards";
import { complaint, UpdateProgress } from "./progress";
import { urgency } from "./urgency";

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

/** Exit codes besides 0. */
export const FAILED = 1;
export const NOT_READY = 2;

/** True for a repair that interrupts no service. */
const harmless = ({ repair }: NodePlan): boolean =>
    repair !== undefined && !repair.changes.some(({ effect }) => effect === "restarts");

const inNeedFirst = (a: NodePlan, b: NodePlan): number => urgency(b) - urgency(a);

/** Updates one host after the other, each only while the others can do without it. */
export class Rolling {
    /** Set to stop before the next step. */
    interrupted = false;
    private readonly prepared = new Set<string>();
    private readonly results: NodeResult[];
    private readonly guard: Guard;

    constructor(
        private readonly deployment: AnyDeployment,
        reader: Reader,
        private readonly plans: NodePlan[],
        private readonly options: RollingOptions,
        private readonly say: (line: string) => void,
    ) {
        this.results = plans.map((plan) => {
            return { stack: plan.stack, name: plan.name, state: isEmpty(plan) ? "unchanged" : "untouched" };
        });
        this.guard = guardFor(deployment, reader, { plans, options, results: this.results, say });
    }

    /** In the order of the plans; stops at the first failure. Does not throw. */
    async run(): Promise<RollingResult> {
        const todo = this.plans.filter((plan) => !isEmpty(plan));
        try {
            // First what takes nothing away: each host has to be as whole as it can be while the other one is touched.
            for (const plan of todo.filter(harmless)) await this.prepare(plan);
            if (this.options.parallel) await this.updateTogether(todo);
            else await this.updateInTurn(todo.sort(inNeedFirst));
            await this.guard.end();
        } catch (error) {
            const exitCode = error instanceof UserError ? error.exitCode : FAILED;
            return { nodes: this.results, problem: (error as Error).message, exitCode };
        }
        return { nodes: this.results, exitCode: 0 };
    }

    private async updateInTurn(plans: NodePlan[]): Promise<void> {
        for (let left = plans; left.length > 0; ) {
            const plan = await this.guard.next(left);
            await this.updateNode(plan);
            left = left.filter((one) => one !== plan);
        }
    }

    private async updateTogether(plans: NodePlan[]): Promise<void> {
        const ended = await Promise.allSettled(plans.map((plan) => this.apply(plan)));
        for (const end of ended) if (end.status === "rejected") throw end.reason;
        for (const plan of plans) await this.wholeAgain(plan, true);
    }

    private async updateNode(plan: NodePlan): Promise<void> {
        const alone = this.guard.alone(plan);
        // A new node takes nothing away.
        const gentle = plan.first || isGentle(plan);
        if (!alone && !gentle) await this.whole(this.guard.before(plan), `before ${plan.name} is touched`);
        this.stopIfAsked();
        const takeBack = alone || isGentle(plan) ? undefined : await this.guard.relieve(plan);
        try {
            await this.apply(plan);
        } finally {
            await takeBack?.();
        }
        // Alone, what needs several may have no quorum yet.
        if (!alone && !(isGentle(plan) && plan.changes.length === 0)) await this.wholeAgain(plan, false);
    }

    private async wholeAgain(plan: NodePlan, together: boolean): Promise<void> {
        try {
            await this.whole(this.guard.after(plan, together), "after its update");
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

    /** Waits until a condition is true. Errors: it takes too long. */
    private async whole({ who, missing: ask, advice }: Condition, when: string): Promise<void> {
        if (this.options.force) return;
        let said = "";
        for (const end = Date.now() + this.options.waitMs; ; await sleep(POLL_MS)) {
            this.stopIfAsked();
            const missing = await ask();
            if (missing.length === 0) return;
            if (Date.now() > end)
                throw new UserError(
                    [
                        `${who} is not whole ${when}, and was not within ${this.options.waitMs / 1000} s:`,
                        ...missing.map((line) => `  ${line}`),
                        ...(advice === undefined ? [] : [advice]),
                    ].join("\n"),
                    NOT_READY,
                );
            const text = missing.join("; ");
            if (text !== said) this.say(`${who}  waiting: ${text}`);
            said = text;
        }
    }

    private stopIfAsked(): void {
        if (this.interrupted) throw new UserError("interrupted", FAILED);
    }

    private mark(plan: NodePlan, change: Partial<NodeResult>): void {
        Object.assign(this.results.find(({ name }) => name === plan.name)!, change);
    }

    private node(name: string): AnyNode {
        return (this.deployment.nodes as AnyNode[]).find((node) => node.name === name)!;
    }
}
