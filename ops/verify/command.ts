import { Command } from "commander";
import { addCommand, CommonOptions, withSystem } from "../cli";
import { AnyDeployment, AnyNode } from "../deployment";
import { UserError } from "../errors";
import { readerFor } from "../status/reader";
import { paintFor } from "../terminal";
import { repaired } from "../up/drift";
import { isEmpty, NodePlan, noPlan } from "../preview/plan";
import { planFor } from "../preview/run";
import { NOT_READY, Rolling, RollingResult } from "../up/rolling";
import { summaryText } from "../up/summary";
import { orderOf, situationOf } from "../up/systems";
import { readWait } from "../up/wait";
import { Look, lookAtAll, verification } from "./look";
import { EXIT_CODES, verdictOf } from "./model";
import { isWiped } from "./repair";
import { verifyText } from "./text";

interface VerifyOptions extends CommonOptions {
    node?: string;
    repair?: boolean;
    force?: boolean;
    wait: number;
}

const HELP = `
Compares with what Pulumi's state says was deployed: files (content, mode, owner), helper scripts, directories, kernel settings, containers (which one, its
image, configuration, limits, that it runs), images, the object store's buckets, users and policies, and OpenSearch's users, roles, templates and settings. Changes nothing. The content of a
secret file is shown nowhere.

--repair puts right what it found, one host after the other like "otel-ha up": files are written as at the deployment, with their validator and reload;
stopped containers are started, those that are gone or others are made anew by Pulumi; a service starts anew only where it has read what was wrong.
Settings that were changed and not deployed are for "otel-ha up", which does the same.

Exit codes:
  0  everything is as it was deployed; with --repair: it is now
  1  something differs; with --repair: still
  2  with --repair: a host was not fit for it
  3  something could not be looked at, and nothing else differs; or it could not begin

Examples:
  otel-ha verify                    what differs, and how
  otel-ha verify --node mid-2       one host only
  otel-ha verify --json | jq '.nodes[].findings[] | .subject'
  otel-ha verify --repair           put it right
`;

const DEFAULT_WAIT = "5m";

export function addVerifyCommand(program: Command): void {
    addCommand(program, "verify", "Compare the hosts with what was deployed there, and put right what differs")
        .option("-n, --node <stack>", "only this stack's host (the node's name will do, too)")
        .option("--repair", "put right what differs")
        .option("--force", "with --repair: do not check or wait for the hosts' health")
        .option(
            "--wait <duration>",
            `with --repair: longest wait for a host to be whole (default: ${DEFAULT_WAIT})`,
            readWait,
            readWait(DEFAULT_WAIT),
        )
        .addHelpText("after", HELP)
        .action(async (options: VerifyOptions) => {
            let rolling: Rolling | undefined;
            const onInterrupt = (): void => {
                if (rolling) rolling.interrupted = true;
                else process.exit(130);
            };
            const started = (now: Rolling): Rolling => (rolling = now);
            await withSystem(options, (deployment) => verify(deployment, options, started), onInterrupt);
        });
}

async function verify(
    deployment: AnyDeployment,
    options: VerifyOptions,
    started: (rolling: Rolling) => Rolling,
): Promise<void> {
    const nodes = chosen(deployment.nodes, options.node);
    const looks = await lookAtAll(deployment, nodes);
    if (!options.repair || verdictOf(looks) !== "drift") return end(looks, options);
    const say = (line: string): void => (options.json ? console.error(line) : console.log(line));
    say(`${verifyText(looks, paintFor(process.stdout))}\n`);
    const result = await repair(deployment, looks, options, started, say);
    say("");
    end(await lookAtAll(deployment, nodes), options, result);
}

/** Nodes that are looked at. Errors: no such node. Pure. */
export function chosen(nodes: AnyNode[], node: string | undefined): AnyNode[] {
    if (node === undefined) return nodes;
    const found = nodes.filter(({ stack, name }) => stack === node || name === node);
    if (found.length > 0) return found;
    throw new UserError(
        `--node ${node}: there is no such stack; write ${nodes.map(({ stack }) => stack).join(" or ")}`,
    );
}

async function repair(
    deployment: AnyDeployment,
    looks: Look[],
    options: VerifyOptions,
    started: (rolling: Rolling) => Rolling,
    say: (line: string) => void,
): Promise<RollingResult> {
    const wiped = looks.find(isWiped);
    if (wiped)
        throw new UserError(
            `nothing was touched: ${wiped.name} has nothing of what was deployed there: otel-ha up --node ${wiped.stack} --rebuild`,
            NOT_READY,
        );
    const reader = readerFor(deployment);
    const status = await reader.read();
    const order = orderOf(status).filter((name) => looks.some((look) => look.name === name));
    const plans = repaired(
        order.map((name) => noPlan(looks.find((look) => look.name === name)!.stack, name)),
        looks,
    );
    await refuseUndeployed(deployment, plans);
    const situation = situationOf(deployment, status);
    say(`${summaryText(plans, situation, false, paintFor(process.stdout))}\n`);
    const { wait: waitMs, force = false } = options;
    const how = { waitMs, force, parallel: false, all: [] };
    return started(new Rolling(deployment, reader, plans, how, say)).run();
}

// A container is made anew by the program, from the settings of today.
async function refuseUndeployed(deployment: AnyDeployment, plans: NodePlan[]): Promise<void> {
    const anew = (deployment.nodes as AnyNode[]).filter(({ name }) =>
        plans.some((plan) => plan.name === name && plan.repair?.refresh === true),
    );
    const changed = (await Promise.all(anew.map((node) => planFor(deployment, node)))).filter((plan) => !isEmpty(plan));
    if (changed.length === 0) return;
    const stacks = changed.map(({ stack }) => stack).join(" and ");
    throw new UserError(
        `nothing was touched: what differs takes Pulumi to put right, and ${stacks} has settings that were not deployed yet; otel-ha up does both`,
    );
}

function end(looks: Look[], options: VerifyOptions, result?: RollingResult): void {
    const verdict = verdictOf(looks);
    process.exitCode = result?.problem === undefined ? EXIT_CODES[verdict] : result.exitCode;
    if (options.json) {
        const repairs = result && { nodes: result.nodes, problem: result.problem };
        console.log(JSON.stringify({ verdict, nodes: looks.map(verification), repair: repairs }));
    } else {
        if (result?.problem !== undefined) console.log(`stopped: ${result.problem}\n`);
        console.log(verifyText(looks, paintFor(process.stdout)));
        if (verdict === "drift" && !result) console.log("\notel-ha verify --repair puts it right, as otel-ha up does.");
    }
}
