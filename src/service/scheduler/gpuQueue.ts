import type { LaunchGpu } from "../engines/engine.ts";
import type { QueueEntry } from "../state/queue.ts";
import type { StoredResource } from "../state/resources.ts";
import type { GpuContext, GpuSupply } from "./gpuSupply.ts";
import { comesBefore, inQueueOrder } from "./queue.ts";
import { largestNodeCount } from "./scaling.ts";

/** A job that gets GPUs now. */
interface GpuJob {
  readonly entry: QueueEntry;
  readonly cluster: StoredResource<"clusters">;
  readonly gpus: readonly LaunchGpu[];
}

/** The jobs that get GPUs now, and the first one that has its nodes and lacks only GPUs. */
export interface GpuQueue {
  readonly starting: readonly GpuJob[];
  readonly waiting: QueueEntry | undefined;
}

/** The queue of one cluster whose nodes have GPUs. */
interface Lane {
  readonly cluster: StoredResource<"clusters">;
  readonly gpusPerNode: number;
  readonly entries: Iterator<QueueEntry, void>;
  readonly idle: number;
  /** The first job, if its nodes are free. */
  readonly head: QueueEntry | undefined;
}

/**
 * Returns the jobs that get GPUs now. The jobs of all clusters compete for the same GPUs: those that have their nodes get
 * them by priority, and by creation within one priority. None overtakes a job that lacks only GPUs, or a large job would
 * starve. Within a cluster, a job that lacks nodes keeps its place too.
 */
export function gpuQueueOf(context: GpuContext, supply: GpuSupply): GpuQueue {
  const starting: GpuJob[] = [];
  let lanes = lanesOf(context, supply);
  const free = supply.free();
  for (;;) {
    const first = lanes.reduce(earlier, undefined);
    if (first?.head === undefined) return { starting, waiting: undefined };
    const { head: entry, cluster, gpusPerNode } = first;
    const count = entry.nodeCount * gpusPerNode;
    if (count > free.length) return { starting, waiting: entry };
    starting.push({ entry, cluster, gpus: free.splice(0, count) });
    lanes = lanes.map((lane) => (lane === first ? next(lane, lane.idle - entry.nodeCount) : lane));
  }
}

function lanesOf({ store }: GpuContext, supply: GpuSupply): Lane[] {
  if (supply.statuses.length === 0) return [];
  return store.queue.clusters().flatMap((key) => {
    const cluster = store.resources.find("clusters", key);
    if (cluster?.model.provisioningState !== "succeeded") return [];
    const gpusPerNode = supply.countPerNode(cluster.model);
    if (gpusPerNode === 0) return [];
    const largest = Math.min(largestNodeCount(cluster.model.scaleSettings), supply.obtainableNodeCount(cluster.model));
    const entries = inQueueOrder(store.queue, key, largest);
    return next({ cluster, gpusPerNode, entries }, store.nodes.countsOf(key).idle);
  });
}

/** Moves a lane on to its next job. */
function next(lane: Omit<Lane, "head" | "idle">, idle: number): Lane {
  const { value } = idle === 0 ? { value: undefined } : lane.entries.next();
  return { ...lane, idle, head: value && value.nodeCount <= idle ? value : undefined };
}

function earlier(first: Lane | undefined, lane: Lane): Lane | undefined {
  if (lane.head === undefined) return first;
  return first?.head === undefined || comesBefore(lane.head, first.head) ? lane : first;
}
