import * as fs from "fs";
import * as path from "path";
import { describe, expect, it } from "vitest";
import { ALL_KEYS } from "../../components/settings/keys";
import { ROOT } from "./support/stacks";

const PAGES = [
    "README.md",
    "images/README.md",
    "docs/ci/README.md",
    ...fs.readdirSync(path.join(ROOT, "docs")).map((file) => `docs/${file}`),
];
const pages = PAGES.filter((file) => file.endsWith(".md"));
const text = (file: string): string => fs.readFileSync(path.join(ROOT, file), "utf8");

/** A heading as a link names it. */
const anchor = (heading: string): string =>
    heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, "")
        .replaceAll(" ", "-");

describe("the pages for people", () => {
    it("show the example that is compiled", () => {
        expect(text("README.md")).toContain(`\`\`\`ts\n${text("docs/example.ts")}\`\`\``);
    });

    it.each(pages)("link to what is there: %s", (page) => {
        for (const [, target] of text(page).matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
            const [file, heading] = target!.split("#");
            const linked = file ? path.join(path.dirname(page), file) : page;
            expect(fs.existsSync(path.join(ROOT, linked)), `${page}: ${target}`).toBe(true);
            if (heading)
                expect([...text(linked).matchAll(/^#+ (.*)$/gm)].map((match) => anchor(match[1]!))).toContain(heading);
        }
    });

    it.each(pages)("name settings and make targets that exist: %s", (page) => {
        const targets = [...text("Makefile").matchAll(/^([a-z-]+):/gm)].map((match) => match[1]);
        for (const [, target] of text(page).matchAll(/(?:^|`)make ([a-z-]+)/gm)) expect(targets).toContain(target);
        for (const [, key] of text(page).matchAll(/config set (?:--\w+(?: node\d)? )*(\w+)/g))
            if (key !== "KEY") expect(Object.keys(ALL_KEYS), page).toContain(key);
    });
});
