/** What `make demo` leaves behind: what runs where, and how to go on from there. */
import { chmodSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { access, curlArguments, type Access } from "./access";
import { NODE_SUFFIX } from "./demo-project";
import { isLabEngine, pulumiCommand } from "./engine-choice";
import { hostsOf, LAB_NAME, NETWORK, type System } from "./nodes";
import { REPO, STATE_DIR } from "./paths";
import { elapsed } from "./progress";
import type { Project } from "./project";
import { containers } from "./queries";

const QUERY_PORT = 19090;
const PULUMI = join(STATE_DIR, "pulumi");
export const shown = (file: string): string => relative(REPO, file);

/** A command that runs `pulumi` on a demo's project, in the lab's network: what it sets is what a shell would have to. */
export function writePulumiCommand(project: Project, file = PULUMI): void {
    const exported = Object.entries({ ...project.env, ...(LAB_NAME ? { OTEL_HA_LAB: LAB_NAME } : {}) });
    const lines = [
        "#!/bin/sh",
        "# pulumi for the demo's project, which made this.",
        ...exported.map(([key, value]) => `export ${key}="${value}"`),
        `cd "${project.dir}"`,
        `exec "${join(REPO, "lab", "lab")}" run -- "${pulumiCommand()}" "$@"`,
        "",
    ];
    writeFileSync(file, lines.join("\n"));
    chmodSync(file, 0o755);
}

export async function showSummary(project: Project, started: number): Promise<void> {
    console.log(await serviceTable("otel-ha"));
    const reached = await access();
    console.log(addresses(reached));
    console.log(hints(project, reached, await curlArguments(NETWORK.vip, QUERY_PORT)));
    console.log(tookLine("make demo", started));
}

export function tookLine(command: string, started: number): string {
    const engine = isLabEngine() ? "the lab's engine (no pulumi on PATH)" : pulumiCommand();
    return `${command} took ${elapsed(started)}; pulumi was ${engine}.`;
}

/** Services by node, with Docker's word on their health. */
export async function serviceTable(system: System): Promise<string> {
    const nodes = hostsOf(system);
    const service = (name: string): string => name.replace(NODE_SUFFIX[system], "");
    const all = await Promise.all(nodes.map(async (node) => Object.values(await containers(node.name))));
    const services = [...new Set(all.flat().map(({ name }) => service(name)))].sort();
    const rows = services.map((one) => [
        one,
        ...all.map((list) => {
            const found = list.find(({ name }) => service(name) === one);
            return found ? `${found.name}, ${found.health}` : "";
        }),
    ]);
    return columns([["What runs where", ...nodes.map((node) => `${node.name} ${node.address}`)], ...rows]);
}

export function columns(rows: string[][]): string {
    const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
    return rows
        .map((row) =>
            row
                .map((cell, column) => cell.padEnd(widths[column]!))
                .join("  ")
                .trimEnd(),
        )
        .join("\n");
}

function addresses({ scheme }: Access): string {
    const { vip } = NETWORK;
    const people =
        scheme === "https"
            ? "\n  Names and passwords: stack outputs queryUser, haproxyStatsUser; CA: caCertificate"
            : "";
    return `
Addresses (they exist in the lab's network only: reach them through lab/lab run -- …)
  OTLP            ${scheme}://${vip}:4318   and gRPC ${vip}:4317
  Both nodes      ${scheme}://${vip}:${QUERY_PORT}  metrics (PromQL), ${scheme}://${vip}:13100 logs (LogQL)
  Prometheus      ${scheme}://NODE:9090           Loki ${scheme}://NODE:3100
  HAProxy         ${scheme}://NODE:8404/stats     Object store ${scheme}://NODE:9000
  Aggregator      ${scheme}://NODE:9464/metrics   Thanos sidecar ${scheme}://NODE:10902${people}`;
}

function hints(project: Project, { url }: Access, curlArguments: string[]): string {
    const curl = ["curl", "-s", ...curlArguments.map((word) => (word.startsWith("/") ? shown(word) : word))].join(" ");
    const query = url(NETWORK.vip, QUERY_PORT, "/api/v1/query?query=lab_orders_total");
    const lab = LAB_NAME ? `OTEL_HA_LAB=${LAB_NAME} lab/lab` : "lab/lab";
    const pulumi = shown(PULUMI);
    const template = shown(join(project.dir, "templates/haproxy/haproxy.cfg.mustache"));
    return `
Look around
  ${lab} exec node1 docker ps
  ${lab} run -- ${curl} '${query}'
  ${pulumi} stack output --stack node1 --show-secrets

Change one line, see the difference, make it so
  sed -i 's/retries 3/retries 4/' ${template}
  ${pulumi} preview --diff --stack node1
  ${pulumi} up --yes --stack node1

Move the virtual IP to node 2 and back
  ${lab} exec node1 docker stop keepalived-mid-1
  ${lab} exec node2 ip -brief address show eth0
  ${lab} exec node1 docker start keepalived-mid-1

${pulumi} is a few lines of shell: the project is in ${shown(project.dir)}, a copy of this checkout's.
  make demo         again: quick, puts everything back as shipped
  make demo-down    removes it all; what was built stays for the next time
`;
}
