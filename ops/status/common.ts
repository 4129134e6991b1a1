/** What is the same for both systems, when facts are made sense of. */
import { size, span } from "../format";
import { Finding, HostStatus, SystemStatus, Verdict } from "./model";

// Prometheus and Loki order by time stamps; certificates and signatures tolerate minutes, people comparing graphs do not.
const CLOCK_DEGRADED_MS = 1_000;
const CLOCK_NOTE_MS = 200;

/** A queue that is this full will soon be too small. */
const QUEUE_NEARLY_FULL = 0.8;

/** The worst of what was found. Pure. */
export function verdictOf(nodes: HostStatus[], findings: Finding[]): Verdict {
    if (!nodes.some((node) => node.reachable)) return "unknown";
    for (const severity of ["broken", "unknown", "degraded"] as const)
        if (findings.some((finding) => finding.severity === severity)) return severity;
    return "healthy";
}

/** What is wrong with a host, its services and its queues. Pure. */
export function hostFindings(node: HostStatus): Finding[] {
    if (!node.reachable) return [{ severity: "degraded", text: `${node.name} cannot be reached: ${node.error}` }];
    const services = node.services.flatMap((service): Finding[] => {
        const findings: Finding[] = [];
        if (service.state === "unknown")
            findings.push({ severity: "unknown", text: `${service.container}: ${service.reason}` });
        else if (service.state !== "ok")
            findings.push({ severity: "degraded", text: `${service.container}: ${service.reason}` });
        // What is not there at all has been said.
        if (service.drift && service.state !== "missing")
            findings.push({
                severity: "note",
                text: `${service.container} is ${service.drift}; otel-ha up repairs it`,
            });
        return findings;
    });
    const queues = (node.queues ?? []).flatMap(({ exporter, signal, bytes, capacityBytes }): Finding[] =>
        capacityBytes > 0 && bytes > QUEUE_NEARLY_FULL * capacityBytes
            ? [
                  {
                      severity: "degraded",
                      text: `the queue of ${exporter} (${signal}) on ${node.name} holds ${size(bytes)} of ${size(capacityBytes)}; when it is full, data is refused`,
                  },
              ]
            : [],
    );
    return [...services, ...queues];
}

/** How far apart the hosts' clocks are; undefined: of less than two it is known. Pure. */
export function clockDifference(nodes: HostStatus[]): SystemStatus["clock"] {
    if (nodes.length < 2) return undefined;
    const offsets = nodes.map((node) => node.clockOffsetMs!);
    return {
        differenceMs: Math.max(...offsets) - Math.min(...offsets),
        errorMs: nodes.reduce((sum, node) => sum + node.clockErrorMs!, 0),
    };
}

/** Pure. */
export function clockFindings(clock: SystemStatus["clock"], nodes: HostStatus[]): Finding[] {
    if (!clock) return [];
    const certain = clock.differenceMs - clock.errorMs;
    if (certain < CLOCK_NOTE_MS) return [];
    const names = nodes.map(({ name }) => name).join(" and ");
    return [
        {
            severity: certain < CLOCK_DEGRADED_MS ? "note" : "degraded",
            text: `the clocks of ${names} differ by ${span(clock.differenceMs / 1000)}; look at their time synchronisation`,
        },
    ];
}
