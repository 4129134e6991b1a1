import { size, span } from "../format";
import { certificateFiles, certificateFindings } from "./certificates";
import { clockDifference, clockFindings, hostFindings, verdictOf } from "./common";
import { Finding, NodeFacts, NodeStatus, nodeStatus, Redundancy, Status } from "./model";

/** Any one of these is enough for queries, none is not. */
const BACK_ENDS = { prometheus: "Prometheus", loki: "Loki" };

/** The pair's facts, made sense of. Pure. */
export function judge(facts: NodeFacts[], now = Date.now()): Status {
    const nodes = facts.map(nodeStatus);
    const reachable = nodes.filter((node) => node.reachable);
    const vip = virtualIp(facts, nodes);
    const clock = clockDifference(reachable);
    const redundancy = redundancyOf(facts, nodes);
    const peerOut = facts.some(({ values }) => values.peerOut);
    const findings = [
        ...vipFindings(vip, nodes),
        ...backEndFindings(nodes),
        ...nodes.flatMap(nodeFindings),
        ...nodes.flatMap(({ certificates }, at) => {
            const { values } = facts[at]!;
            return certificates ? certificateFindings(values, certificateFiles(values), certificates, now) : [];
        }),
        ...clockFindings(clock, reachable),
        ...(redundancy.full === false && (Object.keys(redundancy.waiting).length > 0 || peerOut)
            ? [{ severity: "degraded" as const, text: `redundancy: ${redundancy.text}` }]
            : []),
    ];
    return { verdict: verdictOf(nodes, findings), vip, redundancy, clock, findings, nodes };
}

function virtualIp(facts: NodeFacts[], nodes: NodeStatus[]): Status["vip"] {
    // Where a connection is all that a host can make, the owner has to say that something is behind it.
    const ownersWork = nodes
        .filter((node) => node.holdsVip)
        .every(({ services }) => services.find(({ service }) => service === "haproxy")?.endpoint === 200);
    const answers = facts.flatMap(({ facts: { host } }) => {
        const { status, connected = false } = host?.answers.vip ?? {};
        return host ? [status === 200 || (connected && ownersWork)] : [];
    });
    return {
        address: facts[0]!.values.vip,
        owners: nodes.filter((node) => node.holdsVip).map(({ name }) => name),
        answers: answers.length === 0 ? undefined : answers.includes(true),
    };
}

function vipFindings({ address, owners, answers }: Status["vip"], nodes: NodeStatus[]): Finding[] {
    const away = nodes.filter((node) => !node.reachable).map(({ name }) => name);
    if (away.length === nodes.length) return [];
    if (owners.length > 1)
        return [
            {
                severity: "broken",
                text: `${owners.join(" and ")} both hold the virtual IP ${address}: they do not hear each other's adverts`,
            },
        ];
    if (owners.length === 0 && away.length > 0 && answers)
        return [
            {
                severity: "note",
                text: `the virtual IP ${address} answers, so that ${away.join(" or ")}, which cannot be asked, must hold it`,
            },
        ];
    if (owners.length === 0) return [{ severity: "broken", text: `nobody holds the virtual IP ${address}` }];
    if (answers === false)
        return [
            {
                severity: "broken",
                text: `the virtual IP ${address} takes no data: HAProxy on ${owners[0]} has no collector left, or does not answer`,
            },
        ];
    return [];
}

function backEndFindings(nodes: NodeStatus[]): Finding[] {
    if (!nodes.some((node) => node.reachable)) return [];
    return Object.entries(BACK_ENDS).flatMap(([service, name]): Finding[] => {
        const all = nodes.flatMap((node) => node.services.filter((status) => status.service === service));
        if (all.length === 0 || all.some(({ state }) => state === "ok")) return [];
        const known = all.every(({ state }) => state !== "unknown");
        return [{ severity: "broken", text: `no ${name} works${known ? "" : " on the hosts that can be asked"}` }];
    });
}

