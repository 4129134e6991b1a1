import { Paint } from "../terminal";
import { NodeResult, RollingResult } from "./rolling";

const SAID: Record<NodeResult["state"], string> = {
    unchanged: "had nothing to change",
    untouched: "untouched, has the old configuration",
    done: "has the new configuration",
    repaired: "was put right",
    failed: "its update failed: its configuration may be partly new",
    unwell: "has the new configuration, but is not whole",
};

/** How things are after a change, and what to do next. Pure. */
export function outcomeText({ nodes, problem }: RollingResult, paint: Paint): string {
    const lines = nodes.map(({ name, stack, state, seconds }) => {
        const tone =
            state === "done" || state === "repaired"
                ? paint.good
                : ["failed", "unwell"].includes(state)
                  ? paint.bad
                  : paint.faint;
        return `${name} (stack ${stack}): ${tone(SAID[state])}${["done", "repaired"].includes(state) && seconds !== undefined ? `, ${seconds} s` : ""}`;
    });
    return problem === undefined
        ? lines.join("\n")
        : [`${paint.bad("stopped")}: ${problem}`, "", ...lines, "", ...next(nodes)].join("\n");
}

function next(nodes: NodeResult[]): string[] {
    const touched = nodes.filter(({ state }) => ["failed", "unwell", "done", "repaired"].includes(state));
    if (touched.length === 0)
        return ["Nothing was changed. Next: mend the cause (otel-ha status), then otel-ha up again."];
    const back = touched.map(({ stack }) => `otel-ha up --node ${stack}`).join(" && ");
    return [
        "Next: mend the cause (otel-ha status shows how things are), then otel-ha up again: it goes on with what is missing.",
        `Or go back: take the change out of the settings, then ${back}`,
    ];
}
