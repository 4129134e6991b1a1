import { bytes, parseDuration } from "../units";
import { apmNodesOf } from "./apm-nodes";
import { ApmValues } from "./keys";
import { none, problem, Rule } from "./problem";

/** Fewer have no majority when one is away. */
const LEAST_NODES = 3;

const enoughNodes: Rule<ApmValues> = (settings) => {
    const { length } = apmNodesOf(settings);
    return length >= LEAST_NODES
        ? none
        : problem(
              "apmNodes",
              `has ${length === 1 ? "one node" : `${length} nodes`}, which would all stop with one of them; write ${LEAST_NODES}, or another odd number above`,
          );
};

const nodesDiffer: Rule<ApmValues> = (settings) => {
    const nodes = apmNodesOf(settings);
    const twice = (of: "name" | "address"): string | undefined =>
        nodes.map((node) => node[of]).find((value, at, all) => all.indexOf(value) < at);
    const again = twice("name") ?? twice("address");
    return again === undefined
        ? none
        : problem("apmNodes", `has "${again}" twice; each node has a name and an address of its own`);
};

// The list is the same on all stacks; who this one is must not be told in two ways.
const isOneOfTheNodes: Rule<ApmValues> = (settings) => {
    const { nodeName, nodeAddress, apmNodes } = settings;
    const own = apmNodesOf(settings).find(({ name }) => name === nodeName);
    if (own === undefined)
        return problem(
            "apmNodes",
            `"${apmNodes}" has not this node, "${nodeName}" (nodeName); the list is of all nodes`,
        );
    return own.address === nodeAddress
        ? none
        : problem(
              "apmNodes",
              `has "${nodeName}" at ${own.address}, and nodeAddress is "${nodeAddress}"; write the same in both`,
          );
};

// OpenSearch never puts two copies of a shard on one node: more of them would stay unassigned, and the cluster yellow.
const replicasFitNodes: Rule<ApmValues> = (settings) => {
    const { length } = apmNodesOf(settings);
    const { opensearchReplicas } = settings;
    return opensearchReplicas < length
        ? none
        : problem(
              "opensearchReplicas",
              `${opensearchReplicas} replicas and the first copy need ${opensearchReplicas + 1} nodes, and there are ${length} (apmNodes); write ${length - 1} or less`,
          );
};

const dashboardsFitNodes: Rule<ApmValues> = (settings) => {
    const { length } = apmNodesOf(settings);
    const { dashboardsCopies } = settings;
    return dashboardsCopies <= length
        ? none
        : problem(
              "dashboardsCopies",
              `${dashboardsCopies} is more than there are nodes (apmNodes); write ${length} or less`,
          );
};

const percent = (text: string): number => Number(text.replace("%", ""));

const watermarksRise: Rule<ApmValues> = (settings) => {
    const keys = ["opensearchLowWatermark", "opensearchHighWatermark", "opensearchFloodWatermark"] as const;
    return keys.slice(1).flatMap((key, at) => {
        const lower = keys[at]!;
        return percent(settings[lower]) < percent(settings[key])
            ? none
            : problem(
                  key,
                  `"${settings[key]}" is not above ${lower} ("${settings[lower]}"); they are reached one after the other, such as 85%, 90%, 95%`,
              );
    });
};

// An index goes as a whole, once nothing is written to it any more.
const retentionOutlastsRollover: Rule<ApmValues> = ({ opensearchRetention, opensearchRolloverAge }) =>
    (parseDuration(opensearchRetention) ?? 0) >= (parseDuration(opensearchRolloverAge) ?? 0)
        ? none
        : problem(
              "opensearchRetention",
              `"${opensearchRetention}" is shorter than opensearchRolloverAge ("${opensearchRolloverAge}"), for which an index is written to; write more, or lower that`,
          );

