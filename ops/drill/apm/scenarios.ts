/** Every drill of Container APM. */
import type { Fault } from "../faults/fault";
import { fillDisk } from "../faults/disk";
import { crashReboot, powerOff } from "../faults/hosts";
import { partition } from "../faults/network";
import { rollingImage } from "../faults/rolling";
import { killProcess, stopProcess } from "../faults/services";
import { together } from "../scenarios/parts";
import type { ApmScenario, ApmStage, Step } from "./scenario";
import * as tables from "./tables";
import { hasDashboards, SERVICES, type ApmDrillNode } from "./target";

const hostsOff = (nodes: ApmDrillNode[], { power, reboot }: ApmStage): Fault =>
    together(...nodes.map((node) => (!power && reboot ? crashReboot(node) : powerOff(node, power))));

const off = (mark: string, who: Extract<Step, { do: "fault" }>["who"]): Step => {
    return { do: "fault", mark, who, away: true, fault: hostsOff };
};
const repair = (mark: string, ...of: string[]): Step => ({ do: "repair", mark, of });
const see = (...transitions: Extract<Step, { do: "see" }>["transitions"]): Step => ({ do: "see", transitions });
const hold = (seconds: number): Step => ({ do: "hold", seconds });

/** What a file system has left when it is fuller than a watermark says. Pure. */
export const leaveAbove = (watermark: string): number =>
    Math.max(0.005, (100 - Number.parseFloat(watermark)) / 100 / 2);

const needsDashboards = ({ target }: ApmStage): string | undefined =>
    target.nodes.filter(hasDashboards).length < 2
        ? "Dashboards run on fewer than two nodes (dashboardsCopies)"
        : undefined;

