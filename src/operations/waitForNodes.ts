import type { ServiceContext } from "../http/context.ts";
import type { Cluster, NodeStateCounts } from "../models/cluster.ts";
import { ClusterNodesError } from "./waitErrors.ts";
import { pollUntil, Watch } from "./waiting.ts";
import type { Poll, WaitOptions } from "./waiting.ts";

/** Progress of the nodes of a cluster. */
export interface ClusterNodesProgress {
  /** Number of nodes to wait for. */
  readonly wantedNodeCount: number;
  /** Number of usable nodes: idle nodes and nodes that run a job. */
  readonly readyNodeCount: number;
  /** Number of nodes in each state; all counts are present. */
  readonly nodeStateCounts: Required<NodeStateCounts>;
  /** The current cluster. */
  readonly cluster: Cluster;
}

/** Options of `clusters.waitForNodes`. */
export interface ClustersWaitForNodesOptions extends WaitOptions {
  /**
   * Number of nodes to wait for, at least 0. Default: `targetNodeCount` or `minimumNodeCount` of the cluster's scale
   * settings.
   */
  nodeCount?: number;
  /**
   * Called with the initial counts and after each change. The wait awaits a promise that the callback returns. An
   * exception from the callback ends the wait.
   */
  onProgress?: (progress: ClusterNodesProgress) => unknown;
}

/** A cluster to wait for. */
export interface AwaitedCluster {
  readonly clusterName: string;
  /** ARM ID of the cluster. */
  readonly resource: string;
  readonly get: Poll<Cluster>;
}

/** Waits until a cluster has the required number of nodes. */
export function waitForNodes(
  context: ServiceContext,
  { clusterName, resource, get }: AwaitedCluster,
  { nodeCount, onProgress, ...options }: ClustersWaitForNodesOptions,
): Promise<Cluster> {
  let reported = "";
  const isDone = async (cluster: Cluster): Promise<boolean> => {
    const progress = progressOf(cluster, nodeCount);
    const { wantedNodeCount, readyNodeCount, nodeStateCounts } = progress;
    const report = JSON.stringify([wantedNodeCount, nodeStateCounts]);
    const isNew = report !== reported;
    reported = report;
    if (isNew) await onProgress?.(progress);
    if (readyNodeCount >= wantedNodeCount) return true;
    if (isHopeless(progress)) throw new ClusterNodesError(cluster, wantedNodeCount, readyNodeCount);
    return false;
  };
  const waiting = {
    operation: "clusters.waitForNodes",
    resource,
    subject: `cluster ${clusterName}`,
    leave: () => "the service continues to prepare its nodes",
  };
  return pollUntil(new Watch(context, waiting, options, get), isDone);
}

function progressOf(cluster: Cluster, nodeCount: number | undefined): ClusterNodesProgress {
  const { manual, autoScale } = cluster.scaleSettings ?? {};
  const nodeStateCounts = {
    idleNodeCount: 0,
    runningNodeCount: 0,
    preparingNodeCount: 0,
    unusableNodeCount: 0,
    leavingNodeCount: 0,
    ...cluster.nodeStateCounts,
  };
  return {
    wantedNodeCount: nodeCount ?? manual?.targetNodeCount ?? autoScale?.minimumNodeCount ?? 0,
    readyNodeCount: nodeStateCounts.idleNodeCount + nodeStateCounts.runningNodeCount,
    nodeStateCounts,
    cluster,
  };
}

/**
 * Whether the wait cannot succeed: too few nodes are ready or being prepared, none will be added, and there are errors.
 */
function isHopeless({ cluster, wantedNodeCount, readyNodeCount, nodeStateCounts }: ClusterNodesProgress): boolean {
  const { preparingNodeCount, unusableNodeCount } = nodeStateCounts;
  const isWrong = unusableNodeCount > 0 || (cluster.errors ?? []).length > 0;
  const isSteady = cluster.allocationState === "steady";
  return isWrong && isSteady && readyNodeCount + preparingNodeCount < wantedNodeCount;
}
