// Writes docs/policies.md, the reference of all rules, from the rules themselves: `npm run docs`.
import * as fs from "fs";
import * as path from "path";
import { COMMAND_RULES } from "../components/policy/command-rules";
import { CONTAINER_RULES, hardeningRules } from "../components/policy/container-rules";
import { Rule } from "../components/policy/model";
import { HARDENING } from "../components/policy/rules";
import { STACK_RULES, StackRule } from "../components/policy/stack-rules";

const ROOT = path.join(__dirname, "..");

const HEAD = `# Rules

What every container, every command on a host and the stack as a whole must have. This page is made from \`components/policy/\` by \`npm run docs\`.

They are applied twice, by the same functions:

- **By the program itself**, and by every part of the library in a program of your own. A resource that breaks a mandatory rule is not made, nor what needs it: \`pulumi preview\` fails
  and lists what is wrong with each, and so does \`pulumi up --skip-preview\`. Nothing has to be installed. Advice is not given here.
- **By a policy pack**, for those who want Pulumi's policy engine to have the last word, whatever the program does:

      pulumi preview --policy-pack policies --stack node1

  It needs no account and no network, just the project's own \`node_modules\` (\`npm ci\`, with development dependencies). Levels are changed with \`--policy-pack-config FILE\`, such as
  \`{"memory-limit": "mandatory"}\`.

Where the two differ: a policy engine is not told which values are secrets (pulumi-policy#241). The program finds a secret by its mark, and those of the configuration by their value; the pack finds
by their values, when all resources are known, what the stack has made, its configuration gives, or the other stack has published. \`secret-marked\` is the program's alone. The rules for the
stack as a whole are the pack's; the program keeps them when it reads its settings, and warns of the limits in each preview.

A value that is only known to \`up\` is not judged by a preview, but then.
`;

const SECTIONS: [string, (Rule | StackRule)[]][] = [
    ["Containers and images", CONTAINER_RULES],
    ["Containers: what keeps somebody who got in from the rest of the host", hardeningRules(HARDENING)],
    ["Commands and connections", COMMAND_RULES],
    ["The stack as a whole", STACK_RULES],
];

/** The text of docs/policies.md. Pure. */
export function policyReference(): string {
    return [HEAD, ...SECTIONS.map(([title, rules]) => section(title, rules))].join("\n");
}

function section(title: string, rules: (Rule | StackRule)[]): string {
    const rows = rules.map(({ name, severity, description, why }) => row([`\`${name}\``, severity, description, why]));
    const head = "| rule | level | what must be | why |\n| --- | --- | --- | --- |\n";
    return `## ${title}\n\n${head}${rows.join("")}`;
}

const row = (cells: string[]): string => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;

if (require.main === module) fs.writeFileSync(path.join(ROOT, "docs", "policies.md"), policyReference());
