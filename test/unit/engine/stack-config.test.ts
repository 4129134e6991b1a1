import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { resolveConfig } from "../../../lab/engine/config";
import { Project } from "../../../lab/engine/project";
import { parsePath, StackConfigFile } from "../../../lab/engine/stack-config";
import { testCrypter } from "./support";

function fileWith(text: string): StackConfigFile {
    const file = join(mkdtempSync(join(tmpdir(), "engine-")), "Pulumi.dev.yaml");
    writeFileSync(file, text);
    return new StackConfigFile(file);
}

const projectWith = (config: Project["config"]): Project => ({
    name: "p",
    root: "/",
    file: "/Pulumi.yaml",
    program: "/",
    typescript: false,
    nodeArgs: [],
    config,
});

describe("Pulumi.STACK.yaml", () => {
    it("keeps comments, order and what it does not know", () => {
        const config = fileWith("# who\nother: 1\nconfig:\n  # first\n  p:a: old # why\n  p:b: 2\n");
        config.set(["p:a"], "new");
        config.set(["p:c"], "8080");
        config.save();
        expect(readFileSync(config.file, "utf8")).toBe(
            '# who\nother: 1\nconfig:\n  # first\n  p:a: new # why\n  p:b: 2\n  p:c: "8080"\n',
        );
    });

    it("makes and changes nested values", () => {
        const config = fileWith("");
        config.set(["p:list", 0, "name"], "x");
        config.set(["p:list", 1], "y");
        config.set(["p:map", "a.b"], true);
        expect(config.entries()).toEqual([
            ["p:list", [{ name: "x" }, "y"]],
            ["p:map", { "a.b": true }],
        ]);
        expect(config.get(["p:list", 0, "name"])).toBe("x");
        expect(config.delete(["p:list", 1])).toBe(true);
    });

    it("reads paths as the CLI writes them", () => {
        expect(parsePath('a.b[0]["c.d"].e')).toEqual(["a", "b", 0, "c.d", "e"]);
        expect(() => parsePath("a..b")).toThrow("invalid config key path");
    });
});

describe("the program's config", () => {
    it("has the stack's values over the project's defaults, as text, with secrets open", async () => {
        const crypter = await testCrypter();
        const schema = new Map([
            ["p:port", { type: "integer", default: 80 }],
            ["p:on", { type: "boolean", default: true }],
            ["p:map", { type: "object" }],
        ]);
        const config = fileWith(
            `config:\n  p:port: 8080\n  p:map: {a: 1}\n  p:key:\n    secure: ${crypter.encrypt("hunter2")}\n`,
        );
        const { values, secretKeys } = resolveConfig(projectWith(schema), "dev", config, crypter);
        expect(Object.fromEntries(values)).toEqual({
            "p:port": "8080",
            "p:on": "true",
            "p:map": '{"a":1}',
            "p:key": "hunter2",
        });
        expect([...secretKeys]).toEqual(["p:key"]);
    });

    it("must have what is required, in the right type", () => {
        const schema = new Map([
            ["p:a", { type: "string" }],
            ["p:b", { type: "integer" }],
        ]);
        const project = projectWith(schema);
        expect(() => resolveConfig(project, "dev", fileWith(""))).toThrow(
            "Stack 'dev' is missing configuration values 'a' and 'b'",
        );
        expect(() => resolveConfig(project, "dev", fileWith("config: {p:a: x, p:b: many}"))).toThrow(
            "Stack 'dev' with configuration key 'b' must be of type 'integer'",
        );
    });
});
