/** What can be rotated. Pure. */
import { AnyValues } from "../../components/settings/keys";
import { UserError } from "../errors";
import { AnySecretName } from "./generations";
import { rotationOf } from "./systems";

/** Keys that give a secret. @example givenBy(values, "lokiUser") → ["lokiObjectStoreSecret"] */
export function givenBy(v: AnyValues, name: AnySecretName): string[] {
    const { secretOf } = rotationOf(v);
    return Object.keys(secretOf).filter((key) => secretOf[key] === name);
}

/** Why there is no such secret to rotate here; undefined when there is. */
export function notHere(name: AnySecretName, v: AnyValues, given: string[]): string | undefined {
    const key = givenBy(v, name).find((one) => given.includes(one));
    if (key) return `it is given: pulumi config set --secret ${key}, and then otel-ha up`;
    return rotationOf(v).notHere(name, v);
}

/** Which secrets are meant: all that there are, when none is named. Errors: an unknown name, or one that cannot be rotated here. */
export function chosenSecrets(words: string[], v: AnyValues, given: string[]): AnySecretName[] {
    const { names: secretNames } = rotationOf(v);
    if (words.length === 0) return secretNames.filter((name) => notHere(name, v, given) === undefined);
    return [...new Set(words)].map((word) => {
        const name = secretNames.find((one) => one === word);
        if (!name) throw new UserError(`there is no secret "${word}" to rotate; there are: ${secretNames.join(", ")}`);
        const why = notHere(name, v, given);
        if (why) throw new UserError(`${name} cannot be rotated here: ${why}`);
        return name;
    });
}
