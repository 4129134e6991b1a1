/** What `otel-ha rotate` says. Pure. */
import { newestGeneration } from "../../components/generations";
import { AnyValues } from "../../components/settings/keys";
import { span } from "../format";
import { Paint, table } from "../terminal";
import { Ages } from "./ages";
import { AnyGenerations, AnySecretName, Assignment, noteOf, Overlap } from "./generations";
import { Look } from "./looks";
import { rotationOf } from "./systems";

/** What would be made anew, how old it is, and what that means. */
export function secretsText(names: AnySecretName[], v: AnyValues, ages: Ages, now: number): string {
    const { explanations } = rotationOf(v);
    const rows = names.map((name) => [
        name,
        `generation ${newestGeneration<AnySecretName>(v as AnyGenerations, name)}`,
        ages[name] ? `made ${span((now - Date.parse(ages[name])) / 1000)} ago` : "age not known",
        explanations[name].what,
    ]);
    return [...table(rows), "", ...names.map((name) => `  ${name}: ${explanations[name].effect}`)].join("\n");
}

/** What is going to be written. */
export function stepsText(steps: Assignment[][], stack: string): string {
    const lines = steps.map(
        (step, at) => `  ${at + 1}. stack ${stack}: ${noteOf(step).replaceAll(",", ", ")}; otel-ha up`,
    );
    return ["What is done, one after the other:", ...lines].join("\n");
}

/** What is open, what clients have to get, and how to go on. */
export function openText(open: Overlap[], stack: string): string[] {
    return open.flatMap(({ name, oldest, newest, issuing }) => {
        const both = `${name}: generations ${oldest} to ${newest} are accepted`;
        if (name === "otlpTokens")
            return [
                `${both}. Give each sender its new token: pulumi stack output otlpTokens --show-secrets --stack ${stack}`,
                "  When all send with it: otel-ha rotate otlpTokens --finish",
            ];
        if (issuing !== undefined && issuing < newest)
            return [
                `${both}, ${issuing} signs. Give every client both CAs: pulumi stack output caCertificate --stack ${stack}`,
                `  When all have them: otel-ha rotate ca --continue (generation ${newest} signs; clients that know the old CA only are cut off then)`,
            ];
        return [
            `${both}, ${newest} signs. Nobody needs the old one any more`,
            "  To end it: otel-ha rotate ca --finish",
        ];
    });
}

const STATES: Record<Look["state"], string> = {
    refused: "the old one is refused",
    gone: "the old one is gone",
    accepted: "THE OLD ONE IS STILL ACCEPTED",
    unknown: "not looked at",
};

/** What the looks have shown. */
export function looksText(looks: Look[], paint: Paint): string[] {
    const tone = { refused: paint.good, gone: paint.good, accepted: paint.bad, unknown: paint.warn };
    return table(
        looks.map(({ name, where, state, seen }) => [name, where, tone[state](STATES[state]), paint.faint(seen)]),
    );
}
