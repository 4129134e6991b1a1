import * as fs from "fs";
import * as path from "path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ALL_KEYS, KEYS_OF, Kind, Value } from "../../components/settings/keys";
import { ROOT } from "./support/stacks";

interface Declaration {
    type: string;
    description: string;
    default?: Value;
}

const project = parse(fs.readFileSync(path.join(ROOT, "Pulumi.yaml"), "utf8")) as {
    name: string;
    main: string;
    config: Record<string, Declaration>;
};
const keys = Object.entries(ALL_KEYS) as [string, { kind: Kind; default?: Value }][];

const INTEGERS: Kind[] = ["port", "count", "number", "routerId", "vrrpVersion"];

/** What one system requires: a key without a default would have to be in the other one's stacks, too. */
const requiredByOne = (key: string): boolean =>
    !("default" in ALL_KEYS[key as keyof typeof ALL_KEYS]) && !Object.values(KEYS_OF).every((all) => key in all);

function declaredType(kind: Kind): string {
    if (kind === "boolean") return "boolean";
    if (["generations", "overlaps", "issuers", "apmOptions"].includes(kind)) return "object";
    return INTEGERS.includes(kind) ? "integer" : "string";
}

describe("Pulumi.yaml", () => {
    it("declares every setting of the program, no other, and in the same order", () => {
        expect(Object.keys(project.config)).toEqual(keys.map(([key]) => key));
    });

    it.each(keys)("explains %s as the program reads it", (key, { kind, default: fallback }) => {
        const declared = project.config[key];
        expect(declared.type).toBe(declaredType(kind));
        expect(declared.description).toMatch(/^\S.{5,}\.$/);
        expect(declared.default).toEqual(requiredByOne(key) ? "" : fallback);
        expect(/ Must be set\./.test(declared.description)).toBe(requiredByOne(key));
    });

    it("has no default for what differs between the hosts of every system, nor for the host's key; what one of them requires is empty", () => {
        const required = keys.filter(([, key]) => key.default === undefined).map(([key]) => key);
        expect(required).toEqual([
            "nodeName",
            "nodeAddress",
            "hostKey",
            "role",
            "priority",
            "peerNodeName",
            "peerAddress",
            "peerPriority",
            "apmNodes",
        ]);
        const everywhere = required.filter((key) => !requiredByOne(key));
        expect(everywhere).toEqual(["nodeName", "nodeAddress", "hostKey"]);
        for (const key of everywhere) expect(project.config[key]).not.toHaveProperty("default");
    });

    it("has no secret in a default", () => {
        for (const [key, { kind }] of keys) if (kind === "secret") expect(project.config[key].default).toBe("");
    });

    it("is called otel-ha and starts the program that compiles itself", () => {
        expect(project).toMatchObject({ name: "otel-ha", main: "start.cjs" });
    });
});
