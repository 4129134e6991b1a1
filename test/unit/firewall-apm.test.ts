// Who may reach what on the hosts of Container APM.
import * as fs from "fs";
import * as path from "path";
import { describe, expect, it } from "vitest";
import { firewallRules } from "../../components";
import { apmNodeRequirements } from "../../components/apm-node";
import { KEYS_OF } from "../../components/settings/keys";
import { apmPortReference, shippedRequirements } from "../../docs/generate-ports";
import { APM_STACKS, apmSettingsOf, ApmStackName, ROOT } from "./support/stacks";

function rulesOf(stack: ApmStackName, changes: Record<string, string> = {}): string {
    const settings = apmSettingsOf(stack, changes);
    const { firewall, sshPort } = settings.host;
    return firewallRules({ settings: firewall!, requirements: apmNodeRequirements(settings), sshPort });
}

const setOf = (rules: string, name: string): string[] =>
    (new RegExp(`set ${name} \\{[^}]*?elements = \\{([^}]*)\\}`).exec(rules)?.[1] ?? "").match(/[\d./]+/g) ?? [];

/** Port → chain. */
const portsOf = (rules: string): Record<string, string> =>
    Object.fromEntries([...rules.matchAll(/^ +(\d+) : goto (\w+),/gm)].map((match) => [match[1], match[2]]));

describe("the rules of Container APM", () => {
    it.each(APM_STACKS)("of %s are these", async (stack) => {
        await expect(rulesOf(stack)).toMatchFileSnapshot(`__snapshots__/${stack}/firewall/rules.nft`);
    });

    it("let both other nodes in, by their addresses", () => {
        expect(setOf(rulesOf("apm2"), "peer").sort()).toEqual(["192.168.110.231", "192.168.110.233"]);
    });

    it("keep what the nodes say to each other from everybody else", () => {
        const chains = portsOf(rulesOf("apm1"));
        for (const port of [9300, 4994, 21890, 21891, 21892, 21893]) expect(chains[port], String(port)).toBe("peer");
        expect(chains[9200]).toBe("admins_peer");
    });
});

describe("docs/ports-apm.md", () => {
    const page = fs.readFileSync(path.join(ROOT, "docs", "ports-apm.md"), "utf8");
    const rows = [...page.matchAll(/^\| (\d+) \| `(\w+)` \| [^|]+ \| ([^|]+) \|/gm)];

    it("is what the services say of themselves today; if not, run: npm run docs", () => {
        expect(page).toBe(apmPortReference(shippedRequirements("apm1")));
    });

    it("has a row for every port of a stack's settings, and says the same as the rules", () => {
        const ports = Object.entries(KEYS_OF.apm).flatMap(([key, { kind }]) =>
            kind === "port" && key !== "sshPort" ? [key] : [],
        );
        expect(rows.map((row) => row[2]).sort()).toEqual(ports.sort());
        const chains = portsOf(rulesOf("apm1"));
        for (const [, port, , who] of rows)
            expect(who!.replaceAll(", ", "_").replace("this host only", "this_host"), port).toBe(chains[port!]);
    });

    it("gives a reason for every port that others than the host reach", () => {
        for (const { ports } of shippedRequirements("apm1"))
            for (const { key, audience, why } of ports) expect(Boolean(why), key).toBe(audience.length > 0);
    });
});
