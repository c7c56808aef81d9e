import type { LaunchGpu } from "../engines/engine.ts";
import type { SchedulerContext } from "./context.ts";
import { gpuQueueOf } from "./gpuQueue.ts";
import { GpuSupply } from "./gpuSupply.ts";
import { takeNodes } from "./jobRun.ts";
import type { StartingRun } from "./startingRun.ts";

/** Gives nodes and GPUs to jobs. Runs inside a transaction of the caller. */
export function startGpuJobs(context: SchedulerContext): StartingRun[] {
  const { store } = context;
  return gpuQueueOf(context, new GpuSupply(context)).starting.flatMap(({ entry, cluster, gpus }) => {
    const job = store.resources.find("jobs", entry.job);
    const nodes = store.nodes.idle(cluster.key, entry.nodeCount);
    const perNode = gpus.length / nodes.length;
    const gpusByNode = nodes.map(({ id }, position): [string, readonly LaunchGpu[]] => {
      return [id, gpus.slice(position * perNode, (position + 1) * perNode)];
    });
    return job ? takeNodes(context, job, cluster, nodes, Object.fromEntries(gpusByNode)) : [];
  });
}
