import { describe, expect, it } from "vitest";
import { COMMENT_LIMIT, marker, markdownText } from "../../ops/preview/markdown";
import { reportName } from "../../ops/preview/report";
import { reportText } from "../../ops/preview/text";
import { PLAIN } from "../../ops/terminal";
import { fileChange, reportOf, reportOfText } from "./support/previews";

describe("the Markdown document", () => {
    it("begins with its mark, which tells it from another pair's", () => {
        expect(markdownText(reportOf("reload")).split("\n")[0]).toBe("<!-- otel-ha preview: all -->");
        expect(marker(reportName(["node2", "node1"]))).toBe("<!-- otel-ha preview: node1 node2 -->");
    });

    it.each(["reload", "risky", "rotation", "refused", "none"])("is this for %s", async (name) => {
        await expect(markdownText(reportOf(name))).toMatchFileSnapshot(`__snapshots__/preview/${name}.md`);
    });

    it("says why a preview fails, beside what the other stack would do", () => {
        const text = markdownText(reportOf("refused"));
        expect(text).toContain("## otel-ha preview: it fails");
        expect(text).toContain('vip: "192.168.110.400" is not an IPv4 address');
        expect(text).not.toContain("preview failed");
    });

    it("keeps a file from ending its fence, and names from being HTML", () => {
        const report = reportOfText(fileChange("a\n", "````\n</details>\n"));
        const text = markdownText(report);
        expect(text).toContain("`````diff\n-a\n+````\n+</details>\n`````");
        report.hosts[0]!.details[0]!.title = "<img> @everyone | `x`";
        expect(markdownText(report)).toContain("&lt;img&gt; @\u200beveryone \\| \\`x\\`");
    });

    const big = (lines: number): string => Array.from({ length: lines }, (_, at) => `setting${at} value\n`).join("");

    it("fits into a comment, leaves the least risky out first, and says so", () => {
        const report = reportOf("risky");
        const [file] = reportOfText(fileChange("", big(399))).hosts[0]!.details;
        const [host] = report.hosts;
        host!.details.push(
            ...Array.from({ length: 30 }, (_, at) => ({ ...file!, title: `/data/${at}.conf`, change: undefined })),
        );
        const text = markdownText(report);
        expect(text.length).toBeLessThanOrEqual(COMMENT_LIMIT);
        expect(text.length).toBeGreaterThan(COMMENT_LIMIT - 10_000);
        expect(text).toMatch(
            /\*\*Cut short:\*\* a comment holds 65,536 characters\. \d+ of the diffs are left out \(.* of mid-2, .*and others\)\. `otel-ha preview` shows all of it\./,
        );
        // Risks and both hosts' containers are there all the same.
        for (const kept of ["**Breaks a quorum**", "### mid-1", "container minio", "keepalived.conf"])
            expect(text).toContain(kept);
        expect(text.match(/<details>/g)!.length).toBe(text.match(/<\/details>/g)!.length);
    });

    it("shows the beginning of one very long diff", () => {
        const text = markdownText(reportOfText(fileChange("", big(1000))));
        expect(text).toContain("600 more lines are left out. `otel-ha preview` shows them.");
        expect(reportText(reportOfText(fileChange("", big(1000))), PLAIN)).toContain("setting999");
    });

    it("is cut by lines when even what must be said is too long", () => {
        const report = reportOf("reload");
        report.risks[0]!.lines = Array.from({ length: 200 }, (_, at) => `mid-${at}: haproxy`);
        const text = markdownText(report, 1000);
        expect(text.length).toBeLessThanOrEqual(1000);
        expect(text.startsWith(marker("all"))).toBe(true);
        expect(text).toMatch(/haproxy\n\n\*\*Cut short:\*\* a comment holds 1,000 characters\. .*\n$/);
    });
});
