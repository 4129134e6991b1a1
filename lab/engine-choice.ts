/** Which `pulumi` the tests and the demo drive: the real CLI where it is on PATH, else the lab's engine. `LAB_ENGINE=lab|real` forces one. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { REPO } from "./paths";

const LAB_ENGINE = join(REPO, "lab", "bin", "pulumi");

/** Path of the real CLI; undefined where there is none. */
export function realPulumi(): string | undefined {
    const candidates = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "pulumi"));
    return candidates.find((file) => file !== LAB_ENGINE && isExecutable(file));
}

/** The command to use. Errors: LAB_ENGINE=real without a real CLI, or another value. */
export function pulumiCommand(): string {
    const choice = process.env.LAB_ENGINE ?? "";
    const real = realPulumi();
    if (choice === "lab") return LAB_ENGINE;
    if (choice === "real" && !real)
        throw new Error("LAB_ENGINE=real, but there is no pulumi on PATH; see https://www.pulumi.com/docs/install/");
    if (!["", "real"].includes(choice)) throw new Error(`LAB_ENGINE="${choice}" is neither "lab" nor "real"`);
    return real ?? LAB_ENGINE;
}

/** True when the tests run on the lab's own engine. */
export const isLabEngine = (): boolean => pulumiCommand() === LAB_ENGINE;

function isExecutable(file: string): boolean {
    try {
        accessSync(file, constants.X_OK);
        return true;
    } catch {
        return false;
    }
}
