import { bytes, parseDuration } from "../units";
import { within } from "./common-rules";
import { none, problem, Rule } from "./problem";
import { GIVEN_TLS_RULES } from "./tls-rules";

const virtualIpIsNotOurs: Rule = ({ vip, nodeAddress }) =>
    vip === nodeAddress
        ? problem(
              "vip",
              `"${vip}" is this node's own address (nodeAddress); the virtual IP must be a free one in the same network`,
          )
        : none;

const virtualIpIsNotThePeers: Rule = ({ vip, peerAddress }) =>
    vip === peerAddress
        ? problem(
              "vip",
              `"${vip}" is the peer's address (peerAddress); the virtual IP must be a free one in the same network`,
          )
        : none;

const twoDifferentHosts: Rule = ({ nodeAddress, peerAddress }) =>
    nodeAddress === peerAddress
        ? problem("peerAddress", `"${peerAddress}" is this node's own address; write the address of the other host`)
        : none;

const twoDifferentNames: Rule = ({ nodeName, peerNodeName }) =>
    nodeName === peerNodeName
        ? problem(
              "peerNodeName",
              `"${peerNodeName}" is this node's own name; the two nodes need different names, such as mid-1 and mid-2`,
          )
        : none;

const differentPriorities: Rule = ({ priority, peerPriority }) =>
    priority === peerPriority
        ? problem(
              "priority",
              `${priority} is the peer's priority too (peerPriority); the two nodes need different ones, such as 100 and 90`,
          )
        : none;

const masterHasPriority: Rule = ({ role, priority, peerPriority }) => {
    if (role === "MASTER" && priority < peerPriority)
        return problem(
            "role",
            `"MASTER" has the lower priority (${priority} < ${peerPriority}); write BACKUP, or raise priority`,
        );
    if (role === "BACKUP" && priority > peerPriority)
        return problem(
            "role",
            `"BACKUP" has the higher priority (${priority} > ${peerPriority}); write MASTER, or lower priority`,
        );
    return none;
};

// VRRP 2 counts in whole seconds of one byte (RFC 3768 §5.3.7), VRRP 3 in hundredths of 12 bits (RFC 5798 §5.2.7).
const advertisementsFitVersion: Rule = ({ vrrpAdvertInterval, vrrpVersion }) => {
    const milliseconds = parseDuration(vrrpAdvertInterval) ?? 0;
    const [unit, most] = vrrpVersion === 3 ? [10, 40_950] : [1000, 255_000];
    if (milliseconds % unit === 0 && milliseconds <= most) return none;
    return problem(
        "vrrpAdvertInterval",
        vrrpVersion === 3
            ? `"${vrrpAdvertInterval}" is not a multiple of 10 ms up to 40.95 s, which is all that VRRP 3 can say; write "200ms"`
            : `"${vrrpAdvertInterval}" is not a whole number of seconds up to 255, which is all that VRRP 2 can say; write "1s", or set vrrpVersion to 3`,
    );
};

const preemptionIsOneOrTheOther: Rule = ({ vrrpNopreempt, vrrpPreemptDelay }) =>
    vrrpNopreempt && (parseDuration(vrrpPreemptDelay) ?? 0) > 0
        ? problem(
              "vrrpPreemptDelay",
              `"${vrrpPreemptDelay}" has no meaning with vrrpNopreempt, where a node that returns never takes the address back; leave one of them out`,
          )
        : none;

const spikeWithinLimit: Rule = ({ aggregatorMemoryLimit, aggregatorMemorySpikeLimit }) =>
    bytes(aggregatorMemorySpikeLimit) < bytes(aggregatorMemoryLimit)
        ? none
        : problem(
              "aggregatorMemorySpikeLimit",
              `"${aggregatorMemorySpikeLimit}" is not below aggregatorMemoryLimit ("${aggregatorMemoryLimit}"); write about a quarter of it`,
          );

const batchFitsMaximum: Rule = ({ aggregatorBatchSize, aggregatorBatchMaxSize }) =>
    aggregatorBatchSize <= aggregatorBatchMaxSize
        ? none
        : problem(
              "aggregatorBatchMaxSize",
              `${aggregatorBatchMaxSize} is below aggregatorBatchSize (${aggregatorBatchSize}); write ${aggregatorBatchSize} or more`,
          );

// Thanos documentation, "Sidecar": three blocks must fit, or some are deleted before they are uploaded.
const retentionHoldsBlocks: Rule = ({ prometheusRetention, prometheusBlockDuration }) =>
    (parseDuration(prometheusRetention) ?? 0) >= 3 * (parseDuration(prometheusBlockDuration) ?? 0)
        ? none
        : problem(
              "prometheusRetention",
              `"${prometheusRetention}" is shorter than three blocks (prometheusBlockDuration "${prometheusBlockDuration}"); blocks would go before they are uploaded`,
          );

// A host with just enough room to be installed on must not be one that is given nothing.
const reserveIsForLater: Rule = ({ diskReserve, minimumFreeDisk }) =>
    bytes(diskReserve) < bytes(minimumFreeDisk)
        ? none
        : problem(
              "diskReserve",
              `"${diskReserve}" is not below minimumFreeDisk ("${minimumFreeDisk}"); a host that is good enough to begin with would be given no data`,
          );

