import { Paint, table } from "../terminal";
import { Finding, NodeVerification, Verdict, verdictOf } from "./model";

const SAID: Record<Verdict, string> = {
    clean: "clean: all hosts are as they were deployed",
    drift: "drift: not everything is as it was deployed",
    unknown: "cannot be told",
};

/** One line per difference, then what differs in each file. Pure. */
export function verifyText(nodes: NodeVerification[], paint: Paint): string {
    const verdict = verdictOf(nodes);
    const tone = verdict === "clean" ? paint.good : verdict === "drift" ? paint.warn : paint.bad;
    const clean =
        nodes.length === 1
            ? `clean: ${nodes[0]!.name} is as it was deployed`
            : nodes.length === 2
              ? "clean: both hosts are as they were deployed"
              : SAID.clean;
    const lines = driftLines(nodes, paint);
    const diffs = nodes.flatMap((node) => node.findings.flatMap((finding) => diffLines(node, finding, paint)));
    return [paint.bold(tone(verdict === "clean" ? clean : SAID[verdict])), ...lines, ...diffs].join("\n");
}

/** Node, what, expected, found. Pure. */
export function driftLines(nodes: NodeVerification[], paint: Paint): string[] {
    const rows = nodes.flatMap(({ name, findings }) =>
        findings.map(({ kind, subject, property, expected, found }) => [
            name,
            kind,
            subject,
            property,
            `should be ${expected}, is ${paint.warn(printable(found))}`,
        ]),
    );
    const unknown = nodes.flatMap(({ name, unknown: all }) =>
        all.map((text) => `  ${name}  ${paint.bad("?")} ${text}`),
    );
    return [...table(rows), ...unknown];
}

function diffLines({ name }: NodeVerification, { subject, diff }: Finding, paint: Paint): string[] {
    if (!diff) return [];
    const tones: Record<string, (text: string) => string> = { "-": paint.bad, "+": paint.good, "@": paint.faint };
    const lines = diff.split("\n").map((line) => (tones[line[0] ?? ""] ?? ((text: string) => text))(printable(line)));
    return ["", paint.bold(`--- ${subject} as deployed`), paint.bold(`+++ ${subject} on ${name}`), ...lines];
}

// Somebody else's text: it must not move the cursor.
// eslint-disable-next-line no-control-regex
const printable = (text: string): string => text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "?");
