import { describe, expect, it } from "vitest";
import { secret } from "../../../lab/engine/values";
import { component, from, THING, thing, World } from "./support";

describe("changes", () => {
    it("creates, leaves alone, updates, replaces and deletes", async () => {
        const world = new World();
        expect((await world.up((run) => thing(run, "a", { size: 1 }).then(() => {}))).done).toEqual(["create a"]);
        const again = await world.up((run) => thing(run, "a", { size: 1 }).then(() => {}));
        expect(again.changes).toEqual({ same: 1 });
        expect(world.fake.calls).toEqual([]);
        expect((await world.up((run) => thing(run, "a", { size: 2 }).then(() => {}))).done).toEqual(["update a"]);
        const replaced = await world.up((run) => thing(run, "a", { size: 2, kind: "b" }).then(() => {}));
        expect(replaced.done).toEqual(["create-replacement a", "replace a", "delete-replaced a"]);
        expect(replaced.changes).toEqual({ replace: 1 });
        expect((await world.up(async () => {})).done).toEqual(["delete a"]);
        expect((await world.resources()).filter(({ type }) => type === THING)).toEqual([]);
    });

    it("deletes first what cannot exist twice, with the dependents that would be replaced as well", async () => {
        const world = new World();
        const program = (slot: string) => async (run: Parameters<Parameters<World["up"]>[0]>[0]) => {
            const base = await thing(run, "base", { slot });
            const user = await thing(run, "user", { kind: base.outputs.made }, from(base, "kind"));
            await thing(run, "reader", { note: user.outputs.made }, from(user, "note"));
        };
        await world.up(program("1"));
        const report = await world.up(program("2"));
        expect(world.fake.calls).toEqual(["delete user", "delete base", "create base", "create user", "update reader"]);
        expect(report.changes).toEqual({ replace: 2, update: 1 });
    });

    it("deletes in reverse order of dependencies, children before parents", async () => {
        const world = new World();
        await world.up(async (run) => {
            const group = await component(run, "group");
            run.registerOutputs(group.urn, {});
            const first = await thing(run, "first", {}, { parent: group.urn });
            await thing(run, "second", {}, { parent: group.urn, dependencies: [first.urn] });
        });
        const { done } = await world.up(async () => {});
        expect(done).toEqual(["delete second", "delete first", "delete group"]);
    });

    it("shows in previews what depends on something new as changing, and changes nothing", async () => {
        const world = new World();
        const program = (kind: string) => async (run: Parameters<Parameters<World["up"]>[0]>[0]) => {
            const base = await thing(run, "base", { kind });
            await thing(run, "user", { note: base.outputs.made }, from(base, "note"));
        };
        await world.up(program("1"));
        const before = world.file;
        const preview = await world.preview(program("2"));
        expect(preview.changes).toEqual({ replace: 1, update: 1 });
        expect(world.fake.calls).toEqual([]);
        expect(world.file).toBe(before);
    });

    it("refuses two resources of one name", async () => {
        const report = await new World().up(async (run) => {
            await thing(run, "a");
            await thing(run, "a");
        });
        expect(report.errors[0]).toMatch(/^Duplicate resource URN/);
    });

    it("names the type that it does not know", async () => {
        const report = await new World().up((run) => thing(run, "b", {}, { type: "aws:s3:Bucket" }).then(() => {}));
        expect(report.errors[0]).toContain("no resource type 'aws:s3:Bucket'");
    });
});

