import { AnyDeployment, AnyNode } from "../deployment";
import { UserError } from "../errors";
import { ownCommand } from "../own-command";
import { isEmpty } from "../preview/plan";
import { plansOf } from "../preview/run";
import { FAILED } from "../up/rolling";
import { former, Former } from "./former";
import {
    AnyGenerations,
    AnySecretName,
    Assignment,
    beginning,
    noteOf,
    openOverlaps,
    Overlap,
    remainingSteps,
} from "./generations";
import { Look, lookAtFormer } from "./looks";
import { forgetNote, OwnerSettings, readOwner, writeNumbers } from "./owner";

/** begin: makes secrets anew; continue: the next step of what others hold; finish: all that is left of it. */
export type Mode = "begin" | "continue" | "finish";

/** What is going to be done. */
export interface RotationPlan {
    owner: OwnerSettings;
    names: AnySecretName[];
    /** Each is followed by an update of all hosts. */
    steps: Assignment[][];
    /** The first step was begun by another run. */
    interrupted: boolean;
}

/** Steps for what is wanted, after those of a run that did not end. Pure. */
export function rotationPlan(owner: OwnerSettings, names: AnySecretName[], mode: Mode): RotationPlan {
    const { values, noted } = owner;
    const interrupted = noted.length > 0;
    if (mode === "begin") {
        const step = [...noted, ...beginning(values, names, noted)];
        return { owner, names, steps: step.length > 0 ? [step] : [], interrupted };
    }
    // What was noted is perhaps not written yet; what follows counts on it.
    const after = noted.reduce<AnyGenerations>(
        (all, { key, name, number }) => ({ ...all, [key]: { ...all[key], [name]: number } }),
        values,
    );
    const left = remainingSteps(openOverlaps(after, names));
    const steps = mode === "continue" ? (interrupted ? [] : left.slice(0, 1)) : left;
    return { owner, names, steps: [...(interrupted ? [noted] : []), ...steps], interrupted };
}

/** What came of it. */
export interface RotationResult {
    done: Assignment[][];
    looks: Look[];
    /** What is accepted beside the newest afterwards. */
    open: Overlap[];
}

/** Secrets whose old value has no business any more when these numbers are deployed. Pure. */
export function endedBy(steps: Assignment[][], open: Overlap[]): AnySecretName[] {
    const touched = [...new Set(steps.flat().map(({ name }) => name))];
    return touched.filter((name) => !open.some((one) => one.name === name));
}

/** How often all hosts are brought up at most: the other stacks see what the owner has made only afterwards. */
const MOST_UPDATES = 3;

/** Rotates secrets. */
export class Rotation {
    constructor(
        private readonly deployment: AnyDeployment,
        private readonly plan: RotationPlan,
        private readonly say: (line: string) => void,
        private readonly up: typeof ownCommand = ownCommand,
    ) {}

    /** Errors: what is deployed is not what the settings say, before anything is written; later, an update that failed. */
    async run(): Promise<RotationResult> {
        const { owner, names, steps, interrupted } = this.plan;
        if (!interrupted) await this.refuseUndeployed();
        const before = interrupted
            ? undefined
            : await former(
                  this.deployment,
                  steps.flat().map(({ name }) => name),
              );
        for (const [at, step] of steps.entries()) {
            this.say(`${at + 1} of ${steps.length}: ${noteOf(step)}`);
            await writeNumbers(this.deployment, owner.stack, step);
            await this.deploy();
            await forgetNote(this.deployment, owner.stack);
        }
        const now = await readOwner(this.deployment);
        const ended = endedBy(steps, openOverlaps(now.values, names));
        return { done: steps, looks: await this.look(ended, before), open: openOverlaps(now.values, names) };
    }

    // Or else a rotation would deploy what somebody is still about to write, and nobody could tell whether it has ended.
    private async refuseUndeployed(): Promise<void> {
        const changed = (await plansOf(this.deployment)).filter((plan) => !isEmpty(plan)).map(({ stack }) => stack);
        if (changed.length > 0)
            throw new UserError(
                `nothing was touched: stack ${changed.join(" and ")} has settings that were not deployed yet; first otel-ha up`,
            );
    }

    private async deploy(): Promise<void> {
        for (let at = 0; at < MOST_UPDATES; at++) {
            const { code, stderr } = await this.up(this.deployment, ["up", "--yes"], {
                onLine: (line) => this.say(`  ${line}`),
            });
            if (code !== 0)
                throw new UserError(
                    `otel-ha up ended with code ${code}${code === 3 ? `: ${stderr.trim()}` : ""}; mend the cause, then the same command again: it goes on with what is missing`,
                    code === 3 ? FAILED : code,
                );
            if ((await plansOf(this.deployment)).every(isEmpty)) return;
        }
        throw new UserError(
            `${MOST_UPDATES} times otel-ha up, and there is still something to change: see otel-ha preview`,
            FAILED,
        );
    }

    private async look(names: AnySecretName[], before: Former | undefined): Promise<Look[]> {
        if (before) return lookAtFormer(this.deployment, names, before);
        const seen = "another run began this, and only that one knew the old one";
        return names.flatMap((name) =>
            (this.deployment.nodes as AnyNode[]).map(
                (node): Look => ({ name, where: node.name, state: "unknown", seen }),
            ),
        );
    }
}
