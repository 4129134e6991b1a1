// What CI shows of a change, against the stacks that run: without a host, and without a secret.
import { beforeAll, describe, expect, it } from "vitest";
import { killNode, startNode } from "../../lab/hosts";
import { Project } from "../../lab/project";
import { RunResult } from "../../lab/run";
import { Report } from "../../ops/preview/report";
import { allHealthy, containerIds, node1, node2, otelHa, settings, settledProject, sharedSecretTexts } from "./support";

let target: Project;
beforeAll(async () => void (target = await settledProject()));

const preview = (...args: string[]): Promise<RunResult> => otelHa(target, ["preview", ...args]);

async function report(): Promise<Report> {
    const { code, stdout, stderr } = await preview("--json");
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as Report;
}

/** Settings of both stacks while `look` looks. */
async function having<T>(pairs: string[], look: () => Promise<T>): Promise<T> {
    const undo = [settings(target, "node1", ...pairs), settings(target, "node2", ...pairs)];
    return look().finally(() => undo.forEach((one) => one()));
}

const risksOf = ({ risks }: Report): Record<string, string[]> =>
    Object.fromEntries(risks.map(({ title, lines }) => [title, lines]));

describe("otel-ha preview", () => {
    it("finds nothing to change where nothing was changed", async () => {
        const { code, stdout, stderr } = await preview("--expect-no-changes");
        expect(code, stdout + stderr).toBe(0);
        expect(stdout).toMatch(/^nothing to change\n/);
    });

    it("tells a reload from what interrupts, and touches nothing", async () => {
        const before = { node1: await containerIds(node1), node2: await containerIds(node2) };
        const reload = await having(["haproxyMaxConnections=7000"], report);
        expect(risksOf(reload)).toEqual({ "Only reloads": ["mid-2: haproxy", "mid-1: haproxy"] });

        const restart = await having(["haproxyStatsPort=8405"], report);
        const found = risksOf(restart);
        expect(found["Starts anew"]).toEqual(["mid-2: haproxy", "mid-1: haproxy"]);
        expect(found["Moves the virtual IP"]).toEqual([
            "the virtual IP moves to mid-2 while haproxy of mid-1 starts anew, and comes back",
        ]);
        expect(await containerIds(node1)).toEqual(before.node1);
        expect(await containerIds(node2)).toEqual(before.node2);
    });

    it("says that a new MinIO breaks the pool's quorum", async () => {
        const found = risksOf(await having(["imageObjectStore=cmp-minio:0.0.0"], report));
        expect(found["Breaks a quorum"]).toEqual([
            expect.stringContaining("minio of mid-2 starts anew"),
            expect.stringContaining("minio of mid-1 starts anew"),
        ]);
    });

    it("needs no host", async () => {
        await killNode("node2");
        try {
            const { code, stdout } = await having(["haproxyMaxConnections=7000"], () =>
                preview("--format", "markdown"),
            );
            expect(code).toBe(0);
            expect(stdout).toMatch(/^<!-- otel-ha preview: all -->\n/);
            expect(stdout).toContain("-    maxconn 8000\n+    maxconn 7000\n");
        } finally {
            await startNode("node2");
            await allHealthy(node2);
        }
    });

    it("shows no secret that is in the state or in the settings, whatever it is asked", async () => {
        const given = "given-and-not-to-be-seen";
        const secrets = [...(await sharedSecretTexts(target)), given, `BEGIN ${"OPENSSH"} PRIVATE KEY`];
        expect(secrets.length).toBeGreaterThan(5);
        const undo = settings(target, "node1", "secretGeneration=2", `haproxyStatsPassword=${given}`);
        try {
            for (const format of ["text", "markdown", "json"]) {
                const { code, stdout, stderr } = await preview("--format", format);
                expect(code, stderr).toBe(0);
                expect(stdout).toContain("stats-users.cfg");
                for (const secret of secrets) expect((stdout + stderr).includes(secret)).toBe(false);
            }
        } finally {
            undo();
        }
    });
});
