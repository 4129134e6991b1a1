import * as fs from "fs";
import * as path from "path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { KEYS, Kind, Value } from "../../components/settings/keys";
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
const keys = Object.entries(KEYS) as [string, { kind: Kind; default?: Value }][];

const INTEGERS: Kind[] = ["port", "count", "priority", "routerId", "vrrpVersion"];

function declaredType(kind: Kind): string {
    if (kind === "boolean") return "boolean";
    if (["generations", "overlaps", "issuers"].includes(kind)) return "object";
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
        expect(declared.default).toEqual(fallback);
    });

    it("has no default for what differs between the hosts, nor for the host's key", () => {
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
        ]);
        for (const key of required) expect(project.config[key]).not.toHaveProperty("default");
    });

    it("has no secret in a default", () => {
        for (const [key, { kind }] of keys) if (kind === "secret") expect(project.config[key].default).toBe("");
    });

    it("is called otel-ha and starts the program that compiles itself", () => {
        expect(project).toMatchObject({ name: "otel-ha", main: "start.cjs" });
    });
});
