import type { StoredResource } from "../state/resources.ts";
import { resizeCluster } from "./clusterNodes.ts";
import type { SchedulerContext } from "./context.ts";
import { GpuSupply } from "./gpuSupply.ts";
import { takeNodes } from "./jobRun.ts";
import { jobsToStart } from "./queue.ts";
import { largestNodeCount } from "./scaling.ts";
import type { StartingRun } from "./startingRun.ts";
import { nextReplacement } from "./unusableNodes.ts";

/** Result of a look at a cluster. */
export interface ClusterVisit {
  readonly clusterKey: string;
  readonly starting: readonly StartingRun[];
  /** Whether its nodes may have GPUs: the jobs of all such clusters start together, after a look at each. */
  readonly hasGpus: boolean;
  /** Time on the steady clock when time alone changes the cluster; undefined: never. */
  readonly nextVisit: number | undefined;
}

/**
 * Resizes a cluster, and gives its idle nodes to jobs unless the nodes have GPUs. Starts nothing if `mayStart` is false.
 * Runs inside a transaction of the caller.
 */
export function visitCluster(context: SchedulerContext, clusterKey: string, mayStart: boolean): ClusterVisit {
  const cluster = context.store.resources.find("clusters", clusterKey);
  const supply = new GpuSupply(context);
  // A cluster that has just been removed may have released GPUs.
  const hasGpus = cluster ? supply.countPerNode(cluster.model) > 0 : supply.statuses.length > 0;
  if (cluster?.model.provisioningState !== "succeeded") {
    return { clusterKey, starting: [], hasGpus, nextVisit: undefined };
  }
  const setups = resizeCluster(context, cluster, mayStart);
  const jobs = mayStart && !hasGpus ? startJobs(context, cluster) : [];
  return {
    clusterKey,
    starting: [...setups, ...jobs],
    hasGpus,
    nextVisit: earliest(nextIdleEnd(context, cluster), nextReplacement(context, cluster)),
  };
}

function startJobs(context: SchedulerContext, cluster: StoredResource<"clusters">): StartingRun[] {
  const { store } = context;
  const idleCount = store.nodes.countsOf(cluster.key).idle;
  const entries = jobsToStart(store.queue, cluster.key, idleCount, largestNodeCount(cluster.model.scaleSettings));
  const wanted = entries.reduce((sum, { nodeCount }) => sum + nodeCount, 0);
  const idle = wanted > 0 ? store.nodes.idle(cluster.key, wanted) : [];
  return entries.flatMap((entry) => {
    const job = store.resources.find("jobs", entry.job);
    return job ? takeNodes(context, job, cluster, idle.splice(0, entry.nodeCount)) : [];
  });
}

/** Returns when the next idle node of an automatically scaled cluster has been idle for long enough to be removed. */
function nextIdleEnd(
  { store, autoScaleIdleTimeInMs }: SchedulerContext,
  { key, model }: StoredResource<"clusters">,
): number | undefined {
  if (!model.scaleSettings?.autoScale) return undefined;
  // This visit has handled the nodes that have been idle for long enough; those that stay are needed.
  const idleFrom = store.nodes.firstIdleAfter(key, store.clock.now() - autoScaleIdleTimeInMs);
  return idleFrom === undefined ? undefined : idleFrom + autoScaleIdleTimeInMs;
}

function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
