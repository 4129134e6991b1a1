import { shellQuote, shellWords } from "../../../components/shell";
import { Finding, Inquiry, NOTHING } from "../model";
import { inputOf, lineOf, StateResource } from "../state";
import type { DeployedFile } from "./files";

/** A host's firewall, as the state has it. */
export interface DeployedFirewall {
    urn: string;
    /** Command lines on the host: loads the rules for a trial, keeps them, tells what differs. */
    apply: string;
    confirm: string;
    check: string;
    /** What was asked for last. */
    file: DeployedFile;
}

/** Pure. */
export function deployedFirewall(resources: StateResource[]): DeployedFirewall | undefined {
    const rules = resources.find((resource) => /^(sudo -n )?\S+\/firewall apply /.test(lineOf(resource)));
    if (!rules) return undefined;
    const words = shellWords(lineOf(rules));
    const [helper, directory] = [words.find((word) => word.endsWith("/firewall"))!, words.at(-1)!];
    const line = (verb: string): string => [helper, verb, directory].map(shellQuote).join(" ");
    const content = inputOf(rules);
    return {
        urn: rules.urn,
        apply: lineOf(rules),
        confirm: line("confirm"),
        check: line("check"),
        file: {
            urn: rules.urn,
            path: `${directory}/wanted.nft`,
            content,
            secret: rules.secrets.includes("stdin"),
            owner: "0:0",
        },
    };
}

/** Rules in force: the host's own script compares them with those that were confirmed. Its file of rules is one of the files. Pure. */
export function firewall(resources: StateResource[]): Inquiry {
    const deployed = deployedFirewall(resources);
    if (!deployed) return { settings: { FIREWALL: "" }, judge: () => NOTHING };
    return {
        settings: { FIREWALL: deployed.check },
        judge: (said) => {
            const lines = said.firewall ?? [];
            if (lines.at(-1) !== "told")
                return {
                    findings: [],
                    unknown: [`the firewall could not be compared: ${lines.at(-1) ?? "no answer"}`],
                };
            return { findings: readCheck(lines.slice(0, -1), deployed.urn), unknown: [] };
        },
    };
}

// A sentence for each difference; below that of the rules how they differ.
function readCheck(lines: string[], urn: string): Finding[] {
    const findings: Finding[] = [];
    for (const line of lines) {
        const last = findings.at(-1);
        if (/^[-+@ ]/.test(line) && last) last.diff = [last.diff, line].filter(Boolean).join("\n");
        else
            findings.push({
                kind: "firewall",
                subject: "inet otel_ha",
                property: "rules",
                expected: "as they were confirmed",
                found: line.replace(/:$/, ""),
                urn,
            });
    }
    return findings;
}