export const APM_SCENARIOS: ApmScenario[] = [
    {
        name: "apm-one-node",
        starred: true,
        title: "The cluster manager's host loses its power, and returns",
        description:
            "Another node manages the cluster; when the lost one is not back in time its copies are made anew on the other two, and spread again when it returns. " +
            "Test 1 of the seed.",
        steps: [
            off("off-1", "manager"),
            see(...tables.MANAGER_LOST, ...tables.REBUILT),
            repair("on-1", "off-1"),
            see(...tables.whole("on-1", "seen")),
        ],
        forbidden: [tables.neverRed("off-1")],
        interruption: "host",
    },
    {
        name: "apm-two-nodes",
        starred: true,
        title: "The cluster manager's host loses its power, then that of the new manager; one returns, then the other",
        description:
            "One of three nodes may not go on alone: nothing is written, and nothing acknowledged, until two are there. What the collectors take meanwhile fills the gap " +
            "afterwards. Test 2 of the seed.",
        steps: [
            off("off-1", "manager"),
            see(...tables.MANAGER_LOST.slice(0, 2)),
            off("off-2", "manager"),
            see(...tables.noQuorum("off-2")),
            hold(15),
            repair("on-2", "off-2"),
            see(...tables.quorumAgain("on-2")),
            repair("on-1", "off-1"),
            see(...tables.whole("on-1", "may be")),
        ],
        forbidden: [],
        interruption: "unbounded",
        refusesWrites: { from: "no-manager", to: "on-2" },
    },
    {
        name: "apm-manager-kill",
        starred: false,
        title: "The manager's OpenSearch process dies (kill -9), and is started again by Docker",
        description: "A closed connection tells the others at once: searches and writes go on within two seconds.",
        steps: [
            {
                ...{ do: "fault", mark: "off-1", who: "manager", away: true },
                fault: ([node]) => killProcess(node!, SERVICES.opensearch),
            },
            see(...tables.MANAGER_LOST.slice(0, 2)),
            repair("on-1", "off-1"),
            see(...tables.whole("on-1", "may be")),
        ],
        forbidden: [tables.neverRed("off-1")],
        interruption: "process",
    },
    {
        name: "apm-manager-stop",
        starred: false,
        title: "The manager's OpenSearch stands still (SIGSTOP), and goes on",
        description:
            "Connections stay open and nothing answers: only time tells. The old manager, awake again, must not take itself for one.",
        steps: [
            {
                ...{ do: "fault", mark: "off-1", who: "manager", away: true },
                fault: ([node]) => stopProcess(node!, SERVICES.opensearch),
            },
            see(...tables.MANAGER_LOST),
            hold(5),
            repair("on-1", "off-1"),
            see(...tables.whole("on-1", "may be")),
        ],
        forbidden: [tables.neverRed("off-1")],
        interruption: "host",
    },
    {
        name: "apm-partition",
        starred: false,
        title: "The manager sees none of the others, and clients see all",
        description: "The two elect another one; the old manager has no majority, and acknowledges nothing.",
        steps: [
            {
                ...{ do: "fault", mark: "off-1", who: "manager", away: true },
                fault: (nodes, _, others) => partition(nodes, others),
            },
            see(...tables.MANAGER_LOST),
            hold(15),
            repair("on-1", "off-1"),
            see(...tables.whole("on-1", "may be")),
        ],
        forbidden: [tables.neverRed("off-1")],
        interruption: "host",
    },
    {
        name: "apm-wrong-order",
        starred: false,
        title: "A host goes, then the one with the only other copies; the first, whose copies are old, returns first",
        description:
            "What was written in between is on the second one only. Red is right until it returns: a stale copy must not be taken for the data. " +
            "The drill's own index waits ten minutes for lost nodes, so that nothing is copied in between.",
        steps: [
            off("off-1", "other"),
            see({
                id: "yellow",
                title: "yellow, with two nodes",
                since: "off-1",
                within: "detection",
                when: { status: ["yellow"], nodes: 2, manager: "other" },
                by: "each",
            }),
            hold(10),
            off("off-2", "other"),
            see(...tables.noQuorum("off-2")),
            repair("on-1", "off-1"),
            see(...tables.ONLY_STALE),
            hold(15),
            repair("on-2", "off-2"),
            see(...tables.whole("on-2", "may be")),
        ],
        forbidden: [
            {
                id: "stale-not-opened",
                title: "Stale copies are never opened: the cluster is not yellow or green before the second host is back",
                never: { status: ["yellow", "green"] },
                from: "red",
                to: "on-2",
            },
        ],
        interruption: "unbounded",
        delayed: "10m",
        refusesWrites: { from: "no-manager", to: "on-1" },
    },
    {
        name: "apm-disk-flood",
        starred: false,
        title: "The disk of a node is fuller than the flood-stage watermark",
        description:
            "OpenSearch writes no more to indexes that have a copy there; collectors keep what they take. With room again the block goes by itself. " +
            "Needs a file system of its own for OpenSearch's data.",
        steps: [
            {
                ...{ do: "fault", mark: "full", who: "other", away: false },
                fault: ([node]) =>
                    fillDisk(node!, `${node!.values.dataDir}/opensearch`, {
                        leave: leaveAbove(node!.values.opensearchFloodWatermark),
                    }),
            },
            see(...tables.FLOODED),
            hold(15),
            repair("room", "full"),
            see(...tables.DRAINED),
        ],
        forbidden: [tables.neverRed("full")],
        interruption: "unbounded",
    },
    {
        name: "apm-rolling-image",
        starred: false,
        title: "Another image of OpenSearch goes to all nodes with `otel-ha up`, one after the other, and back",
        description:
            "The step of a rolling upgrade: containers are replaced, with allocation held meanwhile. The other image is the same but for a label; the drill builds it on the hosts.",
        steps: [
            {
                ...{ do: "fault", mark: "change", who: "nobody", away: false },
                fault: (_, { target }) =>
                    rollingImage(target, "imageOpensearch", target.nodes[0]!.values.imageOpensearch),
            },
            see(tables.RESTARTED, ...tables.whole("change done", "may be")),
            repair("change-back", "change"),
            see(
                ...tables
                    .whole("change-back done", "may be")
                    .map((one) => ({ ...one, id: `${one.id}-2` }))
                    .map(sinceOwn),
            ),
        ],
        forbidden: [tables.neverRed("change"), tables.twoNodesAtLeast("change")],
        interruption: "process",
        restartsAll: true,
    },
    {
        name: "apm-dashboards-host",
        starred: false,
        title: "A host with Dashboards loses its power, and returns",
        description:
            "People go on with the Dashboards of another node. The seed had one copy, and an outage while it moved.",
        steps: [
            off("off-1", "dashboards"),
            see({ ...tables.MANAGER_LOST[0]! }, { ...tables.MANAGER_LOST[1]! }),
            hold(15),
            repair("on-1", "off-1"),
            see(...tables.whole("on-1", "may be")),
        ],
        forbidden: [tables.neverRed("off-1")],
        interruption: "host",
        dashboards: true,
        refusal: needsDashboards,
    },
    {
        name: "apm-power-failure",
        starred: false,
        title: "All three hosts lose their power at once, and return",
        description:
            "What was acknowledged is on the disks, not in page caches. In the lab that takes hosts with disks of their own.",
        steps: [off("off-1", "all"), hold(10), repair("on-1", "off-1"), see(...tables.whole("on-1", "may be"))],
        forbidden: [],
        interruption: "unbounded",
    },
];

// Ids are unique in a drill: what refers to one within the same list goes along.
function sinceOwn<T extends { since?: string }>(transition: T): T {
    return transition.since === "three-nodes" ? { ...transition, since: "three-nodes-2" } : transition;
}
