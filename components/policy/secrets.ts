import { Asked } from "./model";

/** Shorter texts are not looked for as secrets: what is found everywhere is none, and no credential of ours is as short. */
export const LEAST_SECRET = 8;

/** Which of some inputs hold a secret: by their mark, or by a value that is known to be one. Pure. */
export function secretInputs({ inputs, marked, secrets }: Asked, all: string[], byMark = all): string[] {
    return all.filter((input) => {
        if (byMark.includes(input) && marked?.includes(input)) return true;
        const texts = strings(inputs[input]);
        return (secrets ?? []).some((secret) => texts.some((text) => text.includes(secret)));
    });
}

function strings(value: unknown): string[] {
    if (typeof value === "string") return [value];
    return value instanceof Object ? Object.values(value).flatMap(strings) : [];
}
