import { apmNodesOf } from "../../../components/settings/apm-nodes";
import { ApmValues } from "../../../components/settings/keys";
import { Health } from "../../apm/answers";
import { percent, size } from "../../format";
import { certificateFindings } from "../certificates";
import { clockDifference, clockFindings, hostFindings, verdictOf } from "../common";
import { Finding, HostStatus, hostStatus, NodeFacts, SystemStatus } from "../model";
import { ClusterFacts, ClusterView, DiskFacts, IndexFacts, MemberFacts } from "./facts";
import { apmCertificateFiles, apmQueues } from "./probes";

/** A node of Container APM. */
export interface ApmNodeStatus extends HostStatus {
    /** Its OpenSearch is part of the cluster; undefined: that is not known. */
    member?: boolean;
}

/** A signal's indexes together. */
export interface IndexGroup {
    /** @example "otel-logs" */
    name: string;
    /** Of the one that is worst off. */
    health: Health;
    indices: number;
    documents: number;
    bytes: number;
}

/** A node's disk, and what OpenSearch does since it is as full as it is. */
export interface Disk extends DiskFacts {
    /** Highest watermark that it has passed. */
    above?: "low" | "high" | "flood";
}

/** The cluster itself. */
export interface ClusterStatus {
    /** Names of all nodes that it should have. */
    expected: string[];
    /** Those that it has; undefined: nobody says. */
    nodes?: string[];
    /** Undefined: nobody says, or there is none. */
    manager?: string;
    /** Undefined: no manager is known to anybody. */
    health?: Health;
    unassigned?: number;
    initializing?: number;
    relocating?: number;
    /** Which copies may be assigned. @example "all" */
    allocation?: string;
    indices: IndexGroup[];
    disks: Disk[];
    /** Indexes that take no writes. */
    blocked: string[];
    members: MemberFacts[];
}

/** How Container APM is. */
export interface ApmStatus extends SystemStatus<ApmNodeStatus> {
    cluster: ClusterStatus;
}

/** Names of a signal's indexes differ by the number at the end. */
const groupOf = (index: string): string => index.replace(/-\d+$/, "");

const WORST: Health[] = ["green", "yellow", "red"];

/** The facts of all hosts and of the cluster, made sense of. Pure. */
export function judgeApm(facts: NodeFacts<ApmValues>[], cluster: ClusterFacts, now = Date.now()): ApmStatus {
    const { values } = facts[0]!;
    const known = clusterStatus(values, cluster);
    const nodes = facts.map((one): ApmNodeStatus => {
        const { host } = one.facts;
        const member = known.nodes?.includes(one.values.nodeName);
        return { ...hostStatus(one), queues: host && apmQueues(one.values, host.answers), member };
    });
    const reachable = nodes.filter((node) => node.reachable);
    const clock = clockDifference(reachable);
    const findings = [
        ...clusterFindings(known, cluster, nodes),
        ...diskFindings(known, values),
        ...nodes.flatMap(hostFindings),
        ...nodes.flatMap(({ certificates }, at) => {
            const { values: v } = facts[at]!;
            return certificates ? certificateFindings(v, apmCertificateFiles(v), certificates, now) : [];
        }),
        ...nodes.flatMap(queueFindings),
        ...clockFindings(clock, reachable),
    ];
    return { verdict: verdictOf(nodes, findings), cluster: known, clock, findings, nodes };
}

function clusterStatus(values: ApmValues, { members, view = {} }: ClusterFacts): ClusterStatus {
    const { health } = view;
    return {
        expected: apmNodesOf(values).map(({ name }) => name),
        nodes: view.nodes,
        manager: view.manager,
        health: health?.status,
        unassigned: health?.unassigned,
        initializing: health?.initializing,
        relocating: health?.relocating,
        allocation: view.allocation,
        indices: groups(view.indices ?? []),
        disks: (view.disks ?? []).map((disk) => ({ ...disk, above: passed(disk, values) })),
        blocked: view.blocked ?? [],
        members,
    };
}

function groups(indices: IndexFacts[]): IndexGroup[] {
    const names = [...new Set(indices.map(({ index }) => groupOf(index)))].sort();
    return names.map((name) => {
        const all = indices.filter(({ index }) => groupOf(index) === name);
        const sum = (of: "documents" | "bytes"): number => all.reduce((total, one) => total + one[of], 0);
        const worst = Math.max(...all.map(({ health }) => WORST.indexOf(health)));
        return { name, health: WORST[worst]!, indices: all.length, documents: sum("documents"), bytes: sum("bytes") };
    });
}

function passed({ usedBytes, totalBytes }: DiskFacts, v: ApmValues): Disk["above"] {
    const marks = { flood: v.opensearchFloodWatermark, high: v.opensearchHighWatermark, low: v.opensearchLowWatermark };
    const full = (usedBytes / totalBytes) * 100;
    return (Object.keys(marks) as (keyof typeof marks)[]).find((mark) => full >= Number(marks[mark].replace("%", "")));
}

function clusterFindings(
    cluster: ClusterStatus,
    { members, view, error }: ClusterFacts,
    nodes: ApmNodeStatus[],
): Finding[] {
    if (error !== undefined) return [{ severity: "unknown", text: `OpenSearch was not asked: ${error}` }];
    return [...twoClusters(members), ...(view ? ofView(cluster, view, nodes) : noManager(members, nodes))];
}

