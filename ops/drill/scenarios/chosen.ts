import { UserError } from "../../errors";

/** The scenarios of these names; all starred ones for none. Errors: an unknown name. */
export function chosen<S extends { name: string; starred: boolean }>(from: S[], names: string[], all: boolean): S[] {
    if (names.length === 0) return from.filter(({ starred }) => all || starred);
    return names.map((name) => {
        const found = from.find((scenario) => scenario.name === name);
        if (!found)
            throw new UserError(
                `there is no scenario "${name}"; there are: ${from.map((scenario) => scenario.name).join(", ")}`,
            );
        return found;
    });
}