const nodeFindings = (node: NodeStatus): Finding[] =>
    node.reachable
        ? [...hostFindings(node), ...roomFindings(node), ...logWriteFindings(node), ...mendedLogFindings(node)]
        : hostFindings(node);

// Perhaps the same disk, twice.
function roomFindings({ name, fullDisks = [] }: NodeStatus): Finding[] {
    return fullDisks.map(({ of, freeBytes }) => {
        const instead =
            of === "Prometheus"
                ? "gets no data; it waits in the queues of both collectors"
                : "get no data; it goes to the other node's";
        const who = of === "Prometheus" ? `prometheus-${name}` : `the queues of otel-aggregator-${name}`;
        return {
            severity: "degraded",
            text: `${who} ${instead}: there are only ${size(freeBytes)} left on the disk (diskReserve); make room`,
        };
    });
}

// Prometheus answers 200 to OTLP all the same: nobody sends those points again.
function logWriteFindings({ name, failedLogWrites = 0 }: NodeStatus): Finding[] {
    if (failedLogWrites === 0) return [];
    const text =
        `prometheus-${name} could not write to its log ${failedLogWrites} times since it started: data points of that time are missing on ` +
        `${name}, the merged view has them from the other node; see that its disk has room, then restart it`;
    return [{ severity: "degraded", text }];
}

// In such a start it does not read its log of late samples (tsdb/db.go).
function mendedLogFindings({ name, mendedLogs = 0 }: NodeStatus): Finding[] {
    if (mendedLogs === 0) return [];
    const text =
        `prometheus-${name} had to mend its log when it started, and has left out what came late before that: restart it once more, which ` +
        "reads that, too";
    return [{ severity: "degraded", text }];
}

function redundancyOf(facts: NodeFacts[], nodes: NodeStatus[]): Redundancy {
    const waiting: Redundancy["waiting"] = {};
    for (const queue of nodes.flatMap((node) => node.queues ?? [])) {
        if (!queue.behind || queue.waitsFor === undefined) continue;
        const so = waiting[queue.waitsFor] ?? { bytes: 0 };
        const oldest = [so.oldestSeconds, queue.oldestSeconds].filter((age) => age !== undefined);
        waiting[queue.waitsFor] = {
            bytes: so.bytes + queue.bytes,
            oldestSeconds: oldest.length > 0 ? Math.max(...oldest) : undefined,
        };
    }
    const queued = Object.entries(waiting).map(
        ([name, { bytes, oldestSeconds }]) =>
            `${size(bytes)} queued for ${name}${oldestSeconds === undefined ? "" : `, the oldest ${span(oldestSeconds)} old at most`}`,
    );
    const away = nodes.filter((node) => !node.reachable).map(({ name }) => name);
    const out = facts.filter(({ values }) => values.peerOut).map(({ values }) => values.peerNodeName);
    const failing = nodes.flatMap(({ services }) =>
        services.filter(({ state }) => state !== "ok" && state !== "unknown").map(({ container }) => container),
    );
    const silent = nodes.filter((node) => node.reachable && node.queues === undefined).map(({ name }) => name);

    const state = (full: boolean | undefined, ...parts: string[]): Redundancy => ({
        full,
        text: [...parts, ...queued].join("; "),
        waiting,
    });
    if (away.length === facts.length) return state(undefined, "not known: no host can be reached");
    if (away.length > 0) return state(false, `none, ${away.join(" and ")} cannot be reached`);
    if (failing.length > 0) return state(false, `reduced, without ${failing.join(", ")}`);
    if (silent.length > 0)
        return state(undefined, `not known: the collector of ${silent.join(" and ")} does not tell its queues`);
    if (out.length > 0) return state(false, `none for ${out.join(" and ")}, which peerOut leaves out`);
    return queued.length > 0 ? state(false, "catching up") : state(true, "full");
}
