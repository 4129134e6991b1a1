import { InvalidArgumentError } from "commander";
import { parseDuration } from "../../components/units";

/** Milliseconds of an option. Errors: no duration. Pure. */
export function readWait(text: string): number {
    const ms = parseDuration(text);
    if (ms === undefined) throw new InvalidArgumentError('Write a duration, such as "90s" or "10m".');
    return ms;
}
