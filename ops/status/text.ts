import { percent, size, span } from "../format";
import { Paint, table } from "../terminal";
import { apmHead, apmRole } from "./apm/text";
import { ApmStatus } from "./apm/judge";
import { Finding, HostStatus, NodeStatus, ServiceStatus, Status, SystemStatus, Verdict } from "./model";
import { Queue } from "./queues";

const SAID: Record<Verdict, string> = {
    healthy: "healthy",
    degraded: "degraded: it works, but something is missing",
    broken: "broken: data is not taken, or cannot be read",
    unknown: "cannot be told",
};

/** How a system is, whichever it is. */
export type AnyStatus = Status | ApmStatus;

/** Of Container APM. Pure. */
export const isApmStatus = (status: AnyStatus): status is ApmStatus => "cluster" in status;

/** One screen. Pure. */
export function statusText(status: AnyStatus, paint: Paint, nowSeconds: number): string {
    const { verdict, findings } = status;
    const tone = verdict === "healthy" ? paint.good : verdict === "degraded" ? paint.warn : paint.bad;
    return [
        paint.bold(tone(SAID[verdict])),
        ...findings.map((finding) => findingLine(finding, paint)),
        "",
        ...table(
            [...(isApmStatus(status) ? apmHead(status, paint) : headLines(status, paint)), ...clockLines(status)],
            "",
        ),
        "",
        ...(isApmStatus(status)
            ? status.nodes.flatMap((node) => [...nodeLines(node, apmRole(node, status), paint, nowSeconds), ""])
            : status.nodes.flatMap((node) => [...nodeLines(node, roleOf(node), paint, nowSeconds), ""])),
    ]
        .slice(0, -1)
        .join("\n");
}

function findingLine({ severity, text }: Finding, paint: Paint): string {
    const tone = { broken: paint.bad, unknown: paint.bad, degraded: paint.warn, note: paint.faint }[severity];
    return `  ${tone(severity === "note" ? "-" : "!")} ${text}`;
}

function headLines({ vip, redundancy }: Status, paint: Paint): string[][] {
    const held = vip.owners.length === 1 ? vip.owners[0]! : paint.bad(vip.owners.join(" and ") || "nobody known");
    const answers = vip.answers ? "" : vip.answers === false ? paint.bad(", does not take data") : "";
    const tone = redundancy.full ? paint.good : redundancy.full === false ? paint.warn : paint.bad;
    return [
        ["virtual IP", `${vip.address} on ${held}${answers}`],
        ["redundancy", tone(redundancy.text)],
    ];
}

const clockLines = ({ clock }: SystemStatus): string[][] =>
    clock ? [["clocks", `${Math.round(clock.differenceMs)} ms apart (± ${Math.ceil(clock.errorMs)} ms)`]] : [];

const roleOf = ({ holdsVip }: NodeStatus): string => (holdsVip ? ", has the virtual IP" : "");

function nodeLines(node: HostStatus & Partial<NodeStatus>, role: string, paint: Paint, nowSeconds: number): string[] {
    const title = `${paint.bold(node.name)} ${node.address}${role}`;
    if (!node.reachable) return [`${title}: ${paint.bad("cannot be reached")}`];
    return [
        title,
        ...table(node.services.map((service) => serviceRow(service, node, paint, nowSeconds))),
        ...table((node.queues ?? []).map((queue) => queueRow(queue, paint))),
    ];
}

function serviceRow(service: ServiceStatus, node: Partial<NodeStatus>, paint: Paint, nowSeconds: number): string[] {
    const { state, reason, image, drift } = service;
    const tone = state === "ok" ? paint.good : state === "starting" ? paint.warn : paint.bad;
    const notes = [
        reason,
        service.service === "minio" && node.writeQuorum ? "has its write quorum" : "",
        service.service === "thanos-sidecar" && node.lastUploadSeconds
            ? `last block uploaded ${span(Math.max(0, nowSeconds - node.lastUploadSeconds))} ago`
            : "",
        service.service === "thanos-query" && node.stores ? storesText(node.stores) : "",
        drift === undefined ? paint.faint("drift unknown") : drift && paint.warn(`drift: ${drift}`),
    ];
    return [service.service, tone(state), paint.faint(image ?? ""), notes.filter(Boolean).join(", ")];
}

function storesText(stores: Record<string, string>): string {
    const all = Object.entries(stores);
    const down = all.filter(([, error]) => error !== "").map(([name]) => name);
    return `reads ${all.length - down.length} of ${all.length} stores${down.length > 0 ? `, not ${down.join(", ")}` : ""}`;
}

function queueRow({ exporter, signal, bytes, capacityBytes, behind, oldestSeconds }: Queue, paint: Paint): string[] {
    const fill = capacityBytes > 0 ? `${percent(bytes / capacityBytes)} of ${size(capacityBytes)}` : "";
    const age = oldestSeconds === undefined ? "" : `, the oldest ${span(oldestSeconds)} old at most`;
    return ["queue", exporter, signal, (behind ? paint.warn : paint.good)(size(bytes)), `${fill}${age}`];
}
