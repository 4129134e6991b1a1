// Writes docs/config.md, the reference of all settings, from Pulumi.yaml: `npm run docs`.
import * as fs from "fs";
import * as path from "path";
import { isMap, isScalar, Pair, parseDocument, YAMLMap } from "yaml";

const ROOT = path.join(__dirname, "..");
const GROUP = /^\s*---\s*(.+?)\s*---\s*$/;

const MUST = / Must be set\.(?= |$)/;
const REQUIRED = "**required**";

const HEAD = `# Settings

One stack is one host. Its settings are in \`Pulumi.<stack>.yaml\`; set one with

    pulumi config set lokiRetention 30d

and see with \`pulumi preview --diff\` which lines of which files it changes. All values are checked before anything is touched,
and all problems are listed at once. A duration is a number and one of \`ms\`, \`s\`, \`m\`, \`h\`, \`d\` (\`1m30s\` is one too), a size a
number and one of \`B\`, \`KiB\`, \`MiB\`, \`GiB\`, \`TiB\`. A secret is set with \`pulumi config set --secret\`.

The first groups are settings of every stack. \`system\` says which system it is a host of: those that begin with _otel-ha_ are of the two-host platform
alone, those with _apm_ of Container APM. A setting of another system than the stack's is an error.

This page is made from \`Pulumi.yaml\` by \`npm run docs\`.
`;

/** The text of docs/config.md for the text of Pulumi.yaml. Pure. */
export function configReference(projectYaml: string): string {
    const config = parseDocument(projectYaml).get("config");
    if (!isMap(config)) throw new Error("Pulumi.yaml has no settings below config:");
    const parts = [HEAD];
    for (const [index, pair] of (config.items as Pair[]).entries()) {
        const group = groupBefore(config, pair, index);
        if (group) parts.push(`\n## ${group}\n\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n`);
        parts.push(row(pair));
    }
    return parts.join("");
}

// The comment over the first key belongs to the map, the others to their key.
function groupBefore(config: YAMLMap, pair: Pair, index: number): string | undefined {
    const comment = isScalar(pair.key) && pair.key.commentBefore;
    const lines = (comment || (index === 0 && config.commentBefore) || "").split("\n");
    return lines.map((line) => GROUP.exec(line)?.[1]).find((title) => title !== undefined);
}

function row(pair: Pair): string {
    const declared = (pair.value as YAMLMap).toJSON() as { type: string; description: string; default?: unknown };
    // What one system requires must have a default for the other one's stacks.
    const description = declared.description.replace(MUST, "");
    const fallback = description === declared.description ? shownDefault(declared.default) : REQUIRED;
    const cells = [`\`${String(pair.key)}\``, declared.type, fallback, description];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
}

function shownDefault(value: unknown): string {
    if (value === undefined) return REQUIRED;
    const text =
        typeof value === "object"
            ? Object.entries(value!)
                  .map(([key, of]) => `${key}: ${String(of)}`)
                  .join(", ")
            : String(value);
    return text === "" ? "(empty)" : `\`${text}\``;
}

if (require.main === module) {
    const text = configReference(fs.readFileSync(path.join(ROOT, "Pulumi.yaml"), "utf8"));
    fs.writeFileSync(path.join(ROOT, "docs", "config.md"), text);
}
