import { Command, InvalidArgumentError, Option } from "commander";
import { addCommand, CommonOptions, withSystem } from "../cli";
import { AnyDeployment, AnyNode } from "../deployment";
import { UserError } from "../errors";
import { paintFor } from "../terminal";
import { Situation } from "./consequences";
import { COMMENT_LIMIT, markdownText } from "./markdown";
import { failedReport, makeReport, Report, reportName } from "./report";
import { previewStack } from "./run";
import { reportText } from "./text";

type Format = "text" | "markdown" | "json";

interface PreviewOptions extends CommonOptions {
    format: Format;
    expectNoChanges?: boolean;
    limit: number;
}

/** Exit codes besides 0. */
const CHANGES = 1;
const FAILED = 3;

const HELP = `
What it does: "pulumi preview" of all stacks, and one summary of them: first what starts anew, what moves the virtual IP, what breaks a
quorum, what only reloads; then each host's changes, line by line. Secrets are not shown. It asks no host and needs no SSH key: only the state
and PULUMI_CONFIG_PASSPHRASE. So it takes the node with the role MASTER for the owner of the virtual IP, and does not
know the elected cluster manager of Container APM.

--format markdown is for a comment on a pull request (docs/ci/README.md): its first line is a mark that a browser does not show, by which CI
finds the comment that it made before; it fits into a comment, and says so when something had to be left out.

Exit codes:
  0  the previews were made, whether something would change or not
  1  something would change, and --expect-no-changes was given
  3  wrong usage, unreadable settings, or a preview that fails; markdown and JSON then say why

Examples:
  otel-ha preview                                   what would "otel-ha up" do?
  otel-ha preview --stack node1                     of one stack only
  otel-ha preview --format markdown >preview.md     for a pull request
  otel-ha preview --json | jq '.hosts[].plan.changes'
  otel-ha preview --expect-no-changes               is everything deployed?
`;

export function addPreviewCommand(program: Command): void {
    addCommand(program, "preview", "What would change on each host, the risky part first; asks no host")
        .addOption(
            new Option("-f, --format <format>", "how to say it").choices(["text", "markdown", "json"]).default("text"),
        )
        .option("--expect-no-changes", `end with ${CHANGES} when something would change`)
        .option("--limit <characters>", "longest Markdown document", readLimit, COMMENT_LIMIT)
        .addHelpText("after", HELP)
        .action(async (options: PreviewOptions) => {
            const format = options.json ? "json" : options.format;
            const report = await previewReport(options, format);
            console.log(said(report, format, options.limit));
            if (report.result === "failed") process.exitCode = FAILED;
            else if (report.result === "changes" && options.expectNoChanges) process.exitCode = CHANGES;
        });
}

function readLimit(text: string): number {
    const limit = Number(text);
    if (!Number.isInteger(limit) || limit < 1000)
        throw new InvalidArgumentError("Write a number of characters, at least 1000.");
    return limit;
}

/** Errors: settings that cannot be read, for people; for programs they are a report, too. */
async function previewReport(options: PreviewOptions, format: Format): Promise<Report> {
    const of = reportName(options.stack);
    try {
        return await withSystem(options, (deployment) => previewAll(deployment, of));
    } catch (error) {
        if (format === "text" || !(error instanceof UserError)) throw error;
        console.error(`otel-ha: ${error.message}`);
        return failedReport(of, error);
    }
}

/** Previews all stacks of a deployment. Does not throw for one that fails. */
export async function previewAll(deployment: AnyDeployment, of: string): Promise<Report> {
    // The owner is changed last.
    const nodes: AnyNode[] = deployment.system === "apm" ? deployment.nodes : [...deployment.nodes].reverse();
    const results = await Promise.all(nodes.map((node) => previewStack(deployment, node)));
    return makeReport(of, results, assumed(deployment));
}

/** Where things are when all is well. Pure. */
export function assumed({ nodes }: Pick<AnyDeployment, "nodes">): Situation {
    const all: AnyNode[] = nodes;
    // Who is elected can be anybody.
    const isMaster = ({ values }: AnyNode): boolean => values.system === "otel-ha" && values.role === "MASTER";
    return {
        owners: all.filter(isMaster).map(({ name }) => name),
        values: Object.fromEntries(all.map(({ name, values }) => [name, values])),
    };
}

function said(report: Report, format: Format, limit: number): string {
    if (format === "json") return JSON.stringify(jsonOf(report));
    if (format === "markdown") return markdownText(report, limit).trimEnd();
    return reportText(report, paintFor(process.stdout));
}

/** Diffs as text. Pure. */
export function jsonOf(report: Report): object {
    const hosts = report.hosts.map((host) => {
        const details = host.details.map(({ lines, ...detail }) => {
            return { ...detail, diff: lines.map(({ sign, text }) => sign + text).join("\n") };
        });
        return { ...host, details };
    });
    return { ...report, hosts };
}