// Loki deletes whole days of index.
const lokiRetentionInDays: Rule = ({ lokiRetention }) =>
    (parseDuration(lokiRetention) ?? 0) >= 86_400_000
        ? none
        : problem(
              "lokiRetention",
              `"${lokiRetention}" is shorter than a day, the least that Loki can keep; write "1d" or more`,
          );

// Less than this is not enough to start, let alone to hold logs while the bucket is away.
const lokiHasMemory: Rule = ({ lokiMemoryLimit }) =>
    bytes(lokiMemoryLimit) >= 256 * 2 ** 20
        ? none
        : problem("lokiMemoryLimit", `"${lokiMemoryLimit}" is too little for Loki; write "256MiB" or more`);

// Thanos documentation, "Compactor": samples are thinned out after 40 hours, and again after 10 days, from what is there then.
const retentionOutlastsThinning: Rule = ({ thanosRetentionRaw, thanosRetention5m }) => {
    const shorter = (text: string, least: string): boolean => {
        const kept = parseDuration(text) ?? 0;
        return kept > 0 && kept < (parseDuration(least) ?? 0);
    };
    if (shorter(thanosRetentionRaw, "40h"))
        return problem(
            "thanosRetentionRaw",
            `"${thanosRetentionRaw}" is shorter than 40h, when samples of 5 minutes are made of them; write "2d" or more, or "0d" for ever`,
        );
    if (shorter(thanosRetention5m, "10d"))
        return problem(
            "thanosRetention5m",
            `"${thanosRetention5m}" is shorter than 10d, when samples of an hour are made of them; write "10d" or more, or "0d" for ever`,
        );
    return none;
};

const externalStoreIsNamed: Rule = ({ objectStore, objectStoreEndpoint }) => {
    if (objectStore === "external" && objectStoreEndpoint === "")
        return problem(
            "objectStoreEndpoint",
            'is missing; with objectStore "external" write host and port of the S3 store, such as "s3.example:443"',
        );
    if (objectStore !== "external" && objectStoreEndpoint !== "")
        return problem(
            "objectStoreEndpoint",
            `"${objectStoreEndpoint}" would not be used, since objectStore is "${objectStore}"; write objectStore: external, or leave the endpoint out`,
        );
    return none;
};

// Keys of a store that is not ours cannot be made. The stack that owns the credentials has them for both.
const externalStoreHasKeys: Rule = (settings) => {
    const { objectStore, credentialsStack } = settings;
    if (objectStore !== "external" || credentialsStack !== "") return none;
    const secrets = [
        "lokiObjectStoreSecret",
        "thanosSidecarObjectStoreSecret",
        "thanosStoreObjectStoreSecret",
        "thanosCompactorObjectStoreSecret",
    ] as const;
    return secrets
        .filter((key) => settings[key] === "")
        .flatMap((key) =>
            problem(
                key,
                `is missing; with objectStore "external" give the key of that store's user: pulumi config set --secret ${key}`,
            ),
        );
};

const twoBuckets: Rule = ({ lokiBucket, thanosBucket }) =>
    lokiBucket === thanosBucket
        ? problem("thanosBucket", `"${thanosBucket}" is lokiBucket too; each client has a bucket of its own`)
        : none;

const STORE_USERS = [
    "objectStoreRootUser",
    "lokiObjectStoreUser",
    "thanosSidecarObjectStoreUser",
    "thanosStoreObjectStoreUser",
    "thanosCompactorObjectStoreUser",
] as const;

// In a store of ours each has a secret and rights of its own; in another one its administrator may have given one user to several.
const differentStoreUsers: Rule = (settings) => {
    if (settings.objectStore === "external") return none;
    return STORE_USERS.flatMap((key, at) => {
        const other = STORE_USERS.slice(0, at).find((before) => settings[before] === settings[key]);
        return other
            ? problem(key, `"${settings[key]}" is also ${other}; each has rights of its own, so write another name`)
            : none;
    });
};

const vrrpPasswordOfEight: Rule = ({ vrrpPassword }) =>
    vrrpPassword === "" || vrrpPassword.length === 8
        ? none
        : problem("vrrpPassword", "has not 8 characters, which is what VRRP 2 uses; write exactly 8 letters or digits");

const lokiDataApart: Rule = ({ configDir, lokiDataDir }) =>
    within(lokiDataDir, configDir)
        ? problem(
              "lokiDataDir",
              `"${lokiDataDir}" lies in configDir ("${configDir}"); data outlives destroy, configuration does not`,
          )
        : none;

/** Rules of the two-host platform. */
export const PAIR_RULES: Rule[] = [
    virtualIpIsNotOurs,
    virtualIpIsNotThePeers,
    twoDifferentHosts,
    twoDifferentNames,
    differentPriorities,
    masterHasPriority,
    advertisementsFitVersion,
    preemptionIsOneOrTheOther,
    spikeWithinLimit,
    batchFitsMaximum,
    retentionHoldsBlocks,
    reserveIsForLater,
    lokiRetentionInDays,
    lokiHasMemory,
    retentionOutlastsThinning,
    externalStoreIsNamed,
    externalStoreHasKeys,
    twoBuckets,
    differentStoreUsers,
    vrrpPasswordOfEight,
    lokiDataApart,
    ...GIVEN_TLS_RULES,
];
