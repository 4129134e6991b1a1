import { Detail, LEAST, weight } from "./details";
import { countText, effectText, firstText, SIGNS } from "./host-text";
import { isEmpty, NodePlan } from "./plan";
import { HostReport, orderText, Report } from "./report";

/** What a comment on GitHub holds, in characters. GitLab's hold more. */
export const COMMENT_LIMIT = 65_536;

/** The longest diff of one file, in lines. */
const LONGEST = 400;

/** The first line of the document, which a browser does not show: CI finds its own comment by it. */
export const marker = (of: string): string => `<!-- otel-ha preview: ${of} -->`;

/** A part of the document; an optional one is left out where there is no room. */
interface Part {
    text: string;
    /** Undefined: it has to be there. What to call it when it is left out, and how soon it is: greater numbers first. */
    optional?: { name: string; weight: number };
}

/** The report as GitHub and GitLab show it, at most `limit` characters. Pure. */
export function markdownText(report: Report, limit = COMMENT_LIMIT): string {
    const parts = [
        { text: headText(report) },
        ...report.hosts.flatMap((host) => hostParts(host, orderText(report, host))),
        { text: footText(report) },
    ];
    return fit(parts, limit);
}

const joined = (parts: Part[]): string => `${parts.map(({ text }) => text).join("\n\n")}\n`;

/** What is optional is left out first, the least risky before the rest; then the document is cut. */
function fit(parts: Part[], limit: number): string {
    const whole = joined(parts);
    if (whole.length <= limit) return whole;
    const sizes = new Map(parts.map((part) => [part, part.text.length + 2]));
    const optional = parts.filter((part) => part.optional !== undefined);
    const needed = parts.filter((part) => part.optional === undefined);
    let room = limit - joined([...needed, { text: leftOut(optional, limit) }]).length;
    const kept = new Set(needed);
    // Of the same weight the small ones first: more of them fit.
    const order = (a: Part, b: Part): number =>
        a.optional!.weight - b.optional!.weight || sizes.get(a)! - sizes.get(b)!;
    for (const part of [...optional].sort(order)) {
        if (sizes.get(part)! > room) continue;
        room -= sizes.get(part)!;
        kept.add(part);
    }
    const missing = optional.filter((part) => !kept.has(part));
    const short = joined([...parts.filter((part) => kept.has(part)), { text: leftOut(missing, limit) }]);
    return short.length <= limit ? short : cut(short, limit);
}

function leftOut(parts: Part[], limit: number): string {
    const few = parts.slice(0, 5).map(({ optional }) => optional!.name);
    const names = parts.length > few.length ? [...few, "and others"] : few;
    return `**Cut short:** a comment holds ${limit.toLocaleString("en")} characters. ${parts.length} of the diffs are left out (${names.join(", ")}). \`otel-ha preview\` shows all of it.`;
}

/** Whole lines only. */
function cut(text: string, limit: number): string {
    const end = `\n\n**Cut short:** a comment holds ${limit.toLocaleString("en")} characters. \`otel-ha preview\` shows all of it.\n`;
    const room = text.slice(0, Math.max(0, limit - end.length));
    return room.slice(0, Math.max(0, room.lastIndexOf("\n"))) + end;
}

function headText(report: Report): string {
    const blocks = [
        marker(report.of),
        `## otel-ha preview: ${report.headline}`,
        ...report.errors.map((error) => fenced(error)),
        ...report.risks.map(({ title, lines }) =>
            [`**${title}**`, ...lines.map((line) => `- ${escaped(line)}`)].join("\n"),
        ),
    ];
    return blocks.join("\n\n");
}

function hostParts(host: HostReport, order: string): Part[] {
    const title = `### ${escaped(host.name)} (stack ${escaped(host.stack)})`;
    if (host.plan === undefined)
        return [{ text: `${title}: its preview fails\n\n${host.errors.map((error) => fenced(error)).join("\n\n")}` }];
    if (isEmpty(host.plan)) return [{ text: `${title}: nothing to change` }];
    return [
        { text: [`${title}${order}`, changesText(host.plan), countText(host.plan)].filter(Boolean).join("\n\n") },
        ...host.details.map((one) => {
            return {
                text: detailText(one),
                optional: { name: `${escaped(one.title)} of ${host.name}`, weight: weight(one) },
            };
        }),
        ...(host.follows.length > 0
            ? [{ text: followText(host.follows), optional: { name: `what follows on ${host.name}`, weight: LEAST } }]
            : []),
    ];
}

function changesText(plan: NodePlan): string {
    if (plan.first) return escaped(firstText(plan));
    if (plan.changes.length === 0) return "";
    const rows = plan.changes.map((change) =>
        [SIGNS[change.op], change.service ?? "", change.what, effectText(change, plan)].map(escaped).join(" | "),
    );
    return ["| | service | what | then |", "| --- | --- | --- | --- |", ...rows.map((row) => `| ${row} |`)].join("\n");
}

function detailText({ op, title, note, lines }: Detail): string {
    const added = lines.filter(({ sign }) => sign === "+").length;
    const removed = lines.filter(({ sign }) => sign === "-").length;
    const size = lines.length > 0 ? ` <code>+${added} −${removed}</code>` : "";
    const shown = lines.slice(0, LONGEST).map(({ sign, text }) => sign + text);
    const rest = lines.length - shown.length;
    const body = [
        ...(note ? [escaped(note)] : []),
        ...(shown.length > 0 ? [fenced(shown.join("\n"), "diff")] : []),
        ...(rest > 0 ? [`${rest} more lines are left out. \`otel-ha preview\` shows them.`] : []),
        ...(op === "delete" ? ["Removed."] : []),
    ];
    return collapsed(`${SIGNS[op]} ${escaped(title)}${size}`, body.join("\n\n"));
}

const followText = (names: string[]): string =>
    collapsed(`${names.length} that follow`, names.map((name) => `- ${escaped(name)}`).join("\n"));

// The empty lines let Markdown begin again inside HTML.
const collapsed = (summary: string, body: string): string =>
    `<details><summary>${summary}</summary>\n\n${body}\n\n</details>`;

function footText({ warnings, owner, unasked, result }: Report): string {
    const blocks = [
        ...(warnings.length > 0 ? [collapsed(`${warnings.length} to know`, fenced(warnings.join("\n")))] : []),
        ...(owner !== undefined && result === "changes"
            ? [
                  `No host was asked: ${escaped(owner)} is taken for the owner of the virtual IP. \`otel-ha up\` changes one host after the other, the owner last.`,
              ]
            : []),
        ...(unasked !== undefined && result === "changes" ? [`No host was asked: ${escaped(unasked)}`] : []),
    ];
    return blocks.join("\n\n") || "No host was asked.";
}

/** In a fence that the text itself cannot close. */
function fenced(text: string, language = ""): string {
    const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
    const fence = "`".repeat(longest + 1);
    return `${fence}${language}\n${text}\n${fence}`;
}

/** As text, whatever it has in it. */
const escaped = (text: string): string =>
    text
        .replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]!)
        .replace(/[\\`*_|[\]]/g, "\\$&")
        .replace(/@/g, "@\u200b")
        .replace(/\s+/g, " ");
