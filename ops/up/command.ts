import { Command } from "commander";
import { addCommand, CommonOptions, withSystem } from "../cli";
import { confirm } from "../confirm";
import { AnyDeployment, AnyNode } from "../deployment";
import { UserError } from "../errors";
import { consequences, Situation } from "../preview/consequences";
import { isEmpty, NodePlan } from "../preview/plan";
import { plansOf } from "../preview/run";
import { HostStatus } from "../status/model";
import { Reader, readerFor } from "../status/reader";
import { AnyStatus } from "../status/text";
import { paintFor } from "../terminal";
import { Look, lookAtAll } from "../verify/look";
import { isWiped } from "../verify/repair";
import { driftReport, driftText, repaired, stillWrong } from "./drift";
import { outcomeText } from "./outcome";
import { forget, rebuildText } from "./rebuild";
import { NOT_READY, Rolling, RollingResult } from "./rolling";
import { summaryText } from "./summary";
import { leftBehind, orderOf, refuseRebuild, refuseTogether, situationOf, stacksText } from "./systems";
import { readWait } from "./wait";

interface UpOptions extends CommonOptions {
    yes?: boolean;
    node?: string;
    rebuild?: boolean;
    repair: boolean;
    parallel?: boolean;
    force?: boolean;
    wait: number;
}

const HELP = `
What it does: previews all stacks, compares the hosts with what was deployed there, and shows one summary; then, host by host, the one without the virtual IP first: waits until the other
host works and has caught up, runs "pulumi up", waits until the updated host works and has caught up. When HAProxy or Keepalived of the
virtual IP's owner start anew, the address goes to the other host before. It stops at the first failure and says what state things are in;
run again, it goes on with what is missing. A first installation of all goes at the same time. What somebody changed on a host is put right
in the same run ("otel-ha verify" tells the same alone); --no-repair leaves it.

Container APM: the elected cluster manager last. OpenSearch of a host starts anew only while the cluster is green with all its nodes; the host
takes its turn among the others, and switches the allocation of copies off and on. In the end it is seen to be on.

For a host that was wiped or replaced, of which Pulumi's state still says that all is there: --rebuild has Pulumi forget it, and sets it up again.
The shared secrets stay, whichever stack owns them. With objectStore "mirrored" go on with "otel-ha resync --to NODE".

Exit codes:
  0  done, or nothing to do
  1  an update failed, or Ctrl-C stopped it; what is said tells which host has what
  2  a host was not fit for it (before: nothing more was touched; after: the updated host did not become whole)
  3  nothing was touched: wrong usage, unreadable settings, a preview that fails, not confirmed

Examples:
  otel-ha up                     preview, ask, then one host after the other
  otel-ha up --yes --json        for pipelines; progress goes to standard error
  otel-ha up --node node2        only the host of this stack
  otel-ha up --node mid-1 --force  although the other host is away
  otel-ha up --node mid-2 --rebuild  its host was wiped: everything on it anew
`;

const DEFAULT_WAIT = "5m";

export function addUpCommand(program: Command): void {
    addCommand(program, "up", "Deploy all stacks, one host after the other, without an interruption")
        .option("-y, --yes", "do not ask")
        .option("-n, --node <stack>", "only this stack's host (the node's name will do, too)")
        .option("--rebuild", "with --node: its host was wiped or replaced; forget what was on it, and set it up again")
        .option("--no-repair", "leave what was changed on the hosts as it is")
        .option("--parallel", "all hosts at the same time: for first installations; interrupts the service")
        .option("--force", "do not check or wait for the hosts' health")
        .option(
            "--wait <duration>",
            `longest wait for a host to be whole (default: ${DEFAULT_WAIT})`,
            readWait,
            readWait(DEFAULT_WAIT),
        )
        .addHelpText("after", HELP)
        .action(async (options: UpOptions) => {
            let rolling: Rolling | undefined;
            const start = (now: Rolling): Rolling => (rolling = now);
            // pulumi gets Ctrl-C as well, ends in order, and so does this.
            const onInterrupt = (): void => {
                if (rolling) rolling.interrupted = true;
                else process.exit(130);
            };
            await withSystem(options, (deployment) => new UpRun(deployment, options, start).run(), onInterrupt);
        });
}

class UpRun {
    private readonly reader: Reader;
    private readonly say: (line: string) => void;
    private looks: Look[] = [];

    constructor(
        private readonly deployment: AnyDeployment,
        private readonly options: UpOptions,
        private readonly started: (rolling: Rolling) => Rolling,
    ) {
        this.reader = readerFor(deployment);
        this.say = (line) => (options.json ? console.error(line) : console.log(line));
    }

