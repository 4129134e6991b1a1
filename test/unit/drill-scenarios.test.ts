// What drills there are, and what each may take.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gapLimit } from "../../ops/drill/configuration";
import { loadClients, type ClientPlan } from "../../ops/drill/load/plan";
import { SCENARIOS } from "../../ops/drill/scenarios/all";
import { chosen } from "../../ops/drill/scenarios/chosen";
import { backdated } from "../../ops/drill/scenarios/parts";
import { buildReport } from "../../ops/drill/report/build";
import { drillRun } from "./support/drill-run";

describe("scenarios", () => {
    it("have names of their own, and are in the handbook, as are all runbooks", () => {
        const names = SCENARIOS.map(({ name }) => name);
        expect(new Set(names).size).toBe(names.length);
        const handbook = readFileSync(join(__dirname, "../../docs/drills.md"), "utf8");
        for (const name of names) expect(handbook).toContain(`\`${name}\``);
        for (const { runbook } of buildReport(drillRun()).verdicts) expect(handbook).toContain(`\n### ${runbook}\n`);
    });

    it("are the starred ones when none is named, and an unknown one is an error that names all", () => {
        expect(chosen(SCENARIOS, [], false).map(({ name }) => name)).toEqual([
            "keepalived-stop",
            "haproxy-kill",
            "collector-kill",
            "host-owner",
            "partition",
            "rolling-config",
        ]);
        expect(() => chosen(SCENARIOS, ["colector-kill"], false)).toThrow(
            /no scenario "colector-kill"; there are: .*collector-kill/,
        );
    });

    it("keep the load's rate when half of it is back-dated", () => {
        const rate = (clients: ClientPlan[]): number =>
            clients.reduce((sum, { itemsPerRequest, intervalMs }) => sum + (itemsPerRequest * 1000) / intervalMs, 0);
        const usual = loadClients(1000, 500);
        const both = backdated(usual, 3_600_000);
        expect(rate(both)).toBe(rate(usual));
        expect(new Set(both.map(({ id }) => id)).size).toBe(8);
    });

    it("allow less where the configuration promises more", () => {
        expect(gapLimit("hostKilled", "default")).toBe(4000);
        expect(gapLimit("hostKilled", "resilient")).toBe(1000);
        expect(gapLimit("processKilled", "resilient")).toBe(700);
    });
});