describe("options", () => {
    it("keeps old values at ignored paths", async () => {
        const world = new World();
        const options = { ignoreChanges: ["a.b", "list[1]"] };
        await world.up((run) => thing(run, "x", { a: { b: 1, c: 1 }, list: [1, 2] }).then(() => {}));
        const report = await world.up((run) =>
            thing(run, "x", { a: { b: 9, c: 1 }, list: [1, 9] }, options).then(() => {}),
        );
        expect(report.changes).toEqual({ same: 1 });
        expect((await world.resource("x"))!.inputs).toEqual({ a: { b: 1, c: 1 }, list: [1, 2] });
    });

    it("replaces on changes of the given paths only", async () => {
        const world = new World();
        const options = { replaceOnChanges: ["a.b"] };
        await world.up((run) => thing(run, "x", { a: { b: 1, c: 1 } }, options).then(() => {}));
        const other = await world.up((run) => thing(run, "x", { a: { b: 1, c: 2 } }, options).then(() => {}));
        expect(other.changes).toEqual({ update: 1 });
        const named = await world.up((run) => thing(run, "x", { a: { b: 2, c: 2 } }, options).then(() => {}));
        expect(named.changes).toEqual({ replace: 1 });
    });

    it("finds renamed and re-parented resources through aliases, and children of renamed components", async () => {
        const world = new World();
        await world.up(async (run) => {
            const group = await component(run, "old");
            await thing(run, "old-child", {}, { parent: group.urn });
            await thing(run, "alone", {});
        });
        const report = await world.up(async (run) => {
            const group = await component(run, "new", { aliases: [{ name: "old" }] });
            await thing(run, "new-child", {}, { parent: group.urn });
            await thing(run, "alone", {}, { parent: group.urn, aliases: [{ noParent: true }] });
        });
        expect(report.changes).toEqual({ same: 3 });
        expect((await world.resource("new-child"))!.parent).toContain("::new");
    });

    it("renames and deletes in one run", async () => {
        const world = new World();
        await world.up(async (run) => {
            const base = await thing(run, "base");
            await thing(run, "user", {}, { dependencies: [base.urn] });
            await thing(run, "gone", {}, { dependencies: [base.urn] });
        });
        const report = await world.up(async (run) => {
            const base = await thing(run, "foundation", {}, { aliases: [{ name: "base" }] });
            await thing(run, "user", {}, { dependencies: [base.urn] });
        });
        expect(report.changes).toEqual({ same: 2, delete: 1 });
        expect(world.fake.calls).toEqual(["delete gone"]);
        expect(world.file).not.toContain("::base");
    });

    it("leaves alone what is not a target", async () => {
        const world = new World();
        await world.up(async (run) => {
            await thing(run, "a", { size: 1 });
            await thing(run, "b", { size: 1 });
            await thing(run, "gone");
        });
        const report = await world.up(
            async (run) => {
                await thing(run, "a", { size: 2 });
                await thing(run, "b", { size: 2 });
                await thing(run, "new");
            },
            ["**::a"],
        );
        expect(report.changes).toEqual({ same: 1, update: 1 });
        expect(world.fake.calls).toEqual(["update a"]);
        const names = (await world.resources()).map(({ urn }) => urn.split("::").at(-1));
        expect(names.sort()).toEqual(["a", "b", "default", "gone"]);
    });

    it("does not delete what is protected", async () => {
        const world = new World();
        await world.up((run) => thing(run, "a", {}, { protect: true }).then(() => {}));
        const report = await world.up(async () => {});
        expect(report.errors[0]).toContain("cannot be deleted\nbecause it is protected");
        expect(await world.resource("a")).toBeDefined();
    });

    it("forgets without deleting what is to be retained, or goes with its owner", async () => {
        const world = new World();
        await world.up(async (run) => {
            await thing(run, "kept", {}, { retainOnDelete: true });
            const owner = await thing(run, "owner");
            await thing(run, "part", {}, { deletedWith: owner.urn });
        });
        expect((await world.up(async () => {})).changes).toEqual({ delete: 3 });
        expect(world.fake.calls).toEqual(["delete owner"]);
    });

    it("replaces what shall be replaced with something else, or by a trigger", async () => {
        const world = new World();
        const program = (kind: string, trigger: string) => async (run: Parameters<Parameters<World["up"]>[0]>[0]) => {
            const a = await thing(run, "a", { kind });
            await thing(run, "b", {}, { replaceWith: [a.urn], dependencies: [a.urn] });
            await thing(run, "c", {}, { replacementTrigger: trigger });
        };
        await world.up(program("1", "1"));
        expect((await world.up(program("2", "1"))).changes).toEqual({ replace: 2, same: 1 });
        expect((await world.up(program("2", "2"))).changes).toEqual({ replace: 1, same: 2 });
    });
});

describe("secrets", () => {
    it("are never in the state in plain text, and keep their ciphertext while they do not change", async () => {
        const world = new World();
        const program = async (run: Parameters<Parameters<World["up"]>[0]>[0]) => {
            await thing(run, "a", { password: secret("hunter2"), made: "x" }, { additionalSecretOutputs: ["made"] });
        };
        await world.up(program);
        const ciphertext = /"ciphertext": "([^"]+)"/.exec(world.file)![1];
        await world.up(async (run) => {
            await program(run);
            await thing(run, "b");
        });
        for (const file of world.saved) expect(file).not.toContain("hunter2");
        expect(world.file).toContain(ciphertext);
        const state = (await world.resource("a"))!;
        expect(state.outputs).toMatchObject({ password: secret("hunter2"), made: secret("a-1") });
    });

    it("are masked in events", async () => {
        const report = await new World().up((run) =>
            thing(run, "a", { deep: [{ password: secret("hunter2") }] }).then(() => {}),
        );
        const { stateJson } = await import("../../../lab/engine/events");
        const shown = report.events.map((event) => ("metadata" in event ? stateJson(event.metadata.new) : event));
        expect(JSON.stringify(shown)).not.toContain("hunter2");
        expect(JSON.stringify(shown)).toContain("[secret]");
    });
});