    async run(): Promise<void> {
        if (this.options.rebuild) await this.forgetNode();
        this.say(`previewing ${stacksText(this.deployment)}`);
        const [all, status, looks] = await Promise.all([
            plansOf(this.deployment),
            this.reader.read(),
            lookAtAll(this.deployment),
        ]);
        const found = this.selected(all, status);
        this.looks = looks.filter(({ name }) => found.some((plan) => plan.name === name && !plan.first));
        const plans = this.options.repair ? repaired(found, this.looks) : found;
        const situation = situationOf(this.deployment, status);
        this.sayDrift();
        const left = this.options.repair ? leftBehind(status) : undefined;
        if (left !== undefined) this.say(`\n${left}`);
        if (plans.every(isEmpty) && left === undefined)
            return this.end({ nodes: plans.map(unchanged), exitCode: 0 }, plans, situation);
        const parallel = this.options.parallel ?? (plans.length > 1 && plans.every(({ first }) => first));
        this.say(`\n${summaryText(plans, situation, parallel, paintFor(process.stdout))}\n`);
        refuseUnreachable(plans, status);
        if (parallel && !this.options.force) refuseTogether(plans, situation);
        if (!this.options.rebuild) await confirm(this.options);
        const result = await this.roll(plans, { parallel, all });
        this.end(await stillWrong(result, plans, this.deployment), plans, situation);
    }

    private sayDrift(): void {
        const text = driftText(this.looks, this.options.repair, paintFor(process.stdout));
        if (text !== "") this.say(`\n${text}`);
        if (!this.options.repair) return;
        const wiped = this.looks.filter(isWiped);
        if (wiped.length > 0)
            throw new UserError(
                wiped
                    .map(
                        ({ name, stack }) =>
                            `nothing was touched: ${name} has nothing of what was deployed there: otel-ha up --node ${stack} --rebuild`,
                    )
                    .join("\n"),
                NOT_READY,
            );
    }

    /** The first half of --rebuild. */
    private async forgetNode(): Promise<void> {
        if (this.options.node === undefined) throw new UserError("--rebuild is for one host: name it with --node");
        const node = this.findNode(this.options.node);
        if (!this.options.force) refuseRebuild(await this.reader.read(), node.name);
        this.say(`\n${rebuildText(node)}\n`);
        await confirm(this.options);
        this.say(`${node.name}  pulumi destroy --stack ${node.stack}, but for the secrets`);
        await forget(this.deployment, node);
    }

    private async roll(plans: NodePlan[], how: { parallel: boolean; all: NodePlan[] }): Promise<RollingResult> {
        const { wait: waitMs, force = false } = this.options;
        const options = { waitMs, force, ...how };
        const first = await this.started(new Rolling(this.deployment, this.reader, plans, options, this.say)).run();
        const readers = plans.some(({ leads, first: isFirst }) => leads && !isFirst);
        if (first.exitCode !== 0 || !readers || this.options.node) return first;

        // Other stacks see what this one has made only now.
        const again = this.inOrder(await plansOf(this.deployment), plans).filter((plan) => !isEmpty(plan));
        if (again.length === 0) return first;
        this.say(`\nthe new secrets for ${again.map(({ name }) => name).join(" and ")}`);
        const second = await this.started(
            new Rolling(this.deployment, this.reader, again, { ...options, parallel: false }, this.say),
        ).run();
        const nodes = first.nodes.map((node) => second.nodes.find(({ name }) => name === node.name) ?? node);
        return { ...second, nodes };
    }

    private selected(all: NodePlan[], status: AnyStatus): NodePlan[] {
        const { node } = this.options;
        const order = orderOf(status);
        const sorted = order.map((name) => all.find((plan) => plan.name === name)!);
        if (node === undefined) return sorted;
        const { name: chosen } = this.findNode(node);
        return sorted.filter(({ name }) => name === chosen);
    }

    private findNode(node: string): AnyNode {
        const nodes: AnyNode[] = this.deployment.nodes;
        const found = nodes.find(({ stack, name }) => stack === node || name === node);
        if (found) return found;
        throw new UserError(
            `--node ${node}: there is no such stack; write ${nodes.map(({ stack }) => stack).join(" or ")}`,
        );
    }

    private inOrder(plans: NodePlan[], like: NodePlan[]): NodePlan[] {
        return like.map(({ name }) => plans.find((plan) => plan.name === name)!);
    }

    private end(result: RollingResult, plans: NodePlan[], situation: Situation): void {
        process.exitCode = result.exitCode;
        if (this.options.json) {
            const { nodes, problem } = result;
            const what = problem !== undefined ? "stopped" : plans.every(isEmpty) ? "nothing to do" : "done";
            console.log(
                JSON.stringify({
                    result: what,
                    problem,
                    nodes,
                    plans,
                    meanwhile: consequences(plans, situation).map(({ text }) => text),
                    drift: driftReport(this.looks),
                }),
            );
        } else if (plans.every(isEmpty) && result.problem === undefined)
            console.log(`Nothing to change: ${stacksText(this.deployment)} are as the settings say.`);
        else console.log(`\n${outcomeText(result, paintFor(process.stdout))}`);
    }
}

const unchanged = ({ stack, name }: NodePlan): RollingResult["nodes"][number] => {
    return { stack, name, state: "unchanged" };
};

function refuseUnreachable(plans: NodePlan[], status: AnyStatus): void {
    const away = plans
        .filter((plan) => !isEmpty(plan))
        .flatMap((plan) => {
            const node = (status.nodes as HostStatus[]).find(({ name }) => name === plan.name)!;
            return node.reachable ? [] : [`${node.name} cannot be reached: ${node.error}`];
        });
    if (away.length > 0)
        throw new UserError(`nothing was touched: ${away.join("; ")}. One host alone: --node STACK --force`, NOT_READY);
}
