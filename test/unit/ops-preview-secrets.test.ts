import { describe, expect, it } from "vitest";
import { markdownText } from "../../ops/preview/markdown";
import { holdsSecret, masked } from "../../ops/preview/mask";
import { readResult } from "../../ops/preview/run";
import { reportText } from "../../ops/preview/text";
import { PLAIN } from "../../ops/terminal";
import { fileChange, plannedNode, recorded, reportOf, reportOfText } from "./support/previews";

const SECRET_SIGNATURE = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };
const OUTPUT_SIGNATURE = { "4dabf18193072939515e22adb298388d": "d0e6a833031e9bbcd3f4e8bde6ca49a4" };

describe("secrets", () => {
    const PLAINTEXT = "s3cr3t-plain-text";
    const everything = (report: ReturnType<typeof reportOf>): string =>
        [markdownText(report, 1_000_000), reportText(report, PLAIN), JSON.stringify(report)].join("\n");

    it("of a rotation are named, and not shown", () => {
        const { details: all } = reportOf("rotation").hosts[1]!;
        const file = all.find(({ title }) => title === "/data/docker/otel/minio/root.env")!;
        expect(file).toMatchObject({ note: "Secret: it changes, and is not shown.", lines: [] });
    });

    it("that are given in the settings are not shown either", () => {
        expect(recorded("given", "node1")).toContain('"stdin": "[secret]"');
        const said = everything(reportOf("given"));
        expect(said).toContain("Secret: it changes, and is not shown.");
        expect(said).not.toMatch(/not-to-be-seen|unseen00/);
    });

    it.each([
        ["a marked value", { ...SECRET_SIGNATURE, value: PLAINTEXT }],
        ["a value of a state file", { ...SECRET_SIGNATURE, plaintext: JSON.stringify(PLAINTEXT) }],
        ["a marked output", { ...OUTPUT_SIGNATURE, secret: true, value: PLAINTEXT }],
    ])("are masked should Pulumi leave them in: %s", (_what, marked) => {
        const alter = (text: string): string => text.replaceAll('"[secret]"', JSON.stringify(marked));
        for (const name of ["rotation", "given", "risky"]) {
            const report = reportOf(name, { alter });
            expect(everything(report)).not.toContain(PLAINTEXT);
            expect(markdownText(report)).toBe(markdownText(reportOf(name)));
        }
    });

    it("are not shown when only one side is marked, nor a private key that nobody marked", () => {
        for (const [before, after] of [
            ["[secret]", `password ${PLAINTEXT}`],
            [`password ${PLAINTEXT}`, "[secret]"],
        ]) {
            const said = everything(reportOfText(fileChange(before!, after!)));
            expect(said).not.toContain(PLAINTEXT);
            expect(said).toContain("Secret: it changes, and is not shown.");
        }
        const pem = (body: string) =>
            `ca\n-----BEGIN ${"EC"} PRIVATE KEY-----\n${body}\n-----END ${"EC"} PRIVATE KEY-----\n`;
        const said = everything(reportOfText(fileChange(pem(PLAINTEXT), pem(`other ${PLAINTEXT}`))));
        expect(said).not.toContain(PLAINTEXT);
        expect(said).toContain("Secret: it changes, and is not shown.");
    });

    it("are masked in errors, too, and wherever else they are", () => {
        const key = `-----BEGIN ${"OPENSSH"} PRIVATE KEY-----\\nabc\\n-----END ${"OPENSSH"} PRIVATE KEY-----`;
        const diagnostics = `{"diagnostics": [{"severity": "error", "message": "cannot read ${key}"}]}`;
        expect(readResult(plannedNode("node1"), 255, diagnostics, "")).toMatchObject({
            errors: ["cannot read [secret]"],
        });
        expect(masked({ a: [{ ...OUTPUT_SIGNATURE, value: "open" }] })).toEqual({ a: ["open"] });
        expect(holdsSecret({ a: ["x", { b: "[secret]" }] })).toBe(true);
        expect(holdsSecret({ a: ["x", null, 1] })).toBe(false);
    });
});
