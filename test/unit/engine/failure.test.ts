import { describe, expect, it } from "vitest";
import { Deployment } from "../../../lab/engine/checkpoint";
import { secret } from "../../../lab/engine/values";
import { thing, World } from "./support";

describe("failures", () => {
    it("does not record what could not be created, and starts nothing new", async () => {
        const world = new World();
        const report = await world.up(async (run) => {
            await thing(run, "a");
            await thing(run, "b", { fail: true }).catch(() => {});
            await thing(run, "c");
        });
        expect(report.errors).toEqual(["b cannot be created"]);
        expect(world.fake.calls).toEqual(["create a", "create b"]);
        expect(await world.resource("a")).toBeDefined();
        expect(await world.resource("b")).toBeUndefined();
    });

    it("lets what runs beside a failure end and records it", async () => {
        const world = new World();
        world.fake.during = (name) => new Promise((resolve) => setTimeout(resolve, name === "slow" ? 50 : 0));
        await world.up(async (run) => {
            await Promise.allSettled([thing(run, "slow"), thing(run, "bad", { fail: true })]);
        });
        expect(await world.resource("slow")).toBeDefined();
    });

    it("keeps the old inputs of what could not be updated", async () => {
        const world = new World();
        await world.up((run) => thing(run, "a", { size: 1 }).then(() => {}));
        await world.up((run) => thing(run, "a", { size: 2, fail: true }).then(() => {}));
        expect((await world.resource("a"))!.inputs).toEqual({ size: 1 });
        expect((await world.up((run) => thing(run, "a", { size: 1 }).then(() => {}))).changes).toEqual({ same: 1 });
    });

    it("records what was created but is not healthy, and updates it at the next run", async () => {
        const world = new World();
        const program = (half: boolean) => (run: Parameters<Parameters<World["up"]>[0]>[0]) =>
            thing(run, "a", half ? { half } : {}).then(() => {});
        expect((await world.up(program(true))).errors).toEqual(["a is not healthy"]);
        expect(await world.resource("a")).toMatchObject({ id: "a-1", initErrors: ["a is not healthy"] });
        expect((await world.up(program(true))).changes).toEqual({ update: 1 });
        expect((await world.resource("a"))!.initErrors).toBeUndefined();
    });

    it("makes up in the next run for a replacement that failed after its deletion", async () => {
        const world = new World();
        await world.up((run) => thing(run, "a", { slot: "1" }).then(() => {}));
        await world.up((run) => thing(run, "a", { slot: "2", fail: true }).then(() => {}));
        expect(await world.resource("a")).toMatchObject({ pendingReplacement: true });
        const report = await world.up((run) => thing(run, "a", { slot: "2" }).then(() => {}));
        expect(world.fake.calls).toEqual(["create a"]);
        expect(report.changes).toEqual({ replace: 1 });
        expect((await world.resource("a"))!.pendingReplacement).toBeUndefined();
    });

    it("keeps what could not be deleted, and what it needs", async () => {
        const world = new World();
        await world.up(async (run) => {
            const base = await thing(run, "base");
            await thing(run, "user", { stuck: true }, { dependencies: [base.urn] });
        });
        const report = await world.up(async () => {});
        expect(report.errors).toEqual(["user cannot be deleted"]);
        expect(world.fake.calls).toEqual(["delete user"]);
        expect(await world.resource("base")).toBeDefined();
    });
});

describe("the state file", () => {
    it("has every finished step and every begun one at any time", async () => {
        const world = new World();
        world.fake.during = (name) => {
            if (name !== "b") return;
            const { resources, pending_operations: pending } = JSON.parse(world.file) as Deployment;
            expect(resources!.map(({ urn }) => String(urn).split("::").at(-1))).toContain("a");
            expect(pending!.map(({ type, resource }) => `${type} ${String(resource.urn).split("::").at(-1)}`)).toEqual([
                "creating b",
            ]);
            expect(world.file).not.toContain("hunter2");
        };
        await world.up(async (run) => {
            await thing(run, "a");
            await thing(run, "b", { password: secret("hunter2") });
        });
        expect(world.fake.calls).toEqual(["create a", "create b"]);
        expect(JSON.parse(world.file)).not.toHaveProperty("pending_operations");
    });

    it("is not written when nothing has changed", async () => {
        const world = new World();
        await world.up((run) => thing(run, "a", { password: secret("hunter2") }).then(() => {}));
        const writes = world.saved.length;
        await world.up((run) => thing(run, "a", { password: secret("hunter2") }).then(() => {}));
        expect(world.saved.length).toBe(writes);
    });
});