// Besides its heap a Java process needs memory for threads, buffers and its code; OpenSearch maps its files into the rest.
const heapFits =
    (
        heapKey: "opensearchHeap" | "dataPrepperHeap",
        limitKey: "opensearchMemoryLimit" | "dataPrepperMemoryLimit",
        most: number,
    ): Rule<ApmValues> =>
    (settings) => {
        const [heap, limit] = [settings[heapKey], settings[limitKey]];
        return heap === "auto" || bytes(heap) <= bytes(limit) * most
            ? none
            : problem(
                  heapKey,
                  `"${heap}" is more than ${most * 100} % of ${limitKey} ("${limit}"); the rest is needed beside the heap, so write less, or raise that`,
              );
    };

const SNAPSHOT = {
    opensearchSnapshotEndpoint: "host and port of the S3 store",
    opensearchSnapshotBucket: "the bucket",
    opensearchSnapshotUser: "the access key of that store's user",
    opensearchSnapshotSecret: "the secret key of that store's user, with --secret",
} as const;

const oneRepository: Rule<ApmValues> = ({ opensearchSnapshotDirectory, opensearchSnapshotBucket }) =>
    opensearchSnapshotDirectory === "" || opensearchSnapshotBucket === ""
        ? none
        : problem(
              "opensearchSnapshotDirectory",
              `"${opensearchSnapshotDirectory}" would not be used, since opensearchSnapshotBucket is given; leave one of them out`,
          );

// With a part of them there would be no snapshots, and it would look as if there were.
const snapshotsAreWhole: Rule<ApmValues> = (settings) => {
    const keys = Object.keys(SNAPSHOT) as (keyof typeof SNAPSHOT)[];
    const given = keys.find((key) => settings[key] !== "");
    if (given === undefined) return none;
    return keys
        .filter((key) => settings[key] === "")
        .flatMap((key) => problem(key, `is missing; with ${given} give ${SNAPSHOT[key]}, too`));
};

// Nodes know each other by names that must be in the certificates, and one that is given cannot be a node's and the administrator's at once.
const certificatesAreMade: Rule<ApmValues> = ({ tls }) =>
    tls === "provided"
        ? problem(
              "tls",
              '"provided" is for the two-host platform; write internal: the nodes get certificates of a CA that is made',
          )
        : none;

// It speaks TLS only, to OpenSearch as well.
const dataPrepperHasTls: Rule<ApmValues> = ({ tls, apm }) =>
    tls === "off" && apm.ingest === "data-prepper"
        ? problem(
              "tls",
              '"off" cannot be with Data Prepper; write internal, or pulumi config set --path apm.ingest direct',
          )
        : none;

const dashboardsHaveTls: Rule<ApmValues> = ({ tls, dashboardsCopies }) =>
    tls === "off" && dashboardsCopies > 0
        ? problem(
              "dashboardsCopies",
              `${dashboardsCopies} cannot be without TLS, since people log in there; write 0, or tls: internal`,
          )
        : none;

// Elsewhere it would do nothing, and look as if it did.
const dataPrepperIsUsed: Rule<ApmValues> = ({ apm, dataPrepperPassword }) =>
    apm.ingest === "data-prepper" || dataPrepperPassword === ""
        ? none
        : problem(
              "dataPrepperPassword",
              "would not be used, since apm.ingest is direct; write data-prepper there, or leave it out",
          );

// OpenSearch Dashboards signs cookies with no less.
const cookieSecretIsLong: Rule<ApmValues> = ({ dashboardsCookieSecret }) =>
    dashboardsCookieSecret === "" || dashboardsCookieSecret.length >= 32
        ? none
        : problem(
              "dashboardsCookieSecret",
              "has less than 32 characters, which is what OpenSearch Dashboards asks for",
          );

/** Rules of Container APM. */
export const APM_RULES: Rule<ApmValues>[] = [
    enoughNodes,
    nodesDiffer,
    isOneOfTheNodes,
    replicasFitNodes,
    dashboardsFitNodes,
    watermarksRise,
    retentionOutlastsRollover,
    heapFits("opensearchHeap", "opensearchMemoryLimit", 0.5),
    heapFits("dataPrepperHeap", "dataPrepperMemoryLimit", 0.75),
    snapshotsAreWhole,
    oneRepository,
    certificatesAreMade,
    dataPrepperHasTls,
    dashboardsHaveTls,
    dataPrepperIsUsed,
    cookieSecretIsLong,
];
