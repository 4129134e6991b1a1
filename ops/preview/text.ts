import { Paint } from "../terminal";
import { DiffLine } from "../text-diff";
import { Detail } from "./details";
import { hostLines, SIGNS } from "./host-text";
import { HostReport, orderText, Report } from "./report";

/** The report for a terminal: all of it. Pure. */
export function reportText(report: Report, paint: Paint): string {
    const blocks = [
        paint.bold(report.headline),
        ...report.errors,
        ...report.risks.map(({ title, lines }) => [`${title}:`, ...lines.map((line) => `  - ${line}`)].join("\n")),
        ...report.hosts.map((host) => hostText(host, orderText(report, host), paint)),
        ...(report.warnings.length > 0 ? [["To know:", ...report.warnings.map((one) => `  - ${one}`)].join("\n")] : []),
        ...(report.owner !== undefined && report.result === "changes"
            ? [paint.faint(`No host was asked: ${report.owner} is taken for the owner of the virtual IP.`)]
            : []),
        ...(report.unasked !== undefined && report.result === "changes"
            ? [paint.faint(`No host was asked: ${report.unasked}`)]
            : []),
    ];
    return blocks.join("\n\n");
}

function hostText(host: HostReport, order: string, paint: Paint): string {
    const { plan, name, stack, errors } = host;
    if (plan === undefined)
        return [`${paint.bold(name)} (stack ${stack}): its preview fails`, ...errors.map(indented)].join("\n");
    return [...hostLines(plan, order, paint), ...host.details.flatMap((one) => detailLines(one, paint))].join("\n");
}

function detailLines({ op, title, note, lines }: Detail, paint: Paint): string[] {
    return [
        "",
        `  ${SIGNS[op]} ${paint.bold(title)}`,
        ...(note ? [`    ${paint.faint(note)}`] : []),
        ...lines.map((line) => `    ${painted(line, paint)}`.trimEnd()),
    ];
}

function painted({ sign, text }: DiffLine, paint: Paint): string {
    const tone = sign === "+" ? paint.good : sign === "-" ? paint.bad : paint.faint;
    return tone(sign + text);
}

const indented = (text: string): string => text.replace(/^/gm, "  ");
