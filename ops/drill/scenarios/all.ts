/** Every drill there is. */
import { seconds } from "../../../components/units";
import type { SecretName } from "../../../components/generations";
import { fillDisk, restartPrometheus, type Filling } from "../faults/disk";
import { crashReboot, powerOff } from "../faults/hosts";
import { lossyLink, partition, slowLink } from "../faults/network";
import { rollingChange, rollingImage } from "../faults/rolling";
import { rotate } from "../faults/rotate";
import { wipeHost } from "../faults/wipe";
import { killProcess, stopContainer, stopProcess } from "../faults/services";
import type { Fault } from "../faults/fault";
import type { DeployedNode } from "../../deployment";
import type { Scenario, Stage } from "./scenario";
import { backdated, together } from "./parts";

const hostOff = (node: DeployedNode, { power, reboot }: Stage): Fault =>
    !power && reboot ? crashReboot(node) : powerOff(node, power);

const hourOf = (stage: Stage): number => seconds(stage.owner.values.maxPeerOutage) / 3600;

const ROTATIONS: [name: string, secret: SecretName, title: string, description: string][] = [
    [
        "rotate-loki-user",
        "lokiUser",
        "Loki gets another user of the object store, under load",
        "Old and new are valid until both nodes have moved; then the old one is refused.",
    ],
    [
        "rotate-object-store-root",
        "objectStoreRoot",
        "The object store gets another root password, under load",
        "A pooled store takes no writes until both hosts have it; queues and write-ahead logs keep what comes meanwhile.",
    ],
    [
        "rotate-vrrp",
        "vrrp",
        "VRRP gets another password, under load",
        "The nodes have different ones for a while, and the virtual IP has one owner all the same. VRRP 2 only.",
    ],
    [
        "rotate-tokens",
        "otlpTokens",
        "Senders get other tokens, under load",
        "Old and new are accepted until the senders have the new ones; then the old ones are refused. Needs otlpTokens.",
    ],
    [
        "rotate-certificates",
        "certificates",
        "The nodes get other certificates and keys, under load",
        "By the same CA, without a restart. Old ones are shown no more; nothing but their end, or another CA, makes them invalid.",
    ],
    [
        "rotate-ca",
        "ca",
        "Another CA takes the place of the old one, under load",
        "It is believed, handed out to the clients, signs, and is alone: three rolling changes. What the old one has signed is refused.",
    ],
];

