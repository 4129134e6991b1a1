import * as fs from "fs";
import * as path from "path";
import { describe, expect, it } from "vitest";
import { ALL_KEYS } from "../../components/settings/keys";
import { RULES } from "../../components/policy/rules";
import { STACK_RULES } from "../../components/policy/stack-rules";
import { configReference } from "../../docs/generate-config";
import { policyReference } from "../../docs/generate-policies";
import { ROOT } from "./support/stacks";

const text = (file: string): string => fs.readFileSync(path.join(ROOT, file), "utf8");

describe("docs/config.md", () => {
    it("is what Pulumi.yaml says today; if not, run: npm run docs", () => {
        expect(text("docs/config.md")).toBe(configReference(text("Pulumi.yaml")));
    });

    it("has a row for every setting, below one of a few headings", () => {
        const rows = [...text("docs/config.md").matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]);
        expect(rows).toEqual(Object.keys(ALL_KEYS));
        const headings = [...text("docs/config.md").matchAll(/^## (.+)$/gm)].map((match) => match[1]);
        expect(headings[0]).toBe("What differs between the hosts");
        expect(headings.length).toBeGreaterThan(5);
    });

    it("does not let a bar in a description break the table", () => {
        const yaml = 'config:\n  # --- One ---\n  key:\n    type: string\n    description: a|b.\n    default: ""\n';
        expect(configReference(yaml)).toMatch(/\n## One\n\n.*\n.*\n\| `key` \| string \| \(empty\) \| a\\\|b\. \|\n$/);
    });
});

describe("docs/policies.md", () => {
    it("is what the rules say today; if not, run: npm run docs", () => {
        expect(text("docs/policies.md")).toBe(policyReference());
    });

    it("has a row with the level of every rule", () => {
        const rows = [...text("docs/policies.md").matchAll(/^\| `([\w-]+)` \| (\w+) \|/gm)].map(
            ([, name, level]) => `${name} ${level}`,
        );
        expect(rows.sort()).toEqual([...RULES, ...STACK_RULES].map((rule) => `${rule.name} ${rule.severity}`).sort());
    });
});