// Without a manager nothing is written, whoever is there.
function noManager(members: MemberFacts[], nodes: ApmNodeStatus[]): Finding[] {
    const silent = members.filter(({ error }) => error !== undefined);
    const why = silent.map(({ name, error }) => `${name}: ${error}`).join("; ");
    const asked = members.length - silent.length;
    // Nobody let us in, or the way there is shut: that says nothing of the cluster.
    if (asked === 0 && silent.every((one) => isRefusal(one)))
        return [{ severity: "unknown", text: `no OpenSearch answers who asks it: ${why}` }];
    // Docker calls one healthy that knows a manager.
    const well = nodes.filter(({ services }) =>
        services.some(({ service, state }) => service === "opensearch" && state === "ok"),
    );
    if (asked === 0 && well.length > 0)
        return [
            {
                severity: "unknown",
                text: `no OpenSearch answers from here (${why}), though on ${well.map(({ name }) => name).join(" and ")} it is healthy: is this machine in adminCidrs?`,
            },
        ];
    const there =
        asked === 0
            ? `no OpenSearch answers (${why})`
            : `${asked} of ${members.length} nodes answer and know none${why && ` (${why})`}`;
    return [{ severity: "broken", text: `the cluster has no manager, and writes are refused: ${there}` }];
}

/** Whoever asked is not let in. Pure. */
export const isRefusal = ({ error = "" }: Pick<MemberFacts, "error">): boolean => /^answers 40[13]\b/.test(error);

function twoClusters(members: MemberFacts[]): Finding[] {
    const ids = [...new Set(members.flatMap(({ uuid }) => uuid ?? []))];
    if (ids.length < 2) return [];
    const of = (id: string): string =>
        members
            .filter(({ uuid }) => uuid === id)
            .map(({ name }) => name)
            .join(" and ");
    const text = `there are ${ids.length} clusters: ${ids.map((id) => `${of(id)} (${id})`).join(", and ")}; what one has the other has not: stop the one that was formed last`;
    return [{ severity: "broken", text }];
}

function ofView(
    cluster: ClusterStatus,
    { shards = [], blocked = [], nodes: there, health, allocation }: ClusterView,
    nodes: ApmNodeStatus[],
): Finding[] {
    const waiting = shards.filter(({ state }) => state === "UNASSIGNED");
    const which = [...new Set(waiting.map(({ index, reason }) => `${index}${reason ? `, ${reason}` : ""}`))];
    const named = which.length > 0 ? ` (${which.slice(0, 3).join("; ")}${which.length > 3 ? "; …" : ""})` : "";
    const findings: Finding[] = [];
    if (!health) findings.push({ severity: "unknown", text: "the cluster manager does not say how the cluster is" });
    if (health?.status === "red")
        findings.push({
            severity: "broken",
            text: `the cluster is red: data is on no node that is there, and is neither found nor written${named}`,
        });
    if (health?.status === "yellow")
        findings.push({
            severity: "degraded",
            text: `the cluster is yellow: ${health.unassigned} copies are on no node, ${health.initializing} are being made${named}`,
        });
    if (blocked.length > 0)
        findings.push({
            severity: "broken",
            text: `writes are refused to ${blocked.join(", ")}: a disk is above opensearchFloodWatermark; make room, and OpenSearch takes them again by itself`,
        });
    if (allocation !== undefined && allocation !== "all")
        findings.push({
            severity: "degraded",
            text: `copies are not made again: cluster.routing.allocation.enable is ${allocation}; it is put back when the restart that needs it ends, and by otel-ha up where none does`,
        });
    // Of a host that is away it has been said.
    const away = cluster.expected.filter((name) => there && !there.includes(name));
    for (const name of away) {
        const error = cluster.members.find((member) => member.name === name)?.error;
        const host = nodes.find((node) => node.name === name);
        if (host?.reachable !== false)
            findings.push({
                severity: "degraded",
                text: `${name} is not part of the cluster${error ? `: ${error}` : ""}`,
            });
    }
    return findings;
}

function diskFindings({ disks }: ClusterStatus, v: ApmValues): Finding[] {
    const does = {
        low: `no new copies go there (opensearchLowWatermark, ${v.opensearchLowWatermark})`,
        high: `copies move away (opensearchHighWatermark, ${v.opensearchHighWatermark})`,
        flood: `what has a copy there takes no writes (opensearchFloodWatermark, ${v.opensearchFloodWatermark})`,
    };
    return disks.flatMap(({ node, above, usedBytes, totalBytes }): Finding[] =>
        above === undefined
            ? []
            : [
                  {
                      severity: above === "flood" ? "broken" : "degraded",
                      text: `the disk of ${node} is ${percent(usedBytes / totalBytes)} full, with ${size(totalBytes - usedBytes)} left: ${does[above]}`,
                  },
              ],
    );
}

// What is nearly full has been said.
function queueFindings({ name, reachable, queues }: ApmNodeStatus): Finding[] {
    if (!reachable) return [];
    if (queues === undefined)
        return [{ severity: "note", text: `the collectors of ${name} do not all tell their queues` }];
    return queues
        .filter(({ behind }) => behind)
        .map(({ exporter, signal, bytes }) => ({
            severity: "degraded",
            text: `${size(bytes)} wait in the queue of ${exporter} (${signal}) on ${name}`,
        }));
}
