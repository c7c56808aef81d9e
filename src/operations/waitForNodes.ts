import type { ServiceContext } from "../http/context.ts";
import type { Cluster, NodeStateCounts } from "../models/cluster.ts";
import { ClusterNodesError } from "./problems.ts";
import { lookUntil } from "./waiting.ts";
import type { Look, WaitOptions } from "./waiting.ts";

/** How far the nodes of a cluster have come. */
export interface ClusterNodesProgress {
  /** Number of nodes that are waited for. */
  readonly wantedNodeCount: number;
  /** Number of nodes that can be used: those that wait for a job, and those that run one. */
  readonly readyNodeCount: number;
  /** What all the nodes are doing; every count is there. */
  readonly nodeStateCounts: Required<NodeStateCounts>;
  /** The cluster as it is now. */
  readonly cluster: Cluster;
}

/** Options of `clusters.waitForNodes`. */
export interface ClustersWaitForNodesOptions extends WaitOptions {
  /**
   * Number of nodes to wait for, at least 0. Default: as many as the cluster should have at least, `targetNodeCount` or
   * `minimumNodeCount` of its scale settings.
   */
  nodeCount?: number;
  /** Is told the counts at the beginning and whenever one of them is another. What it throws ends the wait. */
  onProgress?: (progress: ClusterNodesProgress) => void;
}

/** Waits until a cluster has the nodes that it should have. */
export function waitForNodes(
  context: ServiceContext,
  clusterName: string,
  look: Look<Cluster>,
  { nodeCount, onProgress, ...options }: ClustersWaitForNodesOptions,
): Promise<Cluster> {
  let reported = "";
  const takeNote = (cluster: Cluster): boolean => {
    const progress = progressOf(cluster, nodeCount);
    const { wantedNodeCount, readyNodeCount, nodeStateCounts } = progress;
    const report = JSON.stringify([wantedNodeCount, nodeStateCounts]);
    if (report !== reported) onProgress?.(progress);
    reported = report;
    if (readyNodeCount >= wantedNodeCount) return true;
    if (isHopeless(progress)) throw new ClusterNodesError(cluster, wantedNodeCount, readyNodeCount);
    return false;
  };
  const waiting = {
    operation: "clusters.waitForNodes",
    subject: `cluster ${clusterName}`,
    goesOn: "its nodes go on being prepared",
  };
  return lookUntil(context, waiting, options, look, takeNote);
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

/** Too few nodes are ready or being prepared, none will be added, and something is wrong. */
function isHopeless({ cluster, wantedNodeCount, readyNodeCount, nodeStateCounts }: ClusterNodesProgress): boolean {
  const { preparingNodeCount, unusableNodeCount } = nodeStateCounts;
  const isWrong = unusableNodeCount > 0 || (cluster.errors ?? []).length > 0;
  const isSteady = cluster.allocationState === "steady";
  return isWrong && isSteady && readyNodeCount + preparingNodeCount < wantedNodeCount;
}