export const SCENARIOS: Scenario[] = [
    {
        name: "keepalived-stop",
        starred: true,
        title: "Keepalived is stopped on the owner of the virtual IP",
        description: "A clean hand-over: the other node gets the address at once, as in planned work.",
        holdSeconds: 12,
        gap: "cleanStop",
        fault: ({ owner }) => stopContainer(owner, "keepalived"),
    },
    {
        name: "haproxy-kill",
        starred: true,
        title: "HAProxy dies on the owner",
        description: "Keepalived must notice and give the address away, or Docker must be faster.",
        holdSeconds: 12,
        gap: "processKilled",
        fault: ({ owner }) => killProcess(owner, "haproxy"),
    },
    {
        name: "collector-kill",
        starred: true,
        title: "The collector dies on the owner (kill -9)",
        description:
            "What it has acknowledged is in its queue on disk, or lost; new data goes to the peer's collector.",
        holdSeconds: 12,
        gap: "processKilled",
        fault: ({ owner }) => killProcess(owner, "otel-aggregator"),
    },
    {
        name: "host-owner",
        starred: true,
        title: "The owner's host loses its power, and returns after the queues for it have filled",
        description: "The other node takes the address and everything that comes; the returned one catches up.",
        holdSeconds: 30,
        gap: "hostKilled",
        holdsBack: true,
        fault: (stage) => hostOff(stage.owner, stage),
    },
    {
        name: "partition",
        starred: true,
        title: "The two nodes cannot see each other, and clients see both",
        description: "Both hold the address and both take data; healed, both have everything once.",
        holdSeconds: 20,
        gap: "hostKilled",
        twoOwners: true,
        fault: ({ owner, backup }) => partition([owner], [backup]),
    },
    {
        name: "rolling-config",
        starred: true,
        title: "A changed setting goes to both nodes with `otel-ha up`, under load",
        description: "HAProxy's connection limit is changed by one and changed back: two rolling changes.",
        holdSeconds: 3,
        gap: "rolling",
        fault: ({ deployment, owner }) =>
            rollingChange(deployment, "haproxyMaxConnections", () => String(owner.values.haproxyMaxConnections - 1)),
    },
    {
        name: "collector-stop",
        starred: false,
        title: "The collector stands still on the owner (SIGSTOP)",
        description: "Connections stay open and nothing answers: worse than a crash, since only time tells.",
        holdSeconds: 20,
        gap: "hostKilled",
        holdsBack: true,
        fault: ({ owner }) => stopProcess(owner, "otel-aggregator"),
    },
    ...(["prometheus", "loki", "minio", "thanos-sidecar"] as const).map(
        (service): Scenario => ({
            name: `${service.replace("thanos-", "").replace("minio", "store")}-kill`,
            starred: false,
            title: `${service} dies on the owner (kill -9)`,
            description: "Intake does not notice; queues hold what it misses, reads go to the other node.",
            holdSeconds: 12,
            gap: "none",
            fault: ({ owner }) => killProcess(owner, service),
        }),
    ),
    {
        name: "store-stop",
        starred: false,
        title: "The object store of one node is stopped for half a minute",
        description: "Back ends keep what they cannot upload; a pooled store refuses writes meanwhile.",
        holdSeconds: 30,
        gap: "none",
        fault: ({ backup }) => stopContainer(backup, "minio"),
    },
    {
        name: "host-backup",
        starred: false,
        title: "The host that does not own the virtual IP loses its power, and returns",
        description: "Clients must not notice at all.",
        holdSeconds: 30,
        gap: "none",
        fault: (stage) => hostOff(stage.backup, stage),
    },
    {
        name: "power-cut",
        starred: false,
        title: "The owner's host loses its power for a moment, in the middle of writing",
        description:
            "What was acknowledged is on the disk, not in the page cache. In the lab that takes hosts with disks of their own (lab disks), as " +
            "make drill has them.",
        holdSeconds: 4,
        gap: "hostKilled",
        holdsBack: true,
        fault: (stage) => hostOff(stage.owner, stage),
    },
    {
        name: "slow-link",
        starred: false,
        title: "200 ms more and 5 % loss between the nodes",
        description: "The slow side catches up from its queue; the near side is not held up. Needs the kernel's netem.",
        holdSeconds: 40,
        gap: "none",
        fault: ({ owner, backup }) => slowLink(owner, backup, 200, 5),
    },
    {
        name: "lossy-link",
        starred: false,
        title: "5 % of packets lost between the nodes",
        description: "As slow-link, without the delay: for hosts whose kernel has no netem.",
        holdSeconds: 40,
        gap: "none",
        fault: ({ owner, backup }) => lossyLink(owner, backup, 5),
    },
    ...(
        [
            ["queue", "the collector's queues", (v) => `${v.dataDir}/otel-aggregator/queue`, { gradually: true }],
            ["wal", "Prometheus", (v) => `${v.dataDir}/prometheus`, { gradually: true, afterwards: restartPrometheus }],
            ["loki", "Loki", (v) => v.lokiDataDir],
            ["store", "the object store", (v) => `${v.dataDir}/minio`],
        ] as [string, string, (values: DeployedNode["values"]) => string, Filling<DeployedNode>?][]
    ).map(
        ([part, whose, directory, filling]): Scenario => ({
            name: `disk-full-${part}`,
            starred: false,
            title: `The disk of ${whose} is full on the owner`,
            description:
                "Refused rather than lost: clients get an answer that has them send again, or the peer takes over.",
            holdSeconds: 20,
            gap: "hostKilled",
            fault: ({ owner }) => fillDisk(owner, directory(owner.values), filling),
        }),
    ),
    {
        name: "long-outage",
        starred: false,
        title: "A backlog as old as maxPeerOutage allows reaches a node that was away",
        description:
            "Half of the clients send data that is hours old, as a queue does after a long outage, while the back ends of the other node are away: " +
            "proves Prometheus' out-of-order window and Loki's chunk age.",
        holdSeconds: 20,
        gap: "none",
        fault: ({ backup }) => together(stopContainer(backup, "prometheus"), stopContainer(backup, "loki")),
        clients: (stage, usual) => backdated(usual, (hourOf(stage) - 0.5) * 3_600_000),
    },
    {
        name: "clock-skew",
        starred: false,
        title: "Half of the clients' clocks are nine minutes ahead",
        description:
            "Back ends take what is up to ten minutes ahead. The hosts' own clocks are not touched: other things on them depend on theirs.",
        holdSeconds: 10,
        gap: "cleanStop",
        fault: ({ owner }) => stopContainer(owner, "keepalived"),
        clients: (_, usual) => backdated(usual, -9 * 60_000),
    },
    {
        name: "rolling-image",
        starred: false,
        title: "The collector's image changes on both nodes with `otel-ha up`, under load",
        description:
            "Containers are replaced, not reloaded. The other image is the same but for a label; the drill builds it on the hosts.",
        holdSeconds: 3,
        gap: "rolling",
        fault: ({ deployment, owner }) =>
            rollingImage(deployment, "imageOtelAggregator", owner.values.imageOtelAggregator),
    },
    ...ROTATIONS.map(
        ([name, secret, title, description]): Scenario => ({
            name,
            starred: false,
            title,
            description: `${description} With otel-ha rotate; the next generation stays.`,
            holdSeconds: 3,
            gap: "rolling",
            fault: ({ deployment }) => rotate(deployment, secret),
        }),
    ),
    {
        name: "node-wiped",
        starred: false,
        title: "The other node's host is wiped and built anew, under load",
        description:
            "Everything that the deployment has on the host that does not own the virtual IP is deleted, data too; then `otel-ha up --rebuild` and, " +
            "mirrored, `otel-ha resync`. Needs --wipe: no timer can undo it. The node's own view need not have what is older than the wipe.",
        holdSeconds: 25,
        gap: "none",
        rebuilt: ({ backup }) => backup,
        fault: ({ deployment, backup, wipe }) => wipeHost(deployment, backup, wipe),
    },
];
