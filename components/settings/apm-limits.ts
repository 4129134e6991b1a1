import { apmNodesOf } from "./apm-nodes";
import { COMMON_LIMITS, Limit } from "./common-limits";
import { ApmValues } from "./keys";

const noReplica: Limit<ApmValues> = ({ opensearchReplicas }) =>
    opensearchReplicas > 0
        ? []
        : [
              {
                  key: "opensearchReplicas",
                  message:
                      "0: what a node has is nowhere else, so that it is away, or lost, with its host; 1 lifts that",
              },
          ];

const evenNodes: Limit<ApmValues> = (settings) => {
    const { length } = apmNodesOf(settings);
    return length % 2 === 1
        ? []
        : [
              {
                  key: "apmNodes",
                  message: `${length} nodes survive no more than ${length - 1} do, since more than half of them must be there; one less, or one more, lifts that`,
              },
          ];
};

const oneDashboards: Limit<ApmValues> = ({ dashboardsCopies }) =>
    dashboardsCopies !== 1
        ? []
        : [{ key: "dashboardsCopies", message: "1: no dashboards while its host is away; 2 lifts that" }];

const noSnapshots: Limit<ApmValues> = ({ opensearchSnapshotBucket, opensearchSnapshotDirectory }) =>
    opensearchSnapshotBucket !== "" || opensearchSnapshotDirectory !== ""
        ? []
        : [
              {
                  key: "opensearchSnapshotBucket",
                  message:
                      "none: there is nowhere to keep snapshots, so that what is deleted, or lost on all nodes, is gone; a bucket of an S3 store, or a directory that all hosts share, lifts that",
              },
          ];

/** Known limits of Container APM. */
export const APM_LIMITS: Limit<ApmValues>[] = [noReplica, evenNodes, oneDashboards, noSnapshots, ...COMMON_LIMITS];
