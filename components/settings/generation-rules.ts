import { ISSUING, issuingGeneration, newestGeneration, oldestGeneration, OVERLAPPING } from "../generations";
import { CommonValues } from "./keys";
import { none, problem, Rule } from "./problem";

const KEYS = ["generation", "oldestGeneration", "issuingGeneration"] as const;

// Elsewhere they would do nothing, and look as if they did.
const theOwnerDecides: Rule<CommonValues> = (settings) => {
    const { credentialsStack } = settings;
    if (credentialsStack === "") return none;
    return KEYS.flatMap((key) =>
        Object.entries(settings[key]).flatMap(([name, number]) =>
            problem(
                key,
                `"${name}" would not be used here, since stack "${credentialsStack}" owns the credentials; write pulumi config set --path ${key}.${name} ${number} --stack ${credentialsStack}`,
            ),
        ),
    );
};

const oldestIsOneOfThem: Rule<CommonValues> = (settings) =>
    OVERLAPPING.filter((name) => oldestGeneration(settings, name) > newestGeneration(settings, name)).flatMap((name) =>
        problem(
            "oldestGeneration",
            `"${name}" ${oldestGeneration(settings, name)} is above its newest generation, which is ${newestGeneration(settings, name)}; write ${newestGeneration(settings, name)} to accept that one alone, or less`,
        ),
    );

const signerIsAccepted: Rule<CommonValues> = (settings) =>
    ISSUING.flatMap((name) => {
        const [oldest, newest] = [oldestGeneration(settings, name), newestGeneration(settings, name)];
        const issuing = issuingGeneration(settings, name);
        // An oldest one that is out of range has been told.
        if (oldest > newest || (issuing >= oldest && issuing <= newest)) return none;
        return problem(
            "issuingGeneration",
            `"${name}" ${issuing} is not among those that are accepted; write ${oldest === newest ? oldest : `a number from ${oldest} to ${newest}`}`,
        );
    });

export const GENERATION_RULES: Rule<CommonValues>[] = [theOwnerDecides, oldestIsOneOfThem, signerIsAccepted];
