// Writes docs/ports.md and docs/ports-apm.md, who may reach which port, from what the services say of themselves: `npm run docs`.
import * as fs from "fs";
import * as path from "path";
import { parse } from "yaml";
import type { Audience, Requirements, TlsMode } from "../components";
import { apmNodeRequirements } from "../components/apm-node";
import { nodeRequirements } from "../components/node";
import { apmNodeSettings } from "../components/settings/apm-node-settings";
import { AnyValues } from "../components/settings/keys";
import { nodeSettings } from "../components/settings/node-settings";
import { parseStack, problemReport } from "../components/settings/parse";

const ROOT = path.join(__dirname, "..");

const HEAD = `# Ports

Every port on which something of this stack listens on a host, with the shipped settings of the first node, and whom the host's firewall lets in. The host itself always may, by any
of its addresses. _clients_ are the networks of \`clientCidrs\`, _admins_ those of \`adminCidrs\`, _peer_ is \`peerAddress\`, the other node. Everybody else is dropped, IPv6 altogether. The virtual
IP is an address of the node that holds it, with the same rules. SSH, and whatever else the host does, is left alone; see [How the firewall works](design.md#how-the-firewall-works).

_How one is let in_ is with \`tls\` internal or provided. The services then listen on 127.0.0.1, in the clear and for this host only; at the node's address HAProxy listens on the same ports for
them. With \`tls: off\` each listens for itself, without TLS, and only the statistics and the object store ask who is there.

| port | setting | who listens | open to | how one is let in | what for |
| --- | --- | --- | --- | --- | --- |
`;

const APM_HEAD = `# Ports of Container APM

Every port on which something of Container APM listens on a host, with the shipped settings of the first node, and whom the host's firewall lets in. The host itself always may, by any
of its addresses. _clients_ are the networks of \`clientCidrs\`, _admins_ those of \`adminCidrs\`, _peer_ are the other nodes of \`apmNodes\`. Everybody else is dropped, IPv6 altogether. SSH, and
whatever else the host does, is left alone; see [How the firewall works](design.md#how-the-firewall-works).

_How one is let in_ is with \`tls: internal\`.

| port | setting | who listens | open to | how one is let in | what for |
| --- | --- | --- | --- | --- | --- |
`;

const FOOT = `
This page is made from \`components/\` by \`npm run docs\`.
`;

/** What the services of a shipped node need, by default of the first one, which has all that there are, and with TLS. */
export function shippedRequirements(stack = "node1", tls: TlsMode = "internal"): Requirements[] {
    const values = shippedValues(stack, tls);
    return values.system === "apm"
        ? apmNodeRequirements(apmNodeSettings(values))
        : nodeRequirements(nodeSettings(values));
}

function shippedValues(stack: string, tls: TlsMode): AnyValues {
    const { config } = parse(fs.readFileSync(path.join(ROOT, `Pulumi.${stack}.yaml`), "utf8")) as {
        config: Record<string, unknown>;
    };
    const shipped = Object.fromEntries(
        Object.entries(config).map(([key, value]) => [key.replace("otel-ha:", ""), String(value)]),
    );
    // The one setting that is not shipped, and that no port depends on.
    const hostKey = `ssh-ed25519 ${"A".repeat(68)}`;
    const { values, problems } = parseStack({ ...shipped, hostKey, tls });
    if (problems.length > 0) throw new Error(problemReport(stack, problems));
    return values;
}

/** The text of docs/ports-apm.md. Pure. */
export const apmPortReference = (requirements: Requirements[]): string => portReference(requirements, APM_HEAD);

/** The text of docs/ports.md. Pure. */
export function portReference(requirements: Requirements[], head = HEAD): string {
    const ports = requirements.flatMap((needs) => needs.ports).sort((one, other) => one.port - other.port);
    const protocols = requirements.flatMap((needs) => needs.protocols ?? []);
    return [
        head,
        ...ports.map(({ port, key, use, audience, access, why }) =>
            row(String(port), `\`${key}\``, use, shown(audience), audience.length > 0 ? (access ?? "") : "", why ?? ""),
        ),
        ...protocols.map(({ protocol, use, audience, access, why }) =>
            row(`IP protocol ${protocol}`, "", use, shown(audience), access ?? "", why ?? ""),
        ),
        FOOT,
    ].join("");
}

const row = (...cells: string[]): string => `| ${cells.join(" | ")} |\n`;

const shown = (audience: Audience[]): string => audience.join(", ") || "this host only";

if (require.main === module) {
    fs.writeFileSync(path.join(ROOT, "docs", "ports.md"), portReference(shippedRequirements()));
    fs.writeFileSync(path.join(ROOT, "docs", "ports-apm.md"), apmPortReference(shippedRequirements("apm1")));
}
